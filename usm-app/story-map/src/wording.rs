//! Texts from outside made fit for a map: one clean line each, bounded, compared by their words.

use super::read::unlisted;
use crate::columns::{CUT, clean};

/// Longest names and titles, in characters.
pub const TITLE: usize = 200;
/// Longest description.
pub const DESCRIPTION: usize = 2000;
/// Longest criterion or note.
pub const SENTENCE: usize = 500;
/// Most criteria of a story.
pub const CRITERIA: usize = 20;

/// The text in one line without control characters, cut visibly behind `most` characters.
pub fn bounded(text: &str, most: usize) -> String {
    let text = clean(text);
    match text.char_indices().nth(most) {
        None => text,
        Some((end, _)) => format!("{}{CUT}", text[..end].trim_end()),
    }
}

/// The texts that say something, each once, `most` of them at most.
pub fn sentences(texts: &[String], most: usize) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut keys = std::collections::HashSet::new();
    for text in texts.iter().map(|text| bounded(text, SENTENCE)) {
        if kept.len() < most && !text.is_empty() && keys.insert(key(&text)) {
            kept.push(text);
        }
    }
    kept
}

/// A title without the marks of a heading, of a list or of bold text, or `otherwise` where there is none.
pub(super) fn titled(title: &str, otherwise: &str) -> String {
    let marks = ['*', '#', '_', '`', ' '];
    let title = bounded(&unlisted(clean(title).trim_matches(marks)), TITLE);
    if title.is_empty() { otherwise.to_owned() } else { title }
}

/// The first line that says something, without the signs of a heading.
pub(super) fn first_line(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_start_matches(['#', '=', '*', '-', ' ']));
    bounded(lines.map(str::trim).find(|line| !line.is_empty()).unwrap_or_default(), 80)
}

/// What two spellings of the same words have in common.
pub fn key(text: &str) -> String {
    let letters = text.to_lowercase().replace('ё', "е");
    let words = letters.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let key = words.collect::<Vec<_>>().join(" ");
    // Signs alone are words too, for example in other scripts' punctuation.
    if key.is_empty() { letters } else { key }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cleaned_and_cut_visibly() {
        assert_eq!(bounded("a\0b\u{7}\r\n c\u{200b}", 10), "ab c");
        assert_eq!(bounded("привет мир", 6), "привет…");
    }

    #[test]
    fn a_title_loses_the_marks_of_markdown_and_keeps_its_numbers() {
        for (title, plain) in [
            ("**1. Заказ**", "Заказ"),
            ("- Выбрать", "Выбрать"),
            ("2 заказа", "2 заказа"),
            ("3.5 кг", "3.5 кг"),
        ] {
            assert_eq!(titled(title, ""), plain);
        }
        assert_eq!(titled(" ** ", "Прочее"), "Прочее");
    }

    #[test]
    fn the_same_words_are_said_once() {
        let texts = ["Чек на почту", "чек на почту!", " ", "Ещё"].map(str::to_owned);

        assert_eq!(sentences(&texts, 9), ["Чек на почту", "Ещё"]);
        assert_eq!(sentences(&texts, 1), ["Чек на почту"]);
    }
}
