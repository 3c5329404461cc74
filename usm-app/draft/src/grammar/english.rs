//! English verbs and nouns: base forms, singulars, articles.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::lexicon::{ENGLISH_VERBS, IRREGULAR_PARTICIPLES, VerbClass};

static CLASSES: LazyLock<HashMap<&'static str, VerbClass>> = LazyLock::new(|| {
    let mut classes = HashMap::new();
    for (class, verbs) in ENGLISH_VERBS {
        for verb in verbs.split_whitespace() {
            classes.entry(verb).or_insert(*class);
        }
    }
    classes
});

/// What kind of step a base form is; `None` when it is no verb of the table.
pub(crate) fn class_of(base: &str) -> Option<VerbClass> {
    CLASSES.get(base).copied()
}

/// Base form of a verb in the third person singular; `None` when it is no such form of a verb of the table.
pub(crate) fn base_of(word: &str) -> Option<String> {
    if word == "has" {
        return Some("have".to_owned());
    }
    let candidates = [
        word.strip_suffix("ies").map(|stem| format!("{stem}y")),
        word.strip_suffix("es").map(str::to_owned),
        word.strip_suffix('s').map(str::to_owned),
    ];
    candidates.into_iter().flatten().find(|base| CLASSES.contains_key(base.as_str()))
}

/// Base form of a word that must be a verb because of its place, by its ending.
pub(crate) fn guessed_base(word: &str) -> String {
    let hiss = ["ches", "shes", "sses", "xes", "zes", "oes"].iter().any(|end| word.ends_with(end));
    if let Some(stem) = word.strip_suffix("ies") {
        format!("{stem}y")
    } else if hiss {
        word[..word.len() - 2].to_owned()
    } else {
        word.strip_suffix('s').filter(|stem| !stem.ends_with('s')).unwrap_or(word).to_owned()
    }
}

/// Whether a word is a past participle.
pub(crate) fn is_participle(word: &str) -> bool {
    word.len() > 4 && word.ends_with("ed") || IRREGULAR_PARTICIPLES.contains(&word)
}

/// Singular of a regular plural; other words unchanged.
pub(crate) fn singular_noun(word: &str) -> String {
    if ["ss", "us", "is"].iter().any(|end| word.ends_with(end)) {
        word.to_owned()
    } else if let Some(stem) = word.strip_suffix("ies") {
        format!("{stem}y")
    } else if ["ches", "shes", "sses", "xes"].iter().any(|end| word.ends_with(end)) {
        word[..word.len() - 2].to_owned()
    } else {
        word.strip_suffix('s').unwrap_or(word).to_owned()
    }
}

/// "a" or "an" before a word, by its first letter; words such as "user" and "hour" are known.
pub(crate) fn with_article(noun: &str) -> String {
    let lower = noun.to_lowercase();
    if ["finance", "staff", "front desk", "everyone", "anyone"].contains(&lower.as_str()) {
        return if lower == "front desk" { format!("the {noun}") } else { noun.to_owned() };
    }
    let vowel = lower.starts_with(['a', 'e', 'i', 'o', 'u'])
        && !["user", "uni", "one"].iter().any(|x| lower.starts_with(x));
    let article = if vowel || lower.starts_with("hour") || lower.starts_with("honor") { "an" } else { "a" };
    format!("{article} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_lose_their_ending() {
        assert_eq!(base_of("applies").as_deref(), Some("apply"));
        assert_eq!(base_of("matches"), None);
        assert_eq!(base_of("reaches"), None);
        assert_eq!(base_of("pushes"), None);
        assert_eq!(base_of("chooses").as_deref(), Some("choose"));
        assert_eq!(guessed_base("pushes"), "push");
        assert_eq!(guessed_base("garnishes"), "garnish");
    }

    #[test]
    fn articles_follow_the_sound() {
        assert_eq!(with_article("administrator"), "an administrator");
        assert_eq!(with_article("user"), "a user");
        assert_eq!(with_article("front desk"), "the front desk");
    }
}
