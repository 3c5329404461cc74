//! The words of a title as a screen needs them: what is done, to what, by what, with what.

use story_map::Language;

use crate::{
    lexicon::bare,
    who::{self, capitalised},
};

/// A title taken apart; every word stands as it is in the title.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Phrase {
    /// The verbs it begins with, for comparison: two in "approve or reject".
    pub(super) bare_verbs: Vec<String>,
    /// The same as they are written.
    pub(super) verbs: Vec<String>,
    /// What it is done to.
    objects: Vec<String>,
    /// "by title, author or ISBN".
    pub(super) by: Vec<String>,
    /// "with prices and photos".
    pub(super) with: Vec<String>,
    /// "a category: plumbing, wiring".
    pub(super) options: Vec<String>,
    /// "from 1 to 5".
    pub(super) scale: Option<(u8, u8)>,
    whole: String,
}

const BY: &[&str] = &["by", "via", "using", "по", "через"];
const WITH: &[&str] = &["with", "including", "с", "со"];
#[rustfmt::skip]
const ENDS: &[&str] = &[
    "by", "via", "using", "with", "including", "for", "from", "to", "in", "on", "at", "of", "through", "before", "after", "until", "when", "if", "so", "that",
    "per", "up", "within", "who", "which", "as", "without", "into", "over", "once", "than", "unless", "while", "twice",
    "по", "через", "с", "со", "для", "из", "от", "до", "в", "во", "на", "при", "если", "когда", "чтобы", "пока", "за", "к", "без", "о", "об", "перед", "после", "который", "которые", "не",
];
const ARTICLES: &[&str] = &[
    "a",
    "an",
    "the",
    "their",
    "his",
    "her",
    "its",
    "my",
    "our",
    "all",
    "each",
    "every",
    "any",
    "свой",
    "свои",
    "свою",
    "каждый",
];
const JOINTS: &[&str] = &["and", "or", "и", "или"];
/// Words of the longest label.
const LABEL: usize = 5;

impl Phrase {
    pub(super) fn of(title: &str, language: Language) -> Self {
        let tokens: Vec<&str> = title.split_whitespace().collect();
        let words: Vec<String> = tokens.iter().map(|token| bare(token)).collect();
        let mut phrase = Self { whole: title.to_owned(), ..Self::default() };
        let mut at = 0;
        if words.len() > 1 && who::begins_with_verb(title, language) {
            phrase.take_verb(&tokens, &words, &mut at);
            if words.get(at).is_some_and(|word| JOINTS.contains(&word.as_str()))
                && words.get(at + 1).is_some_and(|word| who::is_step(word, &words[0], language))
            {
                at += 1;
                phrase.take_verb(&tokens, &words, &mut at);
            }
        }
        // "до 10 фотографий", "up to 5 photos": a limit stands before the thing.
        let limit = words.iter().skip(at).take(4).position(|word| word.chars().any(|c| c.is_ascii_digit()));
        if let Some(number) =
            limit.filter(|_| words.get(at).is_some_and(|word| ENDS.contains(&word.as_str())))
        {
            at += number;
        }
        let colon = tokens.iter().skip(at).position(|token| token.ends_with(':')).map(|found| at + found + 1);
        phrase.options = colon.map(|from| listed(&tokens[from..])).unwrap_or_default();
        let tokens = &tokens[..colon.unwrap_or(tokens.len())];
        let words = &words[..tokens.len()];
        let end = words
            .iter()
            .skip(at)
            .position(|word| ENDS.contains(&word.as_str()))
            .map_or(words.len(), |found| at + found);
        phrase.objects = listed(&tokens[at..end]);
        let behind = |marks: &[&str]| {
            let found = words
                .iter()
                .skip(at)
                .position(|word| marks.contains(&word.as_str()))
                .map(|found| at + found + 1)?;
            let until = words
                .iter()
                .skip(found)
                .position(|word| ENDS.contains(&word.as_str()))
                .map_or(words.len(), |end| found + end);
            Some(listed(&tokens[found..until]))
        };
        phrase.by = behind(BY).unwrap_or_default();
        phrase.with = behind(WITH).unwrap_or_default();
        phrase.scale = scale(words);
        phrase
    }

    /// Its first two words: "log in" is another verb than "log".
    pub(super) fn opening(&self) -> String {
        self.whole.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    fn take_verb(&mut self, tokens: &[&str], words: &[String], at: &mut usize) {
        let written = tokens[*at].trim_matches(|c: char| !c.is_alphanumeric());
        self.verbs.push(capitalised(written));
        self.bare_verbs.push(words[*at].clone());
        *at += 1;
    }

    /// What it is mainly about.
    pub(super) fn object(&self) -> String {
        self.objects.first().cloned().unwrap_or_else(|| capitalised(self.whole.trim_end_matches('…')))
    }

    /// What can be filled in: each thing named, and what comes with it.
    pub(super) fn nouns(&self) -> Vec<String> {
        let nouns: Vec<String> = self.objects.iter().chain(&self.with).cloned().collect();
        if nouns.is_empty() { vec![self.object()] } else { nouns }
    }
}

/// "the date, amount and currency": three labels.
fn listed(tokens: &[&str]) -> Vec<String> {
    let mut parts: Vec<Vec<&str>> = vec![Vec::new()];
    for token in tokens {
        let word = bare(token);
        if JOINTS.contains(&word.as_str()) {
            parts.push(Vec::new());
            continue;
        }
        if let Some(last) =
            parts.last_mut().filter(|last| !(last.is_empty() && ARTICLES.contains(&word.as_str())))
        {
            last.push(token.trim_matches(|c: char| matches!(c, ',' | '.' | ';' | ':' | '(' | ')' | '…')));
        }
        if token.ends_with([',', ';']) {
            parts.push(Vec::new());
        }
    }
    let labels = parts.into_iter().map(|part| part.into_iter().take(LABEL).collect::<Vec<_>>().join(" "));
    labels
        .map(|label| capitalised(label.trim()))
        .filter(|label| label.chars().any(char::is_alphanumeric))
        .collect()
}

/// "from 1 to 5" and "1-5".
fn scale(words: &[String]) -> Option<(u8, u8)> {
    let number = |word: &str| word.parse::<u8>().ok();
    let pair = words.windows(4).find_map(|four| {
        let opens = matches!(four[0].as_str(), "from" | "от") && matches!(four[2].as_str(), "to" | "до");
        opens.then(|| Some((number(&four[1])?, number(&four[3])?))).flatten()
    });
    let dashed = || {
        words.iter().find_map(|word| {
            word.split_once(['-', '–']).and_then(|(from, to)| Some((number(from)?, number(to)?)))
        })
    };
    pair.or_else(dashed).filter(|(from, to)| from < to && to - from <= 10)
}
