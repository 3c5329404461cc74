//! One line of Markdown or plain text: what it is, and its words without markup.

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing to read.
    Blank,
    /// A Markdown heading: its depth and text.
    Heading(u8, String),
    /// A bullet or numbered item: how far it is indented and its text.
    Item(usize, String),
    /// Cells of a table row.
    Row(Vec<String>),
    /// A line of dashes: it ends a table head, underlines a heading, or divides.
    Rule,
    /// Opens or closes a code block; the mark must match.
    Fence(char),
    /// A line of prose and whether it is indented.
    Prose(bool, String),
}

impl Line {
    /// Reads one line; any text is some kind of line.
    pub(super) fn read(raw: &str) -> Self {
        let indent =
            raw.chars().take_while(|c| c.is_whitespace()).map(|c| if c == '\t' { 4 } else { 1 }).sum();
        let line = raw.trim().trim_start_matches('>').trim_start();
        if line.starts_with("```") {
            return Self::Fence('`');
        }
        if line.starts_with("~~~") {
            return Self::Fence('~');
        }
        if line.chars().count() >= 3
            && line.chars().all(|c| matches!(c, '-' | '=' | '*' | '_' | '|' | ':' | ' '))
        {
            return Self::Rule;
        }
        if !line.chars().any(char::is_alphanumeric) {
            return Self::Blank;
        }
        if line.starts_with('|') {
            let cells = line.trim_matches('|').split('|').map(plain).collect();
            return Self::Row(cells);
        }
        if let Some(said) = said_in_chat(line) {
            return Self::Item(indent, plain(said));
        }
        let depth = line.chars().take_while(|c| *c == '#').count();
        if (1..=6).contains(&depth) && line[depth..].starts_with(char::is_whitespace) {
            let title = plain(line[depth..].trim_end_matches('#'));
            return Self::Heading(depth as u8, without_number(&title).to_owned());
        }
        match item(line) {
            Some(text) => Self::Item(indent, plain(text)),
            None => Self::Prose(indent >= 2, plain(line)),
        }
    }
}

/// The text of a bullet or a numbered item, check boxes left out.
fn item(line: &str) -> Option<&str> {
    let mut letters = line.chars();
    let first = letters.next()?;
    let rest = letters.as_str();
    let text = if matches!(first, '-' | '*' | '•' | '–' | '—' | '·' | '+' | '▪' | '◦' | '●') {
        rest.starts_with(char::is_whitespace).then_some(rest)?
    } else {
        let digits = line.chars().take_while(|c| c.is_ascii_digit() || *c == '.').count();
        let marked = if (1..=8).contains(&digits) && first.is_ascii_digit() {
            let numbered = &line[digits..];
            let closed =
                numbered.strip_prefix(')').or_else(|| line[..digits].ends_with('.').then_some(numbered));
            closed.or_else(|| line[..digits].contains('.').then_some(numbered))?
        } else {
            first.is_alphabetic().then(|| rest.strip_prefix(')')).flatten()?
        };
        marked.starts_with(char::is_whitespace).then_some(marked)?
    };
    let text = text.trim_start();
    let boxed = ["[ ]", "[x]", "[X]", "[х]"].iter().find_map(|mark| text.strip_prefix(mark));
    Some(boxed.unwrap_or(text).trim_start())
}

/// What is said behind `[10:02] Marta:` in a pasted chat; who said it and when is no requirement.
fn said_in_chat(line: &str) -> Option<&str> {
    let stamp = line.trim_start_matches('[').trim_start();
    let digits = stamp.chars().take_while(|c| c.is_ascii_digit() || *c == ':').count();
    let time = &stamp[..digits];
    let is_time = time.split(':').count() >= 2 && time.split(':').all(|part| (1..=2).contains(&part.len()));
    let rest = stamp[digits..].trim_start();
    let rest = ["am", "pm", "AM", "PM"].iter().find_map(|half| rest.strip_prefix(half)).unwrap_or(rest);
    // A bare "10:00 Opening: …" is a timetable.
    let is_marked = line.starts_with('[')
        || rest.len() < stamp[digits..].trim_start().len()
        || rest.starts_with(['-', '–', '—']);
    let rest = rest.trim_start_matches([']', ' ', '-', '–', '—']);
    let (name, said) = rest.split_once(':')?;
    let is_name = name.split_whitespace().count() <= 3
        && name.chars().next().is_some_and(|c| c.is_uppercase() || c == '@')
        && said.starts_with(char::is_whitespace);
    (is_time && is_marked && is_name)
        .then(|| said.trim().trim_start_matches("+1").trim_start_matches(['.', ',', ' ']))
}

/// A heading without "1." or "2.3" before it.
pub(super) fn without_number(title: &str) -> &str {
    let text = title.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ')');
    if text.len() < title.len() && text.starts_with(char::is_whitespace) { text.trim() } else { title.trim() }
}

/// Text without emphasis, inline code marks, link targets and HTML tags, white space made single.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let tail = &rest[letter.len_utf8()..];
        rest = match letter {
            '*' | '`' => tail,
            '_' if tail.starts_with('_') || out.is_empty() || tail.is_empty() => tail,
            '[' => match link(tail) {
                Some((label, after)) => {
                    out.push_str(&plain(label));
                    after
                }
                None => keep(&mut out, letter, tail),
            },
            '<' => match tail.find('>') {
                Some(end)
                    if end <= 40
                        && tail.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') =>
                {
                    &tail[end + 1..]
                }
                _ => keep(&mut out, letter, tail),
            },
            _ if letter.is_control() || letter == '\u{feff}' => keep(&mut out, ' ', tail),
            _ => keep(&mut out, letter, tail),
        };
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn keep<'a>(out: &mut String, letter: char, tail: &'a str) -> &'a str {
    out.push(letter);
    tail
}

/// Label of a link whose `[` was just read, and the text behind its target.
fn link(after_bracket: &str) -> Option<(&str, &str)> {
    let window = after_bracket.char_indices().nth(300).map_or(after_bracket, |(at, _)| &after_bracket[..at]);
    let close = window.find("](")?;
    let end = window[close..].find(')')?;
    Some((&after_bracket[..close], &after_bracket[close + end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        assert_eq!(Line::read("## 2. **Оплата**"), Line::Heading(2, "Оплата".into()));
        assert_eq!(Line::read("  - [x] pay by `card`"), Line::Item(2, "pay by card".into()));
        assert_eq!(Line::read("3) вернуть деньги"), Line::Item(0, "вернуть деньги".into()));
        assert_eq!(Line::read("1.2. Поиск"), Line::Item(0, "Поиск".into()));
        assert_eq!(Line::read("2 часа на ответ"), Line::Prose(false, "2 часа на ответ".into()));
        assert_eq!(Line::read("| a | b |"), Line::Row(vec!["a".into(), "b".into()]));
        assert_eq!(Line::read("| --- | :-: |"), Line::Rule);
        assert_eq!(Line::read("```rust"), Line::Fence('`'));
        assert_eq!(Line::read("[10:02] Marta: grab a slot"), Line::Item(0, "grab a slot".into()));
        assert_eq!(Line::read("10:02 PM - Marta: grab a slot"), Line::Item(0, "grab a slot".into()));
        assert_eq!(Line::read("10:00 Открытие: касса"), Line::Prose(false, "10:00 Открытие: касса".into()));
        assert_eq!(Line::read("Marta: grab a slot"), Line::Prose(false, "Marta: grab a slot".into()));
    }

    #[test]
    fn markup_goes_and_words_stay() {
        assert_eq!(plain("see [the **plan**](https://a.b/c) <br> now"), "see the plan now");
        assert_eq!(plain("snake_case stays, a < b stays"), "snake_case stays, a < b stays");
    }
}
