//! Structured output: asks for a JSON document in the best way a model takes, and has it repaired once.

use super::{
    ask::Asker,
    attempts::Call,
    candidate::Candidate,
    reading::{Check, Reading, read},
    rung::Rung,
};
use crate::{AnswerFormat, AnswerSchema, ChatRequest, ChatResponse, Error, ErrorKind, ProviderAnswer};

/// Most characters of an unusable answer that are sent back with the request to repair it.
const REPAIRED_CHARS: usize = 24_000;

/// A value, and the response it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// The text it was read from, who answered, and what was tried before.
    pub response: ChatResponse,
}

/// Asks one candidate for a document: in the best way its model takes, with at most one repair call.
pub(super) async fn ask_for_value(
    asker: &Asker,
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
    // The rung below the one where the service said that the model cannot follow the schema.
    let mut lowered = None;
    loop {
        match ask(asker, candidate, &question, schema, rung, call).await {
            Ok(answer) => match read(schema, check, &answer, request.partial) {
                Ok((value, partial)) => {
                    if let Some(rung) = lowered {
                        candidate.remember_rung(model, schema.name(), rung);
                    }
                    return Ok(Reading { answer, value: Some(value), partial });
                }
                Err(flaw) => {
                    call.mark_unusable(flaw.kind);
                    // Asking for more does not help when the answer is already too long.
                    if repaired || flaw.kind == ErrorKind::Truncated || call.is_over() {
                        let error = Error::new(flaw.kind, flaw.problems.join("; "));
                        return Err(error.at(candidate.name(), &answer.model));
                    }
                    question = repair_request(request, schema, rung, &answer.text, &flaw.problems);
                    repaired = true;
                }
            },
            Err(error) if error.kind() == ErrorKind::SchemaUnsupported => {
                let Some(lower) = rung.lower(candidate.provider.has_json_mode()).filter(|_| !call.is_over())
                else {
                    return Err(error);
                };
                candidate.remember_rung(model, schema.name(), lower);
                rung = lower;
            }
            // This was not an answer at all. The service's own JSON mode may be the cause. One failure proves nothing,
            // unless the service itself blames the answer (Groq's `json_validate_failed`) and a lower rung does better.
            Err(error) if error.kind() == ErrorKind::Malformed && !repaired && !call.is_over() => {
                rung = rung.lower(candidate.provider.has_json_mode()).unwrap_or(Rung::Prompt);
                lowered = error.status().filter(|status| *status >= 400).map(|_| rung);
                question = request.clone();
                repaired = true;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn ask(
    asker: &Asker,
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
        return asker.ask(candidate, request, format, call).await;
    }
    let mut request = request.clone();
    let system = request.system.take().map(|text| format!("{text}\n\n")).unwrap_or_default();
    request.system = Some(system + &schema.instructions());
    asker.ask(candidate, &request, format, call).await
}

/// The question again, with the answer and what is wrong with it. The schema is repeated in words: the model of a service
/// that ignored it has never seen it.
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
mod tests {
    use schemars::JsonSchema;

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "the type is only described")]
    struct Point {
        x: u32,
        y: u32,
    }

    #[test]
    fn a_repair_request_holds_question_answer_problems_and_schema() {
        let request = ChatRequest::new("point", "Where is it?").system("Be exact").temperature(0.0);
        let schema = AnswerSchema::of::<Point>();

        let repair = repair_request(&request, &schema, Rung::Schema, "{}", &["x: is missing".to_owned()]);

        for part in ["Where is it?", "<answer>\n{}\n</answer>", "- x: is missing", "additionalProperties"] {
            assert!(repair.user.contains(part), "{part}");
        }
        assert_eq!((repair.system, repair.temperature), (request.system, request.temperature));
    }
}
