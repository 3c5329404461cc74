//! Words of titles and texts: vague ones, joining ones, and what makes two titles the same.

use std::{collections::HashSet, sync::LazyLock};

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::draft::stem;

/// Words that cannot be tested, in any of their forms.
#[rustfmt::skip]
const VAGUE: &[&str] = &[
    "быстро", "удобно", "удобный", "просто", "простой", "легко", "лёгкий", "красиво", "красивый", "современный",
    "корректно", "корректный", "надёжно", "надёжный", "интуитивно", "интуитивный", "понятный", "понятно",
    "эффективно", "эффективный", "оптимально", "оптимальный", "гибко", "гибкий", "качественно", "качественный",
    "своевременно", "адекватно", "дружелюбный", "комфортно", "комфортный", "плавно", "бесшовно", "максимально",
    "fast", "quick", "quickly", "easy", "easily", "simple", "simply", "convenient", "conveniently", "intuitive",
    "intuitively", "modern", "seamless", "seamlessly", "robust", "efficient", "efficiently", "flexible", "friendly",
    "smooth", "smoothly", "optimal", "beautiful", "reliable", "reliably", "properly", "adequate", "appropriate",
    "timely", "nice",
];

/// The same in several words.
#[rustfmt::skip]
const VAGUE_PHRASES: &[&str] = &[
    "и так далее", "и т д", "и т п", "и др", "при необходимости", "по возможности", "в разумные сроки",
    "and so on", "etc", "if possible", "as needed", "if necessary", "as appropriate", "in a reasonable time",
];

/// What joins two things in a title.
const JOINING: &[&str] = &["и", "and", "&", "а также", "as well as"];

/// Names of one thing with such a word in them.
#[rustfmt::skip]
const ONE_THING: &[&str] = &[
    "вопросы и ответы", "терминов и определений", "термины и определения", "туда и обратно", "раз и навсегда",
    "terms and conditions", "drag and drop", "questions and answers", "q and a", "q & a", "black and white",
    "up and running", "back and forth", "lost and found", "trial and error", "pros and cons",
];

/// The vague words of a text as they stand in it. A text with a number in it has said what is meant, and quoted words
/// are names.
pub(super) fn vague(text: &str) -> Vec<String> {
    if text.chars().any(|c| c.is_ascii_digit()) {
        return Vec::new();
    }
    let text = normal(&unquoted(text));
    let words: Vec<&str> = text.unicode_words().collect();
    let single = words.iter().filter(|word| VAGUE_STEMS.contains(&stem(word))).map(|word| (*word).to_owned());
    let all = format!(" {} ", words.join(" "));
    let phrases = VAGUE_PHRASES.iter().filter(|phrase| all.contains(&format!(" {phrase} ")));
    single.chain(phrases.map(|phrase| (*phrase).to_owned())).collect()
}

static VAGUE_STEMS: LazyLock<HashSet<String>> =
    LazyLock::new(|| VAGUE.iter().map(|word| stem(&normal(word))).collect());

/// A title that joins two things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compound {
    pub(super) word: String,
    pub(super) first: String,
    pub(super) second: String,
}

/// The two things that a title joins, if it does; commas and lists are left alone.
pub(super) fn compound(title: &str) -> Option<Compound> {
    let lower = normal(title);
    if ONE_THING.iter().any(|name| lower.contains(name)) {
        return None;
    }
    let mut depth = 0usize;
    let mut offset = 0;
    for token in title.split_inclusive(char::is_whitespace) {
        let (start, word) = (offset, token.trim_end());
        offset += token.len();
        let opened = token.matches(['«', '“', '„', '(', '[']).count();
        let closed = token.matches(['»', '”', ')', ']']).count();
        let inside = depth > 0 || opened > closed;
        depth = (depth + opened).saturating_sub(closed);
        if inside {
            continue;
        }
        let behind = &title[start..];
        for joining in JOINING {
            let found = normal(word) == *joining
                || (joining.contains(' ') && normal(behind).starts_with(&format!("{joining} ")));
            let end = start + joining.len();
            let parts = title.get(..start).zip(title.get(end..)).filter(|_| found);
            let Some((first, second)) = parts else { continue };
            let (first, second) = (first.trim().trim_end_matches(','), second.trim());
            if letters(first) > 1 && letters(second) > 1 {
                let (first, second) = (first.to_owned(), capitalised(second));
                return Some(Compound { word: (*joining).to_owned(), first, second });
            }
        }
    }
    None
}

/// What two spellings of one title have in common.
pub(super) fn same(title: &str) -> String {
    normal(title).unicode_words().collect::<Vec<_>>().join(" ")
}

/// Letters and digits of a text.
pub(super) fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

fn normal(text: &str) -> String {
    text.to_lowercase().replace('ё', "е")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The text without what stands between quotation marks.
fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut until = None;
    for c in text.chars() {
        match until {
            Some(end) if c == end => until = None,
            Some(_) => {}
            None => {
                until = match c {
                    '«' => Some('»'),
                    '“' => Some('”'),
                    '„' => Some('“'),
                    '"' => Some('"'),
                    _ => None,
                };
                out.push(if until.is_some() { ' ' } else { c });
            }
        }
    }
    out
}
