//! Responses, the format of Perplexity and the newer one of OpenAI, as pure functions.

use serde_json::{Map, Value, json};

use super::{
    chat_completions,
    parts::{self, Piece, Question},
};
use crate::{AnswerFormat, Error, ErrorKind, FinishReason, Usage};

/// The body of the request.
pub(super) fn body(question: &Question<'_>) -> Value {
    let Question { spec, model, request, format, streamed } = *question;
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(model));
    body.insert("input".to_owned(), json!(request.user));
    if let Some(system) = &request.system {
        body.insert("instructions".to_owned(), json!(system));
    }
    if let Some(temperature) = request.temperature {
        body.insert("temperature".to_owned(), parts::temperature(temperature));
    }
    if let Some(tokens) = request.max_output_tokens {
        body.insert(spec.quirks.output_limit.to_owned(), json!(tokens));
    }
    if spec.quirks.response_format {
        if let Some(format) = chat_completions::response_format(format) {
            body.insert("response_format".to_owned(), format);
        }
    } else if let Some(format) = text_format(format) {
        body.insert("text".to_owned(), json!({ "format": format }));
    }
    if spec.quirks.keeps {
        body.insert("store".to_owned(), json!(false));
    }
    if streamed {
        body.insert("stream".to_owned(), json!(true));
    }
    Value::Object(body)
}

/// OpenAI's place and form of it.
fn text_format(format: AnswerFormat<'_>) -> Option<Value> {
    match format {
        AnswerFormat::Text => None,
        AnswerFormat::Json => Some(json!({ "type": "json_object" })),
        AnswerFormat::Schema(schema) => Some(json!({
            "type": "json_schema",
            "name": schema.name(),
            "schema": schema.as_json(),
            "strict": schema.is_strict(),
        })),
    }
}

/// A whole reply.
pub(super) fn answer(reply: &Value) -> Result<Piece, Error> {
    let Some(output) = reply["output"].as_array() else {
        return Err(parts::not_of_the_format("output", reply));
    };
    let parts = || output.iter().flat_map(|item| item["content"].as_array().into_iter().flatten());
    if let Some(refusal) = parts().find(|part| part["type"] == "refusal") {
        return Err(Error::new(ErrorKind::Blocked, refusal["refusal"].as_str().unwrap_or_default()));
    }
    let text = parts().filter(|part| part["type"] == "output_text").filter_map(|part| part["text"].as_str());
    Ok(Piece { text: text.collect(), ..ending(reply)? })
}

/// One event of a stream.
pub(super) fn event(event: &Value) -> Result<Piece, Error> {
    match event["type"].as_str().unwrap_or_default() {
        "response.output_text.delta" => {
            Ok(Piece { text: parts::text(&event["delta"]).unwrap_or_default(), ..Piece::default() })
        }
        "response.refusal.done" => {
            Err(Error::new(ErrorKind::Blocked, event["refusal"].as_str().unwrap_or_default()))
        }
        // The text has come in pieces; what these add is how it ended.
        "response.completed" | "response.incomplete" | "response.failed" => ending(&event["response"]),
        "error" => Err(failed(event)),
        _ => Ok(Piece::default()),
    }
}

/// How a response ended, what it cost and who gave it.
fn ending(response: &Value) -> Result<Piece, Error> {
    let reason = response["incomplete_details"]["reason"].as_str().unwrap_or_default();
    let finish_reason = match response["status"].as_str() {
        Some("failed") => return Err(failed(&response["error"])),
        Some("cancelled") => {
            return Err(Error::new(ErrorKind::Overloaded, "the service cancelled the answer"));
        }
        Some("incomplete") if reason.contains("content_filter") => {
            return Err(Error::new(ErrorKind::Blocked, ""));
        }
        Some("incomplete") if reason.contains("max") => FinishReason::Length,
        Some("completed") => FinishReason::Stop,
        _ => FinishReason::Other,
    };
    Ok(Piece {
        text: String::new(),
        model: parts::text(&response["model"]),
        finish_reason: Some(finish_reason),
        usage: usage(response),
    })
}

/// A failure that comes inside a success: what the service blames decides.
fn failed(error: &Value) -> Error {
    let message = error["message"].as_str().unwrap_or("the answer ended in an error");
    let kind = match error["code"].as_str().unwrap_or_default() {
        "rate_limit_exceeded" => ErrorKind::RateLimited,
        "insufficient_quota" => ErrorKind::QuotaSpent,
        "invalid_prompt" => ErrorKind::Refused,
        _ => ErrorKind::Overloaded,
    };
    Error::new(kind, message)
}

/// The tokens that a reply, or the reply in an event, counts.
pub(super) fn usage(reply: &Value) -> Option<Usage> {
    let count = |usage: &Value| parts::usage(usage, "input_tokens", "output_tokens");
    count(&reply["usage"]).or_else(|| count(&reply["response"]["usage"]))
}

#[cfg(test)]
mod tests;
