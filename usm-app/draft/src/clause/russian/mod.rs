//! Russian sentences: openings, conditions and subjects set apart, then clause by clause.

mod events;
mod predicate;
mod steps;
mod tables;
mod things;

pub(super) use tables::STOPS;

use super::{Action, Clause, Context, TITLE_LENGTH, at_semicolons, titled, user_story, without_brackets};
use crate::grammar::russian::{finite, genitive};
use crate::language::Language;
use crate::lexicon::Lexicon;
use crate::words::{Word, join, normal, uncapitalised, without_final_punctuation, words};
use predicate::{find_predicate, predicate};
use tables::{CONDITIONS, MODALS, OBJECT_PRONOUNS, OPENINGS, PREPOSITIONS};

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
        let mut found = with_condition(&part, context);
        context.last_actor = found.iter().rev().find_map(|clause| clause.actor).or(context.last_actor);
        found.iter_mut().for_each(|clause| clause.scope = join(&part));
        clauses.extend(found);
    }
    clauses
}

/// Sets aside openings, remarks and conditions, then reads the main clauses.
fn with_condition(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let part = without_remark(without_openings(part));
    let leads = part.first().is_some_and(|word| CONDITIONS.contains(&word.lower.as_str()));
    let comma = part.iter().position(Word::ends_with_comma).filter(|comma| leads && comma + 1 < part.len());
    let Some(comma) = comma else { return by_subject(&part, context) };
    let condition = uncapitalised(without_final_punctuation(&join(&part[..=comma])));
    let rest = &part[comma + 1..];
    let rest = if rest[0].lower == "то" && rest.len() > 1 { &rest[1..] } else { rest };
    let named = (0..comma).find_map(|index| context.cast.at(&part[..comma], index)).map(|(member, _)| member);
    let rest = with_name(rest, named, context);
    let mut clauses = by_subject(&rest, context);
    for clause in &mut clauses {
        clause.condition = Some(condition.clone());
        clause.text = format!("{condition}, {}", clause.text);
    }
    clauses
}

/// "видит его в списке": the object is said by its name where the condition names somebody.
fn with_name(rest: &[Word], named: Option<usize>, context: Context<'_>) -> Vec<Word> {
    let name = named.and_then(|member| genitive(&uncapitalised(&context.cast.member(member).name)));
    let Some(name) = name else { return rest.to_vec() };
    let is_object = |index: usize| {
        let next = rest.get(index + 1).map(|word| word.lower.as_str()).unwrap_or_default();
        rest[index].lower == "его" && index > 0 && (next.is_empty() || PREPOSITIONS.contains(&next))
    };
    rest.iter()
        .enumerate()
        .map(|(index, word)| match is_object(index) {
            true => Word { text: word.text.replace("его", &name), lower: name.clone() },
            false => word.clone(),
        })
        .collect()
}

fn without_openings(part: &[Word]) -> &[Word] {
    let mut rest = part;
    while rest.len() > 1 {
        let opening = OPENINGS.iter().find(|opening| {
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

/// "Рассрочка — в будущем": what stands behind the last dash about urgency is no part of the wish.
fn without_remark(part: &[Word]) -> Vec<Word> {
    let lexicon = Lexicon::of(Language::Russian);
    if let Some(dash) = part.iter().rposition(|word| word.lower.is_empty()).filter(|dash| *dash > 0) {
        let tail = normal(&join(&part[dash + 1..]));
        let mut urgency = lexicon.later.iter().chain(lexicon.next_release).chain(lexicon.must);
        if tail.split(' ').count() <= 5 && urgency.any(|phrase| tail.contains(phrase)) {
            return part[..dash].to_vec();
        }
    }
    part.to_vec()
}

/// Splits where another role takes over: "клиент оформляет заказ, а ресторан подтверждает оплату".
fn by_subject(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let mut context = context;
    let mut start = 0;
    for at in 2..part.len().saturating_sub(1) {
        let joins = matches!(part[at].lower.as_str(), "а" | "и" | "но");
        let begin = at + usize::from(joins);
        let opens = part[at - 1].ends_with_comma() && !part[at - 1].text.ends_with(':') || joins;
        if at <= start + 1 || !opens {
            continue;
        }
        let Some((_, length)) = context.cast.at(part, begin) else { continue };
        let takes_over = context.cast.is_subject_form(&part[begin..begin + length])
            && part.get(begin + length).is_some_and(|next| may_be_predicate(&next.lower))
            && find_predicate(&part[start..at]).is_some();
        if !takes_over {
            continue;
        }
        clauses.extend(simple(&part[start..at], context));
        context.last_actor = clauses.last().and_then(|clause| clause.actor).or(context.last_actor);
        if part[begin..].iter().any(|word| OBJECT_PRONOUNS.contains(&word.lower.as_str())) {
            if let Some(last) = clauses.last_mut() {
                last.text = join(part);
            }
            return clauses;
        }
        start = begin;
    }
    clauses.extend(simple(&part[start..], context));
    clauses
}

/// "Приложение для доставки: каталог, корзина, оплата" lists what the product has.
fn names_product(label: &[Word]) -> bool {
    let nouns = Lexicon::of(Language::Russian).product_nouns;
    label.iter().any(|word| nouns.contains(&word.lower.as_str()))
}

fn may_be_predicate(lower: &str) -> bool {
    MODALS.contains(&lower) || finite(lower).is_some() || matches!(lower, "не" | "сам" | "обязательно" | "")
}

/// Reads one clause with one subject; several clauses when the subject does several things.
fn simple(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let text = without_final_punctuation(&join(part)).to_owned();
    let (part, purpose) = cut_at(part, |lower| lower == "чтобы");
    let purpose = purpose.map(|tail| without_final_punctuation(&join(&tail[1..])).to_owned());
    let (part, condition) = cut_at(part, |lower| CONDITIONS.contains(&lower));
    let condition = condition.map(|tail| without_final_punctuation(&join(tail)).to_owned());
    let mut clauses = labelled(part, context);
    let count = clauses.len();
    for (index, clause) in clauses.iter_mut().enumerate() {
        let last = index + 1 == count;
        if count == 1 {
            clause.text.clone_from(&text);
        }
        clause.purpose = purpose.clone().filter(|purpose| last && !purpose.is_empty());
        clause.condition = clause.condition.take().or_else(|| condition.clone().filter(|_| last));
    }
    clauses
}

/// The words before and from a conjunction that follows a comma.
fn cut_at(part: &[Word], is_cut: impl Fn(&str) -> bool) -> (&[Word], Option<&[Word]>) {
    let cut = (2..part.len()).find(|index| is_cut(&part[*index].lower) && part[index - 1].ends_with_comma());
    match cut.filter(|cut| cut + 1 < part.len()) {
        Some(cut) => (&part[..cut], Some(&part[cut..])),
        None => (part, None),
    }
}

/// Reads "Подпись: предложение", "Роль: действия" and "выбирает категорию: а, б, в".
fn labelled(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let colon = part.iter().position(|word| word.text.ends_with(':')).filter(|at| at + 1 < part.len());
    let Some(colon) = colon else { return predicate(part, context) };
    let (label, rest) = part.split_at(colon + 1);
    if let Some((actor, length)) = context.cast.at(label, 0)
        && length == label.len()
    {
        return predicate(rest, Context { lead_actor: Some(actor), ..context });
    }
    let whole = without_final_punctuation(&join(part)).to_owned();
    if find_predicate(label).is_some() {
        let mut clauses = predicate(label, context);
        if let Some(last) = clauses.last_mut() {
            last.list(without_final_punctuation(&join(rest)), LISTED_LENGTH);
            last.text = whole;
        }
        return clauses;
    }
    if find_predicate(rest).is_none() && names_product(label) {
        return things::each(rest);
    }
    if find_predicate(rest).is_none() {
        let mut clause = things::exists(label);
        clause.text = whole;
        return vec![clause];
    }
    let mut clauses = predicate(rest, context);
    if let [only] = &mut clauses[..] {
        if !matches!(only.action, Action::Does { .. }) {
            only.title = titled(&join(label), TITLE_LENGTH, STOPS);
        }
        only.text = whole;
    }
    clauses
}
