//! Structured output: asks for a value of a Rust type, reads it from whatever the model says, has it repaired.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    AnswerSchema, ChatRequest, ChatResponse, Error, ErrorKind, FinishReason, ProviderAnswer, Router,
    call::Call,
    extract::{self, Found},
    router::Candidate,
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

/// How a candidate is told the wanted shape.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// By the provider's own means.
    Schema,
    /// In the words of the prompt.
    Prompt,
}

/// Asks one candidate for a `T`: in the best mode it takes, with at most one repair call.
pub(crate) async fn ask_for_value<T>(
    router: &Router,
    candidate: &Candidate,
    request: &ChatRequest,
    schema: &AnswerSchema,
    call: &Call,
) -> Result<(T, ProviderAnswer), Error>
where
    T: DeserializeOwned + JsonSchema,
{
    let mut mode = if candidate.takes_schema() && schema.is_object() { Mode::Schema } else { Mode::Prompt };
    let mut result = ask(router, candidate, request, schema, mode, call).await;
    if mode == Mode::Schema
        && result.as_ref().is_err_and(|error| error.kind() == ErrorKind::SchemaUnsupported)
    {
        if request.model.is_none() {
            candidate.remember_schema_refused();
        }
        mode = Mode::Prompt;
        result = ask(router, candidate, request, schema, mode, call).await;
    }

    let repair = match result {
        Ok(answer) => match read(schema, &answer) {
            Ok(value) => return Ok((value, answer)),
            Err(flaw) => {
                call.mark_unusable(flaw.kind);
                // A longer answer is no remedy for one that is too long.
                if flaw.kind == ErrorKind::Truncated || call.is_over() {
                    return Err(flaw.into_error(candidate, &answer));
                }
                repair_request(request, schema, mode, &answer.text, &flaw.problems)
            }
        },
        // What came was no completion at all. The provider's own schema mode may be what breaks it.
        Err(error) if error.kind() == ErrorKind::Malformed && !call.is_over() => {
            mode = Mode::Prompt;
            request.clone()
        }
        Err(error) => return Err(error),
    };

    let answer = ask(router, candidate, &repair, schema, mode, call).await?;
    match read(schema, &answer) {
        Ok(value) => Ok((value, answer)),
        Err(flaw) => {
            call.mark_unusable(flaw.kind);
            Err(flaw.into_error(candidate, &answer))
        }
    }
}

async fn ask(
    router: &Router,
    candidate: &Candidate,
    request: &ChatRequest,
    schema: &AnswerSchema,
    mode: Mode,
    call: &Call,
) -> Result<ProviderAnswer, Error> {
    match mode {
        Mode::Schema => router.ask(candidate, request, Some(schema), call).await,
        Mode::Prompt => {
            let mut request = request.clone();
            let system = request.system.take().map(|text| format!("{text}\n\n")).unwrap_or_default();
            request.system = Some(system + &schema.instructions());
            router.ask(candidate, &request, None, call).await
        }
    }
}

/// Why an answer is not a `T`.
#[derive(Debug, PartialEq)]
struct Flaw {
    kind: ErrorKind,
    problems: Vec<String>,
}

impl Flaw {
    fn into_error(self, candidate: &Candidate, answer: &ProviderAnswer) -> Error {
        Error::new(self.kind, self.problems.join("; ")).at(candidate.provider.name(), &answer.model)
    }
}

/// The first document of the answer that is a `T`; else what is wrong with the first one that could be meant.
fn read<T: DeserializeOwned>(schema: &AnswerSchema, answer: &ProviderAnswer) -> Result<T, Flaw> {
    let mut flaw = None;
    for found in extract::documents(&answer.text) {
        let problems = match found {
            Found::Document(value) if schema.is_object() && !value.is_object() => continue,
            Found::Document(value) => match fit(schema, value) {
                Ok(value) => return Ok(value),
                Err(problems) => problems,
            },
            Found::Broken(reason) => vec![format!("the document is not valid JSON: {reason}")],
            Found::CutOff => {
                let kind = match answer.finish_reason {
                    FinishReason::Length => ErrorKind::Truncated,
                    _ => ErrorKind::Malformed,
                };
                return Err(Flaw {
                    kind,
                    problems: vec!["the JSON document ends before it is whole".to_owned()],
                });
            }
        };
        flaw.get_or_insert(Flaw { kind: ErrorKind::Malformed, problems });
    }
    let nothing = || match answer.finish_reason {
        FinishReason::Length => ErrorKind::Truncated,
        _ => ErrorKind::Malformed,
    };
    Err(flaw.unwrap_or_else(|| Flaw {
        kind: nothing(),
        problems: vec!["there is no JSON document in the answer".to_owned()],
    }))
}

fn fit<T: DeserializeOwned>(schema: &AnswerSchema, value: Value) -> Result<T, Vec<String>> {
    let problems = schema.problems(&value);
    if !problems.is_empty() {
        return Err(problems);
    }
    serde_json::from_value(value).map_err(|error| vec![error.to_string()])
}

/// The question again, with the answer and what is wrong with it. The schema goes along in words as well: a
/// provider that ignored it has never seen it.
fn repair_request(
    request: &ChatRequest,
    schema: &AnswerSchema,
    mode: Mode,
    text: &str,
    problems: &[String],
) -> ChatRequest {
    let previous: String = text.chars().take(REPAIRED_CHARS).collect();
    let problems: String = problems.iter().map(|problem| format!("- {problem}\n")).collect();
    let shape = match mode {
        Mode::Schema => schema.instructions(),
        Mode::Prompt => String::new(),
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
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema, PartialEq)]
    struct Point {
        x: u32,
        y: u32,
    }

    fn read_point(text: &str, finish_reason: FinishReason) -> Result<Point, Flaw> {
        let answer = ProviderAnswer { text: text.into(), model: "m".into(), finish_reason, usage: None };
        read(&AnswerSchema::of::<Point>(), &answer)
    }

    #[test]
    fn the_first_document_that_fits_is_the_answer() {
        let text = r#"As {"x": 1} lacks y and [1] is a footnote: {"x": 1, "y": 2}, not {"x": 3, "y": 4}"#;

        assert_eq!(read_point(text, FinishReason::Stop).unwrap(), Point { x: 1, y: 2 });
    }

    #[test]
    fn problems_of_shape_and_of_range_are_listed() {
        let shape = read_point(r#"{"x": "1"}"#, FinishReason::Stop).unwrap_err();
        let range = read_point(r#"{"x": -1, "y": 2}"#, FinishReason::Stop).unwrap_err();

        assert_eq!(shape.problems, ["y: is missing", "x: expected integer, found string"]);
        assert!(range.problems[0].contains("-1"), "{range:?}");
    }

    #[test]
    fn an_answer_cut_off_at_the_output_limit_is_told_from_a_malformed_one() {
        assert_eq!(read_point(r#"{"x": 1, "#, FinishReason::Length).unwrap_err().kind, ErrorKind::Truncated);
        assert_eq!(read_point("Let me think", FinishReason::Length).unwrap_err().kind, ErrorKind::Truncated);
        assert_eq!(read_point(r#"{"x": 1, "#, FinishReason::Stop).unwrap_err().kind, ErrorKind::Malformed);
        assert_eq!(read_point("no idea", FinishReason::Stop).unwrap_err().kind, ErrorKind::Malformed);
    }

    #[test]
    fn a_repair_request_holds_question_answer_problems_and_schema() {
        let request = ChatRequest::new("point", "Where is it?").system("Be exact").temperature(0.0);
        let schema = AnswerSchema::of::<Point>();

        let repair = repair_request(&request, &schema, Mode::Schema, "{}", &["x: is missing".to_owned()]);

        for part in ["Where is it?", "<answer>\n{}\n</answer>", "- x: is missing", "additionalProperties"] {
            assert!(repair.user.contains(part), "{part}");
        }
        assert_eq!((repair.system, repair.temperature), (request.system, request.temperature));
    }
}
