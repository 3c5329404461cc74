//! Roles and things a text makes known, and what a noun is when the text does not say.

use std::collections::{HashMap, HashSet};

use story_map::{
    Language,
    words::{is_cyrillic, normal, stem},
};

use crate::lexicon::{Lexicon, bare};

/// What a subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    Role,
    Thing,
    Unknown,
}

/// What is known of the nouns of a text.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Names of roles by their key, as they are shown.
    roles: HashMap<String, String>,
    /// How often each was met.
    things: HashSet<String>,
}

/// What the singular and the plural of a name have in common.
pub(crate) fn key(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let stems: Vec<String> = words.map(|word| stem(&singular(&normal(word)))).collect();
    stems.join(" ")
}

impl Known {
    /// Notes words that stand where only things stand: what somebody enters, or goes into.
    pub(crate) fn see_things(&mut self, text: &str) {
        let words: Vec<String> = text.split_whitespace().map(bare).collect();
        for pair in words.windows(2) {
            if super::russian::is_verb(&pair[0]) && pair[1].chars().next().is_some_and(is_cyrillic) {
                // The accusative of a man is not his nominative.
                self.things.insert(pair[1].clone());
            }
        }
        for triple in words.windows(3) {
            let into = matches!(triple[0].as_str(), "in" | "into" | "inside" | "on" | "per" | "via");
            if into && matches!(triple[1].as_str(), "a" | "an" | "the" | "any" | "each") {
                self.things.insert(singular(&triple[2]));
            }
        }
    }

    /// A thing that the text itself explains.
    pub(crate) fn add_thing(&mut self, name: &str) {
        self.things.insert(singular(&normal(name)));
    }

    /// A role that the text itself names as one.
    pub(crate) fn add(&mut self, name: &str) {
        let shown = capitalised(name);
        match self.roles.get_mut(&key(name)) {
            // The shorter form is the singular.
            Some(known) if shown.chars().count() < known.chars().count() => *known = shown,
            Some(_) => {}
            None => drop(self.roles.insert(key(name), shown)),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.roles.contains_key(&key(name))
    }

    /// A name as it is shown, the same for singular and plural.
    pub(crate) fn shown(&self, name: &str) -> String {
        self.roles.get(&key(name)).cloned().unwrap_or_else(|| capitalised(name))
    }

    /// What the words of a subject are; `head` is the noun among them.
    pub(crate) fn judge(&self, subject: &str, head: &str, language: Language) -> Is {
        let lexicon = Lexicon::of(language);
        let head = singular(&bare(head));
        let any = |words: &[&str]| words.contains(&head.as_str());
        let ends =
            |endings: &[&str]| endings.iter().any(|end| head.len() > end.len() + 2 && head.ends_with(end));
        if self.has(subject) || any(lexicon.roles) {
            return Is::Role;
        }
        if any(lexicon.things) || any(lexicon.nobody) {
            return Is::Thing;
        }
        if ends(lexicon.role_endings) {
            return Is::Role;
        }
        if self.things.contains(&head) || ends(lexicon.thing_endings) || head.chars().all(|c| c.is_numeric())
        {
            return Is::Thing;
        }
        Is::Unknown
    }
}

/// The singular of an English noun, by its ending; other words as they are.
pub(crate) fn singular(word: &str) -> String {
    const IRREGULAR: [(&str, &str); 6] = [
        ("people", "people"),
        ("children", "child"),
        ("men", "man"),
        ("women", "woman"),
        ("staff", "staff"),
        ("sales", "sales"),
    ];
    if let Some((_, one)) = IRREGULAR.iter().find(|(many, _)| *many == word) {
        return (*one).to_owned();
    }
    let keeps =
        ["ss", "us", "is", "ous"].iter().any(|end| word.ends_with(end)) || !word.is_ascii() || word.len() < 4;
    match word {
        word if keeps => word.to_owned(),
        word if word.ends_with("ies") => format!("{}y", &word[..word.len() - 3]),
        word if ["ches", "shes", "sses", "xes"].iter().any(|end| word.ends_with(end)) => {
            word[..word.len() - 2].to_owned()
        }
        word => word.strip_suffix('s').unwrap_or(word).to_owned(),
    }
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
