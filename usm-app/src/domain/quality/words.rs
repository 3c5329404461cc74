//! Words of titles and texts: vague ones, joining ones, and what makes two titles the same.

use std::{collections::HashSet, sync::LazyLock};

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::draft::{is_step, stem};

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

/// The two things that a title joins, if it does. Lists of more are left alone, and so is what stands in quotation
/// marks or brackets.
pub(super) fn compound(title: &str) -> Option<Compound> {
    let lower = normal(title);
    if ONE_THING.iter().any(|name| lower.contains(name)) {
        return None;
    }
    let mut depth = 0usize;
    let mut start = 0;
    for token in title.split_inclusive(char::is_whitespace) {
        let opened = token.matches(['«', '“', '„', '(', '[']).count();
        let closed = token.matches(['»', '”', ')', ']']).count();
        if depth == 0 && opened <= closed {
            let found = JOINING.iter().find(|joining| begins_with(&title[start..], joining));
            if let Some(joining) = found {
                let first = title[..start].trim();
                let second: Vec<&str> =
                    title[start..].split_whitespace().skip(joining.split(' ').count()).collect();
                return halves(first, &second).map(|(first, second)| Compound {
                    word: (*joining).to_owned(),
                    first,
                    second,
                });
            }
        }
        depth = (depth + opened).saturating_sub(closed);
        start += token.len();
    }
    None
}

/// Two titles in place of one. What follows the joining word is a step of its own, or stands for the word before it:
/// “Search by title and author of a book” is a search by title of a book, and one by author of a book.
fn halves(first: &str, second: &[&str]) -> Option<(String, String)> {
    let is_list = first.trim_end_matches(',').contains(',');
    let first = first.trim_end_matches(',');
    let (word, rest) = second.split_first()?;
    if is_list || letters(first) < 2 || letters(&second.concat()) < 2 {
        return None;
    }
    let is_alone = !first.contains(char::is_whitespace);
    if is_alone || is_step(&normal(word)) {
        return Some((first.to_owned(), capitalised(&second.join(" "))));
    }
    let (before, _) = first.rsplit_once(char::is_whitespace)?;
    let joined =
        |parts: &[&str]| parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ");
    let rest = rest.join(" ");
    Some((joined(&[first, &rest]), joined(&[before.trim_end(), word, &rest])))
}

/// Whether a text begins with these words.
fn begins_with(text: &str, words: &str) -> bool {
    let mut text = text.split_whitespace();
    words.split(' ').all(|word| text.next().is_some_and(|other| normal(other) == word))
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
