//! A request as the fake AI service received it.

use std::{fmt, io, time::Instant};

use serde_json::Value;
use tokio::{io::AsyncReadExt, net::TcpStream};

/// Requests larger than this are cut off, in bytes.
const LARGEST_REQUEST: usize = 64 * 1024 * 1024;

/// A request as the server received it. `Debug` masks the headers that carry keys.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// Method and path, such as `POST /v1/chat/completions`.
    pub target: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, `null` if it was not JSON.
    pub body: Value,
    /// When it arrived.
    pub arrived: Instant,
}

impl RecordedRequest {
    /// The value of the header `name`, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Reads one request, whatever it asks.
    pub(super) async fn read(connection: &mut TcpStream) -> io::Result<Self> {
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
        Ok(Self { target, headers, body, arrived: Instant::now() })
    }
}

/// The headers that carry a key.
const SECRET_HEADERS: [&str; 3] = ["authorization", "x-api-key", "x-goog-api-key"];

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value): &(String, String)| {
            let value = if SECRET_HEADERS.contains(&name.as_str()) { "***" } else { value };
            format!("{name}: {value}")
        };
        f.debug_struct("RecordedRequest")
            .field("target", &self.target)
            .field("headers", &self.headers.iter().map(shown).collect::<Vec<_>>())
            .field("body", &self.body)
            .field("arrived", &self.arrived)
            .finish()
    }
}

async fn read_more(connection: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    if bytes.len() > LARGEST_REQUEST || connection.read_buf(bytes).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
