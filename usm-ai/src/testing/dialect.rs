//! Answers and refusals of a fake AI service as each wire format writes them: pure.

use serde_json::{Value, json};

use super::{reply::Refusal, request::RecordedRequest};

/// Characters in each piece of a streamed answer.
const PIECE_CHARS: usize = 8;

/// The format a request is written in, told by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    ChatCompletions,
    Responses,
    Gemini,
    Messages,
}

/// Status, headers and body of a refusal.
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Value,
}

impl Dialect {
    pub(super) fn of(request: &RecordedRequest) -> Self {
        let path = request.target.split(['?', ' ']).nth(1).unwrap_or_default();
        if path.ends_with("enerateContent") {
            return Self::Gemini;
        }
        match path.rsplit('/').next() {
            Some("messages") => Self::Messages,
            Some("responses") => Self::Responses,
            _ => Self::ChatCompletions,
        }
    }

    /// Whether the request asks for a stream, which only servers that speak chat completions are asked for.
    pub(super) fn is_streamed(self, request: &RecordedRequest) -> bool {
        self == Self::ChatCompletions && request.body["stream"] == true
    }

    /// A whole answer. `finish` is `stop`, `length`, `content_filter` or `refusal`.
    pub(super) fn answer(self, text: &str, finish: &str) -> Value {
        match self {
            Self::ChatCompletions => {
                let message = match finish {
                    "refusal" => json!({ "role": "assistant", "content": null, "refusal": text }),
                    _ => json!({ "role": "assistant", "content": text }),
                };
                let finish = if finish == "refusal" { "stop" } else { finish };
                json!({
                    "id": "chatcmpl-fake",
                    "object": "chat.completion",
                    "model": "fake-model",
                    "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
                    "usage": { "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 },
                })
            }
            Self::Responses => {
                let part = match finish {
                    "refusal" => json!({ "type": "refusal", "refusal": text }),
                    _ => json!({ "type": "output_text", "text": text, "annotations": [] }),
                };
                let message = json!({ "type": "message", "role": "assistant", "content": [part] });
                let mut response = responses_ending(finish);
                response["output"] = json!([{ "type": "reasoning", "summary": [] }, message]);
                response
            }
            Self::Gemini => {
                let thought = json!({ "text": "thinking", "thought": true });
                gemini(json!([thought, { "text": text }]), Some(finish))
            }
            Self::Messages => json!({
                "id": "msg_fake",
                "type": "message",
                "role": "assistant",
                "model": "fake-model",
                "content": [{ "type": "thinking", "thinking": "…" }, { "type": "text", "text": text }],
                "stop_reason": anthropic_reason(finish),
                "usage": { "input_tokens": 10, "output_tokens": 5 },
            }),
        }
    }

    /// The events of a streamed answer, as they stand on the wire.
    pub(super) fn events(text: &str, finish: &str) -> Vec<String> {
        let end = |choices: Value| event(&json!({ "model": "fake-model", "choices": choices }));
        let usage = json!({ "prompt_tokens": 10, "completion_tokens": 5 });
        let mut events = vec![": a comment\n\n".to_owned()];
        if finish == "refusal" {
            events.push(end(json!([{ "delta": { "refusal": text }, "finish_reason": null }])));
        } else {
            let chars: Vec<char> = text.chars().collect();
            events.extend(
                chars.chunks(PIECE_CHARS).map(|piece| Self::piece(&piece.iter().collect::<String>())),
            );
        }
        let finish = if finish == "refusal" { "stop" } else { finish };
        events.push(end(json!([{ "delta": {}, "finish_reason": finish }])));
        events.push(event(&json!({ "model": "fake-model", "choices": [], "usage": usage })));
        events.push("data: [DONE]\n\n".to_owned());
        events
    }

    /// One piece of a streamed text.
    pub(super) fn piece(text: &str) -> String {
        let choice = json!({ "delta": { "content": text }, "finish_reason": null });
        event(&json!({ "model": "fake-model", "choices": [choice] }))
    }

    /// An error in the format's form.
    pub(super) fn error(self, status: u16, message: &str, code: &str) -> Value {
        match self {
            Self::Gemini => json!({ "error": { "code": status, "message": message, "status": code } }),
            Self::Messages => json!({ "type": "error", "error": { "type": code, "message": message } }),
            Self::ChatCompletions | Self::Responses => {
                json!({ "error": { "message": message, "code": (!code.is_empty()).then_some(code) } })
            }
        }
    }

    /// What services of this format say in a case that each of them words differently.
    pub(super) fn refuse(self, refusal: &Refusal) -> Refused {
        let (status, message, code, headers) = match (self, refusal) {
            (Self::Gemini, Refusal::RateLimited(wait)) => {
                return gemini_quota("GenerateRequestsPerMinutePerProjectPerModel", wait);
            }
            (Self::Gemini, Refusal::DaySpent) => {
                return gemini_quota("GenerateRequestsPerDayPerProjectPerModel", "26.5");
            }
            (_, Refusal::RateLimited(wait)) => {
                let code = if self == Self::Messages { "rate_limit_error" } else { "rate_limit_exceeded" };
                (429, "Rate limit reached.", code, vec![("retry-after".to_owned(), wait.clone())])
            }
            (_, Refusal::DaySpent) => {
                let header =
                    |name: &str, value: &str| (format!("x-ratelimit-{name}-requests"), value.to_owned());
                let headers = vec![header("remaining", "0"), header("reset", "7h20m0.5s")];
                (429, "Limit of requests per day reached.", "rate_limit_exceeded", headers)
            }
            (Self::Messages, Refusal::MoneySpent) => {
                let mut body = self.error(429, "Spend limit reached.", "rate_limit_error");
                body["error"]["details"] = json!({ "error_code": "enforced_spend_limit_reached" });
                return Refused { status: 429, headers: Vec::new(), body };
            }
            (_, Refusal::MoneySpent) => (429, "You have no credits left.", "insufficient_quota", Vec::new()),
            (Self::Gemini, Refusal::BadKey(key)) => {
                let message = format!("API key not valid: {key}. Please pass a valid API key.");
                let mut body = self.error(400, &message, "INVALID_ARGUMENT");
                body["error"]["details"] = json!([{ "reason": "API_KEY_INVALID" }]);
                return Refused { status: 400, headers: Vec::new(), body };
            }
            (_, Refusal::BadKey(key)) => {
                let code = if self == Self::Messages { "authentication_error" } else { "invalid_api_key" };
                let message = format!("Incorrect API key provided: {key}. Find yours on our site.");
                return Refused { status: 401, headers: Vec::new(), body: self.error(401, &message, code) };
            }
            (_, Refusal::NoSuchModel) => {
                let message = "The model does not exist or you do not have access to it.";
                let code = match self {
                    Self::Gemini => "NOT_FOUND",
                    Self::Messages => "not_found_error",
                    _ => "model_not_found",
                };
                (404, message, code, Vec::new())
            }
            (_, Refusal::Overloaded) => {
                let (status, code) = match self {
                    Self::Messages => (529, "overloaded_error"),
                    Self::Gemini => (503, "UNAVAILABLE"),
                    _ => (503, "service_unavailable"),
                };
                (status, "The model is overloaded.", code, Vec::new())
            }
        };
        Refused { status, headers, body: self.error(status, message, code) }
    }
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn responses_ending(finish: &str) -> Value {
    let reason = match finish {
        "length" => Some("max_output_tokens"),
        "content_filter" => Some("content_filter"),
        _ => None,
    };
    json!({
        "id": "resp_fake",
        "object": "response",
        "model": "fake-model",
        "status": if reason.is_some() { "incomplete" } else { "completed" },
        "incomplete_details": reason.map(|reason| json!({ "reason": reason })),
        "usage": { "input_tokens": 10, "output_tokens": 5 },
    })
}

fn gemini(parts: Value, finish: Option<&str>) -> Value {
    let reason = finish.map(|finish| match finish {
        "stop" => "STOP",
        "length" => "MAX_TOKENS",
        _ => "SAFETY",
    });
    let mut candidate = json!({ "content": { "role": "model", "parts": parts }, "index": 0 });
    if let Some(reason) = reason {
        candidate["finishReason"] = json!(reason);
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": { "promptTokenCount": 10, "candidatesTokenCount": 4, "thoughtsTokenCount": 1 },
        "modelVersion": "fake-model",
    })
}

fn gemini_quota(id: &str, wait: &str) -> Refused {
    let mut body = Dialect::Gemini.error(429, "You exceeded your current quota.", "RESOURCE_EXHAUSTED");
    body["error"]["details"] = json!([
        { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{ "quotaId": id }] },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{wait}s") },
    ]);
    Refused { status: 429, headers: Vec::new(), body }
}

fn anthropic_reason(finish: &str) -> &'static str {
    match finish {
        "stop" => "end_turn",
        "length" => "max_tokens",
        _ => "refusal",
    }
}
