//! Words of titles and texts: vague ones, joining ones, and what makes two titles the same.

use std::{collections::HashSet, sync::LazyLock};

use unicode_segmentation::UnicodeSegmentation;

use crate::words::{is_step, normal, stem};

/// Words that cannot be tested, in any of their forms.
#[rustfmt::skip]
const VAGUE_STEMS: &[&str] = &[
    "быстрый", "удобный", "простой", "лёгкий", "красивый", "современный", "корректный", "надёжный", "интуитивный",
    "понятный", "эффективный", "оптимальный", "гибкий", "качественный", "своевременный", "адекватный", "дружелюбный",
    "комфортный", "плавный", "бесшовный",
];

/// Such words in this form only: “timely” and “time”, “beautiful” and “beauty” have one stem.
#[rustfmt::skip]
const VAGUE: &[&str] = &[
    "легче", "проще",
    "fast", "faster", "quick", "quicker", "quickly", "easy", "easier", "easily", "simple", "simpler", "simply",
    "convenient", "conveniently", "intuitive", "intuitively", "modern", "seamless", "seamlessly", "robust",
    "efficient", "efficiently", "flexible", "flexibly", "friendly", "smooth", "smoothly", "optimal", "optimally",
    "beautiful", "reliable", "reliably", "properly", "adequate", "adequately", "appropriate", "appropriately",
    "timely", "nice", "nicely",
];

/// Names with such a word, and what somebody chooses: the time that suits them is no promise of the product's.
#[rustfmt::skip]
const NOT_VAGUE: &[(&str, &[&str])] = &[
    ("удобный", &["время", "времени", "день", "дата", "час", "срок", "способ", "место", "слот", "адрес"]),
    ("convenient", &["time", "day", "date", "slot", "place", "way"]),
    ("fast", &["food", "forward", "track"]),
    ("quick", &["start"]),
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
    "terms and conditions", "terms & conditions", "drag and drop", "drag & drop", "questions and answers", "q and a",
    "q & a", "black and white", "up and running", "back and forth", "lost and found", "trial and error",
    "pros and cons", "on and off", "first and last name",
];

/// Things that belong together, in this order or the other: one form asks for both, one setting is about both.
#[rustfmt::skip]
const TOGETHER: &[(&str, &[&str])] = &[
    ("имя", &["фамилия", "телефон", "почта", "пароль"]),
    ("логин", &["пароль"]),
    ("пароль", &["почта", "телефон"]),
    ("время", &["дата", "место", "день"]),
    ("времени", &["даты", "места", "дня"]),
    ("android", &["ios"]),
    ("name", &["surname", "phone", "email", "password", "address"]),
    ("password", &["email", "login", "username", "phone"]),
    ("time", &["date", "day", "place"]),
];

/// The vague words of a text as they stand in it. A text with a number in it has said what is meant, and quoted words
/// are names.
pub(super) fn vague(text: &str) -> Vec<String> {
    if says_a_number(text) { Vec::new() } else { vague_words(&normal(&unquoted(text))) }
}

/// The same for a description: what a story is good for is not what is tested.
pub(super) fn vague_wish(description: &str) -> Vec<String> {
    if says_a_number(description) {
        return Vec::new();
    }
    let text = normal(&unquoted(description));
    vague_words(
        &text.split_inclusive(['.', '!', '?', '\n']).map(without_benefit).collect::<Vec<_>>().join(" "),
    )
}

fn says_a_number(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_digit())
}

fn vague_words(normal: &str) -> Vec<String> {
    static STEMS: LazyLock<HashSet<String>> =
        LazyLock::new(|| VAGUE_STEMS.iter().map(|word| stem(&crate::words::normal(word))).collect());
    let words: Vec<&str> = normal.unicode_words().collect();
    let is_vague = |at: &usize| {
        let word = words[*at];
        let next = words.get(at + 1).map(|next| stem(next));
        (VAGUE.contains(&word) || STEMS.contains(&stem(word)))
            && !NOT_VAGUE.iter().any(|(first, seconds)| {
                stem(word) == stem(first) && seconds.iter().any(|second| next.as_ref() == Some(&stem(second)))
            })
    };
    let single = (0..words.len()).filter(is_vague).map(|at| words[at].to_owned());
    let all = format!(" {} ", words.join(" "));
    let phrases = VAGUE_PHRASES.iter().filter(|phrase| all.contains(&format!(" {phrase} ")));
    single.chain(phrases.map(|phrase| (*phrase).to_owned())).collect()
}

/// How a sentence goes on to say what its wish is good for. «Я хочу, чтобы» is the wish itself.
const BENEFIT: &[&str] = &[" чтобы ", " так я смогу ", "зачем: ", " so that ", " so i can ", " in order to "];

/// A sentence up to what it is good for.
fn without_benefit(sentence: &str) -> &str {
    let is_wish = |at: usize| {
        ["хочу,", "хотим,", "хочет,", "нужно,", "хотел бы,"].iter().any(|wish| sentence[..at].ends_with(wish))
    };
    let starts = BENEFIT.iter().flat_map(|words| sentence.match_indices(words));
    let first = starts.map(|(at, _)| at).filter(|at| !is_wish(*at)).min();
    first.map_or(sentence, |at| &sentence[..at])
}

/// A title that joins two things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compound {
    pub(super) word: String,
    pub(super) first: String,
    pub(super) second: String,
}

/// The two things that a title joins, if it does. Lists of more are left alone, and so are pairs that are one thing, both
/// ends of a range, and what stands in quotation marks or brackets.
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

/// The two steps that a title names, if it does.
pub fn two_steps(title: &str) -> Option<(String, String)> {
    let joined = compound(title)?;
    let of = |text: &str| text.unicode_words().next().is_some_and(|word| is_step(&normal(word)));
    (of(&joined.first) && !joined.second.starts_with('…')).then_some((joined.first, joined.second))
}

/// What stands before the joining word and what stands behind it. Only a step makes a title of its own; what else follows
/// is left as it is, because what it shares with the words before it, only a reader can tell.
fn halves(first: &str, second: &[&str]) -> Option<(String, String)> {
    let is_list = first.trim_end_matches(',').contains(',');
    let first = first.trim_end_matches(',');
    let word = normal(second.first()?);
    let before: Vec<String> = normal(first).unicode_words().map(str::to_owned).collect();
    let last = before.last()?;
    let is_range = before.iter().any(|word| word == "between" || word == "между" || word == "both");
    let is_property = before.len() == 1 && !is_step(last);
    if is_list
        || is_range
        || is_property
        || letters(first) < 2
        || letters(&second.concat()) < 2
        || together(last, &word)
    {
        return None;
    }
    let second = second.join(" ");
    Some((first.to_owned(), if is_step(&word) { capitalised(&second) } else { format!("… {second}") }))
}

fn together(one: &str, other: &str) -> bool {
    let pair = |one: &str, other: &str| {
        let of = |(first, seconds): &(&str, &[&str])| {
            stem(&normal(first)) == one && seconds.iter().any(|second| stem(&normal(second)) == other)
        };
        TOGETHER.iter().any(of)
    };
    let [one, other] = [one, other].map(|word| stem(word.trim_matches(|c: char| !c.is_alphanumeric())));
    pair(&one, &other) || pair(&other, &one)
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
