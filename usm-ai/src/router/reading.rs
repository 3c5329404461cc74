//! Reads a document out of an answer, and says what is wrong with one that does not fit: pure.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wrapped::{self, Check};
use crate::{
    AnswerSchema, ErrorKind, FinishReason, ProviderAnswer,
    extract::{self, Found},
};

/// Longest answer without a document that is taken for a refusal or a question: a document in words is longer.
const REFUSAL_CHARS: usize = 600;

/// Characters shown of a longer one.
const SHOWN_CHARS: usize = 120;

/// An answer as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) answer: ProviderAnswer,
    pub(super) value: Option<Value>,
    pub(super) partial: bool,
}

impl Reading {
    pub(super) fn text(answer: ProviderAnswer) -> Self {
        Self { answer, value: None, partial: false }
    }
}

/// For callers that have a schema and no type.
pub(super) fn fits_schema(schema: &AnswerSchema, value: &Value) -> Result<(), Vec<String>> {
    let problems = schema.problems(value);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// For callers that have a type: anything that deserialises is accepted, even if the schema would not allow it. For the
/// rest, the schema says more precisely what is wrong.
pub(super) fn fits_type<T: DeserializeOwned>(
    schema: &AnswerSchema,
    value: &Value,
) -> Result<(), Vec<String>> {
    T::deserialize(value).map(drop).or_else(|error| {
        fits_schema(schema, value)?;
        Err(vec![error.to_string()])
    })
}

/// Why an answer cannot be used.
#[derive(Debug, PartialEq)]
pub(super) struct Flaw {
    pub(super) kind: ErrorKind,
    pub(super) problems: Vec<String>,
}

/// The last document of the answer that fits: models correct themselves, and show what they were asked before they answer.
/// Otherwise what is wrong with the last one. If it was cut off at the output limit and `partial` is set, its complete
/// elements; the flag in the result says so.
pub(super) fn read(
    schema: &AnswerSchema,
    check: Check<'_>,
    answer: &ProviderAnswer,
    partial: bool,
) -> Result<(Value, bool), Flaw> {
    let is_cut_off = answer.finish_reason == FinishReason::Length;
    let cut_off = if is_cut_off { ErrorKind::Truncated } else { ErrorKind::Malformed };
    let (mut flaw, mut footnote, mut salvaged) = (None, None, None);
    for found in extract::documents(&answer.text).into_iter().rev() {
        let next = match found {
            Found::Document(value) => {
                let is_footnote = schema.is_object() && !value.is_object();
                let flaw = match wrapped::fitting(schema, check, value) {
                    Ok(value) => return Ok((value, false)),
                    Err(wrapped::Unfit::Said(words)) => said(&words),
                    Err(wrapped::Unfit::Problems(problems)) => Flaw { kind: ErrorKind::Malformed, problems },
                };
                if is_footnote {
                    footnote.get_or_insert(flaw);
                    continue;
                }
                flaw
            }
            Found::Broken(problem) => Flaw { kind: ErrorKind::Malformed, problems: vec![problem] },
            Found::CutOff(begun) => {
                if partial && is_cut_off {
                    salvaged = extract::salvage(&begun).filter(|value| check(value).is_ok());
                }
                Flaw { kind: cut_off, problems: vec!["the JSON document ends before it is whole".to_owned()] }
            }
        };
        flaw.get_or_insert(next);
    }
    if let Some(value) = salvaged {
        return Ok((value, true));
    }
    Err(flaw.or(footnote).unwrap_or_else(|| {
        match answer.text.chars().count() <= REFUSAL_CHARS && !is_cut_off {
            true => said(&answer.text),
            false => {
                let begun: String = answer.text.chars().take(SHOWN_CHARS).collect();
                Flaw {
                    kind: cut_off,
                    problems: vec![format!("there is no JSON document in the answer: {begun}…")],
                }
            }
        }
    }))
}

/// The model answered in words: it declines, or asks back. Its words are the reason that people are told.
fn said(words: &str) -> Flaw {
    Flaw { kind: ErrorKind::Malformed, problems: vec![format!("the model says: {}", words.trim())] }
}

#[cfg(test)]
mod tests;
