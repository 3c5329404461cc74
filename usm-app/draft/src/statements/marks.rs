//! What the words at the beginning of a line mark: an agreement, a step of a scenario, a release, a command to a program.

use story_map::{Language, Release};

use crate::{
    lexicon::Lexicon,
    sentence::calm,
    who::{self, Known, Who},
};

/// What was agreed upon in a discussion.
pub(crate) fn agreed(text: &str) -> Option<&str> {
    #[rustfmt::skip]
    const OPENINGS: &[&str] = &[
        "we agreed that ", "we decided that ", "it was agreed that ", "it was decided that ", "agreed: ",
        "decided: ", "договорились, что ", "решили, что ", "решено: ", "решили: ",
    ];
    let lower = text.to_lowercase();
    let opening = OPENINGS.iter().find(|opening| lower.starts_with(**opening))?;
    text.get(opening.len()..)
}

pub(super) fn begins_with_and(text: &str) -> bool {
    let first = text.split_whitespace().next().map(crate::lexicon::bare).unwrap_or_default();
    matches!(first.as_str(), "and" | "but" | "и" | "но")
}

/// A heading without the word for what it is.
pub(super) fn titled(title: &str) -> &str {
    let marks = ["Feature:", "Epic:", "Функция:", "Эпик:", "Module:", "Модуль:"];
    marks.iter().find_map(|mark| title.strip_prefix(mark)).map_or(title, str::trim)
}

/// The release that a heading of priorities stands for: "Must", "Won't have", "Later"; `Some(None)` for what will not be done.
pub(crate) fn heading_release(title: &str) -> Option<Option<Release>> {
    #[rustfmt::skip]
    const WORDS: &[&str] = &[
        "must", "should", "could", "won't", "wont", "won’t", "have", "haves", "has", "high", "medium", "low",
        "priority", "p0", "p1", "p2", "p3", "mvp", "later", "release", "phase", "1", "2", "3", "nice", "to",
        "future", "обязательно", "желательно", "потом", "позже", "высокий", "средний", "низкий", "приоритет",
        "первая", "вторая", "третья", "очередь", "релиз", "первый", "второй", "третий", "этап",
    ];
    let words: Vec<String> =
        title.split_whitespace().map(crate::lexicon::bare).filter(|word| !word.is_empty()).collect();
    let known = !words.is_empty() && words.iter().all(|word| WORDS.contains(&word.as_str()));
    known.then(|| release_of_cell(title)).flatten()
}

/// "Out of scope: drones": what stands before the first colon, and the rest.
pub(super) fn led(text: &str) -> Option<(&str, &str)> {
    let (lead, rest) = text.split_once(": ").or_else(|| text.split_once(":** "))?;
    (lead.split_whitespace().count() <= 5 && !rest.trim().is_empty()).then(|| (lead.trim(), rest.trim()))
}

/// Whether a text is a step of a scenario, and whether it is the first.
pub(super) fn given(text: &str) -> Option<bool> {
    let lower = text.to_lowercase();
    let begins = |words: &[&str]| {
        words.iter().any(|word| lower.strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', ':'])))
    };
    if begins(&["given", "дано", "допустим"]) {
        return Some(true);
    }
    let first = begins(&["when", "когда", "если"])
        && [" then ", " тогда ", ", то "].iter().any(|word| lower.contains(word));
    if first
        && (lower.starts_with("when") || lower.starts_with("когда"))
        && (lower.contains(" then ") || lower.contains(" тогда "))
    {
        return Some(true);
    }
    begins(&["then", "тогда"])
        .then_some(false)
        .or_else(|| (begins(&["when", "когда"]) && !lower.contains(',')).then_some(false))
}

/// Whether a sentence says of the one before in which release it is, and nothing else.
pub(super) fn is_remark(text: &str, language: Language) -> bool {
    #[rustfmt::skip]
    const OPENINGS: &[&str] = &[
        "это", "this", "that", "it", "they", "these", "давайте", "let's", "in", "в", "во", "да", "yes", "not", "не",
        "mvp", "later", "потом", "позже", "for", "тоже", "then", "put", "ok", "ок",
    ];
    let opened = who::opened(text, Lexicon::of(language).openers);
    let first = opened.split_whitespace().next().map(crate::lexicon::bare).unwrap_or_default();
    let named = matches!(who::said(opened, language, &Known::default()).who, Who::Named(_));
    OPENINGS.contains(&first.as_str()) && !named
}

/// Tags and marks that speak to a program.
pub(super) fn is_machine(text: &str) -> bool {
    let roles = ["SYSTEM:", "ASSISTANT:", "USER:"];
    text.contains("<|")
        || text.starts_with("</")
        || text.starts_with('{') && text.contains("\":")
        || roles.iter().any(|role| text.starts_with(role))
}

/// The release a cell names; `Some(None)` when it says that it will not be done.
pub(crate) fn release_of_cell(cell: &str) -> Option<Option<Release>> {
    let lower = calm(cell).to_lowercase().replace('ё', "е");
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let is = |words: &[&str]| words.contains(&lower.trim());
    if says(&["won't", "wont", "won’t", "will not", "не будем", "не будет", "out of scope", "не делаем"])
    {
        return Some(None);
    }
    if says(&[
        "later",
        "could",
        "low",
        "nice",
        "future",
        "backlog",
        "p2",
        "p3",
        "p4",
        "позже",
        "потом",
        "низк",
        "желат",
        "мог",
        "третий",
        "третья",
        "phase 3",
    ]) || is(&["3", "4", "5", "c", "v3"])
    {
        return Some(Some(Release::Later));
    }
    if says(&[
        "mvp",
        "must",
        "critical",
        "blocker",
        "high",
        "p0",
        "обязат",
        "высок",
        "критич",
        "первый",
        "первая",
        "должен",
        "phase 1",
        "first",
    ]) || is(&["1", "m", "v1"])
    {
        return Some(Some(Release::Mvp));
    }
    if says(&[
        "should",
        "medium",
        "p1",
        "release",
        "средн",
        "важн",
        "второй",
        "вторая",
        "следующ",
        "phase 2",
        "second",
        "релиз",
        "след",
    ]) || is(&["2", "s", "v2", "r1", "r2"])
    {
        return Some(Some(Release::Release1));
    }
    None
}
