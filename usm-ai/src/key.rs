//! An API key that cannot be printed by accident.

use std::fmt;

const MASK: &str = "***";

/// Keys shorter than this are only masked as a whole: their beginning may well be an ordinary word.
const SHORTEST_WITH_PREFIX: usize = 12;

/// As much of a key as services repeat in clear when they refuse it (`sk-pro****…`).
const PREFIX_LENGTH: usize = 6;

/// An API key. `Debug` and `Display` show `***`; only [`ApiKey::expose`] gives the text.
///
/// ```
/// let key = usm_ai::ApiKey::new("sk-very-secret");
/// assert_eq!(format!("{key} {key:?}"), "*** ApiKey(***)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes a key; white space around it (a line end from a file) is dropped.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into().trim().to_owned())
    }

    /// The key in clear, for the header of a request and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no key at all, as after reading an empty variable.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `text` with this key masked, also where a service repeats only the beginning of it.
    pub fn redact(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let text = text.replace(&self.0, MASK);
        if !self.0.is_ascii() || self.0.len() < SHORTEST_WITH_PREFIX {
            return text;
        }
        let prefix = &self.0[..PREFIX_LENGTH];
        let mut redacted = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find(prefix) {
            redacted.push_str(&rest[..at]);
            redacted.push_str(MASK);
            rest = rest[at + prefix.len()..]
                .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_*.".contains(c));
        }
        redacted + rest
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({MASK})")
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_keeps_a_key(key in r"[a-c]{3}-\PC{0,4}[a-c-]{0,16}", before in r"[a-c\PC]{0,20}", after in r"\PC{0,20}") {
            let key = ApiKey::new(key);
            let text = format!("{before}{}{after}", key.expose());

            let redacted = key.redact(&text);

            prop_assert!(!redacted.contains(key.expose()));
        }
    }

    #[test]
    fn a_key_repeated_whole_or_by_its_beginning_is_masked() {
        let key = ApiKey::new("sk-proj-abcdefgh12345678\n");

        assert_eq!(key.redact("key sk-proj-abcdefgh12345678 is bad"), "key *** is bad");
        assert_eq!(key.redact("key \"sk-proj-****5678\", sorry"), "key \"***\", sorry");
        assert_eq!(key.redact("nothing secret"), "nothing secret");
    }

    #[test]
    fn a_short_or_empty_key_masks_no_ordinary_words() {
        assert_eq!(ApiKey::new("ollama").redact("the ollama server, ollamas"), "the *** server, ***s");
        assert_eq!(ApiKey::new("").redact("text"), "text");
    }

    #[test]
    fn a_key_of_other_letters_is_masked_as_a_whole_only() {
        let key = ApiKey::new("ключ-ключ-ключ");

        assert_eq!(key.redact("это ключ-ключ-ключ, а это ключ-к"), "это ***, а это ключ-к");
    }
}
