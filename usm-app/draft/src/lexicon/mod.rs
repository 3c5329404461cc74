//! Words the drafts know, as data in two languages: what headings mean, which nouns are things, how priorities are written.

mod english;
mod headings;
mod russian;

pub(crate) use headings::{Column, Part, column, part};
use story_map::{Language, Release, words::normal};

/// The words of one language.
#[derive(Debug)]
pub(crate) struct Lexicon {
    /// Openers that say nothing of the requirement.
    pub(crate) openers: &'static [&'static str],
    /// Words that stand where a subject stands and name nobody.
    pub(crate) nobody: &'static [&'static str],
    /// Nouns, in the singular, that are no role whatever they do.
    pub(crate) things: &'static [&'static str],
    /// Endings of nouns that are no roles.
    pub(crate) thing_endings: &'static [&'static str],
    /// Nouns that are roles though they end as things do.
    pub(crate) roles: &'static [&'static str],
    /// Endings of nouns that are roles.
    pub(crate) role_endings: &'static [&'static str],
    /// Verbs of which the subject is a thing.
    pub(crate) verbs_of_things: &'static [&'static str],
    /// What says that something comes first, second or late.
    pub(crate) releases: &'static [(&'static str, Release)],
    /// What says that it will not be done.
    pub(crate) excluded: &'static [&'static str],
    /// Words that promise without a measure.
    pub(crate) vague: &'static [&'static str],
    /// What forbids.
    pub(crate) prohibitions: &'static [&'static str],
    /// What the whole is called.
    pub(crate) products: &'static [&'static str],
    /// What speaks to a program and not of the product.
    pub(crate) commands: &'static [&'static str],
    /// Kinds of steps of which something concrete can go wrong, and what.
    pub(crate) suggestions: &'static [(&'static str, &'static str)],
}

impl Lexicon {
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::Russian => &russian::RUSSIAN,
            Language::English => &english::ENGLISH,
        }
    }

    /// Whether the text has one of these phrases, word by word; the last word of a phrase may go on when it ends in `*`.
    pub(crate) fn says(text: &str, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| position(text, phrase).is_some())
    }

    /// The release that a text names.
    pub(crate) fn release(&self, text: &str) -> Option<Release> {
        let count = text.split_whitespace().count();
        let says = |phrase: &str| {
            // A single word such as "later" may belong to anything inside a sentence.
            let is_loose =
                !phrase.contains([' ', '-']) && !matches!(phrase, "mvp" | "p0" | "p1" | "p2" | "p3" | "p4");
            position(text, phrase).is_some_and(|(at, length)| !is_loose || at == 0 || at + length == count)
        };
        self.releases.iter().find(|(phrase, _)| says(phrase)).map(|(_, release)| *release)
    }
}

/// Where in the words of a text a phrase stands: index of its first word, and how many words it has.
pub(crate) fn position(text: &str, phrase: &str) -> Option<(usize, usize)> {
    let words: Vec<String> = text.split_whitespace().map(bare).collect();
    let wanted: Vec<&str> = phrase.split(' ').collect();
    let fits = |word: &str, wanted: &str| match wanted.strip_suffix('*') {
        Some(stem) => word.starts_with(stem),
        None => word == wanted,
    };
    let at = words
        .windows(wanted.len())
        .position(|some| some.iter().zip(&wanted).all(|(word, wanted)| fits(word, wanted)));
    at.map(|at| (at, wanted.len()))
}

/// A word for comparison: lower case, without the marks around it.
pub(crate) fn bare(word: &str) -> String {
    normal(word.trim_matches(|c: char| !c.is_alphanumeric()))
}
