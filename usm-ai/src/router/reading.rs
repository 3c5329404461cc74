//! Reads a document out of an answer, and says what is wrong with one that does not fit: pure.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    AnswerSchema, ErrorKind, FinishReason, ProviderAnswer,
    extract::{self, Found},
};

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

/// Says what is wrong with a value, if it is not what the caller wants.
pub(super) type Check<'a> = &'a (dyn Fn(&Value) -> Result<(), Vec<String>> + Sync);

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

/// The first document of the answer that fits; otherwise what is wrong with the first candidate. If it was cut off at the
/// output limit and `partial` is set, its complete elements; the flag in the result says so.
pub(super) fn read(
    schema: &AnswerSchema,
    check: Check<'_>,
    answer: &ProviderAnswer,
    partial: bool,
) -> Result<(Value, bool), Flaw> {
    let cut_off = match answer.finish_reason {
        FinishReason::Length => ErrorKind::Truncated,
        _ => ErrorKind::Malformed,
    };
    let mut flaw = None;
    for found in extract::documents(after_thinking(&answer.text)) {
        let problems = match found {
            Found::Document(value) if schema.is_object() && !value.is_object() => continue,
            Found::Document(value) => match check(&value) {
                Ok(()) => return Ok((value, false)),
                Err(problems) => problems,
            },
            Found::Broken(reason) => vec![format!("the document is not valid JSON: {reason}")],
            Found::CutOff(begun) => {
                let salvaged = (partial && cut_off == ErrorKind::Truncated).then(|| extract::salvage(begun));
                if let Some(value) = salvaged.flatten()
                    && check(&value).is_ok()
                {
                    return Ok((value, true));
                }
                let problems = vec!["the JSON document ends before it is whole".to_owned()];
                return Err(Flaw { kind: cut_off, problems });
            }
        };
        flaw.get_or_insert(Flaw { kind: ErrorKind::Malformed, problems });
    }
    Err(flaw.unwrap_or_else(|| Flaw {
        kind: cut_off,
        problems: vec!["there is no JSON document in the answer".to_owned()],
    }))
}

/// The text after the thoughts that some servers leave in it: drafts in the thoughts are not the answer.
fn after_thinking(text: &str) -> &str {
    match text.trim_start().strip_prefix("<think>") {
        Some(thought) => thought.split_once("</think>").map_or("", |(_, answer)| answer),
        None => text,
    }
}

#[cfg(test)]
mod tests;
