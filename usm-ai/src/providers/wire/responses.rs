//! Responses, the format of Perplexity, as pure functions.

use serde_json::{Map, Value, json};

use super::{
    chat_completions,
    parts::{self, Piece, Question},
};
use crate::{Error, ErrorKind, FinishReason, Usage};

/// The body of the request.
pub(super) fn body(question: &Question<'_>) -> Value {
    let Question { spec, model, request, format, .. } = *question;
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
    if let Some(format) = chat_completions::response_format(format) {
        body.insert("response_format".to_owned(), format);
    }
    Value::Object(body)
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

/// The tokens that a reply counts.
pub(super) fn usage(reply: &Value) -> Option<Usage> {
    parts::usage(&reply["usage"], "input_tokens", "output_tokens")
}

#[cfg(test)]
mod tests;
