//! The predicate of a Russian clause, and who is its subject.

use super::events::happens;
use super::steps::does;
use super::tables::{
    ADVERBS, BUILDING, EMPHASIS, IMPERSONAL, MODALS, NEEDED, PREPOSITIONS, PRONOUNS, STOPS, SUBORDINATE, WE,
};
use super::things::{exists, exists_accusative, verbless};
use crate::clause::{Clause, Context, TITLE_LENGTH, titled};
use crate::grammar::russian::{finite, is_adjective, is_infinitive};
use crate::language::Language;
use crate::lexicon::Lexicon;
use crate::words::{Word, join, without_final_punctuation};

/// The word a clause turns on, by its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Predicate {
    /// "может", "должен".
    Modal(usize),
    /// "можно", "нужен".
    Impersonal(usize),
    /// "хотим".
    We(usize),
    /// A verb of the third person, and whether it says how things are.
    Finite(usize, bool),
    /// An infinitive without any of these.
    Infinitive(usize),
}

/// The first predicate of a clause; a relative clause behind the subject is stepped over.
pub(super) fn find_predicate(part: &[Word]) -> Option<Predicate> {
    let mut index = 0;
    while index < part.len().min(20) {
        let lower = part[index].lower.as_str();
        if index > 0 && lower.starts_with("котор") {
            let end = (index..part.len()).find(|at| part[*at].ends_with_comma())?;
            index = end + 1;
            continue;
        }
        if index > 0 && SUBORDINATE.contains(&lower) {
            return None;
        }
        if MODALS.contains(&lower) {
            return Some(Predicate::Modal(index));
        }
        if IMPERSONAL.contains(&lower) || NEEDED.contains(&lower) {
            return Some(Predicate::Impersonal(index));
        }
        if WE.contains(&lower) {
            return Some(Predicate::We(index));
        }
        if let Some(verb) = finite(lower) {
            return Some(Predicate::Finite(index, verb.state));
        }
        if is_infinitive(lower) {
            let permitted = part[index..].iter().position(|word| IMPERSONAL.contains(&word.lower.as_str()));
            return Some(match permitted {
                Some(offset) if offset <= 4 => Predicate::Impersonal(index + offset),
                _ => Predicate::Infinitive(index),
            });
        }
        index += 1;
    }
    None
}

/// Reads a clause by its predicate.
pub(super) fn predicate(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let Some(found) = find_predicate(part) else { return vec![verbless(part)] };
    match found {
        Predicate::Modal(at) => modal(part, at, context),
        Predicate::Impersonal(at) => impersonal(part, at, context),
        Predicate::We(at) => {
            let rest = &part[at + 1..];
            match find_predicate(rest) {
                Some(Predicate::Infinitive(_)) => does(rest, &[], Some(context.owner)),
                _ => vec![happens(part, None)],
            }
        }
        Predicate::Finite(at, state) => finite_clause(part, at, state, context),
        Predicate::Infinitive(at) => infinitive_clause(part, at, context),
    }
}

/// Who is the subject among the words before a predicate, and the words that are not their name.
fn subject(before: &[Word], context: Context<'_>) -> (Option<usize>, Vec<Word>) {
    for index in 0..before.len() {
        if PRONOUNS.contains(&before[index].lower.as_str()) && context.last_actor.is_some() {
            let rest = before.iter().enumerate().filter(|(other, _)| *other != index);
            return (context.last_actor, rest.map(|(_, word)| word.clone()).collect());
        }
        let Some((actor, length)) = context.cast.at(before, index) else { continue };
        let behind = &before[index + length..];
        let after_preposition = index > 0 && PREPOSITIONS.contains(&before[index - 1].lower.as_str());
        let is_next =
            behind.iter().all(|word| ADVERBS.contains(&word.lower.as_str()) || word.lower.is_empty());
        let is_subject = context.cast.is_subject_form(&before[index..index + length]) && !after_preposition;
        if !is_subject || index > 1 && !is_next {
            continue;
        }
        let mut rest: Vec<Word> = before[..index].to_vec();
        // An adjective before the name ("новый клиент") belongs to it, and so does a relative clause behind it.
        if index == 1 && is_adjective(&before[0].lower) {
            rest.clear();
        }
        // What narrows the name ("владелец салона", "клиент, который …") ends where something else begins.
        let is_own = |word: &&Word| {
            let lower = word.lower.as_str();
            PREPOSITIONS.contains(&lower) || ADVERBS.contains(&lower)
        };
        if let Some(own) = behind.iter().position(|word| is_own(&word)).filter(|_| !is_relative(behind)) {
            rest.extend(behind[own..].iter().cloned());
        }
        return (Some(actor), rest);
    }
    (None, before.to_vec())
}

fn is_relative(behind: &[Word]) -> bool {
    behind.first().is_some_and(|word| word.lower.starts_with("котор"))
}

fn modal(part: &[Word], at: usize, context: Context<'_>) -> Vec<Clause> {
    let before = &part[..at];
    let negated = before.last().is_some_and(|word| word.lower == "не");
    let (actor, rest) = subject(before, context);
    let actor = actor.or_else(|| context.lead_actor.filter(|_| meaningful(&rest).is_empty()));
    let after = &part[at + 1..];
    let verb = after.iter().take(6).position(|word| is_infinitive(&word.lower) && word.lower != "иметь");
    match (actor, verb) {
        (Some(actor), Some(verb)) if !negated && after[verb].lower != "быть" => {
            let skip = after.iter().position(|word| word.lower == "возможность").map_or(0, |index| index + 1);
            let from = if skip <= verb { skip } else { 0 };
            does(&after[from..], &rest, Some(actor))
        }
        (None, Some(verb)) if !negated && at == 1 && is_product(&part[0]) && verb + 1 < after.len() => {
            let given = after.get(verb + 1..).unwrap_or_default();
            if PROVIDING.contains(&after[verb].lower.as_str()) && given[0].lower != "возможность" {
                return vec![exists_accusative(given)];
            }
            // Every sentence of a specification opens with "the system must"; the title says what.
            let title = titled(without_final_punctuation(&join(&after[verb..])), TITLE_LENGTH, STOPS);
            vec![Clause { title, ..happens(part, None) }]
        }
        (actor, _) => vec![happens(part, actor)],
    }
}

/// Verbs of a product that only say that something is there.
const PROVIDING: &[&str] =
    &["обеспечивать", "обеспечить", "предусматривать", "предусмотреть", "содержать", "включать"];

fn is_product(word: &Word) -> bool {
    Lexicon::of(Language::Russian).product_nouns.contains(&word.lower.as_str())
}

fn impersonal(part: &[Word], at: usize, context: Context<'_>) -> Vec<Clause> {
    let word = part[at].lower.as_str();
    if word == "нельзя" {
        return vec![happens(part, None)];
    }
    let mentioned = (0..at).find_map(|index| context.cast.at(part, index));
    let actor = mentioned.map(|(actor, _)| actor).or(context.lead_actor);
    let after = &part[at + 1..];
    if part[..at].first().is_some_and(|first| is_infinitive(&first.lower)) {
        let all: Vec<Word> = part[..at].iter().chain(after).cloned().collect();
        return does(&all, &[], context.lead_actor);
    }
    let verb = after.iter().take(5).position(|word| is_infinitive(&word.lower));
    let wants_possibility = after.first().is_some_and(|word| word.lower == "возможность");
    match verb {
        Some(verb) if verb <= 1 || wants_possibility => {
            let only_named = mentioned.is_some_and(|(_, length)| length == at);
            let before: &[Word] = if only_named { &[] } else { &part[..at] };
            if actor.is_none() && BUILDING.contains(&after[verb].lower.as_str()) && verb + 1 < after.len() {
                return vec![exists_accusative(&after[verb + 1..])];
            }
            does(&after[usize::from(wants_possibility)..], before, actor)
        }
        _ if NEEDED.contains(&word) && !after.is_empty() => vec![Clause { actor, ..exists(after) }],
        _ => vec![happens(part, actor)],
    }
}

fn finite_clause(part: &[Word], at: usize, state: bool, context: Context<'_>) -> Vec<Clause> {
    let (actor, rest) = subject(&part[..at], context);
    let negated = at > 0 && part[at - 1].lower == "не";
    let appears = matches!(part[at].lower.as_str(), "появится" | "появятся" | "будет" | "будут");
    if appears && meaningful(&rest).is_empty() && at + 1 < part.len() {
        return vec![exists(&part[at + 1..])];
    }
    let unnamed = || {
        let bare = meaningful(&rest).is_empty() && !state;
        if at == 0 { context.unsaid_actor() } else { context.lead_actor }.filter(|_| bare)
    };
    match actor.or_else(unnamed) {
        Some(actor) if !state && !negated => does(&part[at..], &rest, Some(actor)),
        actor => vec![happens(part, actor)],
    }
}

fn infinitive_clause(part: &[Word], at: usize, context: Context<'_>) -> Vec<Clause> {
    let is_thing = |word: &&Word| {
        let is_name = context.cast.at(std::slice::from_ref(*word), 0).is_some();
        !PREPOSITIONS.contains(&word.lower.as_str()) && !is_name
    };
    let first = part[0].lower.as_str();
    let opens_with_thing = at > 0 && first != "возможность" && meaningful(&part[..at]).iter().any(is_thing);
    if opens_with_thing && !PREPOSITIONS.contains(&first) {
        return vec![verbless(part)];
    }
    if context.lead_actor.is_none() && BUILDING.contains(&part[at].lower.as_str()) && at + 1 < part.len() {
        let rest = &part[at + 1..];
        let possibility = rest[0].lower == "возможность";
        if possibility && rest.get(1).is_some_and(|word| is_infinitive(&word.lower)) {
            return does(&rest[1..], &[], None);
        }
        return vec![exists_accusative(rest)];
    }
    let (actor, rest) = subject(&part[..at], context);
    let rest: Vec<Word> = rest.into_iter().filter(|word| word.lower != "возможность").collect();
    does(&part[at..], &rest, actor.or(context.lead_actor))
}

/// The words that are neither emphasis nor adverbs.
pub(super) fn meaningful(words: &[Word]) -> Vec<&Word> {
    let is_aside = |lower: &str| EMPHASIS.contains(&lower) || ADVERBS.contains(&lower);
    words.iter().filter(|word| !is_aside(word.lower.as_str())).collect()
}
