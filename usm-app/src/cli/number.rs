//! Reads numbers of the command line, and says what they are when they are none.

use std::{num::NonZeroU32, str::FromStr};

/// The number of a project.
pub(super) fn project(text: &str) -> Result<i64, String> {
    count(text).ok_or_else(|| {
        "a project is a number such as 1, as `usm generate` and `usm import` print it".to_owned()
    })
}

/// How many at most.
pub(super) fn limit(text: &str) -> Result<usize, String> {
    count(text).ok_or_else(not_counted)
}

/// How many a second.
pub(super) fn rate(text: &str) -> Result<NonZeroU32, String> {
    count(text).ok_or_else(not_counted)
}

fn not_counted() -> String {
    "give a whole number from 1 on".to_owned()
}

/// A whole number from 1 on, written as usual: no sign, no zeros before it.
pub(super) fn count<T: FromStr>(text: &str) -> Option<T> {
    let usual = text.starts_with(|first| matches!(first, '1'..='9'));
    usual.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_usual_number_counts() {
        assert_eq!(count::<u8>("20"), Some(20));
        for text in ["", "0", "01", "+1", "-1", "1.5", "1a", "256"] {
            assert_eq!(count::<u8>(text), None, "{text}");
        }
    }
}
