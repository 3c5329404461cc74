//! Finds the drawings in an answer: in fences of any kind, or amid prose.

use super::glyphs;

/// What an answer consists of.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) drawings: Vec<Drawing>,
    /// Everything else, for the sections.
    pub(super) prose: Vec<String>,
}

/// A drawing as it came.
#[derive(Debug)]
pub(super) struct Drawing {
    pub(super) text: String,
    /// What stands between it and the drawing before: an arrow, a few words.
    pub(super) caption: Option<String>,
}

/// Longest caption between two drawings, in characters.
const LONGEST_CAPTION: usize = 60;

/// The drawings and the prose.
pub(super) fn find(answer: &str) -> Found {
    let normal = answer.replace("\r\n", "\n").replace('\r', "\n").replace('\u{feff}', "");
    let lines: Vec<&str> = unwrapped(&normal).lines().collect();
    let mut found = Found::default();
    // Lines of prose since the last drawing.
    let mut between: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(fence) = fence(lines[at]) else {
            between.push(lines[at]);
            found.prose.push(lines[at].to_owned());
            at += 1;
            continue;
        };
        let end = lines[at + 1..]
            .iter()
            .position(|line| closes(line, fence) || line.trim_start().starts_with("## "));
        let end = end.map_or(lines.len(), |offset| at + 1 + offset);
        let block = &lines[at + 1..end];
        if is_drawing(block, lines[at]) {
            found.drawings.push(Drawing { text: block.join("\n"), caption: caption(&between) });
            between.clear();
        } else {
            found.prose.extend(block.iter().map(|line| (*line).to_owned()));
        }
        at = if lines.get(end).is_some_and(|line| closes(line, fence)) { end + 1 } else { end };
    }
    if found.drawings.is_empty() {
        amid_prose(&mut found);
    }
    found
}

/// What is inside one fence around the whole answer.
fn unwrapped(answer: &str) -> &str {
    let text = answer.trim();
    let inside = ["```markdown", "```md", "~~~markdown", "~~~md"].iter().find_map(|open| {
        let rest = text.strip_prefix(open)?;
        let (rest, fence) = (rest.strip_prefix('\n')?, &open[..3]);
        // Without its end the answer was cut off; what there is counts.
        Some(rest.trim_end().strip_suffix(fence).unwrap_or(rest))
    });
    inside.unwrap_or(answer)
}

/// The run of backticks or tildes that opens a fence.
fn fence(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = line.chars().take_while(|c| *c == mark).count();
    (length >= 3 && !line[length..].contains('`')).then(|| &line[..length])
}

fn closes(line: &str, fence: &str) -> bool {
    let line = line.trim();
    line.starts_with(fence) && line.chars().all(|c| fence.starts_with(c))
}

/// Whether a fenced block is a drawing and not code or data.
fn is_drawing(block: &[&str], opening: &str) -> bool {
    let info = opening.trim_start().trim_start_matches(['`', '~']).trim().to_lowercase();
    let borders = block.iter().filter(|line| is_border(line)).count();
    match info.as_str() {
        "ascii" | "wireframe" | "ascii-art" => block.iter().any(|line| !line.trim().is_empty()),
        "json" | "yaml" | "mermaid" | "html" | "xml" => false,
        _ => borders >= 2,
    }
}

/// Whether a line looks like part of a drawing: it has lines of boxes, or it is one.
fn is_border(line: &str) -> bool {
    let line = line.trim();
    let ascii_row = line.len() >= 3
        && line.starts_with(['+', '|', '.', '\''])
        && (line.contains("--") || line.contains("==") || line.starts_with('|') && line.ends_with('|'));
    // A row of a Markdown table has cells and no corners; a separator row tells it apart.
    let is_table = line.starts_with("|-") || line.starts_with("| -") || line.starts_with("|:");
    ascii_row && !is_table || line.chars().any(|c| glyphs::arms(c).is_some())
}

/// The longest run of lines with borders, where there is no fence.
fn amid_prose(found: &mut Found) {
    let (mut best, mut from, mut gaps) = (0..0, None, 0);
    for (index, line) in found.prose.iter().enumerate() {
        match (is_border(line), from) {
            (true, None) => (from, gaps) = (Some(index), 0),
            (true, Some(_)) => gaps = 0,
            (false, Some(_)) if gaps == 0 && !is_heading(line) => gaps = 1,
            (false, _) => from = None,
        }
        if let Some(from) = from
            && gaps == 0
            && index + 1 - from > best.len()
        {
            best = from..index + 1;
        }
    }
    if best.len() >= 2 {
        let text = found.prose[best.clone()].join("\n");
        found.prose.drain(best);
        found.drawings.push(Drawing { text, caption: None });
    }
}

fn is_heading(line: &str) -> bool {
    line.trim_start().starts_with('#') || line.trim_start().starts_with("**")
}

/// The words between two drawings, if they are few.
fn caption(between: &[&str]) -> Option<String> {
    let mut said = between.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    let only = said.next().filter(|_| said.next().is_none())?;
    let text = only.trim_matches(['*', '#', ' ', '_']);
    (text.chars().count() <= LONGEST_CAPTION).then(|| text.to_owned())
}
