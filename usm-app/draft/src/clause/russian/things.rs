//! Russian phrases without a predicate: what should be there, and rules.

use super::events::is_dative;
use super::tables::{PREPOSITIONS, STOPS};
use crate::clause::{Action, Clause, TITLE_LENGTH, titled};
use crate::grammar::russian::{Agreement, agreement, nominative, past};
use crate::lexicon::VerbClass;
use crate::words::{Word, join, uncapitalised, without_final_punctuation, words};

pub(super) fn verbless(part: &[Word]) -> Clause {
    let text = without_final_punctuation(&join(part)).to_owned();
    let lower_first = part.first().map(|word| word.lower.as_str()).unwrap_or_default();
    let dash = part.iter().position(|word| word.lower.is_empty()).filter(|at| *at > 0 && at + 1 < part.len());
    let agreement = agreement(lower_first);
    let be = past("быть", agreement).unwrap_or_default();
    if let Some(dash) = dash {
        let (left, right) = (join(&part[..dash]), join(&part[dash + 1..]));
        let right_first = part[dash + 1].lower.as_str();
        let verb = if right_first.starts_with(|c: char| c.is_ascii_digit()) {
            past("составлять", agreement)
        } else {
            PREPOSITIONS.contains(&right_first).then_some(be)
        };
        if let Some(verb) = verb {
            let wish = format!("{} {verb} {}", uncapitalised(&left), without_final_punctuation(&right));
            return thing_clause(&text, Action::Happens { wish, statement: uncapitalised(&text) });
        }
        return rule(&text);
    }
    let compares = (1..part.len()).find(|index| {
        let pair = (
            part[*index].lower.as_str(),
            part.get(index + 1).map(|word| word.lower.as_str()).unwrap_or_default(),
        );
        matches!(
            pair,
            (
                "не",
                "более"
                    | "больше"
                    | "менее"
                    | "меньше"
                    | "дольше"
                    | "позднее"
                    | "позже"
                    | "выше"
                    | "ниже"
                    | "чаще"
            )
        )
    });
    if let Some(at) = compares {
        let wish = format!(
            "{} {be} {}",
            uncapitalised(&join(&part[..at])),
            without_final_punctuation(&join(&part[at..]))
        );
        return thing_clause(&text, Action::Happens { wish, statement: uncapitalised(&text) });
    }
    let nominal = !PREPOSITIONS.contains(&lower_first)
        && !is_dative(lower_first)
        && lower_first.chars().any(char::is_alphabetic)
        && !["не", "без", "только", "как", "что", "все", "это"].contains(&lower_first);
    if nominal { exists(part) } else { rule(&text) }
}

/// The things of a list between commas.
pub(super) fn each(list: &[Word]) -> Vec<Clause> {
    let items = list.split_inclusive(|word| word.ends_with_comma());
    items.filter(|item| item.iter().any(|word| !word.lower.is_empty())).map(exists).collect()
}

pub(super) fn exists_accusative(part: &[Word]) -> Clause {
    exists(&words(&nominative(&join(part))))
}

pub(super) fn exists(part: &[Word]) -> Clause {
    let thing = without_final_punctuation(&join(part)).to_owned();
    let provided = match part.first().map_or(Agreement::Neuter, |word| agreement(&word.lower)) {
        Agreement::Masculine => "был предусмотрен",
        Agreement::Feminine => "была предусмотрена",
        Agreement::Neuter => "было предусмотрено",
        Agreement::Plural => "были предусмотрены",
    };
    let thing_lower = uncapitalised(&thing);
    let wish = format!("{provided} {thing_lower}");
    thing_clause(&thing, Action::Exists { wish, thing: thing_lower })
}

pub(super) fn rule(text: &str) -> Clause {
    thing_clause(text, Action::Rule(text.to_owned()))
}

fn thing_clause(text: &str, action: Action) -> Clause {
    Clause {
        title: titled(text, TITLE_LENGTH, STOPS),
        actor: None,
        about: None,
        action,
        class: VerbClass::Work,
        condition: None,
        purpose: None,
        text: text.to_owned(),
        scope: String::new(),
    }
}
