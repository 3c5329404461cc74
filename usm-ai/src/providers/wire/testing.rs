//! What the fixture tests of all formats share.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::parts::{Draft, Question};
use crate::{
    AnswerSchema, ChatRequest, Error,
    providers::{AnswerFormat, ProviderAnswer, ServiceSpec},
};

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the type is only described")]
pub(crate) struct Title {
    title: String,
}

pub(crate) fn schema() -> AnswerSchema {
    AnswerSchema::of::<Title>()
}

/// The schema of a [`Title`] as it goes out.
pub(crate) fn wire_schema() -> Value {
    serde_json::json!({
        "type": "object",
        "properties": { "title": { "type": "string" } },
        "required": ["title"],
        "additionalProperties": false,
    })
}

pub(crate) fn plain() -> ChatRequest {
    ChatRequest::new("greeting", "Привет")
}

/// With everything set that goes out, and more.
pub(crate) fn full() -> ChatRequest {
    ChatRequest::new("title", "Name it")
        .system("Be brief")
        .input(serde_json::json!({ "secret": "data" }))
        .temperature(0.2)
        .max_output_tokens(100)
}

/// The body of a request to the service of this name.
pub(crate) fn body(service: &str, request: &ChatRequest, format: AnswerFormat<'_>, streamed: bool) -> Value {
    let spec = ServiceSpec::named(service).unwrap();
    spec.format.body(&Question { spec, model: "m", request, format, streamed })
}

/// What the format of this service makes of a whole reply.
pub(crate) fn answer(service: &str, reply: &Value) -> Result<ProviderAnswer, Error> {
    let mut draft = Draft::default();
    draft.add(ServiceSpec::named(service).unwrap().format.answer(reply)?);
    draft.finish("asked")
}

/// What the format of this service makes of a stream.
pub(crate) fn streamed(service: &str, events: &[Value]) -> Result<(ProviderAnswer, bool), Error> {
    let mut draft = Draft::default();
    for event in events {
        draft.add(ServiceSpec::named(service).unwrap().format.event(event)?);
    }
    let finished = draft.is_finished();
    Ok((draft.finish("asked")?, finished))
}
