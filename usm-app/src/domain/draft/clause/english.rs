//! English sentences: subject, predicate, conditions, and the same words as a wish.

use super::{Action, Clause, Context, TITLE_LENGTH, at_semicolons, titled, without_brackets};
use crate::domain::draft::grammar::english::{base_of, class_of, guessed_base, is_participle, singular_noun};
use crate::domain::draft::language::Language;
use crate::domain::draft::lexicon::{Lexicon, VerbClass};
use crate::domain::draft::words::{
    Word, capitalised, join, normal, uncapitalised, without_final_punctuation, words,
};

const MODALS: &[&str] = &[
    "can", "could", "may", "must", "should", "shall", "will", "would", "might", "cannot", "can't", "won't",
    "mustn't",
];
const MODALS_WITH_TO: &[&str] = &["need", "needs", "want", "wants", "has", "have", "like", "wish", "wishes"];
const BE: &[&str] = &["is", "are", "was", "were"];
const RELATIVES: &[&str] = &["that", "which", "who", "whom", "whose", "where"];
const CONDITIONS: &[&str] = &["if", "unless", "when", "once", "until", "while", "whenever"];
const OBJECT_PRONOUNS: &[&str] = &["it", "them", "him", "her"];
const SUBJECT_PRONOUNS: &[&str] = &["they", "he", "she", "it"];
const DETERMINERS: &[&str] = &[
    "a", "an", "the", "each", "every", "any", "all", "only", "another", "our", "some", "no", "both", "their",
    "this", "these",
];
const BUILDING: &[&str] =
    &["add", "build", "support", "provide", "implement", "include", "offer", "introduce"];
const EMPHASIS: &[&str] = &[
    "also",
    "then",
    "always",
    "automatically",
    "immediately",
    "only",
    "easily",
    "simply",
    "—",
    "–",
    "-",
    "",
];
const PREPOSITIONS: &[&str] = &[
    "at", "in", "on", "for", "after", "before", "during", "with", "without", "from", "by", "to", "of",
    "within", "under", "over", "above", "below", "between", "through", "per", "into", "about", "as", "via",
    "using",
];
const OPENINGS: &[&[&str]] = &[
    &["in", "the", "future"],
    &["in", "a", "future", "version"],
    &["in", "the", "first", "version"],
    &["in", "addition"],
    &["it", "would", "be", "nice", "to"],
    &["it", "would", "be", "nice", "if"],
    &["would", "be", "nice", "to"],
    &["nice", "to", "have"],
    &["later"],
    &["later", "on"],
    &["also"],
    &["and"],
    &["but"],
    &["then"],
    &["eventually"],
    &["ideally"],
    &["optionally"],
    &["important"],
    &["mvp"],
    &["finally"],
    &["additionally"],
    &["plus"],
    &["please"],
    &["optional"],
    &["required"],
    &["must-have"],
];
const REMARKS: &[&str] = &[
    "would be nice to have",
    "would be nice",
    "can come later",
    "could come later",
    "comes later",
    "can wait",
    "may come later",
    "is nice to have",
    "are nice to have",
    "is optional",
    "are optional",
];

/// Where a title may be cut.
pub(super) const STOPS: &[&str] = &[
    "at", "in", "on", "for", "after", "before", "during", "with", "without", "from", "by", "to", "within",
    "under", "over", "above", "below", "between", "through", "per", "into", "about", "as", "and", "or",
    "but", "if", "unless", "when", "once", "until", "while", "so", "that", "which", "who", "a", "an", "the",
    "of", "each", "every", "is", "are", "—", "–", "-", "than",
];

pub(super) fn analyse(sentence: &str, context: Context<'_>) -> Vec<Clause> {
    let text = without_brackets(sentence);
    let mut clauses = Vec::new();
    let mut context = context;
    for part in at_semicolons(words(&text)) {
        let found = with_opening(&part, context);
        context.last_actor = found.iter().rev().find_map(|clause| clause.actor).or(context.last_actor);
        clauses.extend(found);
    }
    clauses
}

/// Sets aside openings, remarks, conditions and settings before the comma, then reads the main clauses.
fn with_opening(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let part = without_remark(without_openings(part));
    let first = part.first().map(|word| word.lower.as_str()).unwrap_or_default();
    let comma = part.iter().position(Word::ends_with_comma).filter(|comma| comma + 1 < part.len());
    if let Some(comma) = comma {
        let opening = uncapitalised(without_final_punctuation(&join(&part[..=comma])));
        let rest = &part[comma + 1..];
        let rest = if rest[0].lower == "then" && rest.len() > 1 { &rest[1..] } else { rest };
        let whole = join(&part);
        if CONDITIONS.contains(&first) {
            let mut clauses = by_subject(rest, context);
            for clause in &mut clauses {
                clause.condition = Some(opening.clone());
                clause.text.clone_from(&whole);
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

#[derive(Debug, Clone, Copy)]
enum Predicate {
    Modal(usize),
    Be(usize),
    /// A verb in the third person singular or plural.
    Verb(usize),
    /// A base form that opens the clause.
    Base,
}

impl Predicate {
    fn at(self) -> usize {
        match self {
            Self::Modal(at) | Self::Be(at) | Self::Verb(at) => at,
            Self::Base => 0,
        }
    }
}

/// The role at the head of these words and where it ends: "every new member" is a member.
fn subject_role(part: &[Word], context: Context<'_>) -> Option<(Option<usize>, usize, bool)> {
    let first = part.first()?.lower.as_str();
    if matches!(first, "they" | "he" | "she") {
        return context.last_actor.map(|actor| (Some(actor), 1, first == "they"));
    }
    if first == "i" || first == "we" {
        return Some((None, 1, true));
    }
    for index in 0..part.len().min(4) {
        if let Some((actor, length)) = context.cast.at(part, index) {
            let last = &part[index + length - 1];
            let plural = singular_noun(&last.lower) != last.lower
                || ["staff", "people", "children", "everyone"].contains(&last.lower.as_str());
            return Some((Some(actor), index + length, plural));
        }
        let lower = part[index].lower.as_str();
        if PREPOSITIONS.contains(&lower) || MODALS.contains(&lower) || part[index].ends_with_comma() {
            return None;
        }
    }
    None
}

fn find_predicate(part: &[Word], context: Context<'_>) -> Option<Predicate> {
    let first = part.first()?.lower.as_str();
    let lower = |index: usize| part.get(index).map(|word| word.lower.as_str()).unwrap_or_default();
    if MODALS.contains(&first) {
        return Some(Predicate::Modal(0));
    }
    let early_modal =
        (1..part.len().min(4)).any(|index| MODALS.contains(&lower(index)) || BE.contains(&lower(index)));
    if class_of(first).is_some() && !early_modal && context.cast.at(part, 0).is_none() && !(part.len() == 1) {
        return Some(Predicate::Base);
    }
    if context.lead_actor.is_some() && base_of(first).is_some() && !early_modal {
        return Some(Predicate::Verb(0));
    }
    if let Some((_, end, plural)) = subject_role(part, context) {
        let mut at = end;
        while EMPHASIS.contains(&lower(at)) && at < part.len() || lower(at) == "not" {
            at += 1;
        }
        if MODALS.contains(&lower(at)) || MODALS_WITH_TO.contains(&lower(at)) && lower(at + 1) == "to" {
            return Some(Predicate::Modal(at));
        }
        if BE.contains(&lower(at)) {
            return Some(Predicate::Be(at));
        }
        let determined = DETERMINERS.contains(&lower(at + 1));
        let fits = if plural {
            class_of(lower(at)).is_some() || determined && !PREPOSITIONS.contains(&lower(at))
        } else {
            base_of(lower(at)).is_some() || determined && lower(at).ends_with('s')
        };
        if at < part.len() && fits {
            return Some(Predicate::Verb(at));
        }
    }
    for index in 1..part.len().min(14) {
        if RELATIVES.contains(&lower(index))
            && index > 1
            && !part[..index].iter().any(|w| DETERMINERS.contains(&w.lower.as_str()))
        {
            return None;
        }
        if MODALS.contains(&lower(index)) {
            return Some(Predicate::Modal(index));
        }
        if BE.contains(&lower(index)) && !RELATIVES.contains(&lower(index - 1)) {
            return Some(Predicate::Be(index));
        }
        let before = lower(index - 1);
        let after_noun = !DETERMINERS.contains(&before)
            && !PREPOSITIONS.contains(&before)
            && before != "and"
            && before != "or"
            && !RELATIVES.contains(&before);
        let plural_subject = part[..index].iter().any(|word| word.lower.ends_with('s'));
        let is_verb = if base_of(lower(index)).is_some() {
            !before.ends_with('s') || before.ends_with("ss")
        } else {
            class_of(lower(index)).is_some() && plural_subject && before.ends_with('s')
        };
        if after_noun && is_verb && !part[index - 1].ends_with_comma() && index + 1 < part.len() {
            return Some(Predicate::Verb(index));
        }
    }
    None
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
        matches!(pair, ("so", "that" | "they" | "i" | "we") | ("in", "order"))
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
    let mut clauses = if find_predicate(label, context).is_some() || find_predicate(rest, context).is_none() {
        predicate(label, context)
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

fn predicate(part: &[Word], context: Context<'_>) -> Vec<Clause> {
    let Some(found) = find_predicate(part, context) else { return vec![verbless(part)] };
    let lower = |index: usize| part.get(index).map(|word| word.lower.as_str()).unwrap_or_default();
    let role = subject_role(part, context).filter(|(_, end, _)| *end <= found.at());
    let actor = match role {
        Some((actor, _, _)) => actor,
        None => context.lead_actor,
    };
    match found {
        Predicate::Base => {
            if context.lead_actor.is_none() && BUILDING.contains(&lower(0)) && part.len() > 1 {
                return vec![exists(&part[1..])];
            }
            if matches!(lower(0), "allow" | "let" | "enable") {
                return allows(&part[1..], part, context);
            }
            does(part, false, context.lead_actor)
        }
        Predicate::Modal(at) => {
            let possible = part[at..].iter().take(5).position(|word| word.lower == "possible");
            if let Some(offset) = possible.filter(|offset| lower(at + offset + 1) == "to" && lower(0) == "it")
            {
                return does(&part[at + offset + 2..], false, context.lead_actor);
            }
            let mut verb = at + 1;
            while ["to", "be", "able", "also", "like", "then", "always", "easily"].contains(&lower(verb)) {
                let starts_passive = lower(verb) == "be" && lower(verb + 1) != "able";
                if starts_passive {
                    break;
                }
                verb += 1;
            }
            let negated = lower(verb) == "not" || lower(at).ends_with("not") || lower(at).ends_with("n't");
            let acts = (role.is_some() || at == 0 && context.lead_actor.is_some())
                && !negated
                && lower(verb) != "be";
            if lower(0) == "we" {
                return ours(&part[verb..]);
            }
            if acts && verb < part.len() {
                does(&part[verb..], false, actor)
            } else {
                vec![happens(part, found, role.and_then(|r| r.0))]
            }
        }
        Predicate::Be(_) => vec![happens(part, found, role.and_then(|r| r.0))],
        Predicate::Verb(at) => {
            if lower(0) == "we" {
                let to = part[at..].iter().take(3).position(|word| word.lower == "to");
                return match to {
                    Some(offset) if at + offset + 1 < part.len() => ours(&part[at + offset + 1..]),
                    _ => vec![exists(&part[at + 1..])],
                };
            }
            if matches!(guessed_base(lower(at)).as_str(), "allow" | "let" | "enable") {
                return allows(&part[at + 1..], part, context);
            }
            let acts = role.is_some() || at == 0;
            let singular = role.is_none_or(|(_, _, plural)| !plural);
            if acts { does(&part[at..], singular, actor) } else { vec![happens(part, found, None)] }
        }
    }
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
    if let Some((actor, end, _)) = subject_role(rest, context) {
        let verb = end + usize::from(rest.get(end).is_some_and(|word| word.lower == "to"));
        if verb < rest.len() {
            return does(&rest[verb..], false, actor);
        }
    }
    vec![rule(&without_final_punctuation(&join(whole)).to_owned())]
}

/// What a persona does: one clause for each thing.
fn does(predicate: &[Word], singular: bool, actor: Option<usize>) -> Vec<Clause> {
    let told = told(predicate, singular);
    parts(&told)
        .into_iter()
        .map(|phrase| {
            let third = uncapitalised(without_final_punctuation(&join(phrase)));
            let own: Vec<Word> = phrase.iter().map(in_first_person).collect();
            let text = uncapitalised(without_final_punctuation(&join(&own)));
            let class = phrase.first().and_then(|word| class_of(&word.lower)).unwrap_or(VerbClass::Work);
            Clause {
                title: titled(&text, TITLE_LENGTH, STOPS),
                actor,
                about: None,
                text: third.clone(),
                action: Action::Does { phrase: text, third, setting: String::new() },
                class,
                condition: None,
                purpose: None,
            }
        })
        .collect()
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
        let is_base = class_of(&told[at].lower).is_some();
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

/// What should happen, as the object of "I want".
fn happens(part: &[Word], found: Predicate, about: Option<usize>) -> Clause {
    let statement = without_final_punctuation(&join(part)).to_owned();
    let lower_statement = uncapitalised(&statement);
    let wish = wish(part, found).unwrap_or_else(|| format!("to be sure that {lower_statement}"));
    let class = match found {
        Predicate::Verb(at) => base_of(&part[at].lower).and_then(|base| class_of(&base)),
        _ => None,
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
    }
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
    if at == 0 || says_more {
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

fn verbless(part: &[Word]) -> Clause {
    let text = without_final_punctuation(&join(part)).to_owned();
    let first = part.first().map(|word| word.lower.as_str()).unwrap_or_default();
    let nominal = !PREPOSITIONS.contains(&first) && !["not", "only", "no", "as"].contains(&first);
    if nominal { exists(part) } else { rule(&text) }
}

fn exists(part: &[Word]) -> Clause {
    let thing = without_final_punctuation(&join(part)).to_owned();
    let lower = uncapitalised(&thing);
    thing_clause(&thing, Action::Exists { wish: lower.clone(), thing: lower })
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
