//! English predicates told as steps of a persona, in the infinitive.

use super::tables::{OBJECT_PRONOUNS, PREPOSITIONS, STOPS};
use crate::clause::{Action, Clause, TITLE_LENGTH, titled};
use crate::grammar::english::{base_of, class_of, guessed_base};
use crate::lexicon::VerbClass;
use crate::words::{Word, join, normal, uncapitalised, without_final_punctuation};

/// What a persona does: one clause for each thing.
pub(super) fn does(predicate: &[Word], singular: bool, actor: Option<usize>) -> Vec<Clause> {
    let told = told(predicate, singular);
    parts(&told)
        .into_iter()
        .map(|phrase| {
            let others: Vec<Word> = phrase.iter().map(in_third_person).collect();
            let third = uncapitalised(without_final_punctuation(&join(&others)));
            let own: Vec<Word> = phrase.iter().map(in_first_person).collect();
            let text = uncapitalised(without_final_punctuation(&join(&own)));
            let class = step_class(phrase);
            Clause {
                title: titled(&text, TITLE_LENGTH, STOPS),
                actor,
                about: None,
                text: third.clone(),
                action: Action::Does { phrase: text, third, setting: String::new() },
                class,
                condition: None,
                purpose: None,
                scope: String::new(),
            }
        })
        .collect()
}

fn in_third_person(word: &Word) -> Word {
    let lower = match word.lower.as_str() {
        "my" => "their",
        "i" => "they",
        "me" => "them",
        "myself" => "themselves",
        _ => return word.clone(),
    };
    replaced(word, lower)
}

/// What kind of step a phrase is: to register is to enter, to register somebody is to create.
fn step_class(phrase: &[Word]) -> VerbClass {
    let class = phrase.first().and_then(|word| class_of(&word.lower)).unwrap_or(VerbClass::Work);
    let has_object = phrase.get(1).is_some_and(|next| {
        !PREPOSITIONS.contains(&next.lower.as_str())
            && !matches!(next.lower.as_str(), "up" | "in" | "out" | "and")
    });
    let registers = phrase
        .first()
        .is_some_and(|word| matches!(word.lower.as_str(), "register" | "enrol" | "enroll" | "log"));
    if registers && has_object { VerbClass::Create } else { class }
}

fn in_first_person(word: &Word) -> Word {
    let lower = match word.lower.as_str() {
        "their" => "my",
        "they" => "I",
        "themselves" => "myself",
        _ => return word.clone(),
    };
    replaced(word, lower)
}

fn replaced(word: &Word, lower: &str) -> Word {
    let tail: Vec<char> = word.text.chars().rev().take_while(|c| !c.is_alphanumeric()).collect();
    let tail: String = tail.into_iter().rev().collect();
    Word { text: format!("{lower}{tail}"), lower: normal(lower) }
}

/// Verbs of a singular subject put into the base form: the first one and those joined to it.
fn told(predicate: &[Word], singular: bool) -> Vec<Word> {
    let mut told: Vec<Word> = Vec::new();
    for (index, word) in predicate.iter().enumerate() {
        let joined = index > 0
            && (matches!(predicate[index - 1].lower.as_str(), "and" | "or" | "then")
                || predicate[index - 1].ends_with_comma());
        let base = match index {
            0 if singular => Some(base_of(&word.lower).unwrap_or_else(|| guessed_base(&word.lower))),
            _ if singular && joined => {
                base_of(&word.lower).filter(|_| index + 1 < predicate.len() && !word.ends_with_comma())
            }
            _ => None,
        };
        told.push(base.map_or_else(|| word.clone(), |base| replaced(word, &base)));
    }
    told
}

/// Cuts "browse events and buy tickets" in two; keeps together what shares an object or refers back.
fn parts(told: &[Word]) -> Vec<&[Word]> {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in 2..told.len() {
        let before = &told[at - 1];
        let joined = matches!(before.lower.as_str(), "and" | "then") || before.ends_with_comma();
        // "last 30 days" says how long, and nobody lasts.
        let counts = told.get(at + 1).is_some_and(|next| next.text.starts_with(|c: char| c.is_ascii_digit()));
        let is_base = class_of(&told[at].lower).is_some() && !(counts && told[at].lower == "last");
        let end = (start..at)
            .rev()
            .find(|index| !matches!(told[*index].lower.as_str(), "and" | "then"))
            .map_or(start, |index| index + 1);
        let has_object = end > start + 1;
        let next = told.get(at + 1).map(|word| word.lower.as_str()).unwrap_or_default();
        let has_own = !next.is_empty()
            && !told[at].ends_with_comma()
            && !matches!(next, "and" | "or" | "of" | "is" | "are" | "by" | "in" | "for");
        let rest_ends = told[at + 1..]
            .iter()
            .enumerate()
            .position(|(offset, word)| {
                class_of(&word.lower).is_some()
                    && (told[at + offset].ends_with_comma() || told[at + offset].lower == "and")
            })
            .map_or(told.len(), |next| at + 1 + next);
        let refers_back =
            told[at..rest_ends].iter().any(|word| OBJECT_PRONOUNS.contains(&word.lower.as_str()));
        if joined && is_base && has_object && has_own && !refers_back {
            parts.push(&told[start..end]);
            start = at;
        }
    }
    parts.push(&told[start..]);
    parts
}
