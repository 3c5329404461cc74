//! Which topic of the lexicon a statement speaks of.

use super::lexicon::{Lexicon, Stage, Topic, VerbClass};
use super::words::Word;

/// How much a matching word counts by its place among the words that carry meaning.
const WEIGHTS: &[u32] = &[16, 14, 10, 8, 6, 4];
/// How much the topic of the heading counts.
const HEADING: u32 = 3;

/// What is known about a statement besides its words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hints {
    /// Whether a persona does it, so that words of quality ("server", "data") are objects.
    pub(super) does: bool,
    /// Whether whoever does it works with the product rather than being served by it.
    pub(super) by_staff: bool,
    /// What kind of step it is.
    pub(super) class: VerbClass,
    /// Whether the words are a heading, which says what it is about and nothing else.
    pub(super) is_heading: bool,
    /// Topic of the heading or of the line before the bullets.
    pub(super) around: Option<&'static Topic>,
}

/// The topic these words speak of; words nearer to the front count more. `None` when no topic knows any of them.
pub(super) fn topic_of(
    lexicon: &Lexicon,
    words: &[Word],
    is_name: impl Fn(usize) -> bool,
    hints: Hints,
) -> Option<&'static Topic> {
    let content = content(lexicon, words, is_name);
    let mut best: Option<((u32, usize), &'static Topic, bool)> = None;
    for topic in lexicon.topics {
        let mut score = 0;
        let mut longest = 0;
        let mut only_weak = true;
        for (place, word) in content.iter().enumerate() {
            let Some((length, weak)) = matched(word, topic.words) else { continue };
            let weight = WEIGHTS.get(place).copied().unwrap_or(2);
            only_weak &= weak;
            score += if weak && !hints.is_heading { weight / 4 } else { weight };
            longest = longest.max(length);
        }
        if score == 0 {
            continue;
        }
        if topic.stage == Stage::Quality {
            score = if hints.does { score / 3 } else { score * 2 };
        }
        if hints.around.is_some_and(|around| around.key == topic.key) {
            score += HEADING;
        }
        if best.is_none_or(|(most, _, _)| (score, longest) > most) {
            best = Some(((score, longest), topic, only_weak));
        }
    }
    let (_, topic, only_weak) = best?;
    // Words that speak of anything say less than the heading does.
    let topic = hints.around.filter(|_| only_weak).unwrap_or(topic);
    Some(for_actor(lexicon, topic, hints))
}

/// Words that can tell a topic: not names of roles, not what something is "without", not quoted names.
fn content<'a>(lexicon: &Lexicon, words: &'a [Word], is_name: impl Fn(usize) -> bool) -> Vec<&'a str> {
    let mut quoted = false;
    let mut content = Vec::new();
    for (index, word) in words.iter().enumerate() {
        quoted |= word.text.contains(['«', '“']);
        let after_without = index > 0 && matches!(words[index - 1].lower.as_str(), "без" | "without");
        let is_offline =
            lexicon.topic("offline").is_some_and(|topic| begins_with_any(&word.lower, topic.words));
        let lacking = after_without && !is_offline;
        let short = word.lower.chars().nth(1).is_none();
        let counts = !quoted && !lacking && !short && !is_name(index);
        quoted &= !word.text.contains(['»', '”']);
        // "trainer pay" is what a trainer earns, "чек-лист" is no receipt.
        let earned =
            word.lower == "pay" && index > 0 && is_name(index - 1) && !words[index - 1].lower.ends_with('s');
        if earned {
            content.push("payroll");
            continue;
        }
        let counts = counts && !word.lower.starts_with("чек-лист");
        if counts && !lexicon.stop_words.contains(&word.lower.as_str()) {
            content.push(word.lower.as_str());
        }
        if content.len() == 16 {
            break;
        }
    }
    content
}

/// What staff do with the things of a topic may be a topic of its own.
fn for_actor(lexicon: &Lexicon, topic: &'static Topic, hints: Hints) -> &'static Topic {
    if !hints.by_staff || topic.for_staff.is_empty() {
        return topic;
    }
    let changes = matches!(
        hints.class,
        VerbClass::Create
            | VerbClass::Change
            | VerbClass::Remove
            | VerbClass::Decide
            | VerbClass::Plan
            | VerbClass::Pay
    );
    let mut keys = topic.for_staff.split('|');
    let (change, other) = (keys.next(), keys.next());
    let key = if changes || topic.stage == Stage::Act { change } else { other };
    key.and_then(|key| lexicon.topic(key)).unwrap_or(topic)
}

/// Length of the beginning a word matches, and whether it is a weak one.
fn matched(word: &str, beginnings: &str) -> Option<(usize, bool)> {
    beginnings.split('|').find_map(|beginning| {
        let (plain, weak) = match beginning.strip_prefix('~') {
            Some(plain) => (plain, true),
            None => (beginning, false),
        };
        (!plain.is_empty() && word.starts_with(plain)).then_some((plain.len(), weak))
    })
}

/// Whether the word begins with one of the beginnings, which are separated by `|`.
pub(super) fn begins_with_any(word: &str, beginnings: &str) -> bool {
    matched(word, beginnings).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use crate::words::words;

    fn key(text: &str, by_staff: bool, class: VerbClass) -> Option<&'static str> {
        let lexicon = Lexicon::of(Language::detect(text));
        let hints = Hints { does: true, by_staff, class, is_heading: false, around: None };
        topic_of(lexicon, &words(text), |_| false, hints).map(|topic| topic.key)
    }

    #[test]
    fn the_first_words_that_mean_something_decide() {
        assert_eq!(key("оплатить заказ картой", false, VerbClass::Pay), Some("payment"));
        assert_eq!(key("добавить блюда в корзину", false, VerbClass::Create), Some("cart"));
        assert_eq!(key("filter the timetable by trainer", false, VerbClass::Find), Some("search"));
        assert_eq!(key("подумать о вечном", false, VerbClass::Work), None);
    }

    #[test]
    fn what_is_lacking_or_only_named_tells_nothing() {
        assert_eq!(key("посмотреть рестораны без регистрации", false, VerbClass::View), Some("catalog"));
        assert_eq!(key("открыть подборки «Быстро и в срок»", false, VerbClass::View), Some("catalog"));
    }

    #[test]
    fn staff_maintain_what_others_look_at() {
        assert_eq!(key("обновить меню", false, VerbClass::Change), Some("catalog"));
        assert_eq!(key("обновить меню", true, VerbClass::Change), Some("catalog_admin"));
        assert_eq!(key("видеть расписание", true, VerbClass::View), Some("booking_work"));
    }

    #[test]
    fn every_key_a_table_names_is_a_topic_and_every_name_is_used_once() {
        for language in [Language::Russian, Language::English] {
            let lexicon = Lexicon::of(language);
            let phrases = lexicon.phrases;
            let checks = phrases.checks.iter().chain(phrases.event_checks).map(|check| check.topics);
            let named = lexicon.topics.iter().map(|topic| topic.for_staff).chain(checks);
            let named = named.chain(lexicon.questions.iter().map(|question| question.topics));
            for key in named.flat_map(|keys| keys.split('|')).filter(|key| !key.is_empty()) {
                assert!(lexicon.topic(key).is_some(), "{key}");
            }
            assert!(lexicon.topic(phrases.fallback_topic).is_some());
            let mut names: Vec<_> = lexicon.topics.iter().map(|topic| topic.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), lexicon.topics.len(), "activity titles are built of these names");
        }
    }
}
