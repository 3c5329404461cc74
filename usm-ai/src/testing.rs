//! A fake AI service over real HTTP that speaks chat completions and misbehaves on demand.
//!
//! Behind the feature `testing`, for the tests of this crate and of applications:
//!
//! ```
//! # use usm_ai::{ChatRequest, Limits, Router, providers::{ChatCompletions, ChatCompletionsConfig}};
//! # use usm_ai::testing::{FakeAi, Reply};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ai = FakeAi::start([Reply::error(500, "out of order"), Reply::text("hello")]).await?;
//! let provider = ChatCompletions::new(ChatCompletionsConfig {
//!     name: "fake".to_owned(),
//!     base_url: ai.base_url(),
//!     model: "any".to_owned(),
//!     api_key: None,
//!     limits: Limits::default(),
//! })?;
//!
//! let response = Router::new(vec![Box::new(provider)]).chat(&ChatRequest::new("greeting", "hi")).await?;
//!
//! assert_eq!(response.text, "hello");
//! assert_eq!(ai.requests().len(), 2);
//! # Ok(()) }
//! ```

mod reply;

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

pub use reply::Reply;

/// Requests larger than this are cut off, in bytes.
const LARGEST_REQUEST: usize = 64 * 1024 * 1024;

/// A server on a free loopback port, for as long as the value lives.
///
/// It answers every request, whatever its path, with the next reply of the script; when the script is used up,
/// with status 500 and a message that says so.
#[derive(Debug)]
pub struct FakeAi {
    address: SocketAddr,
    stage: Arc<Mutex<Stage>>,
    server: JoinHandle<()>,
}

/// A request as the server got it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// Method and path, such as `POST /v1/chat/completions`.
    pub target: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, `null` if it was not JSON.
    pub body: Value,
}

impl RecordedRequest {
    /// The value of the header `name`, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
struct Stage {
    script: VecDeque<Reply>,
    always: Option<Reply>,
    requests: Vec<RecordedRequest>,
}

impl FakeAi {
    /// Starts a server that plays `script` once.
    ///
    /// # Errors
    ///
    /// When no loopback port can be had.
    pub async fn start(script: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        Self::play(Stage { script: script.into_iter().collect(), ..Stage::default() }).await
    }

    /// Starts a server that gives the same `reply` to everyone.
    ///
    /// # Errors
    ///
    /// As [`FakeAi::start`].
    pub async fn always(reply: Reply) -> io::Result<Self> {
        Self::play(Stage { always: Some(reply), ..Stage::default() }).await
    }

    async fn play(stage: Stage) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let stage = Arc::new(Mutex::new(stage));
        let server = tokio::spawn(serve(listener, Arc::clone(&stage)));
        Ok(Self { address, stage, server })
    }

    /// The base URL to configure a provider with, ending in `/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Everything asked so far, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.stage).requests.clone()
    }

    /// Appends to the script.
    pub fn then(&self, reply: Reply) {
        lock(&self.stage).script.push_back(reply);
    }
}

impl Drop for FakeAi {
    fn drop(&mut self) {
        // The task owns the open connections: they end with it, hanging ones included.
        self.server.abort();
    }
}

fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, stage: Arc<Mutex<Stage>>) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        connections.spawn(answer(connection, Arc::clone(&stage)));
        while connections.try_join_next().is_some() {}
    }
}

/// One request and one reply: every connection is closed after it. Errors mean that the client has gone, which
/// is its right.
async fn answer(mut connection: TcpStream, stage: Arc<Mutex<Stage>>) -> io::Result<()> {
    let request = read_request(&mut connection).await?;
    let reply = {
        let mut stage = lock(&stage);
        stage.requests.push(request);
        let next = stage.script.pop_front().or_else(|| stage.always.clone());
        next.unwrap_or_else(|| Reply::error(500, "the script of the fake AI is used up"))
    };
    reply.play(&mut connection).await
}

async fn read_request(connection: &mut TcpStream) -> io::Result<RecordedRequest> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        read_more(connection, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.lines();
    let target = lines.next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or_default();
    let body_start = head_end + 4;
    while bytes.len() < body_start.saturating_add(length) {
        read_more(connection, &mut bytes).await?;
    }
    let body = serde_json::from_slice(&bytes[body_start..]).unwrap_or_default();
    Ok(RecordedRequest { target, headers, body })
}

async fn read_more(connection: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    if bytes.len() > LARGEST_REQUEST || connection.read_buf(bytes).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Sends a whole response and lets the client read it to its end.
async fn send(connection: &mut TcpStream, status: u16, headers: &str, body: &[u8]) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} Status\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(body).await?;
    connection.shutdown().await
}
