//! Which language a text is in: Russian and English are read, every other one is named and left in its own words.

use story_map::Language;

use crate::lexicon::bare;

/// The language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tongue {
    Read(Language),
    /// Its name in English.
    Other(&'static str),
}

/// Small words by which languages of Latin letters are told.
#[rustfmt::skip]
const SMALL_WORDS: &[(&str, &[&str])] = &[
    (
        "English",
        &[
            "the", "and", "to", "of", "is", "for", "with", "are", "can", "when", "by", "in", "be", "that", "from",
            "it", "an", "or",
        ],
    ),
    (
        "German",
        &[
            "der", "die", "das", "und", "ist", "nicht", "ein", "eine", "werden", "mit", "für", "sich", "den", "dem",
            "kann", "auf", "wird",
        ],
    ),
    (
        "French",
        &[
            "le", "la", "les", "des", "est", "une", "un", "et", "pour", "dans", "du", "peut", "avec", "sur", "au",
            "il", "qui",
        ],
    ),
    (
        "Spanish",
        &[
            "el", "la", "los", "las", "una", "un", "del", "y", "para", "con", "por", "se", "que", "puede", "su", "al",
        ],
    ),
    (
        "Italian",
        &[
            "il", "lo", "gli", "una", "un", "di", "che", "per", "con", "può", "della", "del", "è", "sono", "nel",
            "dal",
        ],
    ),
    (
        "Portuguese",
        &[
            "o", "os", "uma", "um", "do", "da", "não", "para", "com", "pode", "que", "em", "ao", "seu", "são", "é",
        ],
    ),
    (
        "Dutch",
        &["de", "het", "een", "en", "van", "voor", "niet", "kan", "met", "op", "wordt", "zijn", "bij", "dat"],
    ),
    (
        "Polish",
        &["i", "w", "na", "nie", "jest", "może", "do", "się", "przez", "dla", "oraz", "z", "lub", "swoje"],
    ),
    ("Turkish", &["ve", "bir", "için", "ile", "bu", "olarak", "olan", "sonra", "kadar", "veya", "her"]),
];

impl Tongue {
    pub(crate) fn of(text: &str) -> Self {
        let count = |is: fn(char) -> bool| text.chars().filter(|c| is(*c)).count();
        let (cyrillic, latin) =
            (count(story_map::words::is_cyrillic), count(|c| c.is_ascii_alphabetic() || is_latin(c)));
        let script = SCRIPTS.iter().map(|(name, is)| (count(*is), *name)).max_by_key(|(count, _)| *count);
        if let Some((count, name)) =
            script.filter(|(count, _)| *count > 0 && *count * 2 >= cyrillic.max(latin))
        {
            let kana = text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}'));
            return Self::Other(if name == "Chinese" && kana && count > 0 { "Japanese" } else { name });
        }
        if cyrillic * 2 >= latin && cyrillic > 0 {
            let ukrainian = count(|c| matches!(c, 'і' | 'ї' | 'є' | 'ґ' | 'І' | 'Ї' | 'Є' | 'Ґ'));
            let belarusian = count(|c| matches!(c, 'ў' | 'Ў'));
            let rare = cyrillic / 100;
            return match (belarusian > rare, ukrainian > rare) {
                (true, _) => Self::Other("Belarusian"),
                (_, true) => Self::Other("Ukrainian"),
                _ => Self::Read(Language::Russian),
            };
        }
        let words: Vec<String> = text.split(|c: char| !c.is_alphabetic()).map(bare).collect();
        let hits = |small: &[&str]| words.iter().filter(|word| small.contains(&word.as_str())).count();
        let english = hits(SMALL_WORDS[0].1);
        let other =
            SMALL_WORDS[1..].iter().map(|(name, small)| (hits(small), *name)).max_by_key(|(hits, _)| *hits);
        match other {
            Some((hits, name)) if hits >= 2 && hits > english * 2 => Self::Other(name),
            _ => Self::Read(Language::English),
        }
    }

    /// The language of headings, marks and questions.
    pub(crate) fn of_labels(self) -> Language {
        match self {
            Self::Read(language) => language,
            Self::Other(_) => Language::English,
        }
    }
}

type Script = (&'static str, fn(char) -> bool);

const SCRIPTS: &[Script] = &[
    ("Chinese", |c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')),
    ("Korean", |c| matches!(c, '\u{ac00}'..='\u{d7af}')),
    ("Arabic", |c| matches!(c, '\u{600}'..='\u{6ff}')),
    ("Hebrew", |c| matches!(c, '\u{590}'..='\u{5ff}')),
    ("Greek", |c| matches!(c, '\u{370}'..='\u{3ff}')),
    ("Hindi", |c| matches!(c, '\u{900}'..='\u{97f}')),
    ("Thai", |c| matches!(c, '\u{e00}'..='\u{e7f}')),
    ("Georgian", |c| matches!(c, '\u{10a0}'..='\u{10ff}')),
    ("Armenian", |c| matches!(c, '\u{530}'..='\u{58f}')),
];

fn is_latin(c: char) -> bool {
    matches!(c, '\u{c0}'..='\u{24f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_by_letters_and_small_words() {
        for (text, expected) in [
            ("Волонтер бачить список запитів поруч", Tongue::Other("Ukrainian")),
            ("Der Kassenwart zieht die Beiträge ein und sieht die Liste", Tongue::Other("German")),
            ("El cliente reserva una mesa", Tongue::Other("Spanish")),
            ("团长发布每日商品和价格", Tongue::Other("Chinese")),
            ("Le client peut réserver une table pour ce soir", Tongue::Other("French")),
            ("SDR импортит лиды из CSV", Tongue::Read(Language::Russian)),
            ("A member books a class", Tongue::Read(Language::English)),
            ("Bluetooth audio", Tongue::Read(Language::English)),
        ] {
            assert_eq!(Tongue::of(text), expected, "{text}");
        }
    }
}
