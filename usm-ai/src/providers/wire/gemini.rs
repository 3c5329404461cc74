//! Gemini's generateContent as pure functions.

use serde_json::{Map, Value, json};

use super::parts::{self, Piece, Question};
use crate::{AnswerFormat, Error, ErrorKind, FinishReason, Usage};

/// The path below the base URL.
pub(crate) fn path(model: &str) -> String {
    let model = model.strip_prefix("models/").unwrap_or(model);
    format!("{model}:generateContent")
}

/// The body of the request; the model is in the URL.
pub(super) fn body(question: &Question<'_>) -> Value {
    let Question { request, format, .. } = *question;
    let parts = |text: &str| json!([{ "text": text }]);
    let mut body = Map::new();
    body.insert("contents".to_owned(), json!([{ "role": "user", "parts": parts(&request.user) }]));
    if let Some(system) = &request.system {
        body.insert("systemInstruction".to_owned(), json!({ "parts": parts(system) }));
    }
    let mut config = Map::new();
    if let Some(temperature) = request.temperature {
        config.insert("temperature".to_owned(), parts::temperature(temperature));
    }
    if let Some(tokens) = request.max_output_tokens {
        config.insert("maxOutputTokens".to_owned(), json!(tokens));
    }
    if format != AnswerFormat::Text {
        config.insert("responseMimeType".to_owned(), json!("application/json"));
    }
    if let AnswerFormat::Schema(schema) = format {
        config.insert("responseJsonSchema".to_owned(), schema.as_json().clone());
    }
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    Value::Object(body)
}

/// A whole reply.
pub(super) fn answer(reply: &Value) -> Result<Piece, Error> {
    if let Some(reason) = reply["promptFeedback"]["blockReason"].as_str() {
        return Err(Error::new(ErrorKind::Blocked, format!("the question was blocked: {reason}")));
    }
    let Some(candidate) = reply["candidates"].get(0) else {
        return Err(parts::not_of_the_format("candidates", reply));
    };
    let finish_reason = match candidate["finishReason"].as_str() {
        None => None,
        Some("STOP") => Some(FinishReason::Stop),
        Some("MAX_TOKENS") => Some(FinishReason::Length),
        Some(
            reason @ ("SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"),
        ) => {
            let said = candidate["finishMessage"].as_str().unwrap_or_default();
            return Err(Error::new(ErrorKind::Blocked, format!("{reason} {said}")));
        }
        Some(_) => Some(FinishReason::Other),
    };
    let parts = candidate["content"]["parts"].as_array().into_iter().flatten();
    let spoken = parts.filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str());
    Ok(Piece {
        text: spoken.collect(),
        model: parts::text(&reply["modelVersion"]),
        finish_reason,
        usage: usage(reply),
    })
}

/// The tokens that a reply counts.
pub(super) fn usage(reply: &Value) -> Option<Usage> {
    let usage = &reply["usageMetadata"];
    let thoughts = usage["thoughtsTokenCount"].as_u64().unwrap_or_default();
    let answer = usage["candidatesTokenCount"].as_u64().unwrap_or_default();
    Some(Usage {
        input_tokens: usage["promptTokenCount"].as_u64()?,
        output_tokens: answer.saturating_add(thoughts),
    })
}

#[cfg(test)]
mod tests;
