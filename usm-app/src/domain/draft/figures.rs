//! Limits and lists of variants inside a sentence: what makes a criterion exact.

use super::lexicon::Lexicon;
use super::words::{Word, join, without_final_punctuation, words};

/// A limit as the text puts it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// "до 5 фотографий", "within 3 days".
    pub(super) text: String,
    /// Whether it is measured in time.
    pub(super) is_time: bool,
}

/// The first limit of a sentence: a limiting word, a number, and its unit.
pub(super) fn limit(sentence: &str, lexicon: &Lexicon) -> Option<Limit> {
    let words = words(sentence);
    let is_number = |word: &Word| word.lower.starts_with(|c: char| c.is_ascii_digit());
    for (index, _) in words.iter().enumerate() {
        let length = (1..=3).rev().find(|length| {
            words
                .get(index..index + length)
                .is_some_and(|part| lexicon.limits.contains(&lowers(part).as_str()))
        });
        let Some(length) = length else { continue };
        let number =
            (index + length..(index + length + 2).min(words.len())).find(|at| is_number(&words[*at]));
        let Some(number) = number else { continue };
        let mut end = number + 1;
        if words.get(end).is_some_and(|next| lexicon.limits.contains(&next.lower.as_str()))
            && words.get(end + 1).is_some_and(is_number)
        {
            end += 2;
        }
        let mut taken = 0;
        while !words[end - 1].ends_with_comma() && !words[end - 1].text.ends_with('.') && taken < 2 {
            let Some(next) = words.get(end).filter(|next| {
                !lexicon.stop_words.contains(&next.lower.as_str()) && next.lower.chars().nth(2).is_some()
                    || matches!(next.lower.as_str(), "%" | "км" | "₽")
            }) else {
                break;
            };
            end += 1;
            taken += 1;
            if !is_adjective_like(&next.lower) {
                break;
            }
        }
        let is_time = words[number + 1..end]
            .iter()
            .any(|word| lexicon.time_units.iter().any(|unit| word.lower.starts_with(unit)));
        let text = without_final_punctuation(&join(&words[index..end])).to_owned();
        return Some(Limit { text, is_time });
    }
    None
}

fn lowers(part: &[Word]) -> String {
    part.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" ")
}

/// "рабочих", "working": the unit is still to come.
fn is_adjective_like(lower: &str) -> bool {
    lower.ends_with("их")
        || lower.ends_with("ых")
        || lower == "working"
        || lower == "business"
        || lower == "calendar"
}

/// Variants a phrase lists, two at least: behind a colon, or between commas before a final "и", "or".
pub(super) fn variants(phrase: &str) -> Vec<String> {
    let (head, list) = match phrase.split_once(": ") {
        Some((_, list)) => ("", list),
        None => ("", phrase),
    };
    let _ = head;
    let behind_colon = phrase.contains(": ");
    let mut items: Vec<String> = list.split(',').map(|item| item.trim().to_owned()).collect();
    if items.len() < 2 {
        return Vec::new();
    }
    let last = items.pop().unwrap_or_default();
    let conjunctions = [" и ", " или ", " and ", " or "];
    let split = conjunctions.iter().find_map(|word| {
        last.split_once(word).or_else(|| last.strip_prefix(word.trim_start()).map(|rest| ("", rest)))
    });
    match split {
        Some((left, right)) => {
            items.extend(
                [left.to_owned(), right.to_owned()].into_iter().filter(|item| !item.trim().is_empty()),
            );
        }
        None if behind_colon => items.push(last),
        None => return Vec::new(),
    }
    if !behind_colon && let Some(first) = items.first_mut() {
        // The first variant stands behind the verb and its object; its own word is the last one.
        *first = first.split_whitespace().last().unwrap_or_default().to_owned();
    }
    let items: Vec<String> = items.iter().map(|item| without_final_punctuation(item).to_owned()).collect();
    let fit = items.iter().all(|item| {
        let count = item.split_whitespace().count();
        (1..=4).contains(&count) && item.chars().nth(1).is_some()
    });
    if fit && items.len() >= 2 { items } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::draft::language::Language;

    fn found(sentence: &str) -> Option<(String, bool)> {
        limit(sentence, Lexicon::of(Language::detect(sentence))).map(|limit| (limit.text, limit.is_time))
    }

    #[test]
    fn limits_keep_their_words_and_units() {
        assert_eq!(found("прикрепить до 10 фотографий и видео"), Some(("до 10 фотографий".into(), false)));
        assert_eq!(
            found("рассматривает спор за 2 рабочих дня и решает"),
            Some(("за 2 рабочих дня".into(), true))
        );
        assert_eq!(found("открывается не дольше 2 секунд."), Some(("не дольше 2 секунд".into(), true)));
        assert_eq!(
            found("buy no more than 6 tickets per event"),
            Some(("no more than 6 tickets".into(), false))
        );
        assert_eq!(found("held for 10 minutes"), Some(("for 10 minutes".into(), true)));
        assert_eq!(found("ставит оценку от 1 до 5 и пишет"), Some(("от 1 до 5".into(), false)));
        assert_eq!(found("платит картой"), None);
    }

    #[test]
    fn variants_are_listed_in_their_own_words() {
        assert_eq!(
            variants("оплатить заказ картой, через СБП или наличными"),
            ["картой", "через СБП", "наличными"]
        );
        assert_eq!(variants("выбрать категорию: сантехника, электрика"), ["сантехника", "электрика"]);
        assert_eq!(variants("search by title, author or ISBN"), ["title", "author", "ISBN"]);
        assert!(variants("оплатить заказ картой").is_empty());
    }
}
