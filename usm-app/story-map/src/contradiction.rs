//! Two sentences of which only one can hold: what anybody may do and only some may; what is allowed and forbidden.

use std::collections::BTreeSet;

use super::words::{content_stems, normal};

const ANYBODY: &[&str] = &[
    "anyone",
    "anybody",
    "everyone",
    "everybody",
    "any user",
    "all users",
    "without registering",
    "without registration",
    "любой",
    "каждый",
    "все пользователи",
    "без регистрации",
    "кто угодно",
];
const ONLY: &[&str] = &["only", "только", "лишь", "исключительно"];
const NEVER: &[&str] = &[
    "cannot",
    "can't",
    "must not",
    "may not",
    "never",
    "not allowed",
    "shall not",
    "нельзя",
    "не может",
    "не могут",
    "запрещено",
    "никогда",
];
/// Words of the rules themselves, by stem.
const RULES: &[&str] = &[
    "anyon",
    "anybodi",
    "everyon",
    "everybodi",
    "cannot",
    "never",
    "allow",
    "люб",
    "кажд",
    "лиш",
    "исключительн",
    "нельз",
    "никогд",
    "запрещ",
    "user",
    "regist",
    "регистрац",
    "пользовател",
    "registr",
];
/// Share of the fewer words that two opposite rules have in common.
const SAME: usize = 70;

/// What a sentence claims, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    anybody: bool,
    only: bool,
    never: bool,
    stems: BTreeSet<String>,
}

impl Claim {
    /// Of one sentence.
    pub fn of(text: &str) -> Self {
        let padded = format!(" {} ", normal(text).replace(|c: char| !c.is_alphanumeric() && c != '\'', " "));
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| padded.contains(&format!(" {phrase} ")));
        let stems = content_stems(text).into_iter().filter(|stem| !RULES.contains(&stem.as_str()));
        Self { anybody: says(ANYBODY), only: says(ONLY), never: says(NEVER), stems: stems.collect() }
    }

    /// Whether the two cannot both hold, as far as their words tell.
    pub fn contradicts(&self, other: &Self) -> bool {
        let open = self.anybody && other.only || self.only && other.anybody;
        let forbidden = self.never != other.never;
        if !open && !forbidden {
            return false;
        }
        let shared = self.stems.intersection(&other.stems).count();
        let fewest = self.stems.len().min(other.stems.len());
        let alike = self.stems.len().abs_diff(other.stems.len()) <= 1;
        let same = shared * 100 >= fewest * SAME && shared >= 2 && alike;
        fewest > 0 && (open && shared > 0 && shared * 2 >= fewest || forbidden && same)
    }
}

/// Whether two sentences cannot both hold.
///
/// ```
/// # use story_map::contradiction::contradict;
/// assert!(contradict("Anyone can vote without registering", "Only registered users can vote"));
/// assert!(!contradict("Anyone can vote", "Only managers approve reports"));
/// ```
pub fn contradict(one: &str, other: &str) -> bool {
    Claim::of(one).contradicts(&Claim::of(other))
}
