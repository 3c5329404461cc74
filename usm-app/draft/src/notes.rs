//! What the reader must know about a draft, and the questions its text leaves open.

use std::collections::BTreeSet;

use super::criteria::filled;
use super::lexicon::Lexicon;
use super::product::Kind;
use super::text::Document;
use super::topics::begins_with_any;
use super::words::{normal, without_final_punctuation, words};

/// Most open questions of the lexicon put to the reader.
const QUESTIONS: usize = 7;
/// Most characters of introductory words repeated; the first sentence stands in any case.
const INTRODUCED: usize = 160;
/// Most sentences repeated in notes of one kind.
const REPEATED: usize = 12;

/// Notes of a draft: that it is one, what was left out, what was said besides, what to ask.
pub(super) fn notes(
    document: &Document,
    kinds: &[Kind],
    topics: &BTreeSet<&'static str>,
    left_out: usize,
    lexicon: &Lexicon,
) -> Vec<String> {
    let phrases = lexicon.phrases;
    let mut notes = vec![phrases.offline.to_owned()];
    let mut left_out = left_out;
    let mut repeated = Vec::new();
    for (kind, template) in [
        (Kind::Context, phrases.context),
        (Kind::Excluded, phrases.excluded),
        (Kind::Question, phrases.question),
    ] {
        let of_kind: Vec<&str> = document
            .statements
            .iter()
            .zip(kinds)
            .filter(|(_, of)| **of == kind)
            .map(|(statement, _)| statement.text.as_str())
            .collect();
        left_out += if kind == Kind::Context { 0 } else { of_kind.len().saturating_sub(REPEATED) };
        let shown = &of_kind[..of_kind.len().min(REPEATED)];
        if kind == Kind::Question {
            repeated.extend(shown.iter().map(|text| filled(template, &[("text", text)])));
        } else if kind == Kind::Context && !shown.is_empty() {
            repeated.push(introduction(&of_kind, phrases.context, phrases.context_more));
        } else if !shown.is_empty() {
            repeated.push(filled(template, &[("text", without_final_punctuation(&shown.join(" ")))]));
        }
    }
    if left_out > 0 {
        notes.push(filled(phrases.left_out, &[("count", &left_out.to_string())]));
    }
    if document.skipped_code_blocks > 0 {
        notes.push(filled(phrases.code_left_out, &[("count", &document.skipped_code_blocks.to_string())]));
    }
    notes.extend(repeated);
    notes.extend(vague(document, kinds, lexicon));
    notes.extend(open_questions(document, topics, lexicon));
    notes
}

/// The first introductory sentences, as many as fit, and how many more there are.
fn introduction(sentences: &[&str], template: &str, more: &str) -> String {
    let mut length = 0;
    let fits = |sentence: &&&str| {
        length += sentence.chars().count() + 1;
        length <= INTRODUCED
    };
    let count = sentences.iter().take_while(fits).count().max(1);
    let told = sentences[..count.min(sentences.len())].join(" ");
    let note = filled(template, &[("text", without_final_punctuation(&told))]);
    match sentences.len() - count {
        0 => note,
        rest => format!("{note}{}", filled(more, &[("count", &rest.to_string())])),
    }
}

/// Questions about words that cannot be tested; one a statement, three in all.
fn vague(document: &Document, kinds: &[Kind], lexicon: &Lexicon) -> Vec<String> {
    let asked = document.statements.iter().zip(kinds).filter_map(|(statement, kind)| {
        let asks = matches!(kind, Kind::Requirement | Kind::Vague)
            && !statement.text.contains(|c: char| c.is_ascii_digit());
        let words = words(&statement.text);
        let word = words.iter().filter(|_| asks).find(|word| {
            let named = word.text.starts_with(['«', '“', '"']);
            !named && lexicon.vague.iter().any(|vague| word.lower.starts_with(vague))
        })?;
        let text = without_final_punctuation(&statement.text);
        Some(filled(lexicon.phrases.vague, &[("word", &word.lower), ("text", text)]))
    });
    asked.take(3).collect()
}

fn open_questions(document: &Document, topics: &BTreeSet<&'static str>, lexicon: &Lexicon) -> Vec<String> {
    let mut texts: Vec<&str> = document.statements.iter().map(|statement| statement.text.as_str()).collect();
    texts.extend(document.statements.iter().filter_map(|statement| statement.lead.as_deref()));
    texts.extend(document.title.as_deref());
    texts.extend(document.sections.iter().map(String::as_str));
    let vocabulary: BTreeSet<String> =
        texts.iter().flat_map(|text| words(text)).map(|word| normal(&word.lower)).collect();
    let open = lexicon.questions.iter().filter(|question| {
        let raised =
            question.topics.is_empty() || question.topics.split('|').any(|topic| topics.contains(topic));
        raised && !vocabulary.iter().any(|word| begins_with_any(word, question.answered_by))
    });
    open.take(QUESTIONS).map(|question| question.text.to_owned()).collect()
}
