//! Criteria that nobody asked for: each says so itself, so that it says it wherever it is shown.

use super::Language;

const MARKS: [&str; 2] = ["Предложение: ", "Suggestion: "];

/// The criterion with the mark of a suggestion.
///
/// ```
/// # use story_map::{Language, suggestion};
/// let criterion = suggestion::marked("nothing found is said so", Language::English);
/// assert_eq!(criterion, "Suggestion: nothing found is said so");
/// assert!(suggestion::is_marked(&criterion));
/// ```
pub fn marked(criterion: &str, language: Language) -> String {
    format!("{}{criterion}", language.pick(MARKS[0], MARKS[1]))
}

/// Whether a criterion is a suggestion and not from the requirements.
pub fn is_marked(criterion: &str) -> bool {
    MARKS.iter().any(|mark| criterion.starts_with(mark))
}
