//! Sends one JSON request over HTTP with every limit set, and nothing of the provider's dialect.

use std::{collections::BTreeMap, error::Error as StdError, time::Duration};

use reqwest::{Client, ClientBuilder, Response, Url, redirect};
use serde_json::Value;

use crate::{ApiKey, Error, ErrorKind};

/// Headers of a reply that anyone here reads; the rest is dropped.
const KEPT_HEADERS: [&str; 3] = ["retry-after", "retry-after-ms", "location"];

/// How long a provider may take and how much it may say. The defaults suit hosted services; a large model on
/// one's own machine may need a longer `silence` and `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time to connect, TLS included; 5 s by default.
    pub connect: Duration,
    /// Longest time without a byte, the wait for the first included; 120 s by default.
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
            silence: Duration::from_secs(120),
            total: Duration::from_secs(300),
            answer_bytes: 8 * 1024 * 1024,
        }
    }
}

/// A connection pool to one service.
#[derive(Debug)]
pub(crate) struct HttpClient {
    client: Client,
    answer_bytes: usize,
}

/// What came back, whatever the status.
#[derive(Debug)]
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

/// The headers of a reply that matter here, by lower-case name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(BTreeMap<&'static str, String>);

impl Headers {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn of(response: &Response) -> Self {
        let text = |name: &'static str| Some((name, response.headers().get(name)?.to_str().ok()?.to_owned()));
        Self(KEPT_HEADERS.into_iter().filter_map(text).collect())
    }

    #[cfg(test)]
    pub(crate) fn with(name: &'static str, value: &str) -> Self {
        Self(BTreeMap::from([(name, value.to_owned())]))
    }
}

impl HttpClient {
    /// A client for the service at `base`, which decides whether proxies of the environment are used: not for
    /// this machine itself.
    pub(crate) fn new(base: &Url, limits: &Limits) -> Result<Self, Error> {
        // Without a TLS provider `build` panics, also for plain HTTP. An error means that one is installed.
        let _ = rustls::crypto::ring::default_provider().install_default();

        // Redirects would carry the key elsewhere, and retries are the router's alone.
        let mut builder = ClientBuilder::new()
            .user_agent(concat!("usm-ai/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect)
            .read_timeout(limits.silence)
            .timeout(limits.total)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never());
        if is_this_machine(base) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|cause| {
            Error::new(ErrorKind::Misconfigured, format!("no HTTP client: {}", chain(&cause)))
                .with_source(cause)
        })?;
        Ok(Self { client, answer_bytes: limits.answer_bytes })
    }

    /// Posts `body` and reads the reply up to the limit. Any status is a reply, not an error.
    pub(crate) async fn post(
        &self,
        url: &Url,
        key: Option<&ApiKey>,
        body: &Value,
    ) -> Result<HttpReply, Error> {
        let mut request = self.client.post(url.clone()).json(body);
        if let Some(key) = key {
            request = request.bearer_auth(key.expose());
        }
        let mut response = request.send().await.map_err(failure)?;
        let status = response.status().as_u16();
        let headers = Headers::of(&response);

        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(failure)? {
            if body.len() + bytes.len() > self.answer_bytes {
                let reason = format!("the answer is larger than {} bytes", self.answer_bytes);
                return Err(Error::new(ErrorKind::Malformed, reason).with_status(status));
            }
            body.extend_from_slice(&bytes);
        }
        Ok(HttpReply { status, headers, body })
    }
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
