//! Providers of every format over fake servers, and routers without long pauses.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use usm_ai::{
    AnswerFormat, ApiKey, AttemptLog, Candidate, ChatRequest, Error, ErrorKind, Limits, Provider,
    RetrySettings, Router,
    providers::{Service, ServiceConfig, ServiceSpec},
    testing::{FakeAi, Reply},
};

pub(crate) const KEY: &str = "sk-test-0123456789abcdef";

/// One service of each format.
pub(crate) const FORMATS: [&str; 4] = ["groq", "perplexity", "gemini", "anthropic"];

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: i32,
}

pub(crate) fn question() -> ChatRequest {
    ChatRequest::new("test", "How much?").deadline(Duration::from_secs(30))
}

/// A provider of the kind of this service.
pub(crate) fn service(kind: &str, ai: &FakeAi) -> Service {
    service_with(kind, ai, Limits::default())
}

pub(crate) fn service_with(kind: &str, ai: &FakeAi, limits: Limits) -> Service {
    let config = ServiceSpec::named(kind).unwrap().config(ApiKey::new(KEY));
    let base_url = ai.base_url();
    Service::new(ServiceConfig { base_url, model: "model".to_owned(), limits, ..config }).unwrap()
}

/// What a provider of this kind makes of one reply.
pub(crate) async fn failure(kind: &str, reply: Reply) -> Error {
    failure_with(kind, reply, Limits::default()).await
}

pub(crate) async fn failure_with(kind: &str, reply: Reply, limits: Limits) -> Error {
    let ai = FakeAi::always(reply).await.unwrap();
    service_with(kind, &ai, limits).chat(&question(), AnswerFormat::Text).await.unwrap_err()
}

/// A router over providers of these kinds.
pub(crate) fn router<'a>(members: impl IntoIterator<Item = (&'a str, &'a FakeAi)>) -> Router {
    let candidate = |(kind, ai): (&str, &FakeAi)| Candidate::shared(Arc::new(service(kind, ai)));
    let retry = RetrySettings { first_delay: Duration::from_millis(1), ..RetrySettings::default() };
    Router::of(members.into_iter().map(candidate)).retry(retry)
}

pub(crate) fn tried(attempts: &[AttemptLog]) -> Vec<(&str, Option<ErrorKind>)> {
    attempts.iter().map(|attempt| (attempt.provider.as_str(), attempt.error)).collect()
}
