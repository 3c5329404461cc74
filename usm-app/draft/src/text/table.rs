//! Tables of Markdown: a head, and rows of cells.

/// The cells of a line that looks like a row.
pub(super) fn cells(line: &str) -> Option<Vec<String>> {
    let line = line.trim();
    let piped = line.starts_with('|') || line.matches('|').count() >= 2;
    if !piped || line.matches('|').count() < 2 && !line.starts_with('|') {
        return None;
    }
    let inner = line.strip_prefix('|').unwrap_or(line);
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    Some(
        inner
            .replace("\\|", "\u{1}")
            .split('|')
            .map(|cell| super::plain(&cell.replace('\u{1}', "|")))
            .collect(),
    )
}

/// Whether a line only parts the head from the rows.
pub(super) fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.contains('-')
        && line.contains('|')
        && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
}
