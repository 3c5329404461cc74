//! What a fake AI service does with one request.

use std::{future, io};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::send;

/// What happens to one request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// A completion with this text and finish reason (`stop`, `length`, `content_filter`).
    Completion {
        /// Text of the answer.
        text: String,
        /// As in the dialect.
        finish_reason: String,
    },
    /// Any status with this body.
    Body {
        /// HTTP status.
        status: u16,
        /// Sent as given, with its content type guessed from the first character.
        body: String,
        /// Value of the `retry-after` header.
        retry_after: Option<String>,
    },
    /// The connection is closed without a byte.
    Close,
    /// Headers that announce a body, then silence.
    HangAfterHeaders,
    /// Headers that announce a body, half of it, then the connection is closed.
    CloseWithinBody,
    /// A body of so many bytes, without its length being announced.
    Huge {
        /// Bytes to send unless the client leaves earlier.
        bytes: usize,
    },
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

    /// An error in the dialect's form.
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        Self::coded_error(status, message, Value::Null)
    }

    /// An error in the dialect's form with a code, such as `insufficient_quota`.
    pub fn coded_error(status: u16, message: impl Into<String>, code: impl Into<Value>) -> Self {
        Self::Body { status, body: error_body(message, code), retry_after: None }
    }

    /// 401: the key is refused, and repeated in the message as services do.
    pub fn bad_key(key: &str) -> Self {
        Self::coded_error(
            401,
            format!("Incorrect API key provided: {key}. Find yours on our site."),
            "invalid_api_key",
        )
    }

    /// 404: there is no such model.
    pub fn model_not_found() -> Self {
        Self::coded_error(404, "The model does not exist or you do not have access to it.", "model_not_found")
    }

    /// 400: the model takes no JSON schema.
    pub fn schema_unsupported() -> Self {
        Self::error(400, "This model does not support response format `json_schema`.")
    }

    /// 429 with this value of the `retry-after` header, in seconds.
    pub fn rate_limited(retry_after: impl ToString) -> Self {
        Self::Body {
            status: 429,
            body: error_body("Rate limit reached.", "rate_limit_exceeded"),
            retry_after: Some(retry_after.to_string()),
        }
    }

    /// 200 with an error in the body.
    pub fn error_in_success() -> Self {
        Self::error(200, "The upstream model failed.")
    }

    /// 200 with a web page.
    pub fn html() -> Self {
        Self::Body {
            status: 200,
            body: "<!doctype html><title>Sign in</title>".to_owned(),
            retry_after: None,
        }
    }

    /// 200 with JSON that ends in the middle, its length announced truly.
    pub fn truncated_json() -> Self {
        let body = r#"{"choices": [{"message": {"content": "hel"#.to_owned();
        Self::Body { status: 200, body, retry_after: None }
    }

    pub(super) async fn play(self, connection: &mut TcpStream) -> io::Result<()> {
        match self {
            Self::Completion { text, finish_reason } => {
                let body = completion(&text, &finish_reason).to_string();
                send(connection, 200, "content-type: application/json\r\n", body.as_bytes()).await
            }
            Self::Body { status, body, retry_after } => {
                let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
                let wait = retry_after.map(|wait| format!("retry-after: {wait}\r\n")).unwrap_or_default();
                send(connection, status, &format!("content-type: {kind}\r\n{wait}"), body.as_bytes()).await
            }
            Self::Close => Ok(()),
            Self::HangAfterHeaders => {
                connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await?;
                future::pending().await
            }
            Self::CloseWithinBody => {
                connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"choices\"").await?;
                connection.shutdown().await
            }
            Self::Huge { bytes } => {
                connection.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
                let block = [b' '; 16 * 1024];
                let mut left = bytes;
                while left > 0 {
                    let size = left.min(block.len());
                    connection.write_all(&block[..size]).await?;
                    left -= size;
                }
                connection.shutdown().await
            }
        }
    }
}

fn error_body(message: impl Into<String>, code: impl Into<Value>) -> String {
    json!({ "error": { "message": message.into(), "code": code.into() } }).to_string()
}

fn completion(text: &str, finish_reason: &str) -> Value {
    json!({
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "model": "fake-model",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text },
            "finish_reason": finish_reason,
        }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 },
    })
}
