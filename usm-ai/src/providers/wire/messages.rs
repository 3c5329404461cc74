//! Anthropic's messages as pure functions.

use serde_json::{Map, Value, json};

use super::parts::{self, Piece, Question};
use crate::{AnswerFormat, Error, ErrorKind, FinishReason, Usage};

/// The version of the format, sent with every request.
pub(crate) const VERSION: &str = "2023-06-01";

/// The format wants a limit even where the caller sets none.
const DEFAULT_OUTPUT_TOKENS: u32 = 16_000;

/// The body of the request.
pub(super) fn body(question: &Question<'_>) -> Value {
    let Question { model, request, format, .. } = *question;
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(model));
    body.insert("max_tokens".to_owned(), json!(request.max_output_tokens.unwrap_or(DEFAULT_OUTPUT_TOKENS)));
    if let Some(system) = &request.system {
        body.insert("system".to_owned(), json!(system));
    }
    body.insert("messages".to_owned(), json!([{ "role": "user", "content": request.user }]));
    if let Some(temperature) = request.temperature {
        body.insert("temperature".to_owned(), parts::temperature(temperature));
    }
    if let AnswerFormat::Schema(schema) = format {
        let format = json!({ "type": "json_schema", "schema": schema.as_json() });
        body.insert("output_config".to_owned(), json!({ "format": format }));
    }
    Value::Object(body)
}

/// A whole reply. Blocks of thinking come before those of text.
pub(super) fn answer(reply: &Value) -> Result<Piece, Error> {
    let Some(blocks) = reply["content"].as_array() else {
        return Err(parts::not_of_the_format("content", reply));
    };
    let finish_reason = finish_reason(reply)?;
    let text = blocks.iter().filter(|block| block["type"] == "text");
    Ok(Piece {
        text: text.filter_map(|block| block["text"].as_str()).collect(),
        model: parts::text(&reply["model"]),
        finish_reason,
        usage: usage(reply),
    })
}

fn finish_reason(message: &Value) -> Result<Option<FinishReason>, Error> {
    Ok(match message["stop_reason"].as_str() {
        None => None,
        Some("refusal") => return Err(Error::new(ErrorKind::Blocked, "the model declined to answer")),
        Some("end_turn" | "stop_sequence") => Some(FinishReason::Stop),
        Some("max_tokens" | "model_context_window_exceeded") => Some(FinishReason::Length),
        Some(_) => Some(FinishReason::Other),
    })
}

/// The tokens that a reply counts.
pub(super) fn usage(reply: &Value) -> Option<Usage> {
    let usage = &reply["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap_or_default();
    let parts = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    let input_tokens = parts.into_iter().map(count).fold(0, u64::saturating_add);
    let output_tokens = usage["output_tokens"].as_u64()?;
    Some(Usage { input_tokens, output_tokens })
}

#[cfg(test)]
mod tests;
