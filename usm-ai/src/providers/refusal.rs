//! What a service means when it refuses: status, code and message, sorted by what the caller does next.

use std::time::SystemTime;

use serde_json::Value;

use super::wait;
use crate::{Error, ErrorKind, headers::Headers};

/// The error in a reply whose status is not a success.
pub(super) fn refusal(status: u16, headers: &Headers, body: &[u8], now: SystemTime) -> Error {
    let text = String::from_utf8_lossy(body);
    let json: Option<Value> = serde_json::from_str(&text).ok();
    let complaint = json.as_ref().and_then(Complaint::of).unwrap_or_else(|| Complaint::plain(&text));
    error(status, headers, json.as_ref(), &complaint, now)
}

/// The error inside a success, if there is one: some gateways report errors of their upstream this way.
pub(super) fn hidden(headers: &Headers, reply: &Value, now: SystemTime) -> Option<Error> {
    let error_field = reply.get("error").or_else(|| reply.get(0)?.get("error"))?;
    let is_none = match error_field {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    if is_none {
        return None;
    }
    let complaint = Complaint::of(reply).unwrap_or_else(|| Complaint::plain(&reply.to_string()));
    let status = complaint.status.or_else(|| complaint.status_of_code()).unwrap_or(500);
    Some(error(status, headers, Some(reply), &complaint, now))
}

fn error(
    status: u16,
    headers: &Headers,
    body: Option<&Value>,
    complaint: &Complaint,
    now: SystemTime,
) -> Error {
    let kind = classify(status, complaint);
    let excerpt = match headers.get("location") {
        Some(target) => format!("the base URL redirects to {target}, use that one"),
        None if body.is_some_and(wait::is_daily) => format!("the quota of the day: {}", complaint.message),
        None => complaint.message.clone(),
    };
    let error = Error::new(kind, excerpt).with_status(status);
    // A wait beside a lasting failure belongs to a limit that no longer matters.
    if kind.is_transient() { error.with_retry_after(wait::wait(headers, body, now)) } else { error }
}

/// What a service says about its refusal.
struct Complaint {
    message: String,
    /// Its codes, types and reasons, in lower case.
    code: String,
    /// A status inside the body.
    status: Option<u16>,
}

impl Complaint {
    fn plain(text: &str) -> Self {
        Self { message: text.to_owned(), code: String::new(), status: None }
    }

    /// From `{"error": {"message", "code", "type", "status", "details"}}` or one of its relatives.
    fn of(json: &Value) -> Option<Self> {
        let json = json.get(0).unwrap_or(json);
        let error = match json.get("error") {
            Some(Value::String(message)) => return Some(Self::plain(message)),
            Some(error) if error.is_object() => error,
            _ => json,
        };
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        let message = ["message", "detail"].into_iter().map(text).find(|said| !said.is_empty())?;
        let reasons =
            error["details"].as_array().into_iter().flatten().filter_map(|detail| detail["reason"].as_str());
        // Anthropic says in the details of a 429 when it is a spending limit, not a rate limit.
        let details = error["details"]["error_code"].as_str();
        let number = |name: &str| {
            let code = error[name].as_u64().or_else(|| error[name].as_str()?.parse().ok())?;
            u16::try_from(code).ok().filter(|code| *code >= 400)
        };
        let codes = ["code", "type", "status"].into_iter().map(text).chain(reasons).chain(details);
        Some(Self {
            message: message.to_owned(),
            code: codes.collect::<Vec<_>>().join(" ").to_lowercase(),
            status: number("code").or_else(|| number("status")),
        })
    }

    /// The status a code stands for, where a stream or gateway gives no number.
    fn status_of_code(&self) -> Option<u16> {
        let table = [
            ("rate_limit", 429),
            ("resource_exhausted", 429),
            ("insufficient_quota", 429),
            ("overloaded", 529),
            ("authentication", 401),
            ("permission", 403),
            ("not_found", 404),
            ("request_too_large", 413),
            ("invalid_request", 400),
        ];
        table.into_iter().find(|(code, _)| self.code.contains(code)).map(|(_, status)| status)
    }
}

fn classify(status: u16, complaint: &Complaint) -> ErrorKind {
    let code = complaint.code.as_str();
    let message = complaint.message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| code.contains(word) || message.contains(word));
    let no_money = || {
        says(&["insufficient_quota", "billing_error", "enforced_spend_limit", "credit balance is too low"])
            || says(&["billing_hard_limit", "spend limit", "spending limit"])
    };
    let too_large = || {
        says(&["context_length", "context length", "context window", "prompt is too long", "too many tokens"])
            || says(&[
                "exceeds the maximum number of tokens",
                "request_too_large",
                "request too large for",
                "reduce your message size",
            ])
    };
    match status {
        300..=399 => ErrorKind::Misconfigured,
        402 => ErrorKind::QuotaSpent,
        403 if says(&["moderation", "flagged"]) => ErrorKind::Blocked,
        400 | 401 | 403 | 429 if no_money() => ErrorKind::QuotaSpent,
        403 if code.contains("model_not_found") => ErrorKind::ModelNotFound,
        401 | 403 => ErrorKind::Unauthorized,
        // OpenRouter: no upstream with this model supports what the request asks for.
        404 if says(&["handle the requested parameters"]) => ErrorKind::SchemaUnsupported,
        404 | 410 => ErrorKind::ModelNotFound,
        408 => ErrorKind::Timeout,
        409 | 498 => ErrorKind::Overloaded,
        413 => ErrorKind::TooLarge,
        // OpenAI: more than the limit of a whole minute, so that no wait helps.
        429 if too_large() => ErrorKind::TooLarge,
        429 => ErrorKind::RateLimited,
        // The model wrote JSON that does not fit: its answer is at fault, not the request.
        400 | 422 if code.contains("json_validate_failed") => ErrorKind::Malformed,
        400 | 422 if says(&["model_not_found", "decommissioned", "model_gone"]) => ErrorKind::ModelNotFound,
        400 | 422 if too_large() => ErrorKind::TooLarge,
        400 | 422
            if says(&["response_format", "json_schema", "json schema", "structured output"])
                || says(&["responsejsonschema", "response_schema", "responseschema", "output_config"])
                || says(&["output_format", "response mime type", "response_mime_type"])
                || says(&["minitems", "maxitems", "additionalproperties"]) =>
        {
            ErrorKind::SchemaUnsupported
        }
        400 | 422 if message.contains("model") && says(&["does not exist", "not found"]) => {
            ErrorKind::ModelNotFound
        }
        400 | 422 if says(&["content_filter", "content_policy", "content management policy"]) => {
            ErrorKind::Blocked
        }
        400 if says(&["invalid_api_key", "api_key_invalid", "api key not valid", "api key expired"]) => {
            ErrorKind::Unauthorized
        }
        // Servers of one's own fail this way at what they were asked for.
        500 if says(&["grammar", "json_schema", "response_format"]) => ErrorKind::SchemaUnsupported,
        500 if says(&["system role", "roles must alternate", "roles are supported"]) => ErrorKind::Refused,
        500.. if status != 501 => ErrorKind::Overloaded,
        _ => ErrorKind::Refused,
    }
}

#[cfg(test)]
mod tests;
