#![doc = include_str!("../README.md")]

mod attempt;
mod chat;
mod clock;
mod error;
mod error_kind;
mod extract;
mod headers;
mod http;
mod key;
mod limits;
mod probe;
pub mod providers;
mod router;
mod schema;
mod stream;
mod tagged;
#[cfg(feature = "testing")]
pub mod testing;

pub use attempt::{AttemptLog, Usage};
pub use chat::{ChatRequest, ChatResponse, FinishReason};
pub use error::Error;
pub use error_kind::ErrorKind;
pub use http::Limits;
pub use key::ApiKey;
pub use limits::{Quota, QuotaSettings};
pub use probe::ProbeReport;
pub use providers::{AnswerFormat, Provider, ProviderAnswer};
pub use router::{Answer, Candidate, Cooldowns, RetrySettings, Router};
pub use schema::AnswerSchema;
pub use schemars;
pub use tagged::tagged;
