//! Russian sentences: subject, predicate, conditions, and the same words as a wish.

use super::{Action, Clause, Context, TITLE_LENGTH, at_semicolons, titled, without_brackets};
use crate::domain::draft::grammar::russian::{
    Agreement, agreement, class_of, finite, is_infinitive, nominative, past,
};
use crate::domain::draft::language::Language;
use crate::domain::draft::lexicon::{Lexicon, VerbClass};
use crate::domain::draft::words::{
    Word, capitalised, join, normal, uncapitalised, without_final_punctuation, words,
};

const MODALS: &[&str] = &[
    "может",
    "могут",
    "должен",
    "должна",
    "должно",
    "должны",
    "хочет",
    "хотят",
    "сможет",
    "смогут",
    "обязан",
    "обязаны",
    "умеет",
];
const IMPERSONAL: &[&str] =
    &["можно", "нужно", "надо", "необходимо", "следует", "нельзя", "требуется", "возможно"];
const NEEDED: &[&str] = &[
    "нужен",
    "нужна",
    "нужно",
    "нужны",
    "необходим",
    "необходима",
    "необходимо",
    "необходимы",
    "требуется",
    "требуются",
    "предусмотрена",
    "предусмотрен",
];
const WE: &[&str] = &["хотим", "планируем", "будем", "собираемся"];
const PRONOUNS: &[&str] = &["он", "она", "они"];
const OBJECT_PRONOUNS: &[&str] = &["его", "ее", "их", "ему", "ей", "им", "него", "нее", "них", "ним"];
const SUBORDINATE: &[&str] = &[
    "если",
    "когда",
    "пока",
    "чтобы",
    "что",
    "где",
    "кто",
    "кому",
    "как",
    "чем",
    "откуда",
    "куда",
    "зачем",
    "почему",
    "сколько",
];
const CONDITIONS: &[&str] = &["если", "когда", "пока"];
/// Verbs whose doer is the developer when no persona is named: "добавить поиск" wishes for a search.
const BUILDING: &[&str] = &[
    "добавить",
    "сделать",
    "реализовать",
    "предусмотреть",
    "обеспечить",
    "поддержать",
    "внедрить",
    "разработать",
    "создать",
    "поддерживать",
    "иметь",
];
const ADVERBS: &[&str] = &[
    "не",
    "автоматически",
    "сразу",
    "также",
    "всегда",
    "только",
    "временно",
    "уже",
    "обязательно",
    "сам",
    "сама",
    "сами",
    "самостоятельно",
    "потом",
    "затем",
    "ежедневно",
    "отдельно",
    "тоже",
    "все",
    "еще",
    "раз",
    "заново",
];
/// Said of whoever acts, lost without harm in a wish.
const EMPHASIS: &[&str] = &["сам", "сама", "сами", "также", "обязательно", "тоже", "—", "–", "-", ""];
const PREPOSITIONS: &[&str] = &[
    "в",
    "во",
    "на",
    "по",
    "с",
    "со",
    "к",
    "ко",
    "о",
    "об",
    "от",
    "до",
    "из",
    "за",
    "для",
    "при",
    "через",
    "без",
    "над",
    "под",
    "перед",
    "между",
    "у",
    "после",
    "около",
    "вместо",
    "кроме",
    "про",
    "согласно",
    "вслед",
    "раз",
];
const OPENINGS: &[&[&str]] = &[
    &["в", "будущем"],
    &["в", "дальнейшем"],
    &["в", "перспективе"],
    &["в", "первой", "версии"],
    &["в", "следующей", "версии"],
    &["во", "второй", "очереди"],
    &["на", "первом", "этапе"],
    &["кроме", "того"],
    &["при", "этом"],
    &["было", "бы", "хорошо"],
    &["было", "бы", "здорово"],
    &["хорошо", "бы"],
    &["хотелось", "бы"],
    &["после", "этого"],
    &["по", "возможности"],
    &["в", "первую", "очередь"],
    &["также"],
    &["еще"],
    &["позже"],
    &["желательно"],
    &["обязательно"],
    &["потом"],
    &["затем"],
    &["далее"],
    &["и"],
    &["а"],
    &["но"],
    &["важно"],
    &["опционально"],
    &["чтобы"],
    &["mvp"],
    &["мвп"],
    &["дополнительно"],
    &["наконец"],
    &["плюс"],
    &["критично"],
    &["роль"],
];

/// Where a title may be cut.
pub(super) const STOPS: &[&str] = &[
    "в",
    "во",
    "на",
    "по",
    "с",
    "со",
    "к",
    "о",
    "об",
    "от",
    "до",
    "из",
    "за",
    "для",
    "при",
    "через",
    "без",
    "под",
    "перед",
    "между",
    "у",
    "после",
    "и",
    "или",
    "а",
    "но",
    "чтобы",
    "если",
    "когда",
    "пока",
    "который",
    "которая",
    "которое",
    "которые",
    "которых",
    "где",
    "что",
    "—",
    "–",
    "-",
    "не",
    "только",
    "прямо",
    "каждый",
    "каждого",
    "каждому",
    "каждом",
];

pub(super) fn analyse(sentence: &str, context: Context<'_>) -> Vec<Clause> {
    let text = without_brackets(sentence);
    let mut clauses = Vec::new();
    let mut context = context;
    for part in at_semicolons(words(&text)) {
        let found = with_condition(&part, context);
        context.last_actor = found.iter().rev().find_map(|clause| clause.actor).or(context.last_actor);
        clauses.extend(found);
    }
    clauses
}

/// Sets aside openings, remarks and conditions, then reads the main clauses.
fn with_condition(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let part = without_remark(without_openings(part));
    let leads = part.first().is_some_and(|word| CONDITIONS.contains(&word.lower.as_str()));
    if leads
        && let Some(comma) =
            part.iter().position(Word::ends_with_comma).filter(|comma| comma + 1 < part.len())
    {
        let condition = without_final_punctuation(&join(&part[..=comma])).to_owned();
        let rest = &part[comma + 1..];
        let rest = if rest[0].lower == "то" && rest.len() > 1 { &rest[1..] } else { rest };
        let mut clauses = by_subject(rest, context);
        for clause in &mut clauses {
            clause.condition = Some(uncapitalised(&condition));
            clause.text = join(&part);
        }
        return clauses;
    }
    by_subject(&part, context)
}

fn without_openings(part: &[Word]) -> &[Word] {
    let mut rest = part;
    while rest.len() > 1 {
        let dash = rest[0].lower.is_empty();
        let length = OPENINGS.iter().find(|opening| {
            rest.len() > opening.len()
                && opening.iter().zip(rest).all(|(expected, word)| word.lower == *expected)
        });
        match (length, dash) {
            (Some(opening), _) => rest = &rest[opening.len()..],
            (None, true) => rest = &rest[1..],
            (None, false) => break,
        }
    }
    rest
}

/// "Рассрочка — в будущем": what stands behind the last dash about urgency is no part of the wish.
fn without_remark(part: &[Word]) -> Vec<Word> {
    let lexicon = Lexicon::of(Language::Russian);
    if let Some(dash) = part.iter().rposition(|word| word.lower.is_empty()).filter(|dash| *dash > 0) {
        let tail = normal(&join(&part[dash + 1..]));
        let urgency = lexicon.later.iter().chain(lexicon.next_release).chain(lexicon.must);
        if tail.split(' ').count() <= 5 && urgency.into_iter().any(|phrase| tail.contains(phrase)) {
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
        if at <= start + 1 {
            continue;
        }
        let joins = matches!(part[at].lower.as_str(), "а" | "и" | "но");
        let begin = at + usize::from(joins);
        if !(part[at - 1].ends_with_comma() || joins) || part[at - 1].text.ends_with(':') {
            continue;
        }
        let Some((_, length)) = context.cast.at(part, begin) else { continue };
        let takes_over = context.cast.is_subject_form(&part[begin..begin + length])
            && part.get(begin + length).is_some_and(|next| is_predicate(&next.lower))
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

fn is_predicate(lower: &str) -> bool {
    MODALS.contains(&lower)
        || finite(lower).is_some()
        || matches!(lower, "не" | "сам" | "обязательно" | "—" | "")
}

enum Predicate {
    Modal(usize),
    Impersonal(usize),
    We(usize),
    Finite(usize, bool),
    Infinitive(usize),
}

fn find_predicate(part: &[Word]) -> Option<Predicate> {
    for (index, word) in part.iter().enumerate().take(16) {
        let lower = word.lower.as_str();
        if index > 0 && (lower.starts_with("котор") || SUBORDINATE.contains(&lower)) {
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
    }
    None
}

/// Reads one clause with one subject; several clauses when the subject does several things.
fn simple(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let text = without_final_punctuation(&join(part)).to_owned();
    let (part, purpose) = cut_at(part, |lower| lower == "чтобы");
    let purpose =
        purpose.map(|tail| without_final_punctuation(&join(&tail[1..])).to_owned()).filter(|p| !p.is_empty());
    let (part, condition) = cut_at(part, |lower| CONDITIONS.contains(&lower));
    let condition = condition.map(|tail| without_final_punctuation(&join(tail)).to_owned());
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
    let Some(colon) = part.iter().position(|word| word.text.ends_with(':')).filter(|at| at + 1 < part.len())
    else {
        return predicate(part, context);
    };
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
            last.text = whole;
        }
        return clauses;
    }
    let title = titled(&join(label), TITLE_LENGTH, STOPS);
    if find_predicate(rest).is_none() {
        let mut clause = exists(label);
        clause.text = whole;
        return vec![clause];
    }
    let mut clauses = predicate(rest, context);
    if let [only] = &mut clauses[..] {
        only.title = title;
        only.text = whole;
    }
    clauses
}

fn predicate(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let Some(found) = find_predicate(part) else { return vec![verbless(part)] };
    match found {
        Predicate::Modal(at) => modal(part, at, context),
        Predicate::Impersonal(at) => impersonal(part, at, context),
        Predicate::We(at) => {
            let rest = &part[at + 1..];
            let owner = Context { lead_actor: Some(context.owner), ..context };
            match find_predicate(rest) {
                Some(Predicate::Infinitive(_)) => does(rest, &[], owner.lead_actor),
                _ => vec![happens(part, None)],
            }
        }
        Predicate::Finite(at, state) => finite_clause(part, at, state, context),
        Predicate::Infinitive(at) => infinitive_clause(part, at, context),
    }
}

/// Who is the subject among these words, and the words that are not their name.
fn subject(before: &[Word], context: Context<'_>) -> (Option<usize>, Vec<Word>) {
    for index in 0..before.len() {
        if PRONOUNS.contains(&before[index].lower.as_str()) && context.last_actor.is_some() {
            let rest =
                before.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, word)| word.clone());
            return (context.last_actor, rest.collect());
        }
        let Some((actor, length)) = context.cast.at(before, index) else { continue };
        let after_preposition = index > 0 && PREPOSITIONS.contains(&before[index - 1].lower.as_str());
        if context.cast.is_subject_form(&before[index..index + length]) && !after_preposition {
            let mut rest: Vec<Word> = before[..index].to_vec();
            // An adjective before the name ("новый клиент") belongs to it, as does whatever narrows it behind it.
            if index == 1 && crate::domain::draft::grammar::russian::is_adjective(&before[0].lower) {
                rest.clear();
            }
            rest.extend(before[index + length..].iter().cloned());
            return (Some(actor), rest);
        }
    }
    (None, before.to_vec())
}

fn modal(part: &[Word], at: usize, context: Context<'_>) -> Vec<Clause> {
    let before = &part[..at];
    let negated = before.last().is_some_and(|word| word.lower == "не");
    let (actor, rest) = subject(before, context);
    let actor = actor.or_else(|| context.lead_actor.filter(|_| meaningful(&rest).is_empty()));
    let after = &part[at + 1..];
    let Some(verb) =
        after.iter().take(6).position(|word| is_infinitive(&word.lower) && word.lower != "иметь")
    else {
        return vec![happens(part, actor)];
    };
    match actor {
        Some(actor) if !negated && after[verb].lower != "быть" => {
            let skip = after.iter().position(|word| word.lower == "возможность").map_or(0, |index| index + 1);
            let from = if skip <= verb { skip } else { 0 };
            does(&after[from..], &rest, Some(actor))
        }
        _ => vec![happens(part, actor)],
    }
}

fn impersonal(part: &[Word], at: usize, context: Context<'_>) -> Vec<Clause> {
    let word = part[at].lower.as_str();
    if word == "нельзя" {
        return vec![happens(part, None)];
    }
    let mentioned = (0..at).find_map(|index| context.cast.at(part, index));
    let actor = mentioned.map(|(actor, _)| actor).or(context.lead_actor);
    let after = &part[at + 1..];
    if let Some(first) = part[..at].first().filter(|first| is_infinitive(&first.lower)) {
        let all: Vec<Word> = part[..at].iter().chain(after).cloned().collect();
        let _ = first;
        return does(&all, &[], context.lead_actor);
    }
    let verb = after.iter().take(5).position(|word| is_infinitive(&word.lower));
    let wants_possibility = after.first().is_some_and(|word| word.lower == "возможность");
    match verb {
        Some(verb) if verb <= 1 || wants_possibility => {
            let name: usize = mentioned.map_or(0, |(_, length)| length);
            let before: Vec<Word> =
                if mentioned.is_some() && at == name { Vec::new() } else { part[..at].to_vec() };
            let phrase = &after[if wants_possibility { 1 } else { 0 }..];
            if actor.is_none() && BUILDING.contains(&after[verb].lower.as_str()) {
                return vec![exists_accusative(&after[verb + 1..])];
            }
            does(phrase, &before, actor)
        }
        _ if NEEDED.contains(&word) && !after.is_empty() => {
            let mut clause = exists(after);
            clause.actor = actor;
            vec![clause]
        }
        _ => vec![happens(part, actor)],
    }
}

fn finite_clause(part: &[Word], at: usize, state: bool, context: Context<'_>) -> Vec<Clause> {
    let (actor, rest) = subject(&part[..at], context);
    let negated = at > 0 && part[at - 1].lower == "не";
    let actor = actor.or_else(|| context.lead_actor.filter(|_| meaningful(&rest).is_empty() && !state));
    match actor {
        Some(actor) if !state && !negated => does(&part[at..], &rest, Some(actor)),
        Some(actor) => vec![happens(part, Some(actor))],
        None => vec![happens(part, None)],
    }
}

fn infinitive_clause(part: &[Word], at: usize, context: Context<'_>) -> Vec<Clause> {
    let opens_with_thing = at > 0
        && part[0].lower != "возможность"
        && meaningful(&part[..at]).iter().any(|word| {
            !PREPOSITIONS.contains(&word.lower.as_str())
                && context.cast.at(std::slice::from_ref(*word), 0).is_none()
        });
    if opens_with_thing && !PREPOSITIONS.contains(&part[0].lower.as_str()) {
        return vec![verbless(part)];
    }
    if context.lead_actor.is_none() && BUILDING.contains(&part[at].lower.as_str()) && at + 1 < part.len() {
        let rest = &part[at + 1..];
        if rest[0].lower == "возможность" && rest.get(1).is_some_and(|word| is_infinitive(&word.lower))
        {
            return does(&rest[1..], &[], None);
        }
        return vec![exists_accusative(rest)];
    }
    let (actor, rest) = subject(&part[..at], context);
    let rest: Vec<Word> = rest.into_iter().filter(|word| word.lower != "возможность").collect();
    does(&part[at..], &rest, actor.or(context.lead_actor))
}

fn meaningful(words: &[Word]) -> Vec<&Word> {
    words
        .iter()
        .filter(|word| !EMPHASIS.contains(&word.lower.as_str()) && !ADVERBS.contains(&word.lower.as_str()))
        .collect()
}

/// What a persona does: one clause for each thing.
fn does(predicate: &[Word], before: &[Word], actor: Option<usize>) -> Vec<Clause> {
    let kept: Vec<&Word> = before.iter().filter(|word| !EMPHASIS.contains(&word.lower.as_str())).collect();
    let is_setting = kept.first().is_some_and(|word| {
        PREPOSITIONS.contains(&word.lower.as_str()) || ADVERBS.contains(&word.lower.as_str())
    });
    let front: Vec<Word> = kept.into_iter().cloned().collect();
    let setting = if is_setting {
        uncapitalised(&join(&front)).trim_end_matches(',').to_owned()
    } else {
        String::new()
    };
    let mut told = told(predicate);
    if !is_setting && !front.is_empty() {
        let place = told.iter().position(|word| is_infinitive(&word.lower)).map_or(0, |verb| verb + 1);
        let object = Word { text: uncapitalised(&join(&front)), lower: String::new() };
        told.insert(place, object);
    }
    parts(&told)
        .into_iter()
        .map(|phrase| {
            let class = phrase
                .iter()
                .find(|word| is_infinitive(&word.lower))
                .map_or(VerbClass::Work, |word| class_of(&word.lower));
            let text = uncapitalised(without_final_punctuation(&join(phrase)));
            let source = if setting.is_empty() { text.clone() } else { format!("{setting} {text}") };
            Clause {
                title: titled(&text, TITLE_LENGTH, STOPS),
                actor,
                about: None,
                action: Action::Does { third: text.clone(), phrase: text, setting: setting.clone() },
                class,
                condition: None,
                purpose: None,
                text: source,
            }
        })
        .collect()
}

/// Finite verbs put into the infinitive stories are told with, up to the first subordinate clause.
fn told(predicate: &[Word]) -> Vec<Word> {
    let plural = predicate.first().and_then(|word| finite(&word.lower)).map(|verb| verb.plural);
    let mut subordinate = false;
    predicate
        .iter()
        .filter(|word| word.lower != "также")
        .map(|word| {
            subordinate |= word.lower.starts_with("котор") || SUBORDINATE.contains(&word.lower.as_str());
            match finite(&word.lower).filter(|verb| !subordinate && Some(verb.plural) == plural) {
                Some(verb) => replaced(word, &verb.told),
                None => word.clone(),
            }
        })
        .collect()
}

fn replaced(word: &Word, lower: &str) -> Word {
    let tail: String = word.text.chars().rev().take_while(|c| !c.is_alphanumeric()).collect();
    let tail: String = tail.chars().rev().collect();
    let text = if word.text.chars().next().is_some_and(char::is_uppercase) {
        capitalised(lower)
    } else {
        lower.to_owned()
    };
    Word { text: format!("{text}{tail}"), lower: lower.to_owned() }
}

/// Cuts "найти ресторан и выбрать блюдо" in two; keeps together what shares an object or refers back.
fn parts(told: &[Word]) -> Vec<&[Word]> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 1;
    while at < told.len() {
        let lower = told[at].lower.as_str();
        if lower.starts_with("котор") || SUBORDINATE.contains(&lower) {
            break;
        }
        let mut joint = at;
        while joint > start
            && EMPHASIS.contains(&told[joint - 1].lower.as_str())
            && told[joint - 1].lower != "—"
            && joint > start + 1
        {
            joint -= 1;
        }
        let after_and = told[joint - 1].lower == "и"
            || joint >= 2 && told[joint - 1].lower == "потом" && told[joint - 2].lower == "и";
        let boundary = is_infinitive(lower) && (after_and || told[joint - 1].ends_with_comma());
        let end = (start..joint)
            .rev()
            .find(|index| !matches!(told[*index].lower.as_str(), "и" | "потом"))
            .map_or(start, |index| index + 1);
        let enough = end > start + 1 && told.len() > at + 1 && !told[at + 1].ends_with_comma();
        let rest_ends = told[at + 1..]
            .iter()
            .position(|word| is_infinitive(&word.lower))
            .map_or(told.len(), |next| at + 1 + next);
        let refers_back =
            told[at..rest_ends].iter().any(|word| OBJECT_PRONOUNS.contains(&word.lower.as_str()));
        if boundary && enough && !refers_back {
            parts.push(&told[start..end]);
            start = at;
        }
        at += 1;
    }
    parts.push(&told[start..]);
    parts
}

/// What should happen, said by its own words in the past tense as "чтобы" demands.
fn happens(part: &[Word], about: Option<usize>) -> Clause {
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
            if part[..index].last().is_some_and(|before| before.lower == "не")
                && lower.starts_with("мог") | lower.starts_with("мож")
            {
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
fn is_dative(lower: &str) -> bool {
    lower.ends_with(['у', 'ю']) || lower.ends_with("ам") || lower.ends_with("ям")
}

fn verbless(part: &[Word]) -> Clause {
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

fn exists_accusative(part: &[Word]) -> Clause {
    exists(&words(&nominative(&join(part))))
}

fn exists(part: &[Word]) -> Clause {
    let thing = without_final_punctuation(&join(part)).to_owned();
    let available = match part.first().map_or(Agreement::Neuter, |word| agreement(&word.lower)) {
        Agreement::Masculine => "был доступен",
        Agreement::Feminine => "была доступна",
        Agreement::Neuter => "было доступно",
        Agreement::Plural => "были доступны",
    };
    let thing_lower = uncapitalised(&thing);
    let wish = format!("{available} {thing_lower}");
    thing_clause(&thing, Action::Exists { wish, thing: thing_lower })
}

fn rule(text: &str) -> Clause {
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
    }
}
