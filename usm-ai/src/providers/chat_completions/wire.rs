//! The chat-completions dialect as pure functions: request to JSON, status and body to answer or error.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{
    AnswerSchema, ChatRequest, Error, ErrorKind, FinishReason, Usage, http::Headers,
    providers::ProviderAnswer,
};

/// How the service calls the output limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenLimit {
    /// `max_completion_tokens`: where reasoning models refuse the older name.
    Completion,
    /// `max_tokens`: everywhere else.
    Plain,
}

impl TokenLimit {
    pub(super) fn of_host(host: &str) -> Self {
        if matches!(host, "api.openai.com" | "api.groq.com") { Self::Completion } else { Self::Plain }
    }

    fn field(self) -> &'static str {
        match self {
            Self::Completion => "max_completion_tokens",
            Self::Plain => "max_tokens",
        }
    }
}

/// The body of the request.
pub(super) fn to_wire(
    model: &str,
    request: &ChatRequest,
    schema: Option<&AnswerSchema>,
    token_limit: TokenLimit,
) -> Value {
    let system = request.system.iter().map(|text| json!({ "role": "system", "content": text }));
    let user = json!({ "role": "user", "content": request.user });
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(model));
    body.insert("messages".to_owned(), system.chain([user]).collect());
    if let Some(temperature) = request.temperature {
        // By way of text, for `0.2_f32` as `f64` is 0.20000000298023224.
        body.insert(
            "temperature".to_owned(),
            json!(temperature.to_string().parse::<f64>().unwrap_or_default()),
        );
    }
    if let Some(tokens) = request.max_output_tokens {
        body.insert(token_limit.field().to_owned(), json!(tokens));
    }
    if let Some(schema) = schema {
        let format = json!({
            "type": "json_schema",
            "json_schema": { "name": schema.name(), "schema": schema.as_json(), "strict": schema.is_strict() },
        });
        body.insert("response_format".to_owned(), format);
    }
    Value::Object(body)
}

/// The answer or error in a reply of the service, to a request for `model`.
pub(super) fn from_wire(
    model: &str,
    status: u16,
    headers: &Headers,
    body: &[u8],
) -> Result<ProviderAnswer, Error> {
    let text = String::from_utf8_lossy(body);
    let json: Option<Value> = serde_json::from_str(&text).ok();

    if !(200..300).contains(&status) {
        let complaint = json.as_ref().and_then(Complaint::of).unwrap_or_else(|| Complaint::plain(&text));
        return Err(refusal(status, headers, &complaint));
    }
    let Some(json) = json else {
        let reason = format!("the reply is not JSON or breaks off: {text}");
        return Err(Error::new(ErrorKind::Malformed, reason).with_status(status));
    };
    if json.get("error").is_some_and(|error| !error.is_null()) {
        let complaint = Complaint::of(&json).unwrap_or_else(|| Complaint::plain(&text));
        // Some gateways report what their upstream said inside a success.
        let upstream = complaint.status.unwrap_or(500);
        return Err(refusal(upstream, headers, &complaint));
    }
    answer(model, &json).map_err(|error| error.with_status(status))
}

fn answer(model: &str, json: &Value) -> Result<ProviderAnswer, Error> {
    let Some(choice) = json.pointer("/choices/0") else {
        return Err(Error::new(ErrorKind::Malformed, format!("the reply has no choices: {json}")));
    };
    let text = content(&choice["message"]["content"]);
    let refused = choice["message"]["refusal"].as_str().filter(|reason| !reason.is_empty());
    let finish_reason = match choice["finish_reason"].as_str() {
        _ if refused.is_some() => return Err(Error::new(ErrorKind::Blocked, refused.unwrap_or_default())),
        Some("content_filter") => return Err(Error::new(ErrorKind::Blocked, "")),
        Some("error") => return Err(Error::new(ErrorKind::Overloaded, "the answer ended in an error")),
        Some("stop") => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        _ => FinishReason::Other,
    };
    if text.trim().is_empty() {
        return Err(match finish_reason {
            FinishReason::Length => {
                Error::new(ErrorKind::Truncated, "the output limit was spent on reasoning alone")
            }
            _ => Error::new(ErrorKind::Malformed, "the answer has no text"),
        });
    }
    Ok(ProviderAnswer {
        text,
        model: json["model"].as_str().unwrap_or(model).to_owned(),
        finish_reason,
        usage: usage(&json["usage"]),
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

fn usage(usage: &Value) -> Option<Usage> {
    Some(Usage {
        input_tokens: usage["prompt_tokens"].as_u64()?,
        output_tokens: usage["completion_tokens"].as_u64().unwrap_or_default(),
    })
}

/// What a service says about its refusal.
struct Complaint {
    message: String,
    /// Its code and type, in lower case.
    code: String,
    /// A status inside the body.
    status: Option<u16>,
}

impl Complaint {
    fn plain(text: &str) -> Self {
        Self { message: text.to_owned(), code: String::new(), status: None }
    }

    /// From `{"error": {"message", "code", "type"}}` or one of its relatives.
    fn of(json: &Value) -> Option<Self> {
        let error = match json.get("error") {
            Some(Value::String(message)) => return Some(Self::plain(message)),
            Some(error) if error.is_object() => error,
            _ => json,
        };
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        let message = ["message", "detail"].into_iter().map(text).find(|said| !said.is_empty())?;
        Some(Self {
            message: message.to_owned(),
            code: format!("{} {}", text("code"), text("type")).to_lowercase(),
            status: error["code"]
                .as_u64()
                .and_then(|code| u16::try_from(code).ok())
                .filter(|code| *code >= 400),
        })
    }
}

fn refusal(status: u16, headers: &Headers, complaint: &Complaint) -> Error {
    let mut excerpt = complaint.message.clone();
    if let Some(target) = headers.get("location") {
        excerpt = format!("the base URL redirects to {target}, use that one");
    }
    Error::new(classify(status, complaint), excerpt)
        .with_status(status)
        .with_retry_after(retry_after(headers))
}

fn classify(status: u16, complaint: &Complaint) -> ErrorKind {
    let code = complaint.code.as_str();
    let message = complaint.message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| code.contains(word) || message.contains(word));
    match status {
        300..=399 => ErrorKind::Misconfigured,
        401 | 403 => ErrorKind::Unauthorized,
        402 => ErrorKind::QuotaSpent,
        404 | 410 => ErrorKind::ModelNotFound,
        408 => ErrorKind::Timeout,
        409 => ErrorKind::Overloaded,
        429 if code.contains("insufficient_quota") => ErrorKind::QuotaSpent,
        429 => ErrorKind::RateLimited,
        // The model wrote JSON that does not fit: its answer is at fault, not the request.
        400 | 422 if code.contains("json_validate_failed") => ErrorKind::Malformed,
        400 | 422 if says(&["response_format", "json_schema", "json schema", "structured output"]) => {
            ErrorKind::SchemaUnsupported
        }
        400 | 422 if says(&["model_not_found", "decommissioned"]) => ErrorKind::ModelNotFound,
        400 | 422 if message.contains("model") && says(&["does not exist", "not found"]) => {
            ErrorKind::ModelNotFound
        }
        400 | 422 if says(&["content_filter", "content_policy", "content management policy"]) => {
            ErrorKind::Blocked
        }
        400 if says(&["invalid_api_key", "api key not valid"]) => ErrorKind::Unauthorized,
        500.. if status != 501 => ErrorKind::Overloaded,
        _ => ErrorKind::Refused,
    }
}

/// The wait the service asks for. Fractions of seconds occur.
fn retry_after(headers: &Headers) -> Option<Duration> {
    let number = |name| headers.get(name)?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests;
