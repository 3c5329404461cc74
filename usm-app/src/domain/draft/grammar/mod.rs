//! As much morphology as the drafts need, by rule and table; where a rule would guess, it answers `None`.

pub(super) mod english;
pub(super) mod russian;

/// Whether a word, in lower case with `ё` as `е`, is a verb in the form that titles of stories begin with.
pub(in crate::domain) fn is_step(word: &str) -> bool {
    russian::is_infinitive(word) || english::class_of(word).is_some()
}
