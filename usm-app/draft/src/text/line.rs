//! What the beginning of one line says: a heading, an item, a numbered clause.

/// A line taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Columns before the first sign.
    pub(super) indent: usize,
    pub(super) mark: Mark,
    /// Number or name of a requirement, such as `3.2.4`, `R1`, `FR-12`; empty without one.
    pub(super) id: String,
    pub(super) text: &'a str,
}

/// What stands before the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    /// `##`, with its level.
    Heading(u8),
    /// `-`, `*`, `•`, `1.`, `a)`.
    Item,
    /// `3.2` or `3.2.4`, with its depth.
    Clause(u8),
    /// `>`.
    Quote,
}

pub(super) fn line(raw: &str) -> Line<'_> {
    let indent = raw.chars().take_while(|c| c.is_whitespace()).map(|c| if c == '\t' { 4 } else { 1 }).sum();
    let text = raw.trim();
    let bare = |mark, text| Line { indent, mark, id: String::new(), text };
    let hashes = text.chars().take_while(|c| *c == '#').count();
    if (1..=6).contains(&hashes) && text[hashes..].starts_with([' ', '\t']) {
        let level = u8::try_from(hashes).unwrap_or(6);
        return bare(Mark::Heading(level), text[hashes..].trim().trim_end_matches('#').trim_end());
    }
    if let Some(quoted) = text.strip_prefix('>') {
        return bare(Mark::Quote, quoted.trim_start_matches('>').trim());
    }
    let marked = item(text);
    let inner = marked.map_or(text, unchecked);
    let (id, rest) = named(inner);
    match (clause(text).or_else(|| clause(inner)), marked) {
        (Some((depth, id, rest)), _) => {
            Line { indent, mark: Mark::Clause(depth), id: id.to_owned(), text: rest }
        }
        (None, Some(_)) => Line { indent, mark: Mark::Item, id: id.to_owned(), text: rest },
        (None, None) if !id.is_empty() => Line { indent, mark: Mark::Item, id: id.to_owned(), text: rest },
        (None, None) => bare(Mark::None, text),
    }
}

/// What follows a bullet or a number.
fn item(text: &str) -> Option<&str> {
    const BULLETS: [char; 12] = ['-', '*', '•', '–', '—', '+', '▪', '◦', '·', '●', '‣', '○'];
    let mut chars = text.chars();
    let first = chars.next()?;
    if BULLETS.contains(&first) {
        let rest = chars.as_str();
        return (rest.starts_with([' ', '\t'])).then(|| rest.trim_start());
    }
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let letter = usize::from(digits == 0 && text.chars().nth(1) == Some(')') && first.is_alphabetic());
    let rest = match (digits, letter) {
        (1..=3, _) => &text[digits..],
        (0, 1) => &text[first.len_utf8()..],
        _ => return None,
    };
    let rest = rest.strip_prefix(['.', ')'])?;
    (rest.starts_with([' ', '\t'])).then(|| rest.trim_start())
}

/// Without a box to tick.
fn unchecked(text: &str) -> &str {
    ["[ ]", "[x]", "[X]", "[]"].iter().find_map(|tick| text.strip_prefix(tick)).unwrap_or(text).trim_start()
}

/// `3.2 Text` and `3 TEXT`: depth, number, text.
fn clause(text: &str) -> Option<(u8, &str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at(end);
    let number = number.trim_end_matches('.');
    let parts: Vec<&str> = number.split('.').collect();
    let sound = parts.iter().all(|part| (1..=3).contains(&part.len()));
    let words = rest.trim_start();
    let named = rest.starts_with([' ', '\t']) && words.chars().next().is_some_and(char::is_alphabetic);
    let shouted =
        || words.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase) && words.chars().count() > 3;
    let is_clause = parts.len() > 2
        || (parts.len() == 2 && words.starts_with(char::is_uppercase))
        || (parts.len() == 1 && shouted());
    (sound && named && is_clause).then(|| (u8::try_from(parts.len()).unwrap_or(6), number, words))
}

/// `R1 …`, `FR-12: …`, `US-7. …`: the name and the rest.
pub(super) fn named(text: &str) -> (&str, &str) {
    let text_of =
        |end: usize| text[end..].trim_start_matches([':', '.', ')', ']', '|', ' ', '-', '–', '—', '\t']);
    let inner = text.strip_prefix('[').unwrap_or(text);
    let skipped = text.len() - inner.len();
    let end =
        inner.find(|c: char| c.is_whitespace() || matches!(c, ':' | ')' | ']' | '|')).unwrap_or(inner.len());
    let name = inner[..end].trim_end_matches('.');
    let rest = text_of(skipped + name.len());
    match is_name(name) && !rest.is_empty() && rest.len() < text.len() {
        true => (name, rest),
        false => ("", text),
    }
}

/// One to five capitals, perhaps a dash, and a number: `R1`, `FR-12`, `НФТ-3`, `UC.4`.
pub(crate) fn is_name(word: &str) -> bool {
    let capitals = word.chars().take_while(|c| c.is_uppercase()).count();
    let rest: String = word.chars().skip(capitals).collect();
    let digits = rest.trim_start_matches(['-', '.', '_']);
    let has_mark = digits.len() < rest.len();
    // Priorities and quarters are written so too.
    let is_rank = matches!(word.as_bytes(), [b'P' | b'Q', b'0'..=b'5']);
    (1..=5).contains(&capitals)
        && !is_rank
        && (has_mark || capitals <= 3)
        && !digits.is_empty()
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        && digits.len() <= 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_clauses_and_names_are_told_apart() {
        let read = |text| {
            let line = line(text);
            (line.mark, line.id.clone(), line.text.to_owned())
        };
        assert_eq!(read("- [x] ✅ собирает"), (Mark::Item, String::new(), "✅ собирает".to_owned()));
        assert_eq!(read("3.2.4 The system"), (Mark::Clause(3), "3.2.4".to_owned(), "The system".to_owned()));
        assert_eq!(
            read("3 SYSTEM FEATURES"),
            (Mark::Clause(1), "3".to_owned(), "SYSTEM FEATURES".to_owned())
        );
        assert_eq!(read("5. TERMS OF PAYMENT").0, Mark::Clause(1));
        assert_eq!(read("FR-12: pay"), (Mark::Item, "FR-12".to_owned(), "pay".to_owned()));
        assert_eq!(read("2) pay").0, Mark::Item);
        for plain in ["3.5 km away", "15% goes to us", "2026 was good", "-5 degrees", "QR code", "P0 first"] {
            let found = read(plain);
            assert_eq!(found.0, Mark::None, "{plain}: {found:?}");
        }
    }
}
