//! Russian statements told as wishes: what should happen.

use super::predicate::meaningful;
use super::steps::replaced;
use super::tables::{MODALS, PREPOSITIONS, STOPS, SUBORDINATE};
use super::things::rule;
use crate::clause::{Action, Clause, TITLE_LENGTH, titled};
use crate::grammar::russian::{Agreement, agreement, class_of, finite, is_infinitive, past};
use crate::language::Language;
use crate::lexicon::{Lexicon, VerbClass};
use crate::words::{Word, join, uncapitalised, without_final_punctuation};

/// What should happen, said by its own words in the past tense as "чтобы" demands.
pub(super) fn happens(part: &[Word], about: Option<usize>) -> Clause {
    let statement = without_final_punctuation(&join(part)).to_owned();
    let lower_statement = uncapitalised(&statement);
    let Some(wish) = wish(part) else { return rule(&statement) };
    let class = part
        .iter()
        .find_map(|word| finite(&word.lower))
        .map_or(VerbClass::Work, |verb| class_of(&verb.infinitive));
    Clause {
        title: titled(&statement, TITLE_LENGTH, STOPS),
        actor: None,
        about,
        action: Action::Happens { wish, statement: lower_statement },
        class,
        condition: None,
        purpose: None,
        text: statement,
        scope: String::new(),
    }
}

fn wish(part: &[Word]) -> Option<String> {
    let mut out: Vec<String> = Vec::new();
    let mut modal: Option<Agreement> = None;
    let mut first: Option<Agreement> = None;
    let mut subordinate = false;
    for (index, word) in part.iter().enumerate() {
        let lower = word.lower.as_str();
        subordinate |= index > 0 && (lower.starts_with("котор") || SUBORDINATE.contains(&lower));
        if subordinate {
            out.push(word.text.clone());
            continue;
        }
        if lower == "нельзя" || lower == "можно" {
            out.push(format!("{lower} было"));
            first = Some(Agreement::Neuter);
            continue;
        }
        if MODALS.contains(&lower) && modal.is_none() && first.is_none() {
            let plural = ["могут", "должны", "хотят", "смогут", "обязаны"].contains(&lower);
            let agreement = subject_agreement(part, index, plural, None);
            first = Some(agreement);
            if part[..index].last().is_some_and(|before| before.lower == "не") && lower.starts_with('м') {
                out.push(past("мочь", agreement)?);
            } else {
                modal = Some(agreement);
            }
            continue;
        }
        if let Some(agreement) = modal.filter(|_| is_infinitive(lower)) {
            out.push(replaced(word, &past(lower, agreement)?).text);
        } else if let Some(verb) = finite(lower) {
            let agreement = subject_agreement(part, index, verb.plural, first);
            first = first.or(Some(agreement));
            out.push(replaced(word, &past(&verb.infinitive, agreement)?).text);
        } else {
            out.push(word.text.clone());
        }
    }
    first?;
    let text = out.join(" ");
    Some(uncapitalised(without_final_punctuation(&text)))
}

/// Gender and number the past form takes from the subject, which stands before the verb or right behind it.
fn subject_agreement(part: &[Word], verb: usize, plural: bool, earlier: Option<Agreement>) -> Agreement {
    if plural {
        return Agreement::Plural;
    }
    let start = part[..verb]
        .iter()
        .rposition(|word| word.ends_with_comma() || matches!(word.lower.as_str(), "и" | "а" | "но"))
        .map_or(0, |joint| joint + 1);
    let before: Vec<&Word> = meaningful(&part[start..verb]);
    if before.is_empty()
        && let Some(earlier) = earlier
    {
        return earlier;
    }
    let lexicon = Lexicon::of(Language::Russian);
    let behind = || {
        let rest = meaningful(&part[verb + 1..]);
        rest.first().map_or(Agreement::Neuter, |word| agreement(&word.lower))
    };
    match before.as_slice() {
        [] => behind(),
        [first, ..] if PREPOSITIONS.contains(&first.lower.as_str()) => match before.last() {
            Some(last) if lexicon.product_nouns.contains(&last.lower.as_str()) => agreement(&last.lower),
            _ => behind(),
        },
        [first, ..] if is_dative(&first.lower) => behind(),
        [first, ..] => agreement(&first.lower),
    }
}

/// "клиенту приходит", "курьеру назначается": the subject stands behind the verb.
pub(super) fn is_dative(lower: &str) -> bool {
    lower.ends_with(['у', 'ю']) || lower.ends_with("ам") || lower.ends_with("ям")
}
