//! English phrases without a predicate: what should be there, and rules.

use super::tables::{PREPOSITIONS, STOPS};
use crate::clause::{Action, Clause, TITLE_LENGTH, titled};
use crate::lexicon::VerbClass;
use crate::words::{Word, join, uncapitalised, without_final_punctuation};

pub(super) fn verbless(part: &[Word]) -> Clause {
    let text = without_final_punctuation(&join(part)).to_owned();
    let first = part.first().map(|word| word.lower.as_str()).unwrap_or_default();
    let nominal = !PREPOSITIONS.contains(&first) && !["not", "only", "no", "as"].contains(&first);
    if nominal { exists(part) } else { rule(&text) }
}

/// The things of a list between commas.
pub(super) fn each(list: &[Word]) -> Vec<Clause> {
    let items = list.split_inclusive(|word| word.ends_with_comma());
    items.filter(|item| item.iter().any(|word| !word.lower.is_empty())).map(exists).collect()
}

pub(super) fn exists(part: &[Word]) -> Clause {
    let thing = without_final_punctuation(&join(part)).to_owned();
    let lower = uncapitalised(&thing);
    thing_clause(&thing, Action::Exists { wish: format!("{lower} to be available"), thing: lower })
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
