//! Who does what in a sentence: the grammatical subject, and the rest of the sentence as it stands.

mod english;
mod known;
mod russian;
mod wish;

pub(crate) use known::{Is, Known, capitalised, key};
use story_map::Language;
pub(crate) use wish::wish;

/// What a sentence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) who: Who,
    /// What is done, a part of the sentence as it stands: without subject, "can" and "must".
    pub(crate) does: String,
    pub(crate) kind: Kind,
}

/// The subject of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// As the text names it, without article.
    Named(String),
    /// A pronoun, or nobody where a verb stands first: whoever acted before.
    Before,
    /// Nobody, or a thing.
    Nobody,
}

/// What a sentence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody does something.
    Act,
    /// Something must not be done.
    Prohibition,
    /// Something holds, of a thing or of somebody.
    Fact,
    /// No verb was found.
    Fragment,
}

pub(crate) fn said(sentence: &str, language: Language, known: &Known) -> Said {
    match language {
        Language::English => english::said(sentence, known),
        Language::Russian => russian::said(sentence, known),
    }
}

/// Places behind which another step, or another subject, begins; the words before each and behind it are parts of the sentence.
pub(crate) fn is_step(word: &str, like: &str, language: Language) -> bool {
    match language {
        Language::English => english::is_step_like(word, like),
        Language::Russian => russian::is_step_like(word, like),
    }
}

/// Where the verb stands, behind a subject of one piece.
pub(crate) fn verb_at(text: &str, language: Language, known: &Known) -> Option<usize> {
    let at = match language {
        Language::English => english::verb_at(text, known),
        Language::Russian => russian::verb_at(text),
    }?;
    let joins = |token: &str| {
        token.ends_with([',', ';'])
            || matches!(crate::lexicon::bare(token).as_str(), "and" | "or" | "и" | "или")
    };
    (!text.split_whitespace().take(at).any(joins)).then_some(at)
}

/// The words before "can", "должен", "should be able to" at the end of a line above a list.
pub(crate) fn before_modal(heading: &str, language: Language) -> Option<String> {
    let words: Vec<String> = heading.split_whitespace().map(crate::lexicon::bare).collect();
    let is_modal = |word: &String| match language {
        Language::English => english::MODALS.contains(&word.as_str()) && word != "is" && word != "are",
        Language::Russian => russian::MODALS.contains(&word.as_str()),
    };
    let at = words.iter().position(is_modal).filter(|at| (1..=4).contains(at) && words.len() - at <= 4)?;
    Some(lead_name(&heading.split_whitespace().take(at).collect::<Vec<_>>().join(" "), language))
}

/// Whether a line begins with a verb, so that who does it stands above.
pub(crate) fn begins_with_verb(text: &str, language: Language) -> bool {
    let first = text.split_whitespace().next().map(crate::lexicon::bare).unwrap_or_default();
    match language {
        Language::English => {
            let words: Vec<String> = text.split_whitespace().take(2).map(crate::lexicon::bare).collect();
            english::is_verb(&first)
                || english::MODALS.contains(&first.as_str())
                || english::is_third_person(&words)
        }
        Language::Russian => russian::is_verb(&first) || story_map::words::is_step(&first),
    }
}

/// A text without what stands before its first words of meaning.
pub(crate) fn opened<'a>(text: &'a str, openers: &[&str]) -> &'a str {
    let mut rest = text.trim();
    loop {
        rest = rest.trim_start_matches([',', '.', ':', '–', '—', '!', ' ']);
        let Some(first) = rest.split_whitespace().next() else { return rest };
        let word =
            first.trim_matches(|c: char| !c.is_alphanumeric() && c != '+').to_lowercase().replace('ё', "е");
        if !openers.contains(&word.as_str()) || rest.len() == first.len() {
            return rest;
        }
        rest = rest[first.len()..].trim_start();
    }
}

/// The role that a heading names, in the singular where its ending tells.
pub(crate) fn lead_name(heading: &str, language: Language) -> String {
    match language {
        Language::English => english::whole_name(heading),
        Language::Russian => heading.to_owned(),
    }
}
