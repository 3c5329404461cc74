//! English sentences: openings, conditions and subjects set apart, then clause by clause.

mod events;
mod predicate;
mod steps;
mod tables;
mod things;

pub(super) use tables::STOPS;

use super::{Action, Clause, Context, TITLE_LENGTH, at_semicolons, titled, user_story, without_brackets};
use crate::grammar::english::base_of;
use crate::language::Language;
use crate::lexicon::Lexicon;
use crate::words::{Word, capitalised, join, normal, uncapitalised, without_final_punctuation, words};
use predicate::{find_predicate, predicate};
use tables::{
    BE, CONDITIONS, DETERMINERS, EMPHASIS, MODALS, OPENINGS, PREPOSITIONS, REMARKS, SUBJECT_PRONOUNS,
};

/// Longest list in brackets behind a verb phrase, in characters.
const LISTED_LENGTH: usize = 110;

pub(super) fn analyse(sentence: &str, context: Context<'_>) -> Vec<Clause> {
    let text = without_brackets(sentence);
    let mut clauses = Vec::new();
    let mut context = context;
    let mut told = words(&text);
    if let Some((actor, wish)) = user_story::wish(&told, context) {
        context = Context { lead_actor: Some(actor), ..context };
        told = wish;
    }
    for part in at_semicolons(told) {
        let mut found = with_opening(&part, context);
        context.last_actor = found.iter().rev().find_map(|clause| clause.actor).or(context.last_actor);
        found.iter_mut().for_each(|clause| clause.scope = join(&part));
        clauses.extend(found);
    }
    clauses
}

/// Sets aside openings, remarks, conditions and settings before the comma, then reads the main clauses.
fn with_opening(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let part = without_remark(without_openings(part));
    let first = part.first().map(|word| word.lower.as_str()).unwrap_or_default();
    let comma = part.iter().position(Word::ends_with_comma).filter(|comma| comma + 1 < part.len());
    let comma = comma.or_else(|| unmarked_end(&part, context).filter(|_| CONDITIONS.contains(&first)));
    let example = |comma: &usize| part[comma + 1].text.to_lowercase().starts_with("e.g");
    if let Some(comma) = comma.filter(|comma| !example(comma)) {
        let opening = uncapitalised(without_final_punctuation(&join(&part[..=comma])));
        let rest = &part[comma + 1..];
        let rest = if rest[0].lower == "then" && rest.len() > 1 { &rest[1..] } else { rest };
        if CONDITIONS.contains(&first) {
            let mut clauses = by_subject(rest, context);
            for clause in &mut clauses {
                clause.condition = Some(opening.clone());
                clause.text = format!("{opening}, {}", clause.text);
            }
            return clauses;
        }
        if PREPOSITIONS.contains(&first) && find_predicate(&part[..=comma], context).is_none() {
            let mut clauses = by_subject(rest, context);
            for clause in &mut clauses {
                if let Action::Does { setting, .. } = &mut clause.action {
                    setting.clone_from(&opening);
                }
                clause.text = format!("{} {}", capitalised(&opening), clause.text);
            }
            return clauses;
        }
    }
    by_subject(&part, context)
}

/// The last word of a condition without a comma: "if nobody is home the driver leaves the box".
fn unmarked_end(part: &[Word], context: Context<'_>) -> Option<usize> {
    let nouns = Lexicon::of(Language::English).product_nouns;
    (3..part.len().saturating_sub(2))
        .find(|at| {
            let opens = DETERMINERS.contains(&part[*at].lower.as_str());
            let name = at + usize::from(opens);
            let bound = PREPOSITIONS.contains(&part[at - 1].lower.as_str())
                || DETERMINERS.contains(&part[at - 1].lower.as_str())
                || matches!(part[at - 1].lower.as_str(), "and" | "or");
            let role = context.cast.at(part, name).map(|(_, length)| length);
            let product = || (opens && nouns.contains(&part[name].lower.as_str())).then_some(1);
            let Some(length) = role.or_else(product) else { return false };
            let follows = part[name + length..]
                .iter()
                .map(|word| word.lower.as_str())
                .find(|lower| !EMPHASIS.contains(lower));
            let acts =
                |lower: &str| base_of(lower).is_some() || MODALS.contains(&lower) || BE.contains(&lower);
            !bound && follows.is_some_and(acts) && find_predicate(&part[1..*at], context).is_some()
        })
        .map(|at| at - 1)
}

fn without_openings(part: &[Word]) -> &[Word] {
    let mut rest = part;
    while rest.len() > 1 {
        let opening = OPENINGS.iter().rfind(|opening| {
            rest.len() > opening.len()
                && opening.iter().zip(rest).all(|(expected, word)| word.lower == *expected)
        });
        rest = match opening {
            Some(opening) => &rest[opening.len()..],
            None if rest[0].lower.is_empty() => &rest[1..],
            None => break,
        };
    }
    rest
}

fn without_remark(part: &[Word]) -> Vec<Word> {
    let text = normal(&join(part));
    let text = text.trim_end_matches(['.', '!']);
    for remark in REMARKS {
        let count = remark.split(' ').count();
        if text.ends_with(remark) && part.len() > count {
            return part[..part.len() - count].to_vec();
        }
    }
    let lexicon = Lexicon::of(Language::English);
    if let Some(dash) = part.iter().rposition(|word| word.lower.is_empty()).filter(|dash| *dash > 0) {
        let tail = normal(&join(&part[dash + 1..]));
        let mut urgency = lexicon.later.iter().chain(lexicon.next_release).chain(lexicon.must);
        if tail.split(' ').count() <= 5 && urgency.any(|phrase| tail.contains(phrase)) {
            return part[..dash].to_vec();
        }
    }
    part.to_vec()
}

/// Splits where another subject takes over: "…, and the seats are held", "…, but they cannot be sold".
fn by_subject(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let mut context = context;
    let mut start = 0;
    let mut subject: Vec<Word> = Vec::new();
    for at in 2..part.len().saturating_sub(2) {
        if at <= start + 2
            || !part[at - 1].ends_with_comma()
            || !matches!(part[at].lower.as_str(), "and" | "but" | "while")
        {
            continue;
        }
        let rest = &part[at + 1..];
        let opens = DETERMINERS.contains(&rest[0].lower.as_str())
            || SUBJECT_PRONOUNS.contains(&rest[0].lower.as_str())
            || context.cast.at(rest, 0).is_some();
        let next_is_verb = base_of(&rest[0].lower).is_some() && context.cast.at(rest, 0).is_none();
        let predicate = find_predicate(&rest[..rest.len().min(8)], context);
        let is_clause = predicate.is_some_and(|found| found.at() > 0)
            && find_predicate(&part[start..at], context).is_some();
        if !opens || next_is_verb || !is_clause {
            continue;
        }
        let found = simple(&with_subject(&subject, &part[start..at]), context);
        let acted = found.last().is_some_and(|clause| clause.actor.is_some());
        if acted {
            subject.clear();
        } else if let Some(predicate) = find_predicate(&part[start..at], context) {
            subject = part[start..start + predicate.at()].to_vec();
        }
        context.last_actor =
            found.last().and_then(|clause| clause.actor).or(context.last_actor.filter(|_| !acted));
        clauses.extend(found);
        start = at + 1;
    }
    clauses.extend(simple(&with_subject(&subject, &part[start..]), context));
    clauses
}

/// "they" that means the thing before it, said by its name.
fn with_subject(subject: &[Word], part: &[Word]) -> Vec<Word> {
    match part.split_first() {
        Some((first, rest)) if !subject.is_empty() && matches!(first.lower.as_str(), "they" | "it") => {
            subject.iter().chain(rest).cloned().collect()
        }
        _ => part.to_vec(),
    }
}

/// Reads one clause with one subject; several clauses when the subject does several things.
fn simple(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let text = without_final_punctuation(&join(part)).to_owned();
    let (part, purpose) = purpose(part);
    let cut = (3..part.len().saturating_sub(1)).find(|index| {
        CONDITIONS.contains(&part[*index].lower.as_str())
            && !DETERMINERS.contains(&part[index - 1].lower.as_str())
            && part[*index + 1..].len() > 1
    });
    let (part, condition) = match cut {
        Some(cut) => (&part[..cut], Some(without_final_punctuation(&join(&part[cut..])).to_owned())),
        None => (part, None),
    };
    let mut clauses = labelled(part, context);
    let count = clauses.len();
    for (index, clause) in clauses.iter_mut().enumerate() {
        let last = index + 1 == count;
        if count == 1 {
            clause.text.clone_from(&text);
        }
        clause.purpose = purpose.clone().filter(|_| last);
        clause.condition = clause.condition.take().or_else(|| condition.clone().filter(|_| last));
    }
    clauses
}

fn purpose(part: &[Word]) -> (&[Word], Option<String>) {
    let cut = (2..part.len().saturating_sub(2)).find(|index| {
        let pair = (part[*index].lower.as_str(), part[index + 1].lower.as_str());
        let to = part.get(index + 2).is_some_and(|word| word.lower == "to");
        matches!(pair, ("so", "that" | "they" | "i" | "we")) || to && pair == ("in", "order")
    });
    match cut {
        Some(cut) if part[cut].lower == "so" => {
            let skip = usize::from(part[cut + 1].lower == "that") + 1;
            (&part[..cut], Some(without_final_punctuation(&join(&part[cut + skip..])).to_owned()))
        }
        Some(cut) if cut + 3 < part.len() => {
            (&part[..cut], Some(format!("I can {}", without_final_punctuation(&join(&part[cut + 3..])))))
        }
        _ => (part, None),
    }
}

fn labelled(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let Some(colon) = part.iter().position(|word| word.text.ends_with(':')).filter(|at| at + 1 < part.len())
    else {
        return predicate(part, context);
    };
    let (label, rest) = part.split_at(colon + 1);
    let whole = without_final_punctuation(&join(part)).to_owned();
    if let Some((actor, length)) = context.cast.at(label, 0)
        && length == label.len()
    {
        return predicate(rest, Context { lead_actor: Some(actor), ..context });
    }
    let nouns = Lexicon::of(Language::English).product_nouns;
    let names_product = label.iter().any(|word| nouns.contains(&word.lower.as_str()));
    if names_product && find_predicate(label, context).is_none() && find_predicate(rest, context).is_none() {
        return things::each(rest);
    }
    let mut clauses = if find_predicate(label, context).is_some() || find_predicate(rest, context).is_none() {
        let mut clauses = predicate(label, context);
        if let Some(last) = clauses.last_mut() {
            last.list(without_final_punctuation(&join(rest)), LISTED_LENGTH);
        }
        clauses
    } else {
        let mut clauses = predicate(rest, context);
        if let [only] = &mut clauses[..] {
            only.title = titled(&join(label), TITLE_LENGTH, STOPS);
        }
        clauses
    };
    if let [only] = &mut clauses[..] {
        only.text = whole;
    }
    clauses
}
