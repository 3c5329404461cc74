//! What a fake AI service does with one request.

use std::{future, io, time::Duration};

use serde::Serialize;
use tokio::{io::AsyncWriteExt, net::TcpStream, time};

use super::{RecordedRequest, dialect::Dialect};

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
        body: String,
        /// Value of the `retry-after` header.
        retry_after: Option<String>,
    },
    /// The connection is closed without a byte.
    Close,
    /// The connection is reset without a byte.
    Reset,
    /// Headers that announce a body, then silence.
    HangAfterHeaders,
    /// Not even headers: silence from the beginning.
    Hang,
    /// Headers that announce a body, half of it, then the connection is closed. Of a stream, half of its events.
    CloseWithinBody,
    /// A body of so many bytes, without its length being announced.
    Huge {
        /// Bytes to send unless the client leaves earlier.
        bytes: usize,
    },
    /// A stream, or body, that goes on until the client leaves.
    Endless,
    /// Another reply, after a pause.
    After(Duration, Box<Reply>),
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

    /// 429 with so many seconds to wait, in the way of the format; for most also a date.
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

    pub(super) async fn play(
        mut self,
        request: &RecordedRequest,
        connection: &mut TcpStream,
    ) -> io::Result<()> {
        let mut pace = None;
        loop {
            self = match self {
                Self::After(pause, reply) => {
                    time::sleep(pause).await;
                    *reply
                }
                Self::Trickle(pause, reply) => {
                    pace = Some(pause);
                    *reply
                }
                plain => break plain.act(request, connection, pace).await,
            }
        }
    }

    async fn act(
        self,
        request: &RecordedRequest,
        connection: &mut TcpStream,
        pace: Option<Duration>,
    ) -> io::Result<()> {
        let dialect = Dialect::of(request);
        let streamed = dialect.is_streamed(request);
        match self {
            Self::Completion { text, finish_reason } if streamed => {
                let events = dialect.events(&text, &finish_reason).concat();
                connection.write_all(STREAM_HEAD).await?;
                write_body(connection, events.as_bytes(), pace).await
            }
            Self::Completion { text, finish_reason } => {
                let body = dialect.answer(&text, &finish_reason).to_string();
                send(connection, 200, &[], &body, pace).await
            }
            Self::Error { status, message, code } => {
                let body = dialect.error(status, &message, &code).to_string();
                send(connection, status, &[], &body, pace).await
            }
            Self::Refusal(refusal) => {
                let refused = dialect.refuse(&refusal);
                send(connection, refused.status, &refused.headers, &refused.body.to_string(), pace).await
            }
            Self::Body { status, body, retry_after } => {
                let headers: Vec<_> =
                    retry_after.map(|wait| ("retry-after".to_owned(), wait)).into_iter().collect();
                send(connection, status, &headers, &body, pace).await
            }
            Self::Close => Ok(()),
            Self::Reset => connection.set_zero_linger(),
            Self::Hang => future::pending().await,
            Self::HangAfterHeaders => {
                connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await?;
                future::pending().await
            }
            Self::CloseWithinBody if streamed => {
                let events = dialect.events("Half of the answer comes, and then nothing more.", "stop");
                connection.write_all(STREAM_HEAD).await?;
                write_body(connection, events[..events.len() / 2].concat().as_bytes(), pace).await
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
            Self::Endless => {
                connection.write_all(STREAM_HEAD).await?;
                let piece = dialect.piece("and on and on ").repeat(100);
                loop {
                    connection.write_all(piece.as_bytes()).await?;
                    if let Some(pause) = pace {
                        time::sleep(pause).await;
                    }
                }
            }
            // `play` has taken these off.
            Self::After(..) | Self::Trickle(..) => Ok(()),
        }
    }
}

const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// Sends a whole response and lets the client read it to its end.
pub(super) async fn send(
    connection: &mut TcpStream,
    status: u16,
    headers: &[(String, String)],
    body: &str,
    pace: Option<Duration>,
) -> io::Result<()> {
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {status} Status\r\ncontent-type: {kind}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await?;
    write_body(connection, body.as_bytes(), pace).await
}

async fn write_body(connection: &mut TcpStream, body: &[u8], pace: Option<Duration>) -> io::Result<()> {
    match pace {
        None => connection.write_all(body).await?,
        Some(pause) => {
            for byte in body {
                connection.write_all(&[*byte]).await?;
                time::sleep(pause).await;
            }
        }
    }
    connection.shutdown().await
}
