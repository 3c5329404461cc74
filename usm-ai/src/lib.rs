#![doc = include_str!("../README.md")]

mod cache;
mod chat;
mod error;
mod extract;
mod http;
mod key;
mod ladder;
mod limits;
mod probe;
pub mod providers;
mod router;
mod schema;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;
mod wait;

pub use cache::{AnswerCache, CacheSettings};
pub use chat::{AttemptLog, ChatRequest, ChatResponse, FinishReason, Usage};
pub use error::{Error, ErrorKind};
pub use http::Limits;
pub use key::ApiKey;
pub use ladder::Answer;
pub use limits::{Quota, QuotaSettings};
pub use probe::ProbeReport;
pub use providers::{AnswerFormat, Provider, ProviderAnswer};
pub use router::{Candidate, Cooldowns, RetrySettings, Router};
pub use schema::AnswerSchema;
pub use schemars;
pub use stream::StreamEvent;
