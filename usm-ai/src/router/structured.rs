//! Structured output: asks for a JSON document in the best way a model takes, and has it repaired once.

use super::{
    ask::Asker,
    attempts::Call,
    candidate::Candidate,
    reading::{Reading, read},
    rung::Rung,
    wrapped::Check,
};
use crate::{
    AnswerFormat, AnswerSchema, ChatRequest, ChatResponse, Error, ErrorKind, ProviderAnswer, tagged,
};

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
    let first = Rung::first(schema);
    let mut rung = candidate.rung(model).map_or(first, |known| known.max(first));
    let mut question = request.clone();
    let mut is_repaired = false;
    // Whether a lower rung is tried because the service blamed the way it was asked.
    let mut is_lowered = false;
    loop {
        let lower = rung.lower(candidate.provider.has_json_mode()).filter(|_| !call.is_over());
        match ask(asker, candidate, &question, schema, rung, call).await {
            Ok(answer) => match read(schema, check, &answer, request.partial) {
                Ok((value, partial)) => {
                    if is_lowered {
                        candidate.remember_rung(model, rung);
                    }
                    return Ok(Reading { answer, value: Some(value), partial });
                }
                Err(flaw) => {
                    call.mark_unusable(flaw.kind);
                    // Asking for more does not help when the answer is already too long.
                    if is_repaired || flaw.kind == ErrorKind::Truncated || call.is_over() {
                        let error = Error::new(flaw.kind, flaw.problems.join("; "));
                        return Err(error.at(candidate.name(), &answer.model));
                    }
                    question = repair_request(request, schema, rung, &answer.text, &flaw.problems);
                    is_repaired = true;
                }
            },
            // Few servers say that it is the mode they do not take, and not something else in the request.
            Err(error)
                if matches!(error.kind(), ErrorKind::SchemaUnsupported | ErrorKind::Refused)
                    && lower.is_some() =>
            {
                rung = lower.unwrap_or(rung);
                is_lowered = true;
            }
            // This was not an answer at all. The service's own JSON mode may be the cause. One failure proves nothing,
            // unless the service itself blames the answer (Groq's `json_validate_failed`) and a lower rung does better.
            Err(error) if error.kind() == ErrorKind::Malformed && !is_repaired && !call.is_over() => {
                is_lowered |= lower.is_some() && error.status().is_some_and(|status| status >= 400);
                rung = lower.unwrap_or(rung);
                question = request.clone();
                is_repaired = true;
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
    let previous = tagged("answer", &text.chars().take(REPAIRED_CHARS).collect::<String>());
    let problems: String = problems.iter().map(|problem| format!("- {problem}\n")).collect();
    let shape = match rung {
        Rung::Schema => schema.instructions(),
        Rung::Json | Rung::Prompt => String::new(),
    };
    let mut repair = request.clone();
    repair.user = format!(
        "{}\n\nYou answered this already:\n{previous}\n\
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
