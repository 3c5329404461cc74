#![doc = include_str!("../README.md")]

mod answer;
mod call;
mod chat;
mod error;
mod extract;
mod http;
mod key;
pub mod providers;
mod router;
mod schema;
#[cfg(feature = "testing")]
pub mod testing;

pub use answer::Answer;
pub use chat::{AttemptLog, ChatRequest, ChatResponse, FinishReason, Usage};
pub use error::{Error, ErrorKind};
pub use http::Limits;
pub use key::ApiKey;
pub use providers::{Provider, ProviderAnswer};
pub use router::{RetrySettings, Router};
pub use schema::AnswerSchema;
pub use schemars;
