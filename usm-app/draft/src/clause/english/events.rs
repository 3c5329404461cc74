//! English statements told as wishes: what should happen.

use super::predicate::Predicate;
use super::tables::{BE, CONDITIONS, STOPS};
use crate::clause::{Action, Clause, TITLE_LENGTH, titled};
use crate::grammar::english::{base_of, class_of, is_participle};
use crate::lexicon::VerbClass;
use crate::words::{Word, join, uncapitalised, without_final_punctuation};

/// What should happen, as the object of "I want".
pub(super) fn happens(part: &[Word], found: Predicate, about: Option<usize>) -> Clause {
    let statement = without_final_punctuation(&join(part)).to_owned();
    let lower_statement = uncapitalised(&statement);
    let wish = wish(part, found).unwrap_or_else(|| format!("to be sure that {lower_statement}"));
    let class = match found {
        Predicate::Verb(at) => base_of(&part[at].lower).and_then(|base| class_of(&base)),
        _ => part[found.at()..].iter().take(4).find_map(|word| class_of_participle(&word.lower)),
    };
    Clause {
        title: titled(&statement, TITLE_LENGTH, STOPS),
        actor: None,
        about,
        action: Action::Happens { wish, statement: lower_statement },
        class: class.unwrap_or(VerbClass::Work),
        condition: None,
        purpose: None,
        text: statement,
        scope: String::new(),
    }
}

/// "calculated" is what happens to something that is calculated.
fn class_of_participle(word: &str) -> Option<VerbClass> {
    let bases = [word.strip_suffix('d'), word.strip_suffix("ed")];
    bases.into_iter().flatten().find_map(class_of)
}

/// "the system to send a reminder"; `None` when more than the first verb would have to change.
fn wish(part: &[Word], found: Predicate) -> Option<String> {
    let at = found.at();
    let subject = uncapitalised(&join(&part[..at]));
    let lower = part[at].lower.as_str();
    let rest = &part[at + 1..];
    let says_more = rest.windows(2).any(|pair| {
        let joined = pair[0].lower == "and" || pair[0].ends_with_comma();
        joined && (base_of(&pair[1].lower).is_some() || BE.contains(&pair[1].lower.as_str()))
    }) || rest.iter().any(|word| BE.contains(&word.lower.as_str()));
    // "when the card is declined the app spins": the subject stands behind the condition.
    let opens_with_condition = CONDITIONS.contains(&part[0].lower.as_str());
    if at == 0 || says_more || opens_with_condition {
        return None;
    }
    let rest = without_final_punctuation(&join(rest)).to_owned();
    match found {
        Predicate::Modal(_) if matches!(lower, "must" | "should" | "shall" | "will") => {
            let (not, rest) = match rest.strip_prefix("not ") {
                Some(rest) => ("not ", rest),
                None => ("", rest.as_str()),
            };
            Some(format!("{subject} {not}to {rest}"))
        }
        Predicate::Be(_) if matches!(lower, "is" | "are") => {
            let participle = rest.split(' ').take(3).any(is_participle);
            participle.then(|| format!("{subject} to be {rest}"))
        }
        Predicate::Verb(_) => {
            let base = base_of(lower).or_else(|| class_of(lower).map(|_| lower.to_owned()))?;
            Some(format!("{subject} to {base} {rest}"))
        }
        _ => None,
    }
}
