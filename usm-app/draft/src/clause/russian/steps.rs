//! Russian predicates told as steps of a persona, in the infinitive.

use super::tables::{ADVERBS, EMPHASIS, MODALS, OBJECT_PRONOUNS, PREPOSITIONS, STOPS, SUBORDINATE};
use crate::clause::{Action, Clause, TITLE_LENGTH, titled};
use crate::grammar::russian::{class_of, finite, is_infinitive};
use crate::lexicon::VerbClass;
use crate::words::{Word, capitalised, join, uncapitalised, without_final_punctuation};

/// What a persona does: one clause for each thing. `before` is what stood before the verb besides the subject.
pub(super) fn does(predicate: &[Word], before: &[Word], actor: Option<usize>) -> Vec<Clause> {
    let front: Vec<Word> =
        before.iter().filter(|word| !EMPHASIS.contains(&word.lower.as_str())).cloned().collect();
    let is_setting = front.first().is_some_and(|word| {
        PREPOSITIONS.contains(&word.lower.as_str()) || ADVERBS.contains(&word.lower.as_str())
    });
    let setting = match is_setting {
        true => uncapitalised(&join(&front)).trim_end_matches(',').to_owned(),
        false => String::new(),
    };
    let mut told = told(predicate);
    if !is_setting && !front.is_empty() {
        // "Задание он записывает": an object before the verb goes behind it.
        let place = told.iter().position(|word| is_infinitive(&word.lower)).map_or(0, |verb| verb + 1);
        told.insert(place, Word { text: uncapitalised(&join(&front)), lower: String::new() });
    }
    parts(&told)
        .into_iter()
        .map(|phrase| {
            let verb = phrase.iter().find(|word| is_infinitive(&word.lower));
            let text = uncapitalised(without_final_punctuation(&join(phrase)));
            Clause {
                title: titled(&text, TITLE_LENGTH, STOPS),
                actor,
                about: None,
                text: if setting.is_empty() { text.clone() } else { format!("{setting} {text}") },
                action: Action::Does { third: text.clone(), phrase: text, setting: setting.clone() },
                class: verb.map_or(VerbClass::Work, |word| class_of(&word.lower)),
                condition: None,
                purpose: None,
                scope: String::new(),
            }
        })
        .collect()
}

/// Finite verbs put into the infinitive stories are told with, up to the first subordinate clause; a clause that
/// goes on with ", а" is another matter and left to the quotation of the sentence.
fn told(predicate: &[Word]) -> Vec<Word> {
    let plural = predicate.first().and_then(|word| finite(&word.lower)).map(|verb| verb.plural);
    let end = (2..predicate.len())
        .find(|at| matches!(predicate[*at].lower.as_str(), "а" | "но") && predicate[at - 1].ends_with_comma())
        .filter(|at| predicate.get(at + 1).is_none_or(|next| next.lower != "также"))
        .unwrap_or(predicate.len());
    let mut subordinate = false;
    let mut told = Vec::new();
    for (index, word) in predicate[..end].iter().enumerate() {
        let lower = word.lower.as_str();
        subordinate |= lower.starts_with("котор") || SUBORDINATE.contains(&lower);
        let next_is_verb = predicate.get(index + 1).is_some_and(|next| is_infinitive(&next.lower));
        if lower == "также" || !subordinate && next_is_verb && MODALS.contains(&lower) {
            continue;
        }
        match finite(lower).filter(|verb| !subordinate && Some(verb.plural) == plural) {
            Some(verb) => told.push(replaced(word, &verb.told)),
            None => told.push(word.clone()),
        }
    }
    told
}

/// The word with another form in its place, its capital and punctuation kept.
pub(super) fn replaced(word: &Word, form: &str) -> Word {
    let tail: Vec<char> = word.text.chars().rev().take_while(|c| !c.is_alphanumeric()).collect();
    let tail: String = tail.into_iter().rev().collect();
    let is_capital = word.text.chars().next().is_some_and(char::is_uppercase);
    let text = if is_capital { capitalised(form) } else { form.to_owned() };
    Word { text: format!("{text}{tail}"), lower: form.to_owned() }
}

/// Cuts "найти ресторан и выбрать блюдо" in two; keeps together what shares an object or refers back.
fn parts(told: &[Word]) -> Vec<&[Word]> {
    let lower = |index: usize| told[index].lower.as_str();
    let mut parts = Vec::new();
    let mut start = 0;
    for at in 1..told.len() {
        if lower(at).starts_with("котор") || SUBORDINATE.contains(&lower(at)) {
            break;
        }
        if !is_infinitive(lower(at)) {
            continue;
        }
        let mut joint = at;
        while joint > start + 1 && (EMPHASIS.contains(&lower(joint - 1)) || lower(joint - 1) == "потом")
        {
            joint -= 1;
        }
        let is_joined = lower(joint - 1) == "и" || told[joint - 1].ends_with_comma();
        let end = (start..joint).rev().find(|index| lower(*index) != "и").map_or(start, |index| index + 1);
        let goes_on = told.get(at + 1).is_some_and(|next| SUBORDINATE.contains(&next.lower.as_str()));
        let has_own = told.len() > at + 1 && (!told[at].ends_with_comma() || goes_on);
        let has_object = end > start + 1 && has_own;
        let next_verb = (at + 1..told.len()).find(|index| is_infinitive(lower(*index))).unwrap_or(told.len());
        let refers_back = (at..next_verb).any(|index| OBJECT_PRONOUNS.contains(&lower(index)));
        if is_joined && has_object && !refers_back {
            parts.push(&told[start..end]);
            start = at;
        }
    }
    parts.push(&told[start..]);
    parts
}
