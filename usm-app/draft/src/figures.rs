//! Limits and lists of variants inside a sentence: what makes a criterion exact.

use super::language::Language;
use super::lexicon::Lexicon;
use super::words::{Word, join, normal, without_final_punctuation, words};

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
        let goes_on = words.get(end).is_some_and(|next| matches!(next.lower.as_str(), "до" | "to" | ""));
        if goes_on && words.get(end + 1).is_some_and(is_number) {
            end += 2;
        }
        let mut taken = 0;
        while !words[end - 1].ends_with_comma() && !words[end - 1].text.ends_with('.') && taken < 2 {
            let is_unit = |word: &&Word| {
                let lower = word.lower.as_str();
                let long = lower.chars().nth(2).is_some() && !lower.ends_with('о') && !lower.ends_with("ly");
                matches!(lower, "%" | "км" | "м" | "₽" | "€") || long && !lexicon.stop_words.contains(&lower)
            };
            let Some(next) = words.get(end).filter(is_unit) else { break };
            end += 1;
            taken += 1;
            if !is_adjective_like(&next.lower) {
                break;
            }
        }
        let is_time = words[number + 1..end]
            .iter()
            .any(|word| lexicon.time_units.iter().any(|unit| word.lower.starts_with(unit)));
        let text = join(&words[index..end]);
        // The end of a quotation or bracket that began before the limit.
        let text = without_final_punctuation(&text).trim_end_matches(['»', '”', '“', '"', ')']);
        return Some(Limit { text: without_final_punctuation(text).to_owned(), is_time });
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
pub(super) fn variants(phrase: &str, language: Language) -> Vec<String> {
    const OPEN_CLAUSES: &[&str] = &[
        "кто",
        "что",
        "когда",
        "где",
        "как",
        "если",
        "чтобы",
        "пока",
        "а",
        "но",
        "то",
        "who",
        "what",
        "which",
        "when",
        "that",
        "if",
        "but",
        "so",
        "unless",
        "until",
        "with",
        "while",
    ];
    let list = phrase.split_once(": ").map_or(phrase, |(_, list)| list);
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
    let mut preposition = None;
    if !behind_colon && let Some(first) = items.first_mut() {
        // The first variant stands behind the verb and its object: it is the last word, with its preposition.
        let tokens: Vec<&str> = first.split_whitespace().collect();
        let from = tokens.len().saturating_sub(3);
        let opens = |at: &usize| PREPOSITIONS.contains(&normal(tokens[*at]).as_str());
        let articled = |at: &usize| ["a", "an", "the"].contains(&normal(tokens[*at]).as_str());
        let at = (from..tokens.len().saturating_sub(1)).rev().find(|at| opens(at) || articled(at));
        preposition = at.filter(opens).map(|at| tokens[at].to_owned());
        *first = tokens[at.unwrap_or(tokens.len().saturating_sub(1))..].join(" ");
    }
    let with_preposition = |item: &str| match &preposition {
        Some(preposition) if !starts_with(item, PREPOSITIONS) => format!("{preposition} {item}"),
        _ => item.to_owned(),
    };
    let items: Vec<String> = items
        .iter()
        .map(|item| with_preposition(without_final_punctuation(item)).replace(['«', '»', '“', '”'], ""))
        .collect();
    let fit = items.iter().all(|item| {
        let count = item.split_whitespace().count();
        (1..=5).contains(&count) && item.chars().nth(1).is_some() && !starts_with(item, OPEN_CLAUSES)
    });
    let mixed = language == Language::English
        && preposition.is_none()
        && !behind_colon
        && items.iter().skip(1).any(|item| starts_with(item, PREPOSITIONS));
    if fit && !mixed && items.len() >= 3 - usize::from(behind_colon) { items } else { Vec::new() }
}

const PREPOSITIONS: &[&str] = &[
    "по",
    "с",
    "со",
    "в",
    "во",
    "на",
    "через",
    "за",
    "для",
    "из",
    "от",
    "о",
    "об",
    "к",
    "при",
    "by",
    "in",
    "on",
    "with",
    "from",
    "for",
    "via",
    "at",
    "to",
    "through",
    "as",
];

fn starts_with(item: &str, words: &[&str]) -> bool {
    item.split_whitespace().next().is_some_and(|first| words.contains(&normal(first).as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(found("учесть «детей до 3 лет»."), Some(("до 3 лет".into(), true)));
        assert_eq!(found("платит картой"), None);
    }

    #[test]
    fn variants_are_listed_in_their_own_words() {
        let russian = |phrase: &str| variants(phrase, Language::Russian);
        let english = |phrase: &str| variants(phrase, Language::English);

        assert_eq!(
            russian("оплатить заказ картой, через СБП или наличными"),
            ["картой", "через СБП", "наличными"]
        );
        assert_eq!(russian("найти блюдо по названию, кухне и цене"), ["по названию", "по кухне", "по цене"]);
        assert_eq!(russian("выбрать категорию: сантехника, электрика"), ["сантехника", "электрика"]);
        assert_eq!(english("search by title, author or ISBN"), ["by title", "by author", "by ISBN"]);
        assert_eq!(english("buy a single class, a pack or a pass"), ["a single class", "a pack", "a pass"]);
        assert!(russian("журнал показывает, кто и когда открывал карту").is_empty());
        assert!(english("refund a payment, fully or in part").is_empty());
        assert!(russian("оплатить заказ картой").is_empty());
    }
}
