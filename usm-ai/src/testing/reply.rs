//! What a fake AI service does with one request.

use std::time::Duration;

use serde::Serialize;

/// What happens to one request. Answers and errors come in the format the request is written in, as a stream where one
/// is asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// A completion with this text.
    Completion {
        /// Text of the answer.
        text: String,
        /// `stop`, `length`, `content_filter` or `refusal`.
        finish_reason: String,
    },
    /// An error in the form of the format.
    Error {
        /// HTTP status; 200 for an error inside a success.
        status: u16,
        /// What people are told.
        message: String,
        /// What programs are told.
        code: String,
    },
    /// A refusal that every service words in its own way.
    Refusal(Refusal),
    /// Any status with this body.
    Body {
        /// HTTP status.
        status: u16,
        /// Sent as given, with its content type guessed from the first character.
        body: Vec<u8>,
    },
    /// Another reply with one more header: name and value.
    WithHeader(String, String, Box<Reply>),
    /// The connection is closed without a byte.
    Close,
    /// The connection is reset without a byte.
    Reset,
    /// Headers that announce a body, then silence.
    HangAfterHeaders,
    /// Not even headers: silence from the beginning.
    Hang,
    /// Headers that announce a body, half of it, then the connection is closed. For a stream, half of its events.
    CloseWithinBody,
    /// A body of this many bytes, without announcing its length.
    Huge {
        /// Bytes to send unless the client leaves earlier.
        bytes: usize,
    },
    /// A stream, or body, that goes on until the client leaves.
    Endless,
    /// Another reply, after a pause.
    After(Duration, Box<Reply>),
    /// Another reply, after which the connection stays open in silence.
    StayOpen(Box<Reply>),
    /// The body of another reply, byte by byte with this pause after each.
    Trickle(Duration, Box<Reply>),
}

/// A refusal that every service words in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Asked too often; with the seconds to wait, where the service names them: in a header or in the body.
    RateLimited(String),
    /// The requests of the day are used up.
    DaySpent,
    /// The money is spent.
    MoneySpent,
    /// The key is wrong; it is repeated in the message as services do.
    BadKey(String),
    /// There is no such model.
    NoSuchModel,
    /// Busy for everyone.
    Overloaded,
}

impl Reply {
    /// A good answer with this text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Completion { text: text.into(), finish_reason: "stop".to_owned() }
    }

    /// A good answer whose text is `value` as JSON. A value that cannot be JSON becomes `null`.
    pub fn json(value: impl Serialize) -> Self {
        Self::text(serde_json::to_value(value).unwrap_or_default().to_string())
    }

    /// An answer that ends at the output limit.
    pub fn cut_off(text: impl Into<String>) -> Self {
        Self::Completion { text: text.into(), finish_reason: "length".to_owned() }
    }

    /// The model declines to answer, with this reason where the format has a place for it.
    pub fn refusal(reason: impl Into<String>) -> Self {
        Self::Completion { text: reason.into(), finish_reason: "refusal".to_owned() }
    }

    /// The answer is withheld by a filter.
    pub fn blocked() -> Self {
        Self::Completion { text: "Once".to_owned(), finish_reason: "content_filter".to_owned() }
    }

    /// An error in the form of the format.
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        Self::coded_error(status, message, "")
    }

    /// An error in the form of the format with a code, such as `insufficient_quota`.
    pub fn coded_error(status: u16, message: impl Into<String>, code: impl Into<String>) -> Self {
        Self::Error { status, message: message.into(), code: code.into() }
    }

    /// The key is refused, and repeated in the message as services do.
    pub fn bad_key(key: &str) -> Self {
        Self::Refusal(Refusal::BadKey(key.to_owned()))
    }

    /// 404: there is no such model.
    pub fn model_not_found() -> Self {
        Self::Refusal(Refusal::NoSuchModel)
    }

    /// 400: the model takes no JSON schema.
    pub fn schema_unsupported() -> Self {
        Self::error(400, "This model does not support response format `json_schema`.")
    }

    /// 429 with this many seconds to wait, as the format says it; for most formats a date works too.
    pub fn rate_limited(retry_after: impl ToString) -> Self {
        Self::Refusal(Refusal::RateLimited(retry_after.to_string()))
    }

    /// 429: the requests of the day are used up.
    pub fn day_spent() -> Self {
        Self::Refusal(Refusal::DaySpent)
    }

    /// 429: the money is spent.
    pub fn money_spent() -> Self {
        Self::Refusal(Refusal::MoneySpent)
    }

    /// 503, or 529 from Anthropic.
    pub fn overloaded() -> Self {
        Self::Refusal(Refusal::Overloaded)
    }

    /// 200 with an error in the body.
    pub fn error_in_success() -> Self {
        Self::error(200, "The upstream model failed.")
    }

    /// Any status with this body, which need not be JSON, nor text.
    pub fn body(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Body { status, body: body.into() }
    }

    /// 200 with a web page.
    pub fn html() -> Self {
        Self::body(200, "<!doctype html><title>Sign in</title>")
    }

    /// 200 with JSON that ends in the middle, with its true length announced.
    pub fn truncated_json() -> Self {
        Self::body(200, r#"{"choices": [{"message": {"content": "hel"#)
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(self, name: impl Into<String>, value: impl ToString) -> Self {
        Self::WithHeader(name.into(), value.to_string(), Box::new(self))
    }

    /// The same after a pause.
    #[must_use]
    pub fn after(self, pause: Duration) -> Self {
        Self::After(pause, Box::new(self))
    }

    /// The same with its body sent byte by byte.
    #[must_use]
    pub fn trickling(self, pause: Duration) -> Self {
        Self::Trickle(pause, Box::new(self))
    }

    /// The same, after which the connection stays open in silence.
    #[must_use]
    pub fn staying_open(self) -> Self {
        Self::StayOpen(Box::new(self))
    }
}
