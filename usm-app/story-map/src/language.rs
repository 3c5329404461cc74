//! The language a text is in, as far as labels and headings need it.

use serde::{Deserialize, Serialize};

/// A language the labels of a wireframe exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Russian.
    Russian,
    /// English, also the answer for texts without letters.
    English,
}

impl Language {
    /// The language of `text`, by its letters. Latin names amid Russian words do not make a text English.
    pub fn of(text: &str) -> Self {
        let (mut cyrillic, mut latin) = (0usize, 0usize);
        for c in text.chars() {
            match c {
                'а'..='я' | 'А'..='Я' | 'ё' | 'Ё' => cyrillic += 1,
                'a'..='z' | 'A'..='Z' => latin += 1,
                _ => {}
            }
        }
        if cyrillic > 0 && cyrillic * 2 >= latin { Self::Russian } else { Self::English }
    }

    /// The one of two texts that is in this language.
    pub fn pick(self, russian: &'static str, english: &'static str) -> &'static str {
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
    fn latin_names_do_not_make_a_russian_text_english() {
        assert_eq!(Language::of("Оплата через Apple Pay"), Language::Russian);
        assert_eq!(Language::of("Pay with Мир"), Language::English);
        assert_eq!(Language::of("42 %"), Language::English);
    }
}
