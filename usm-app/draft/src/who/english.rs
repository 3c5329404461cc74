//! Subjects of English sentences.

use story_map::Language::English;
use story_map::words::is_step;

use super::{
    Kind, Said, Who,
    known::{Is, Known, singular},
    opened,
};
use crate::lexicon::{Lexicon, bare};

#[rustfmt::skip]
pub(super) const MODALS: &[&str] = &[
    "can", "may", "must", "should", "shall", "will", "could", "would", "cannot", "can't", "mustn't", "needs", "need",
    "has", "have", "wants", "want", "is", "are",
];
#[rustfmt::skip]
const ARTICLES: &[&str] =
    &["a", "an", "the", "our", "their", "every", "each", "all", "only", "any", "some", "new", "another"];
#[rustfmt::skip]
const PREPOSITIONS: &[&str] = &[
    "of", "for", "with", "in", "on", "at", "from", "to", "by", "about", "above", "over", "under", "without", "within",
    "near", "per", "between", "who", "that", "which",
];
#[rustfmt::skip]
const CONDITIONS: &[&str] = &[
    "if", "when", "while", "after", "before", "once", "unless", "until", "during", "at", "on", "in", "for", "as",
    "whenever", "where", "from",
];
/// What a verb of the third person is followed by.
#[rustfmt::skip]
const BEHIND_VERB: &[&str] = &[
    "the", "a", "an", "their", "his", "her", "its", "new", "all", "every", "each", "one", "two", "three", "who",
    "which", "what", "how", "any", "only", "it", "them",
];
/// What the whole product is called where it acts.
#[rustfmt::skip]
const SYSTEMS: &[&str] =
    &["system", "app", "application", "platform", "site", "website", "service", "software", "bot", "portal"];
#[rustfmt::skip]
const ALLOWS: &[&str] = &["allow", "allows", "let", "lets", "enable", "enables", "permit", "permits"];

pub(super) fn said(sentence: &str, known: &Known) -> Said {
    let text = opened(sentence, Lexicon::of(English).openers);
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let words: Vec<String> = tokens.iter().map(|token| bare(token)).collect();
    let main = main_clause(&tokens, &words, known);
    let (tokens, words) = (&tokens[main..], &words[main..]);
    if let Some(said) = allowed(tokens, words, known) {
        return said;
    }
    clause(tokens, words, known)
}

/// Where the main clause begins, behind a condition and its comma.
fn main_clause(tokens: &[&str], words: &[String], known: &Known) -> usize {
    // "Later, members …".
    if tokens.len() > 3 && tokens[0].ends_with(',') {
        return 1;
    }
    if !words.first().is_some_and(|first| CONDITIONS.contains(&first.as_str())) {
        return 0;
    }
    if let Some(comma) = tokens.iter().position(|token| token.ends_with(',')) {
        return (comma + 1).min(tokens.len().saturating_sub(1));
    }
    // "After the walk the walker sends a photo": whoever is a role and is followed by a verb.
    let acts = |at: &usize| {
        known.judge(&words[*at], &words[*at], English) == Is::Role && verb(&words[*at..], known) == Some(1)
    };
    (2..words.len().min(9)).find(acts).unwrap_or(0)
}

/// "The system shall allow the nurse to …".
fn allowed(tokens: &[&str], words: &[String], known: &Known) -> Option<Said> {
    let at = words.iter().take(9).position(|word| ALLOWS.contains(&word.as_str()))?;
    if words[..at].iter().any(|word| word == "not" || word == "never") {
        return None;
    }
    let rest = &words[at + 1..];
    let to = rest.iter().take(7).position(|word| word == "to").or_else(|| {
        (words[at].starts_with("let")).then(|| rest.iter().take(5).position(|word| is_step(word))).flatten()
    })?;
    let name = name(&tokens[at + 1..at + 1 + to], &rest[..to]);
    if name.is_empty() || known.judge(&name, head(&name), English) == Is::Thing {
        return None;
    }
    let skip = usize::from(rest[to] == "to");
    let does = tokens[at + 1 + to + skip..].join(" ");
    (!does.is_empty()).then_some(Said { who: Who::Named(name), does, kind: Kind::Act })
}

fn clause(tokens: &[&str], words: &[String], known: &Known) -> Said {
    let whole = |who, kind| Said { who, does: tokens.join(" "), kind };
    let Some(first) = words.first() else { return whole(Who::Nobody, Kind::Fragment) };
    let forbids = Lexicon::says(&words.join(" "), Lexicon::of(English).prohibitions);
    if matches!(first.as_str(), "i" | "we") {
        return wanted(tokens, words);
    }
    if matches!(first.as_str(), "never" | "don't" | "do" | "no" | "nobody") && forbids {
        return whole(Who::Nobody, Kind::Prohibition);
    }
    if matches!(first.as_str(), "he" | "she" | "they") && words.len() > 2 {
        let skip = if MODALS.contains(&words[1].as_str()) { 2 } else { 1 };
        let kind = if forbids { Kind::Prohibition } else { Kind::Act };
        return Said { who: Who::Before, does: tokens[if forbids { 1 } else { skip }..].join(" "), kind };
    }
    if is_step(first) && words.len() > 1 || MODALS.contains(&first.as_str()) {
        let (skip, kind) = behind_modal(words, 0);
        return Said { who: Who::Before, does: tokens[skip..].join(" "), kind };
    }
    if is_third_person(words) {
        return whole(Who::Before, Kind::Act);
    }
    let Some(verb) = verb(words, known) else {
        // A verb of the third person without a subject, as in a cell or under a heading.
        let kind = if is_verb(first) && words.len() > 1 { Kind::Act } else { Kind::Fragment };
        return whole(if kind == Kind::Act { Who::Before } else { Who::Nobody }, kind);
    };
    let name = name(&tokens[..verb], &words[..verb]);
    let is = known.judge(&name, head(&name), English);
    let (behind, kind) = behind_modal(words, verb);
    let of_thing =
        words.get(behind).is_some_and(|word| Lexicon::of(English).verbs_of_things.contains(&word.as_str()));
    let named = match is {
        // "The waiver expires": an ending alone makes nobody of what does as things do.
        Is::Role if of_thing => {
            known.has(&name) || Lexicon::of(English).roles.contains(&singular(&bare(head(&name))).as_str())
        }
        Is::Role => true,
        Is::Thing => false,
        Is::Unknown => kind == Kind::Act && !of_thing,
    };
    if kind == Kind::Act && SYSTEMS.contains(&words[verb - 1].as_str()) && verb <= 3 {
        let does = if behind > verb { tokens[behind..].join(" ") } else { tokens.join(" ") };
        return Said { who: Who::Nobody, does, kind };
    }
    if !named || name.is_empty() {
        return whole(Who::Nobody, if kind == Kind::Prohibition { kind } else { Kind::Fact });
    }
    // What must not be done keeps its "cannot", what is so keeps its "is".
    let from = if kind == Kind::Prohibition { verb } else { behind };
    let kind = if of_thing && kind == Kind::Act && is == Is::Unknown { Kind::Fact } else { kind };
    // "Readers with unpaid fines cannot borrow": who exactly is a part of what is said.
    let is_short = words[..verb].iter().any(|word| PREPOSITIONS.contains(&word.as_str()) && word != "of");
    let from = if is_short { 0 } else { from };
    Said { who: Who::Named(name), does: tokens[from..].join(" "), kind }
}

/// "I want to …", "we need …".
fn wanted(tokens: &[&str], words: &[String]) -> Said {
    let at = words.iter().take(5).position(|word| matches!(word.as_str(), "want" | "need" | "like" | "wish"));
    let skip =
        at.map_or(0, |at| if words.get(at + 1).is_some_and(|word| word == "to") { at + 2 } else { at + 1 });
    let rest = if skip < tokens.len() { &tokens[skip..] } else { tokens };
    let kind = if at.is_some() { Kind::Act } else { Kind::Fact };
    Said { who: Who::Nobody, does: rest.join(" "), kind }
}

/// Where the verb of the main clause stands, behind a subject of one to six words.
fn verb(words: &[String], known: &Known) -> Option<usize> {
    (1..words.len().min(8)).find(|at| {
        let (word, before, after) =
            (words[*at].as_str(), words[at - 1].as_str(), words.get(at + 1).map(String::as_str));
        if MODALS.contains(&word) {
            return true;
        }
        let Some(after) = after else { return false };
        if PREPOSITIONS.contains(&before) || ARTICLES.contains(&before) || before == "and" || before == "or" {
            return false;
        }
        let many = before.ends_with('s') && !before.ends_with("ss")
            || matches!(before, "people" | "staff" | "children");
        let base = third_to_base(word);
        let single = word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") && word.len() > 3;
        let is_noun_behind = MODALS.contains(&after) || after == "of";
        let is_role = || known.judge(before, before, English) == Is::Role;
        !is_noun_behind
            && (base.is_some_and(|base| is_step(&base)) && !many
                || is_step(word) && many
                || single
                    && !many
                    && (BEHIND_VERB.contains(&after) || is_role())
                    && Lexicon::of(English)
                        .things
                        .iter()
                        .all(|thing| *thing != before || BEHIND_VERB.contains(&after))
                || many
                    && is_role()
                    && word.chars().all(char::is_alphabetic)
                    && !word.ends_with("ed")
                    && !word.ends_with("ly")
                    && !PREPOSITIONS.contains(&word)
                    && word != "and"
                    && word != "or")
    })
}

/// Where the words behind "can", "shall be able to" begin, and what kind of sentence it is.
fn behind_modal(words: &[String], verb: usize) -> (usize, Kind) {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let mut at = verb;
    let modal = word(at);
    if !MODALS.contains(&modal) {
        return (at, Kind::Act);
    }
    if matches!(modal, "cannot" | "can't" | "mustn't") || word(at + 1) == "not" || word(at + 1) == "never" {
        return (at, Kind::Prohibition);
    }
    if matches!(modal, "is" | "are") && word(at + 1) != "able" {
        return (at, Kind::Fact);
    }
    let takes_to =
        matches!(modal, "needs" | "need" | "has" | "have" | "wants" | "want" | "would" | "is" | "are");
    if takes_to && word(at + 1) != "to" && word(at + 1) != "like" && word(at + 1) != "able" {
        // "has a card": the verb itself.
        return (at, if matches!(modal, "has" | "have" | "need" | "needs") { Kind::Fact } else { Kind::Act });
    }
    at += 1;
    while matches!(word(at), "also" | "then" | "always" | "automatically" | "like" | "to" | "able" | "only")
        || word(at) == "be" && word(at + 1) == "able"
    {
        at += 1;
    }
    let passive = word(at) == "be";
    (at, if passive { Kind::Fact } else { Kind::Act })
}

/// The subject without article, in the singular.
fn name(tokens: &[&str], words: &[String]) -> String {
    let from =
        words.iter().take_while(|word| ARTICLES.contains(&word.as_str()) && word.as_str() != "new").count();
    let until = words
        .iter()
        .skip(from)
        .position(|word| PREPOSITIONS.contains(&word.as_str()) && word != "of" || word.ends_with("ly"));
    let until = until.map_or(words.len(), |at| from + at);
    let paired = words[from..until].iter().any(|word| word == "and" || word == "or");
    let clean =
        |token: &str| token.trim_matches(|c: char| !c.is_alphanumeric() && c != ')' && c != '(').to_owned();
    let head = words[from..until].iter().position(|word| word == "of").map_or(until, |at| from + at);
    let mut parts: Vec<String> =
        tokens[from..until].iter().map(|token| clean(token)).filter(|part| !part.is_empty()).collect();
    parts.retain(|part| !matches!(part.to_lowercase().as_str(), "also" | "then" | "just"));
    if !paired
        && head > from
        && let Some(noun) = parts.get_mut(head - from - 1)
    {
        let one = singular(&noun.to_lowercase());
        if one.len() < noun.len() && noun.to_lowercase().starts_with(&one) {
            noun.truncate(one.len());
        } else if one.len() < noun.len() {
            *noun = one;
        }
    }
    let name = parts.join(" ");
    let nobody = Lexicon::of(English).nobody;
    let opens = words.get(from).map_or("", String::as_str);
    if nobody.contains(&opens) || parts.len() > 5 || name.contains(',') { String::new() } else { name }
}

/// "Glazes a bun", "answers the questions": a verb that no list knows, and its object.
pub(super) fn is_third_person(words: &[String]) -> bool {
    let (first, second) = (words.first().map_or("", String::as_str), words.get(1).map_or("", String::as_str));
    first.len() > 4
        && first.ends_with('s')
        && !first.ends_with("ss")
        && ARTICLES.contains(&second)
        && second != "only"
}

/// Where the verb stands behind its subject.
pub(super) fn verb_at(text: &str, known: &Known) -> Option<usize> {
    verb(&text.split_whitespace().map(bare).collect::<Vec<_>>(), known)
}

/// A heading that is a role, in the singular.
pub(super) fn whole_name(heading: &str) -> String {
    let tokens: Vec<&str> = heading.split_whitespace().collect();
    let words: Vec<String> = tokens.iter().map(|token| bare(token)).collect();
    let name = name(&tokens, &words);
    if name.is_empty() { heading.to_owned() } else { name }
}

/// The noun of a name: the last word before "of".
fn head(name: &str) -> &str {
    let before = name.split(" of ").next().unwrap_or(name);
    before.split_whitespace().last().unwrap_or(before)
}

fn third_to_base(word: &str) -> Option<String> {
    if let Some(stem) = word.strip_suffix("ies") {
        return Some(format!("{stem}y"));
    }
    let base = word.strip_suffix('s')?;
    let short = ["ches", "shes", "sses", "xes", "oes"].iter().any(|end| word.ends_with(end));
    Some(if short { word[..word.len() - 2].to_owned() } else { base.to_owned() })
}

/// Whether a word is a verb in one of the forms a line can begin with.
pub(super) fn is_verb(word: &str) -> bool {
    is_step(word) || third_to_base(word).is_some_and(|base| is_step(&base))
}

/// Whether a word is a verb in the same form as another.
pub(super) fn is_step_like(word: &str, like: &str) -> bool {
    let third = |word: &str| third_to_base(word).is_some_and(|base| is_step(&base));
    if third(like) && !is_step(like) { third(word) && !is_step(word) } else { is_step(word) && is_step(like) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sentence: &str) -> (Who, String, Kind) {
        let said = said(sentence, &Known::default());
        (said.who, said.does, said.kind)
    }

    fn named(name: &str, does: &str) -> (Who, String, Kind) {
        (Who::Named(name.to_owned()), does.to_owned(), Kind::Act)
    }

    #[test]
    fn the_subject_is_the_role_known_or_not() {
        assert_eq!(read("A baker glazes a bun"), named("baker", "glazes a bun"));
        assert_eq!(read("Members can cancel without a fee"), named("Member", "cancel without a fee"));
        assert_eq!(read("The front desk checks members in"), named("front desk", "checks members in"));
        assert_eq!(
            read("Line managers should be able to approve a report"),
            named("Line manager", "approve a report")
        );
        assert_eq!(read("The head of sales sees the forecast"), named("head of sales", "sees the forecast"));
        assert_eq!(
            read("The system shall allow the nurse to identify a patient by scanning"),
            named("nurse", "identify a patient by scanning")
        );
        assert_eq!(
            read("If the class is full, the member joins a waiting list"),
            named("member", "joins a waiting list")
        );
    }

    #[test]
    fn things_pronouns_and_never_are_no_roles() {
        for sentence in [
            "Audit records shall be retained for 10 years",
            "The locker must open within 2 seconds",
            "Never show the number of votes",
            "Payment is automatic by card",
            "Anyone can vote without registering",
            "Codes expire after the pickup time",
        ] {
            assert!(!matches!(read(sentence).0, Who::Named(_)), "{sentence}: {:?}", read(sentence));
        }
    }

    #[test]
    fn what_must_not_be_done_stays_forbidden() {
        let found = read("Photographers cannot edit a photo after the deadline");
        assert_eq!(
            found,
            (
                Who::Named("Photographer".to_owned()),
                "cannot edit a photo after the deadline".to_owned(),
                Kind::Prohibition
            )
        );
    }
}
