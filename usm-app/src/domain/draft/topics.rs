//! Which topic of the lexicon a statement speaks of.

use super::lexicon::{Lexicon, Stage, Topic, VerbClass};
use super::words::Word;

/// How much a matching word counts by its place among the words that carry meaning.
const WEIGHTS: &[u32] = &[8, 7, 5, 4, 3, 2];

/// What is known about a statement besides its words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hints {
    /// Whether a persona does it, so that words of quality ("server", "data") are objects.
    pub(super) does: bool,
    /// Whether whoever does it works with the product rather than being served by it.
    pub(super) by_staff: bool,
    /// What kind of step it is.
    pub(super) class: VerbClass,
}

/// The topic these words speak of; words nearer to the front count more. `None` when no topic knows any of them.
pub(super) fn topic_of(
    lexicon: &Lexicon,
    words: &[Word],
    is_name: impl Fn(usize) -> bool,
    hints: Hints,
) -> Option<&'static Topic> {
    let content: Vec<&str> = words
        .iter()
        .enumerate()
        .filter(|(index, word)| {
            let short = word.lower.chars().nth(1).is_none();
            !short && !is_name(*index) && !lexicon.stop_words.contains(&word.lower.as_str())
        })
        .map(|(_, word)| word.lower.as_str())
        .take(16)
        .collect();
    let mut best: Option<(u32, &'static Topic)> = None;
    for topic in lexicon.topics {
        let score: u32 = content
            .iter()
            .enumerate()
            .filter(|(_, word)| begins_with_any(word, topic.words))
            .map(|(place, _)| WEIGHTS.get(place).copied().unwrap_or(1))
            .sum();
        let is_quality = topic.stage == Stage::Quality;
        let score = if is_quality && hints.does { score / 3 } else { score * if is_quality { 2 } else { 1 } };
        if score > 0 && best.is_none_or(|(most, _)| score > most) {
            best = Some((score, topic));
        }
    }
    let (_, topic) = best?;
    let changes =
        matches!(hints.class, VerbClass::Create | VerbClass::Change | VerbClass::Remove | VerbClass::Decide);
    if hints.by_staff && changes && !topic.for_staff.is_empty() {
        return lexicon.topic(topic.for_staff).or(Some(topic));
    }
    Some(topic)
}

/// Whether the word begins with one of the beginnings, which are separated by `|`.
pub(super) fn begins_with_any(word: &str, beginnings: &str) -> bool {
    beginnings.split('|').any(|beginning| !beginning.is_empty() && word.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::draft::language::Language;
    use crate::domain::draft::words::words;

    fn key(text: &str, by_staff: bool) -> Option<&'static str> {
        let lexicon = Lexicon::of(Language::detect(text));
        let hints = Hints { does: true, by_staff, class: VerbClass::Change };
        topic_of(lexicon, &words(text), |_| false, hints).map(|topic| topic.key)
    }

    #[test]
    fn the_first_words_that_mean_something_decide() {
        assert_eq!(key("оплатить заказ картой", false), Some("payment"));
        assert_eq!(key("filter the timetable by trainer", false), Some("search"));
        assert_eq!(key("подумать о вечном", false), None);
    }

    #[test]
    fn staff_maintain_what_others_look_at() {
        assert_eq!(key("обновить меню", false), Some("catalog"));
        assert_eq!(key("обновить меню", true), Some("catalog_admin"));
    }

    #[test]
    fn every_staff_topic_and_fallback_exists() {
        for language in [Language::Russian, Language::English] {
            let lexicon = Lexicon::of(language);
            assert!(lexicon.topic(lexicon.phrases.fallback_topic).is_some());
            for topic in lexicon.topics {
                assert!(
                    topic.for_staff.is_empty() || lexicon.topic(topic.for_staff).is_some(),
                    "{}",
                    topic.key
                );
            }
            let mut names: Vec<_> = lexicon.topics.iter().map(|topic| topic.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), lexicon.topics.len(), "activity titles are built of these names");
        }
    }
}
