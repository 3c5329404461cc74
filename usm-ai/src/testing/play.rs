//! Sends the reply to one request, including slow and broken ones.

use std::{future, io, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpStream, time};

use super::{dialect::Dialect, reply::Reply, request::RecordedRequest};

impl Reply {
    pub(super) async fn play(
        mut self,
        request: &RecordedRequest,
        connection: &mut TcpStream,
    ) -> io::Result<()> {
        let mut sender = Sender { connection, headers: String::new(), pace: None, stays_open: false };
        loop {
            self = match self {
                Self::After(pause, reply) => {
                    time::sleep(pause).await;
                    *reply
                }
                Self::Trickle(pause, reply) => {
                    sender.pace = Some(pause);
                    *reply
                }
                Self::StayOpen(reply) => {
                    sender.stays_open = true;
                    *reply
                }
                Self::WithHeader(name, value, reply) => {
                    sender.add_header(&name, &value);
                    *reply
                }
                plain => break plain.act(request, sender).await,
            }
        }
    }

    async fn act(self, request: &RecordedRequest, mut to: Sender<'_>) -> io::Result<()> {
        let dialect = Dialect::of(request);
        let streamed = dialect.is_streamed(request);
        match self {
            Self::Completion { text, finish_reason } if streamed => {
                let events = Dialect::events(&text, &finish_reason).concat();
                to.begin(200, STREAM, None).await?;
                to.send_body(events.as_bytes()).await
            }
            Self::Completion { text, finish_reason } => {
                to.send(200, dialect.answer(&text, &finish_reason).to_string().as_bytes()).await
            }
            Self::Error { status, message, code } => {
                to.send(status, dialect.error(status, &message, &code).to_string().as_bytes()).await
            }
            Self::Refusal(refusal) => {
                let refused = dialect.refuse(&refusal);
                refused.headers.iter().for_each(|(name, value)| to.add_header(name, value));
                to.send(refused.status, refused.body.to_string().as_bytes()).await
            }
            Self::Body { status, body } => to.send(status, &body).await,
            Self::Close => Ok(()),
            Self::Reset => to.connection.set_zero_linger(),
            Self::Hang => future::pending().await,
            Self::HangAfterHeaders => {
                to.begin(200, JSON, Some(1000)).await?;
                future::pending().await
            }
            Self::CloseWithinBody if streamed => {
                let events = Dialect::events("Half of the answer comes, and then nothing more.", "stop");
                to.begin(200, STREAM, None).await?;
                to.send_body(events[..events.len() / 2].concat().as_bytes()).await
            }
            Self::CloseWithinBody => {
                to.begin(200, JSON, Some(1000)).await?;
                to.send_body(b"{\"choices\"").await
            }
            Self::Huge { bytes } => {
                to.begin(200, JSON, None).await?;
                let block = [b' '; 16 * 1024];
                let mut left = bytes;
                while left > 0 {
                    let size = left.min(block.len());
                    to.connection.write_all(&block[..size]).await?;
                    left -= size;
                }
                to.connection.shutdown().await
            }
            Self::Endless => {
                to.begin(200, STREAM, None).await?;
                let piece = Dialect::piece("and on and on ").repeat(100);
                loop {
                    to.connection.write_all(piece.as_bytes()).await?;
                    if let Some(pause) = to.pace {
                        time::sleep(pause).await;
                    }
                }
            }
            // `play` has taken these off.
            Self::After(..) | Self::Trickle(..) | Self::StayOpen(..) | Self::WithHeader(..) => Ok(()),
        }
    }
}

const JSON: &str = "application/json";
const STREAM: &str = "text/event-stream";

/// The way back to the client.
struct Sender<'a> {
    connection: &'a mut TcpStream,
    /// Lines of the head beyond those that every reply has.
    headers: String,
    /// Pause after each byte of the body.
    pace: Option<Duration>,
    stays_open: bool,
}

impl Sender<'_> {
    fn add_header(&mut self, name: &str, value: &str) {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
    }

    /// Sends a whole response and lets the client read it to its end.
    async fn send(&mut self, status: u16, body: &[u8]) -> io::Result<()> {
        let kind = if body.starts_with(b"<") { "text/html" } else { JSON };
        self.begin(status, kind, Some(body.len())).await?;
        self.send_body(body).await
    }

    /// Sends the head. Without a length, the end of the connection is the end of the body.
    async fn begin(&mut self, status: u16, kind: &str, length: Option<usize>) -> io::Result<()> {
        let length = length.map(|bytes| format!("content-length: {bytes}\r\n")).unwrap_or_default();
        let headers = &self.headers;
        let head = format!(
            "HTTP/1.1 {status} Status\r\ncontent-type: {kind}\r\n{headers}{length}connection: close\r\n\r\n"
        );
        self.connection.write_all(head.as_bytes()).await
    }

    async fn send_body(&mut self, body: &[u8]) -> io::Result<()> {
        match self.pace {
            None => self.connection.write_all(body).await?,
            Some(pause) => {
                for byte in body {
                    self.connection.write_all(&[*byte]).await?;
                    time::sleep(pause).await;
                }
            }
        }
        if self.stays_open {
            future::pending::<()>().await;
        }
        self.connection.shutdown().await
    }
}
