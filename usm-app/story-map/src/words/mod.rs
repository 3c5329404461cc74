//! Words for comparison: lower case, stems, and which of them say something.

mod steps;
mod stop_words;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_segmentation::UnicodeSegmentation;

use steps::{ENGLISH_STEPS, NOT_INFINITIVES, RUSSIAN_STEPS};
pub use stop_words::{ENGLISH_STOP_WORDS, RUSSIAN_STOP_WORDS};

/// Lower case with `ё` as `е`: how words are compared.
pub fn normal(text: &str) -> String {
    text.to_lowercase().replace('ё', "е")
}

/// Whether a letter is Cyrillic.
pub fn is_cyrillic(letter: char) -> bool {
    matches!(letter, '\u{0400}'..='\u{04FF}')
}

/// The stem of a word already in [`normal`] form, by the script it is written in.
pub fn stem(normal_word: &str) -> String {
    let algorithm =
        if normal_word.chars().any(is_cyrillic) { Algorithm::Russian } else { Algorithm::English };
    Stemmer::create(algorithm).stem(normal_word).into_owned()
}

/// The stem of every word that carries meaning, as often as it occurs: no stop words, no one or two letters; numbers count.
pub fn content_stems(text: &str) -> Vec<String> {
    normal(text).unicode_words().filter(|word| carries_meaning(word)).map(stem).collect()
}

/// Whether a word in [`normal`] form says something of what a sentence is about.
pub fn carries_meaning(word: &str) -> bool {
    let is_long = word.chars().any(char::is_numeric) || word.chars().nth(2).is_some();
    let stop_words = if word.chars().any(is_cyrillic) { RUSSIAN_STOP_WORDS } else { ENGLISH_STOP_WORDS };
    is_long && !stop_words.contains(&word)
}

/// Whether a word in [`normal`] form is a verb in the form that titles of stories begin with.
pub fn is_step(word: &str) -> bool {
    const ENDINGS: [&str; 8] = ["ать", "ять", "еть", "ить", "уть", "оть", "ыть", "ться"];
    let long = word.chars().nth(3).is_some();
    let noun_like = word.ends_with("сть") || NOT_INFINITIVES.contains(&word);
    let by_ending = long && !noun_like && ENDINGS.iter().any(|end| word.ends_with(end));
    by_ending || RUSSIAN_STEPS.contains(&word) || ENGLISH_STEPS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflected_forms_share_a_stem() {
        assert_eq!(stem("заказы"), stem("заказов"));
        assert_eq!(stem("orders"), stem("order"));
    }

    #[test]
    fn what_says_nothing_is_left_out_and_numbers_are_kept() {
        let stems = content_stems("Клиент может взять до 5 книг и the order");

        assert!(stems.contains(&"5".to_owned()) && stems.contains(&"книг".to_owned()));
        assert!(!stems.contains(&"может".to_owned()) && !stems.contains(&"the".to_owned()));
    }

    #[test]
    fn a_verb_that_begins_a_title_is_told_from_a_noun() {
        assert!(is_step("оплатить") && is_step("найти") && is_step("pay"));
        assert!(!is_step("скорость") && !is_step("оплата") && !is_step("payment"));
    }
}
