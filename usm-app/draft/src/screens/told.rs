//! The words of a text that say what a screen is about: without what it does without, and without the device.

use super::vocabulary::{DEVICES, LACKING, OF_SOMEBODY, ON_DEVICE};
use ::wireframe::Language;

/// The text without "без регистрации" and "from my phone".
pub(super) fn told(text: &str, language: Language) -> String {
    let pick = |both: (&'static [&'static str], &'static [&'static str])| {
        if language == Language::Russian { both.0 } else { both.1 }
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let bare = |index: usize| {
        words.get(index).map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
    };
    let is_one_of =
        |index: usize, list: &[&str]| bare(index).is_some_and(|word| list.contains(&word.as_str()));
    let mut kept: Vec<&str> = Vec::new();
    let mut index = 0;
    while index < words.len() {
        let noun = if is_one_of(index + 1, pick(OF_SOMEBODY)) { index + 2 } else { index + 1 };
        let on_device = is_one_of(index, pick(ON_DEVICE)) && is_one_of(noun, pick(DEVICES));
        if on_device || is_one_of(index, pick(LACKING)) {
            index = noun + 1;
            continue;
        }
        kept.extend(words.get(index));
        index += 1;
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_and_the_device_are_not_told() {
        assert_eq!(told("Посмотреть рестораны без регистрации", Language::Russian), "Посмотреть рестораны");
        assert_eq!(told("Book a class without calling the desk", Language::English), "Book a class the desk");
        assert_eq!(told("Turn the lights off from my phone.", Language::English), "Turn the lights off");
        assert_eq!(told("Войти по номеру телефона", Language::Russian), "Войти по номеру телефона");
    }
}
