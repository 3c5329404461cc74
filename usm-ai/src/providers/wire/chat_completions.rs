//! Chat completions, the format that most services and local servers speak, as pure functions.

use serde_json::{Map, Value, json};

use super::parts::{self, Piece, Question};
use crate::{AnswerFormat, Error, ErrorKind, FinishReason, Usage};

/// The body of the request.
pub(super) fn body(question: &Question<'_>) -> Value {
    let Question { spec, model, request, format, streamed } = *question;
    let system = request.system.iter().map(|text| json!({ "role": "system", "content": text }));
    let user = json!({ "role": "user", "content": request.user });
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(model));
    body.insert("messages".to_owned(), system.chain([user]).collect());
    if let Some(temperature) = request.temperature {
        body.insert("temperature".to_owned(), parts::temperature(temperature));
    }
    if let Some(tokens) = request.max_output_tokens {
        body.insert(spec.quirks.output_limit.to_owned(), json!(tokens));
    }
    if let Some(format) = response_format(format) {
        body.insert("response_format".to_owned(), format);
        if spec.quirks.require_parameters {
            body.insert("provider".to_owned(), json!({ "require_parameters": true }));
        }
    }
    if streamed {
        body.insert("stream".to_owned(), json!(true));
        body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    }
    Value::Object(body)
}

/// The format of the answer as this wire format writes it; Perplexity's responses use it too.
pub(super) fn response_format(format: AnswerFormat<'_>) -> Option<Value> {
    match format {
        AnswerFormat::Text => None,
        AnswerFormat::Json => Some(json!({ "type": "json_object" })),
        AnswerFormat::Schema(schema) => Some(json!({
            "type": "json_schema",
            "json_schema": { "name": schema.name(), "schema": schema.as_json(), "strict": schema.is_strict() },
        })),
    }
}

/// A whole reply.
pub(super) fn answer(reply: &Value) -> Result<Piece, Error> {
    if reply.pointer("/choices/0").is_none() {
        return Err(parts::not_of_the_format("choices", reply));
    }
    piece(reply, "message")
}

/// One event of a stream. The last one may hold no choice but the count of tokens.
pub(super) fn event(event: &Value) -> Result<Piece, Error> {
    piece(event, "delta")
}

fn piece(reply: &Value, part: &str) -> Result<Piece, Error> {
    let choice = &reply["choices"][0];
    if let Some(reason) = choice[part]["refusal"].as_str().filter(|reason| !reason.is_empty()) {
        return Err(Error::new(ErrorKind::Blocked, reason));
    }
    let finish_reason = match choice["finish_reason"].as_str() {
        None => None,
        Some("content_filter") => return Err(Error::new(ErrorKind::Blocked, "")),
        Some("error") => return Err(Error::new(ErrorKind::Overloaded, "the answer ended in an error")),
        Some("stop") => Some(FinishReason::Stop),
        Some("length") => Some(FinishReason::Length),
        Some(_) => Some(FinishReason::Other),
    };
    Ok(Piece {
        text: content(&choice[part]["content"]),
        model: parts::text(&reply["model"]),
        finish_reason,
        usage: usage(reply),
    })
}

/// The text of a message: a string, or by some servers a list of parts.
fn content(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// The tokens that a reply or event counts.
pub(super) fn usage(reply: &Value) -> Option<Usage> {
    parts::usage(&reply["usage"], "prompt_tokens", "completion_tokens")
}

#[cfg(test)]
mod tests;
