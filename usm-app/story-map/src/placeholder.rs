//! Tells texts that stand for a text from texts that say something.

use crate::{plain::plain, wording::key};

/// Whole texts that say nothing, in lower case and without punctuation.
#[rustfmt::skip]
const STANDING_FOR: &[&str] = &[
    "string", "number", "boolean", "object", "array", "title", "text", "description", "name", "value", "tbd", "tbc", "tba", "todo", "to be determined",
    "to be defined", "n a", "na", "none", "null", "nil", "undefined", "placeholder", "example", "sample", "test", "story", "user story", "feature", "task",
    "activity", "epic", "criterion", "criteria", "acceptance criteria", "untitled", "short title", "story title", "new story",
    "строка", "название", "заголовок", "текст", "описание", "история", "задача", "активность", "критерий", "пример", "тест", "нет", "н д",
    "не указано", "уточнить", "без названия", "новая история",
];

/// Whether the text says nothing: no word of two letters, a template such as `<criterion>`, or a word that stands for a
/// text, such as `TBD` or the type of the field.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let is_word = |c: char| c.is_alphanumeric() || " _-.".contains(c);
    let is_template = [("<", ">"), ("[", "]"), ("{", "}"), ("{{", "}}")].into_iter().any(|(open, close)| {
        let inner = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        inner.is_some_and(|inner| inner.chars().all(is_word))
    });
    let has_word = text
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| word.chars().nth(1).is_some() || word.chars().any(is_whole_word));
    is_template || !has_word || stands_for_a_text(&key(text))
}

/// Whether these words, in lower case and without punctuation, stand for a text, also with a number behind them.
pub(crate) fn stands_for_a_text(words: &str) -> bool {
    let bare = words.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
    STANDING_FOR.contains(&words) || STANDING_FOR.contains(&bare) || words.starts_with("lorem ipsum")
}

/// A text of a model as it is read; empty when it only stands for one.
pub(crate) fn said(text: &str) -> String {
    let text = plain(text);
    if is_placeholder(&text) { String::new() } else { text }
}

/// Whether one character can be a word: a number, or one of a script that writes words with one sign.
fn is_whole_word(c: char) -> bool {
    c.is_numeric() || c.is_alphabetic() && !c.is_lowercase() && !c.is_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_text_is_told_from_a_text() {
        for text in [
            "",
            "string",
            "...",
            "…",
            "TBD",
            "N/A",
            "n/a.",
            "<criterion>",
            "[title]",
            "{{name}}",
            "-",
            "x",
            "To be determined",
            "Story 1",
            "Lorem ipsum dolor",
            "История 2",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in [
            "Pay",
            "No text is lost",
            "<b>x</b> is shown",
            "支付",
            "Story of a customer",
            "Test a battery",
            "Текст письма уходит клиенту",
            "2 заказа",
            "String search",
            "[MVP] pay [now]",
            "15",
            "{{7*7}}",
            "<img src=x>",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
