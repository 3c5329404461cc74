//! The predicate of an English clause, and who is its subject.

use super::events::happens;
use super::steps::does;
use super::tables::{BE, BUILDING, DETERMINERS, EMPHASIS, MODALS, MODALS_WITH_TO, PREPOSITIONS, RELATIVES};
use super::things::{exists, rule, verbless};
use crate::clause::{Clause, Context};
use crate::grammar::english::{base_of, class_of, guessed_base, singular_noun};
use crate::words::{Word, join, uncapitalised, without_final_punctuation};

/// Verbs whose base form is no noun, so that one behind a plural is the predicate.
const PLAIN_VERBS: &[&str] =
    &["need", "cost", "require", "have", "take", "last", "expire", "include", "contain", "renew"];

/// The word a clause turns on, by its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Predicate {
    /// "can", "must", "needs to".
    Modal(usize),
    /// "is", "are".
    Be(usize),
    /// A verb of the third person singular or plural.
    Verb(usize),
    /// A base form that opens the clause.
    Base,
}

impl Predicate {
    /// Its place in the clause.
    pub(super) fn at(self) -> usize {
        match self {
            Self::Modal(at) | Self::Be(at) | Self::Verb(at) => at,
            Self::Base => 0,
        }
    }
}

/// Who a clause begins with.
#[derive(Debug, Clone, Copy)]
struct Subject {
    actor: Option<usize>,
    /// The first word behind the name.
    end: usize,
    plural: bool,
}

/// The role at the head of these words: "every new member" is a member.
fn subject_role(part: &[Word], context: Context<'_>) -> Option<Subject> {
    let first = part.first()?.lower.as_str();
    match first {
        "they" | "he" | "she" => {
            let actor = context.last_actor?;
            return Some(Subject { actor: Some(actor), end: 1, plural: first == "they" });
        }
        "i" | "we" => {
            let actor = (first == "i").then(|| context.cast.main());
            return Some(Subject { actor, end: 1, plural: true });
        }
        _ => {}
    }
    for index in 0..part.len().min(4) {
        if let Some((actor, length)) = context.cast.at(part, index) {
            let last = part[index + length - 1].lower.as_str();
            let collective = ["staff", "people", "children"].contains(&last);
            let plural = collective || singular_noun(last) != last;
            return Some(Subject { actor: Some(actor), end: index + length, plural });
        }
        let lower = part[index].lower.as_str();
        if PREPOSITIONS.contains(&lower) || MODALS.contains(&lower) || part[index].ends_with_comma() {
            return None;
        }
    }
    None
}

/// The first predicate of a clause.
pub(super) fn find_predicate(part: &[Word], context: Context<'_>) -> Option<Predicate> {
    let first = part.first()?.lower.as_str();
    let lower = |index: usize| part.get(index).map(|word| word.lower.as_str()).unwrap_or_default();
    if MODALS.contains(&first) {
        return Some(Predicate::Modal(0));
    }
    let is_auxiliary = |index: usize| MODALS.contains(&lower(index)) || BE.contains(&lower(index));
    let early_auxiliary = (1..part.len().min(4)).any(is_auxiliary);
    if class_of(first).is_some() && !early_auxiliary && context.cast.at(part, 0).is_none() && part.len() > 1 {
        return Some(Predicate::Base);
    }
    let has_unsaid_subject = context.unsaid_actor().is_some();
    if has_unsaid_subject
        && base_of(first).is_some()
        && !early_auxiliary
        && context.cast.at(part, 0).is_none()
    {
        return Some(Predicate::Verb(0));
    }
    behind_subject(part, context).or_else(|| behind_thing(part))
}

/// The predicate right behind the name of a role.
fn behind_subject(part: &[Word], context: Context<'_>) -> Option<Predicate> {
    let subject = subject_role(part, context)?;
    let lower = |index: usize| part.get(index).map(|word| word.lower.as_str()).unwrap_or_default();
    let mut at = subject.end;
    while at < part.len() && (EMPHASIS.contains(&lower(at)) || lower(at) == "not") {
        at += 1;
    }
    if at >= part.len() {
        return None;
    }
    let in_person = matches!(lower(0), "i" | "we");
    let determined = DETERMINERS.contains(&lower(at + 1)) && !PREPOSITIONS.contains(&lower(at));
    let is_verb = if subject.plural {
        class_of(lower(at)).is_some() || determined || in_person
    } else {
        base_of(lower(at)).is_some() || determined && lower(at).ends_with('s')
    };
    if MODALS.contains(&lower(at)) || MODALS_WITH_TO.contains(&lower(at)) && lower(at + 1) == "to" {
        Some(Predicate::Modal(at))
    } else if BE.contains(&lower(at)) {
        Some(Predicate::Be(at))
    } else {
        is_verb.then_some(Predicate::Verb(at))
    }
}

/// The predicate of a clause about a thing.
fn behind_thing(part: &[Word]) -> Option<Predicate> {
    let lower = |index: usize| part.get(index).map(|word| word.lower.as_str()).unwrap_or_default();
    for index in 1..part.len().min(14) {
        let (word, before) = (lower(index), lower(index - 1));
        let opened = part[..index].iter().any(|word| DETERMINERS.contains(&word.lower.as_str()));
        if RELATIVES.contains(&word) && index > 1 && !opened {
            return None;
        }
        if MODALS.contains(&word) {
            return Some(Predicate::Modal(index));
        }
        if BE.contains(&word) && !RELATIVES.contains(&before) {
            return Some(Predicate::Be(index));
        }
        let bound = DETERMINERS.contains(&before)
            || PREPOSITIONS.contains(&before)
            || RELATIVES.contains(&before)
            || matches!(before, "and" | "or")
            || part[index - 1].ends_with_comma();
        let plural_before = part[..index].iter().any(|word| word.lower.ends_with('s'));
        let is_verb = if base_of(word).is_some() {
            !before.ends_with('s') || before.ends_with("ss")
        } else {
            let behind_plural = before.ends_with('s') && class_of(word).is_some();
            plural_before && (behind_plural || PLAIN_VERBS.contains(&word))
        };
        if !bound && is_verb && index + 1 < part.len() {
            return Some(Predicate::Verb(index));
        }
    }
    None
}

/// Reads a clause by its predicate.
pub(super) fn predicate(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let Some(found) = find_predicate(part, context) else { return vec![verbless(part)] };
    let lower = |index: usize| part.get(index).map(|word| word.lower.as_str()).unwrap_or_default();
    let is_aside = |word: &Word| EMPHASIS.contains(&word.lower.as_str()) || word.lower == "not";
    let role = subject_role(part, context)
        .filter(|role| role.end <= found.at() && part[role.end..found.at()].iter().all(is_aside));
    let unsaid = context.unsaid_actor();
    match found {
        Predicate::Base if context.lead_actor.is_none() && BUILDING.contains(&lower(0)) => {
            vec![exists(&part[1..])]
        }
        Predicate::Base if matches!(lower(0), "need" | "want" | "require") => vec![exists(&part[1..])],
        Predicate::Base if lets(lower(0)) => allows(&part[1..], part, context),
        Predicate::Base => does(part, false, context.lead_actor),
        Predicate::Modal(at) => modal(part, at, role, context),
        Predicate::Be(_) => vec![happens(part, found, role.and_then(|role| role.actor))],
        Predicate::Verb(at) if lower(0) == "we" => {
            let to = part[at..].iter().take(3).position(|word| word.lower == "to");
            match to {
                Some(offset) if at + offset + 1 < part.len() => ours(&part[at + offset + 1..]),
                _ => vec![exists(&part[(at + 1).min(part.len() - 1)..])],
            }
        }
        Predicate::Verb(at) if lets(&guessed_base(lower(at))) => allows(&part[at + 1..], part, context),
        Predicate::Verb(0) => does(part, true, unsaid),
        Predicate::Verb(at)
            if matches!(guessed_base(lower(at)).as_str(), "need" | "want")
                && role.is_some()
                && at + 1 < part.len() =>
        {
            vec![Clause { actor: role.and_then(|role| role.actor), ..exists(&part[at + 1..]) }]
        }
        Predicate::Verb(at) => match role {
            Some(role) => does(&part[at..], !role.plural, role.actor),
            None => vec![happens(part, found, None)],
        },
    }
}

fn modal(part: &[Word], at: usize, role: Option<Subject>, context: Context<'_>) -> Vec<Clause> {
    let lower = |index: usize| part.get(index).map(|word| word.lower.as_str()).unwrap_or_default();
    let possible = part[at..].iter().take(5).position(|word| word.lower == "possible");
    if let Some(offset) = possible.filter(|offset| lower(at + offset + 1) == "to" && lower(0) == "it")
        && at + offset + 2 < part.len()
    {
        return does(&part[at + offset + 2..], false, context.lead_actor);
    }
    let mut verb = at + 1;
    while ["to", "be", "able", "also", "like", "then", "always", "easily"].contains(&lower(verb)) {
        if lower(verb) == "be" && lower(verb + 1) != "able" {
            break;
        }
        verb += 1;
    }
    let negated = lower(verb) == "not" || lower(at).ends_with("not") || lower(at).ends_with("n't");
    let unsaid = if at == 0 { context.lead_actor } else { None };
    let actor = role.map_or(unsaid, |role| role.actor);
    let is_state = matches!(lower(verb), "be" | "have") && !matches!(lower(at), "must" | "should");
    let acts = (role.is_some() || unsaid.is_some())
        && !negated
        && !is_state
        && lower(verb) != "be"
        && verb < part.len();
    if at == 0 && unsaid.is_none() {
        // "Must work offline": what is meant is the product.
        let product = ["the", "product"].map(|word| Word { text: word.to_owned(), lower: word.to_owned() });
        let whole: Vec<Word> = product
            .into_iter()
            .chain(part.iter().take(1).map(lowered))
            .chain(part.iter().skip(1).cloned())
            .collect();
        return vec![happens(&whole, Predicate::Modal(2), None)];
    }
    if lower(0) == "we" && verb < part.len() {
        ours(&part[verb..])
    } else if acts {
        does(&part[verb..], false, actor)
    } else {
        vec![happens(part, Predicate::Modal(at), role.and_then(|role| role.actor))]
    }
}

fn lowered(word: &Word) -> Word {
    Word { text: uncapitalised(&word.text), lower: word.lower.clone() }
}

fn lets(base: &str) -> bool {
    matches!(base, "allow" | "let" | "enable")
}

/// "We expect to add parking": what is added should be there.
fn ours(part: &[Word]) -> Vec<Clause> {
    match part.split_first() {
        Some((verb, rest)) if BUILDING.contains(&verb.lower.as_str()) && !rest.is_empty() => {
            vec![exists(rest)]
        }
        _ => does(part, false, None),
    }
}

/// "lets members book a class": the members book.
fn allows(rest: &[Word], whole: &[Word], context: Context<'_>) -> Vec<Clause> {
    if let Some(role) = subject_role(rest, context) {
        let verb = role.end + usize::from(rest.get(role.end).is_some_and(|word| word.lower == "to"));
        if verb < rest.len() {
            return does(&rest[verb..], false, role.actor);
        }
    }
    vec![rule(without_final_punctuation(&join(whole)))]
}
