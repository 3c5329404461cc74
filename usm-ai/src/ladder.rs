//! Structured output: asks for a JSON document in the best way a model takes, reads it from whatever the model says,
//! has it repaired once.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    AnswerFormat, AnswerSchema, ChatRequest, ChatResponse, Error, ErrorKind, FinishReason, ProviderAnswer,
    Router,
    extract::{self, Found},
    router::{Call, Candidate},
};

/// As much of an unusable answer as is sent back with the request to repair it, in characters.
const REPAIRED_CHARS: usize = 24_000;

/// A value, and the response it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// The text it was read from, who answered, and what was tried before.
    pub response: ChatResponse,
}

/// Says what is wrong with a value, if it is not what the caller wants.
pub(crate) type Check<'a> = &'a (dyn Fn(&Value) -> Result<(), Vec<String>> + Sync);

/// For callers that have a schema and no type.
pub(crate) fn fits_schema(schema: &AnswerSchema, value: &Value) -> Result<(), Vec<String>> {
    let problems = schema.problems(value);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// For callers that have a type: what it can be made of will do, even if it reads more than its schema asks for. The
/// schema says more precisely what is wrong with the rest.
pub(crate) fn fits_type<T: DeserializeOwned>(
    schema: &AnswerSchema,
    value: &Value,
) -> Result<(), Vec<String>> {
    T::deserialize(value).map(drop).or_else(|error| {
        fits_schema(schema, value)?;
        Err(vec![error.to_string()])
    })
}

/// An answer as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) answer: ProviderAnswer,
    pub(crate) value: Option<Value>,
    pub(crate) partial: bool,
}

impl Reading {
    pub(crate) fn text(answer: ProviderAnswer) -> Self {
        Self { answer, value: None, partial: false }
    }
}

/// How a model is told the wanted shape, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rung {
    /// By the service's own strict means.
    Schema,
    /// In the words of the prompt, with the service's promise of some JSON.
    Json,
    /// In the words of the prompt alone.
    Prompt,
}

impl Rung {
    fn first(schema: &AnswerSchema) -> Self {
        if schema.is_object() { Self::Schema } else { Self::Prompt }
    }

    /// The next one down that the candidate has.
    fn lower(self, candidate: &Candidate) -> Option<Self> {
        match self {
            Self::Schema if candidate.provider.has_json_mode() => Some(Self::Json),
            Self::Schema | Self::Json => Some(Self::Prompt),
            Self::Prompt => None,
        }
    }
}

/// Asks one candidate for a document: in the best way its model takes, with at most one repair call.
pub(crate) async fn ask_for_value(
    router: &Router,
    candidate: &Candidate,
    request: &ChatRequest,
    schema: &AnswerSchema,
    check: Check<'_>,
    call: &Call,
) -> Result<Reading, Error> {
    let model = candidate.model_for(request);
    let mut rung = candidate.rung(model, schema.name()).unwrap_or_else(|| Rung::first(schema));
    let mut question = request.clone();
    let mut repaired = false;
    // Below the one on which the service said that the model cannot keep to the schema.
    let mut lowered = None;
    loop {
        match ask(router, candidate, &question, schema, rung, call).await {
            Ok(answer) => match read(schema, check, &answer, request.partial) {
                Ok((value, partial)) => {
                    if let Some(rung) = lowered {
                        candidate.remember_rung(model, schema.name(), rung);
                    }
                    return Ok(Reading { answer, value: Some(value), partial });
                }
                Err(flaw) => {
                    call.mark_unusable(flaw.kind);
                    // A longer answer is no remedy for one that is too long.
                    if repaired || flaw.kind == ErrorKind::Truncated || call.is_over() {
                        return Err(flaw.into_error(candidate, &answer));
                    }
                    question = repair_request(request, schema, rung, &answer.text, &flaw.problems);
                    repaired = true;
                }
            },
            Err(error) if error.kind() == ErrorKind::SchemaUnsupported => {
                let Some(lower) = rung.lower(candidate).filter(|_| !call.is_over()) else {
                    return Err(error);
                };
                candidate.remember_rung(model, schema.name(), lower);
                rung = lower;
            }
            // What came was no answer at all. The service's own means may be what breaks it, but once proves nothing,
            // unless the service itself blames the answer (Groq's `json_validate_failed`) and a lower rung does better.
            Err(error) if error.kind() == ErrorKind::Malformed && !repaired && !call.is_over() => {
                rung = rung.lower(candidate).unwrap_or(Rung::Prompt);
                lowered = error.status().filter(|status| *status >= 400).map(|_| rung);
                question = request.clone();
                repaired = true;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn ask(
    router: &Router,
    candidate: &Candidate,
    request: &ChatRequest,
    schema: &AnswerSchema,
    rung: Rung,
    call: &Call,
) -> Result<ProviderAnswer, Error> {
    let format = match rung {
        Rung::Schema => AnswerFormat::Schema(schema),
        Rung::Json => AnswerFormat::Json,
        Rung::Prompt => AnswerFormat::Text,
    };
    if rung == Rung::Schema {
        return router.ask_once_more(candidate, request, format, call).await;
    }
    let mut request = request.clone();
    let system = request.system.take().map(|text| format!("{text}\n\n")).unwrap_or_default();
    request.system = Some(system + &schema.instructions());
    router.ask_once_more(candidate, &request, format, call).await
}

/// Why an answer cannot be used.
#[derive(Debug, PartialEq)]
struct Flaw {
    kind: ErrorKind,
    problems: Vec<String>,
}

impl Flaw {
    fn into_error(self, candidate: &Candidate, answer: &ProviderAnswer) -> Error {
        Error::new(self.kind, self.problems.join("; ")).at(candidate.name(), &answer.model)
    }
}

/// The first document of the answer that fits; else what is wrong with the first one that could be meant. Of one that
/// was cut off at the output limit the whole elements, where the caller takes them; the flag says so.
fn read(
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

/// What follows the thoughts that some servers leave in the text: the drafts in them are not the answer.
fn after_thinking(text: &str) -> &str {
    match text.trim_start().strip_prefix("<think>") {
        Some(thought) => thought.split_once("</think>").map_or("", |(_, answer)| answer),
        None => text,
    }
}

/// The question again, with the answer and what is wrong with it. The schema goes along in words as well: a
/// service that ignored it has never seen it.
fn repair_request(
    request: &ChatRequest,
    schema: &AnswerSchema,
    rung: Rung,
    text: &str,
    problems: &[String],
) -> ChatRequest {
    let previous: String = text.chars().take(REPAIRED_CHARS).collect();
    let problems: String = problems.iter().map(|problem| format!("- {problem}\n")).collect();
    let shape = match rung {
        Rung::Schema => schema.instructions(),
        Rung::Json | Rung::Prompt => String::new(),
    };
    let mut repair = request.clone();
    repair.user = format!(
        "{}\n\nYou answered this already:\n<answer>\n{previous}\n</answer>\n\
         That answer cannot be used:\n{problems}Give the whole corrected answer. {shape}",
        request.user
    );
    repair
}

#[cfg(test)]
mod tests;
