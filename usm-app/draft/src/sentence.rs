//! Sentences: where one ends, where it can be cut, and its parts that speak of another step or of somebody else.

use story_map::Language;

use crate::{
    lexicon::bare,
    who::{self, Kind, Known, Who},
};

/// Longest title, in characters.
const TITLE: usize = 90;
/// No title is cut to less than this.
const FEWEST: usize = 24;
/// Words behind which a comma begins no step of its own.
#[rustfmt::skip]
const SUBORDINATE: &[&str] = &[
    "that", "which", "who", "when", "if", "where", "because", "so", "unless", "until", "что", "чтобы", "чтоб",
    "который", "которая", "которое", "которые", "которую", "если", "когда", "где", "как", "пока", "whether",
];
/// What points back to a word of the step before.
#[rustfmt::skip]
const PRONOUNS: &[&str] = &["it", "them", "its", "их", "его", "ее", "ней", "ним", "них", "this", "that"];
/// What joins steps and clauses.
#[rustfmt::skip]
const JOINTS: &[&str] = &["and", "и", "а", "while", "then", "затем", "потом", "also", "также"];
/// Words that end in a full stop and no sentence.
#[rustfmt::skip]
const SHORTENED: &[&str] = &[
    "e.g", "i.e", "a.m", "p.m", "etc", "vs", "no", "mr", "mrs", "dr", "т.е", "т.д", "т.п", "т.к", "напр", "др", "руб", "тыс", "см",
    "ст", "стр", "approx", "min", "max", "г", "ул", "incl",
];

/// The sentences of a paragraph, each with its final mark.
pub(crate) fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut start, mut depth) = (0usize, 0i32);
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    for (index, (at, c)) in chars.iter().enumerate() {
        match c {
            '(' | '[' | '«' | '“' => depth += 1,
            ')' | ']' | '»' | '”' => depth = (depth - 1).max(0),
            _ => {}
        }
        let next = chars.get(index + 1).map(|(_, c)| *c);
        let wide = matches!(c, '。' | '！' | '？');
        let ends = wide || matches!(c, '.' | '!' | '?' | '…') && next.is_none_or(char::is_whitespace);
        if !ends || depth > 0 && !wide {
            continue;
        }
        let end = at + c.len_utf8();
        let last = text[start..*at]
            .rsplit(char::is_whitespace)
            .next()
            .unwrap_or_default()
            .trim_start_matches('(')
            .to_lowercase();
        let is_short = *c == '.'
            && (SHORTENED.contains(&last.as_str())
                || last.chars().count() == 1 && next.is_some() && last.chars().all(char::is_alphabetic));
        if !is_short {
            found.push(text[start..end].trim().to_owned());
            start = end;
        }
    }
    found.push(text[start..].trim().to_owned());
    found.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    found
}

/// A sentence in capitals, in small letters; other ones as they are.
pub(crate) fn calm(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let capitals = text.chars().filter(|c| c.is_uppercase()).count();
    if letters > 12 && capitals * 10 > letters * 7 && text.split_whitespace().count() > 2 {
        text.to_lowercase()
    } else {
        text.to_owned()
    }
}

/// A title made of a sentence: its beginning, cut where it can be.
pub(crate) fn title(text: &str) -> String {
    let text = text
        .trim()
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '…', ' ', '。'])
        .trim_start_matches(['-', '–', '—', ' ', ',']);
    let text = who::capitalised(text);
    if text.chars().count() <= TITLE {
        return text;
    }
    let most = text.char_indices().nth(TITLE).map_or(text.len(), |(at, _)| at);
    let least = text.char_indices().nth(FEWEST).map_or(0, |(at, _)| at);
    let marks =
        [": ", "; ", ", ", " – ", " — ", " (", " so that ", " because ", " чтобы ", " which ", "，", "、"];
    let cut = marks.iter().filter_map(|mark| text[..most].rfind(mark)).filter(|at| *at >= least).max();
    match cut {
        Some(at) if balanced(&text[..at]) => text[..at].trim_end().to_owned(),
        _ => {
            let at = text[..most].rfind(char::is_whitespace).filter(|at| *at >= least).unwrap_or(most);
            format!("{}…", text[..at].trim_end_matches([' ', ',', ';', ':', '(']))
        }
    }
}

fn balanced(text: &str) -> bool {
    [('(', ')'), ('«', '»'), ('“', '”')]
        .iter()
        .all(|(open, close)| text.matches(*open).count() == text.matches(*close).count())
}

/// What a part of a sentence is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Clause {
    /// Another step of the same subject.
    Step(String),
    /// What somebody else does: a step of theirs.
    Other(String),
    /// What a thing does: what follows from the step.
    Outcome(String),
}

/// The step a sentence begins with, and the parts behind it; all of them as they stand.
pub(crate) fn clauses(does: &str, language: Language, known: &Known) -> (String, Vec<Clause>) {
    if let Some((head, list)) = enumerated(does, language) {
        return (head, list.into_iter().map(Clause::Outcome).collect());
    }
    let tokens: Vec<&str> = does.split_whitespace().collect();
    let words: Vec<String> = tokens.iter().map(|token| bare(token)).collect();
    let first_verb = words.first().cloned().unwrap_or_default();
    let (mut start, mut parts): (usize, Vec<(usize, usize, u8)>) = (0, Vec::new());
    let (mut kind, mut depth, mut subordinate) = (0u8, 0i32, false);
    for at in 1..tokens.len() {
        depth += brackets(tokens[at - 1]);
        let comma = tokens[at - 1].ends_with([',', ';']);
        let joined = JOINTS.contains(&words[at].as_str());
        subordinate |= SUBORDINATE.contains(&words[at].as_str());
        if depth != 0 || !(comma || joined) {
            continue;
        }
        let from = if joined { at + 1 } else { at };
        let from = from + usize::from(words.get(from).is_some_and(|word| JOINTS.contains(&word.as_str())));
        let (Some(word), true) = (words.get(from), at - start >= 2 && tokens.len() - from >= 2) else {
            continue;
        };
        let rest = tokens[from..].join(" ");
        let of_or = words.get(from + 1).is_some_and(|next| next == "of" || next == "or");
        // What is spoken of as "it" stays beside its name.
        let of_or = of_or || words[from..].iter().take(3).any(|word| PRONOUNS.contains(&word.as_str()));
        if !subordinate && !of_or && who::is_step(word, &first_verb, language) && (comma || joined) {
            parts.push((start, at, kind));
            (start, kind) = (from, 1);
        } else if comma && !SUBORDINATE.contains(&word.as_str()) {
            let next = who::said(&rest, language, known);
            let clear = who::verb_at(&rest, language, known).is_some();
            let own = match &next.who {
                _ if !clear => 0,
                Who::Named(name) if next.kind == Kind::Act && known.has(name) => 2,
                Who::Named(_) if matches!(next.kind, Kind::Act | Kind::Prohibition) => 3,
                Who::Nobody if next.kind == Kind::Fact || next.kind == Kind::Act && next.does == rest => 3,
                Who::Before if next.does != rest => 3,
                _ => 0,
            };
            if own > 0 {
                parts.push((start, at, kind));
                (start, kind, subordinate) = (from, own, false);
            }
        }
    }
    parts.push((start, tokens.len(), kind));
    let text =
        |from: usize, to: usize| tokens[from..to].join(" ").trim_end_matches([',', ';', '.', ' ']).to_owned();
    let mut found = parts.into_iter().map(|(from, to, kind)| (text(from, to), kind));
    let head = found.next().map(|(text, _)| text).unwrap_or_default();
    let rest = found.map(|(text, kind)| match kind {
        1 => Clause::Step(text),
        2 => Clause::Other(text),
        _ => Clause::Outcome(text),
    });
    (head, rest.collect())
}

/// "заявляет о случае: выбирает полис, описывает событие": what stands before the colon, and the steps behind it.
fn enumerated(does: &str, language: Language) -> Option<(String, Vec<String>)> {
    let (head, rest) = does.split_once(": ")?;
    let parts: Vec<String> = rest
        .split([',', ';'])
        .map(|part| part.trim().trim_end_matches('.').to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    let all_steps = parts.len() > 1
        && parts.iter().all(|part| {
            who::begins_with_verb(part.trim_start_matches("и ").trim_start_matches("and "), language)
        });
    (all_steps && head.split_whitespace().count() > 1).then(|| (head.to_owned(), parts))
}

fn brackets(token: &str) -> i32 {
    let count = |marks: [char; 2]| i32::try_from(token.matches(marks).count()).unwrap_or(0);
    count(['(', '«']) - count([')', '»'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use story_map::Language::{English, Russian};

    #[test]
    fn sentences_end_at_their_marks_and_not_in_numbers_or_short_words() {
        assert_eq!(sentences("Pays 3.50 EUR, e.g. by card. Then leaves!").len(), 2);
        assert_eq!(sentences("居民下单并付款。司机送货。").len(), 2);
        assert_eq!(sentences("BOOK NOW. walker accepts").len(), 2);
    }

    #[test]
    fn steps_of_one_subject_are_told_apart_and_words_with_one_object_are_not() {
        let steps = |text, language| clauses(text, language, &Known::default());
        let (head, rest) =
            steps("create an event, upload the hall plan and set prices for every zone", English);
        assert_eq!(head, "create an event");
        assert_eq!(
            rest,
            [Clause::Step("upload the hall plan".into()), Clause::Step("set prices for every zone".into())]
        );
        assert_eq!(steps("выдаёт и отзывает роли", Russian).1, []);
        assert_eq!(
            steps("выбирает дату, время и оплачивает заказ", Russian).1,
            [Clause::Step("оплачивает заказ".into())]
        );
        assert_eq!(steps("sees the price, name and photo of the item", English).1, []);
    }

    #[test]
    fn what_a_thing_does_follows_from_the_step() {
        let (head, rest) = clauses(
            "загружает список из Excel, система показывает ошибки по строкам",
            Russian,
            &Known::default(),
        );
        assert_eq!(
            (head.as_str(), rest),
            (
                "загружает список из Excel",
                vec![Clause::Outcome("система показывает ошибки по строкам".into())]
            )
        );
        let (_, rest) =
            clauses("ставит ингредиент на стоп, и он пропадает из меню", Russian, &Known::default());
        assert_eq!(rest, [Clause::Outcome("он пропадает из меню".into())]);
        let (head, rest) = clauses(
            "заявляет о случае: выбирает полис, прикладывает до 20 фото.",
            Russian,
            &Known::default(),
        );
        assert_eq!((head.as_str(), rest.len()), ("заявляет о случае", 2));
    }

    #[test]
    fn a_long_title_is_cut_where_a_part_ends() {
        let long = "Gets a one-time code by SMS and push when the parcel is in the locker, and keeps it for the whole of the day";
        assert_eq!(title(long), "Gets a one-time code by SMS and push when the parcel is in the locker");
    }
}
