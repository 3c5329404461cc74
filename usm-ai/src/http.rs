//! Sends one JSON request over HTTP with every limit set; it knows nothing of the wire formats.

use std::{error::Error as StdError, time::Duration};

use reqwest::{Client, ClientBuilder, RequestBuilder, Response, Url, header::HeaderValue, redirect};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::{Error, ErrorKind, clock::FAR_AWAY, headers::Headers};

/// How long a provider may take and how much it may say. The defaults suit hosted services; a large model on
/// your own machine may need a longer `first_byte` and `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time to connect, TLS included; 5 s by default.
    pub connect: Duration,
    /// Longest wait for the first byte of the reply, connecting included; 120 s by default.
    pub first_byte: Duration,
    /// Longest time between two bytes of the body, and before its first one; 60 s by default.
    pub silence: Duration,
    /// Longest time for one request from start to end; 300 s by default.
    pub total: Duration,
    /// Largest answer in bytes, after decompression; 8 MiB by default.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(120),
            silence: Duration::from_secs(60),
            total: Duration::from_secs(300),
            answer_bytes: 8 * 1024 * 1024,
        }
    }
}

/// A connection pool to one service.
#[derive(Debug)]
pub(crate) struct HttpClient {
    client: Client,
    limits: Limits,
}

/// What came back, whatever the status.
#[derive(Debug)]
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

/// A header whose value is never shown: keys go there.
pub(crate) type SecretHeader = (&'static str, HeaderValue);

/// A header value that carries a key; `None` when no header can.
pub(crate) fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl HttpClient {
    /// A client for the service at `base`, which decides whether proxies of the environment are used: not for
    /// this machine itself.
    pub(crate) fn new(base: &Url, limits: &Limits) -> Result<Self, Error> {
        // Without a TLS provider `build` panics, even for plain HTTP. An error means that one is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();

        // Redirects would carry the key elsewhere, and retries are the router's alone.
        let mut builder = ClientBuilder::new()
            .user_agent(concat!("usm-ai/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never());
        if is_this_machine(base) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|cause| {
            Error::new(ErrorKind::Misconfigured, format!("no HTTP client: {}", chain(&cause)))
                .with_source(cause)
        })?;
        Ok(Self { client, limits: *limits })
    }

    /// Posts `body` and waits for the beginning of the reply. Any status is a reply, not an error.
    pub(crate) async fn post(
        &self,
        url: Url,
        headers: &[SecretHeader],
        body: &Value,
    ) -> Result<Exchange, Error> {
        self.begin(self.client.post(url).json(body), headers).await
    }

    /// Gets a document and waits for the beginning of the reply.
    pub(crate) async fn get(&self, url: Url, headers: &[SecretHeader]) -> Result<Exchange, Error> {
        self.begin(self.client.get(url), headers).await
    }

    async fn begin(&self, mut request: RequestBuilder, headers: &[SecretHeader]) -> Result<Exchange, Error> {
        let begun = Instant::now();
        let end = begun + self.limits.total.min(FAR_AWAY);
        for (name, value) in headers {
            request = request.header(*name, value.clone());
        }
        let first_byte = (begun + self.limits.first_byte.min(FAR_AWAY)).min(end);
        let response = match timeout_at(first_byte, request.send()).await {
            Ok(response) => response.map_err(failure)?,
            Err(_) => return Err(too_slow("first byte", first_byte - begun)),
        };
        let (status, headers) = (response.status().as_u16(), Headers::of(response.headers()));
        Ok(Exchange { status, headers, response, limits: self.limits, begun, end, bytes: 0 })
    }
}

/// A reply whose body is still arriving.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    response: Response,
    limits: Limits,
    begun: Instant,
    end: Instant,
    bytes: usize,
}

impl Exchange {
    /// The next bytes of the body, `None` after the last; within every limit.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let silence = Instant::now() + self.limits.silence.min(FAR_AWAY);
        let chunk = match timeout_at(silence.min(self.end), self.response.chunk()).await {
            Ok(chunk) => chunk.map_err(failure),
            Err(_) if silence < self.end => Err(too_slow("next byte", self.limits.silence)),
            Err(_) => Err(too_slow("end of the answer", self.end - self.begun)),
        }
        .map_err(|error| error.with_status(self.status))?;
        let Some(bytes) = chunk else { return Ok(None) };
        self.bytes += bytes.len();
        if self.bytes > self.limits.answer_bytes {
            let reason = format!("the answer is larger than {} bytes", self.limits.answer_bytes);
            return Err(Error::new(ErrorKind::Malformed, reason).with_status(self.status));
        }
        Ok(Some(bytes.to_vec()))
    }

    /// The whole reply.
    pub(crate) async fn read(mut self) -> Result<HttpReply, Error> {
        let mut body = Vec::new();
        loop {
            match self.chunk().await {
                Ok(Some(bytes)) => body.extend_from_slice(&bytes),
                Ok(None) => break,
                // Status and headers are enough to say what was refused, and for how long.
                Err(_) if !is_success(self.status) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(HttpReply { status: self.status, headers: self.headers, body })
    }
}

pub(crate) fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

fn too_slow(what: &str, limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("the {what} did not come within {} s", limit.as_secs_f64()))
}

fn failure(cause: reqwest::Error) -> Error {
    let kind = if cause.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Network };
    let cause = cause.without_url();
    Error::new(kind, chain(&cause)).with_source(cause)
}

/// An error with its causes: the reason for a failed connection is three levels down.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn proxies_are_left_aside_for_this_machine_only() {
        for (url, expected) in [
            ("http://localhost:11434/v1", true),
            ("http://127.0.0.1:8080/v1", true),
            ("http://[::1]:8080/v1", true),
            ("https://api.example.com/v1", false),
            ("http://10.0.0.7/v1", false),
        ] {
            assert_eq!(is_this_machine(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
