//! Which language a text is written in, judged by the share of its letters.

use story_map::words::is_cyrillic;

/// A language the drafts can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Russian.
    Russian,
    /// English; also the answer for a text with no letters of either script.
    English,
}

impl Language {
    /// The language of the majority of the letters: Cyrillic means Russian, everything else English.
    ///
    /// A tie goes to Russian: Latin product names and abbreviations are usual in Russian texts, not the reverse.
    pub fn detect(text: &str) -> Self {
        let (mut cyrillic, mut latin) = (0usize, 0usize);
        for letter in text.chars() {
            if is_cyrillic(letter) {
                cyrillic += 1;
            } else if letter.is_ascii_alphabetic() {
                latin += 1;
            }
        }
        if cyrillic > 0 && cyrillic >= latin { Self::Russian } else { Self::English }
    }
}

impl Language {
    /// The one of two texts that is in this language.
    pub(super) fn pick(self, russian: &'static str, english: &'static str) -> &'static str {
        match self {
            Self::Russian => russian,
            Self::English => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_majority_of_letters_decides() {
        assert_eq!(Language::detect("Клиент платит через Apple Pay"), Language::Russian);
        assert_eq!(Language::detect("The «Мир» card is accepted everywhere"), Language::English);
        assert_eq!(Language::detect("12345"), Language::English);
    }
}
