//! Words of a statement seen apart: what it suggests, what it is about, what it says of its release.

use std::collections::BTreeSet;

use story_map::{Language, suggestion, words::content_stems};

use crate::{
    lexicon::{Lexicon, position},
    statements::Statement,
};

/// Words of time and number, by stem, that say nothing of what a story is about.
#[rustfmt::skip]
const GENERAL: &[&str] = &[
    "day", "week", "month", "year", "hour", "minut", "second", "time", "automat", "дн", "ден", "недел", "месяц",
    "год", "лет", "час", "минут", "секунд", "течен", "автоматическ", "сутк", "врем", "system", "систем", "нов",
    "new", "last", "максимальн",
];

/// What can go wrong with a step of this kind, as a marked suggestion.
pub(crate) fn suggested(title: &str, language: Language) -> Option<String> {
    let of_kind = |(verbs, _): &&(&str, &str)| {
        verbs.split('|').any(|verb| position(title, verb).is_some_and(|(at, _)| at == 0))
    };
    let (_, text) = Lexicon::of(language).suggestions.iter().find(of_kind)?;
    Some(suggestion::marked(text, language))
}

pub(super) fn is_infinitive(does: &str) -> bool {
    does.split_whitespace()
        .next()
        .is_some_and(|first| story_map::words::is_step(&crate::lexicon::bare(first)))
}

/// A statement without what belongs to its first story alone.
pub(super) fn bare(statement: &Statement) -> Statement {
    Statement { criteria: Vec::new(), ..statement.clone() }
}

/// Stems that say what a text is about, without those of the persona.
pub(super) fn stems(text: &str, persona: &str) -> BTreeSet<String> {
    let persona: BTreeSet<String> = content_stems(persona).into_iter().collect();
    let says = |stem: &String| {
        !persona.contains(stem) && !GENERAL.contains(&stem.as_str()) && !stem.chars().all(char::is_numeric)
    };
    content_stems(text).into_iter().filter(says).collect()
}

/// "We need an app for dog walkers": what the whole is, no part of it.
pub(super) fn names_product(text: &str, lexicon: &Lexicon) -> bool {
    let words: Vec<String> = text.split_whitespace().map(crate::lexicon::bare).collect();
    let wishes = [
        "нам нужен",
        "нам нужна",
        "нам нужно",
        "we need",
        "we want",
        "i need",
        "i want",
        "хочу",
        "хотим",
        "нужен",
        "нужна",
        "нужно",
        "an app",
        "мы делаем",
        "делаем",
    ];
    let opens = wishes.iter().any(|wish| words.join(" ").starts_with(wish));
    opens
        && words
            .iter()
            .skip(1)
            .take(4)
            .any(|word| lexicon.products.iter().any(|product| word.starts_with(product)))
        && !words.iter().any(|word| word == "to" || word == "чтобы")
}

pub(super) fn begins_with_condition(text: &str) -> bool {
    let first = text.split_whitespace().next().map(crate::lexicon::bare).unwrap_or_default();
    matches!(
        first.as_str(),
        "if" | "when"
            | "while"
            | "after"
            | "before"
            | "once"
            | "unless"
            | "until"
            | "если"
            | "когда"
            | "после"
            | "при"
            | "до"
            | "пока"
    )
}

/// A sentence without what it says of its release.
pub(super) fn without_notes(text: &str, language: Language) -> String {
    let lexicon = Lexicon::of(language);
    let mut text = text.trim_end_matches(['.', ';', ' ']).to_owned();
    if let Some(open) = text.rfind('(').filter(|_| text.ends_with(')')) {
        let inner = text[open + 1..text.len() - 1].to_owned();
        if lexicon.release(&inner).is_some() && inner.split_whitespace().count() <= 4 {
            text.truncate(open);
        }
    }
    let notes =
        lexicon.releases.iter().map(|(phrase, _)| *phrase).filter(|phrase| phrase.chars().count() > 2);
    for phrase in notes {
        let words: Vec<&str> = text.split_whitespace().collect();
        let Some((at, count)) = position(&text, phrase) else { continue };
        let (first, last) = (at == 0, at + count == words.len());
        let rest = if first {
            &words[count..]
        } else if last {
            &words[..at]
        } else {
            continue;
        };
        let loose = |word: &&&str| {
            matches!(
                crate::lexicon::bare(word).as_str(),
                "" | "in"
                    | "a"
                    | "the"
                    | "can"
                    | "could"
                    | "would"
                    | "be"
                    | "is"
                    | "come"
                    | "в"
                    | "во"
                    | "на"
                    | "это"
                    | "и"
                    | "и это"
            )
        };
        let kept = rest.len() - rest.iter().rev().take_while(loose).count();
        if kept >= 2 || first && kept >= 1 {
            text = rest[..kept].join(" ");
        }
    }
    text.trim().trim_matches([',', ' ', '.', '—', '–', ';']).to_owned()
}
