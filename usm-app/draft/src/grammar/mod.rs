//! As much morphology as the drafts need, by rule and table; where a rule would guess, it answers `None`.

pub(super) mod english;
pub(super) mod russian;
