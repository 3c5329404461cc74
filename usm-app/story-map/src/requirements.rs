//! What a requirements text must be like before anything is made of it; one rule for the command line, the API and
//! the worker.

/// Fewest characters, without white space around the text.
pub const MIN_CHARS: usize = 10;
/// Most characters, without white space around the text.
pub const MAX_CHARS: usize = 50_000;

/// Why nothing can be made of a text, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// There is nothing but white space.
    #[error("the requirements text is empty; describe in a few sentences who uses the product and what for")]
    Empty,
    /// There are characters, but no letters.
    #[error(
        "the requirements text has no words in it; describe in a few sentences who uses the product and what for"
    )]
    NoWords,
    /// Less than [`MIN_CHARS`].
    #[error(
        "the requirements text has {} and must have at least {MIN_CHARS}; describe in a few sentences who uses the \
         product and what for", characters(*.0)
    )]
    TooShort(usize),
    /// More than [`MAX_CHARS`].
    #[error(
        "the requirements text has {} and may have at most {}; divide it, for example by part of the product, and \
         make a map of each", characters(*.0), grouped(MAX_CHARS)
    )]
    TooLong(usize),
}

/// The text without white space and byte order mark around it, if a map can be made of it.
///
/// # Errors
///
/// It is empty, has no letters, or is too short or too long.
pub fn check(text: &str) -> Result<&str, Unusable> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let chars = text.chars().count();
    match chars {
        0 => Err(Unusable::Empty),
        _ if chars > MAX_CHARS => Err(Unusable::TooLong(chars)),
        _ if !text.chars().any(char::is_alphabetic) => Err(Unusable::NoWords),
        _ if chars < MIN_CHARS => Err(Unusable::TooShort(chars)),
        _ => Ok(text),
    }
}

fn characters(count: usize) -> String {
    format!("{} character{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_usable_text_comes_back_without_what_is_around_it() {
        assert_eq!(check("\u{feff}\n Клиент платит картой. \n").unwrap(), "Клиент платит картой.");
    }

    #[test]
    fn the_limits_themselves_are_allowed() {
        assert!(check(&"ы".repeat(MIN_CHARS)).is_ok());
        assert!(check(&"ы".repeat(MAX_CHARS)).is_ok());
        assert_eq!(check(&"ы".repeat(MIN_CHARS - 1)), Err(Unusable::TooShort(9)));
        assert_eq!(check(&"ы".repeat(MAX_CHARS + 1)), Err(Unusable::TooLong(50_001)));
    }

    #[test]
    fn a_text_without_words_is_told_from_an_empty_one() {
        assert_eq!(check(" \u{feff}\n"), Err(Unusable::Empty));
        assert_eq!(check("1234567890 --- !!!"), Err(Unusable::NoWords));
    }

    #[test]
    fn a_refusal_names_both_numbers() {
        let refused = check(&"x".repeat(1_000_000)).unwrap_err().to_string();

        assert!(refused.contains("1,000,000 characters") && refused.contains("at most 50,000"), "{refused}");
    }
}
