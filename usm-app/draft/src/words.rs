//! Words of a sentence: lower case forms, stems, and how much two sentences share.

use std::collections::BTreeSet;

pub(super) use story_map::words::normal;
pub(super) use story_map::words::stem;
use unicode_segmentation::UnicodeSegmentation;

use super::language::Language;
use super::lexicon::Lexicon;

/// A word as it stands in a sentence, with its form for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// As written, punctuation around it included.
    pub(super) text: String,
    /// Without punctuation around it, lower case, `ё` as `е`.
    pub(super) lower: String,
}

impl Word {
    fn new(text: &str) -> Self {
        let lower =
            normal(text.trim_matches(|c: char| !c.is_alphanumeric() && c != '%' && c != '₽' && c != '€'));
        Self { text: text.to_owned(), lower }
    }

    /// Whether a clause may end behind this word.
    pub(super) fn ends_with_comma(&self) -> bool {
        self.text.ends_with([',', ';', ':'])
    }
}

/// The words of a sentence in order; a dash that stands alone is a word with an empty `lower`.
pub(super) fn words(sentence: &str) -> Vec<Word> {
    sentence.split_whitespace().map(Word::new).collect()
}

/// The words put together again.
pub(super) fn join(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&word.text);
    }
    text
}

/// Stems of the words that carry meaning: no stop words, no single letters; numbers count.
pub(super) fn content_stems(text: &str, language: Language) -> BTreeSet<String> {
    let lexicon = Lexicon::of(language);
    normal(text).unicode_words().filter(|word| carries_meaning(word, lexicon)).map(stem).collect()
}

fn carries_meaning(word: &str, lexicon: &Lexicon) -> bool {
    let is_long = word.chars().any(char::is_numeric) || word.chars().nth(2).is_some();
    is_long && !lexicon.stop_words.contains(&word)
}

/// Share of the stems of `part` that also occur in `whole`, from 0 to 1; 1 for an empty `part`.
pub(super) fn coverage(part: &BTreeSet<String>, whole: &BTreeSet<String>) -> f64 {
    if part.is_empty() {
        return 1.0;
    }
    part.intersection(whole).count() as f64 / part.len() as f64
}

/// The text with its first letter in upper case.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The text with its first letter in lower case, unless its first word is a name or an abbreviation.
pub(super) fn uncapitalised(text: &str) -> String {
    let first_word = text.split_whitespace().next().unwrap_or_default();
    let inner_upper = first_word.chars().skip(1).any(char::is_uppercase);
    let alone_i = first_word == "I" || first_word.starts_with("I'");
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if !inner_upper && !alone_i => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

/// The text without the punctuation that ends a sentence or joins it to the next.
pub(super) fn without_final_punctuation(text: &str) -> &str {
    text.trim().trim_end_matches(['.', ';', ',', ':', '!', '…', ' ', '—', '–']).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_stems_leave_out_stop_words_and_keep_numbers() {
        let stems = content_stems("Клиент может взять до 5 книг", Language::Russian);

        assert!(stems.contains("5") && stems.contains("книг") && stems.contains("клиент"));
        assert!(!stems.contains("может") && !stems.contains("до"));
    }

    #[test]
    fn abbreviations_keep_their_capitals() {
        assert_eq!(uncapitalised("SMS с кодом"), "SMS с кодом");
        assert_eq!(uncapitalised("Чек приходит"), "чек приходит");
        assert_eq!(uncapitalised("iOS"), "iOS");
    }
}
