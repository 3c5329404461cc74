//! The AI services and what stands in for them.

mod chat_completions;
mod offline;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;

pub use chat_completions::{ChatCompletions, ChatCompletionsConfig, PRESETS, Preset};
pub use offline::Offline;

use crate::{AnswerSchema, ChatRequest, Error, FinishReason, Usage};

/// One AI service, asked once: no retries, no fallback, no log. Those are the [`Router`](crate::Router)'s.
#[async_trait]
pub trait Provider: Debug + Send + Sync {
    /// Short name for people, logs and settings, such as `groq`.
    fn name(&self) -> &str;

    /// The model asked when a request names none.
    fn model(&self) -> &str;

    /// Sends the request once. With `schema`, the answer's text must be a JSON document of that shape as far as
    /// the service can be made to keep it; the caller checks.
    ///
    /// # Errors
    ///
    /// By what to do next. [`SchemaUnsupported`](crate::ErrorKind::SchemaUnsupported) when the service would
    /// answer without `schema`; a [`retry_after`](Error::retry_after) whenever the service named one. An answer
    /// without text is an error: truncated, blocked or malformed.
    async fn chat(
        &self,
        request: &ChatRequest,
        schema: Option<&AnswerSchema>,
    ) -> Result<ProviderAnswer, Error>;
}

/// A provider can be shared between routers.
#[async_trait]
impl<P: Provider + ?Sized> Provider for Arc<P> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn model(&self) -> &str {
        (**self).model()
    }

    async fn chat(
        &self,
        request: &ChatRequest,
        schema: Option<&AnswerSchema>,
    ) -> Result<ProviderAnswer, Error> {
        (**self).chat(request, schema).await
    }
}

/// What a provider answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderAnswer {
    /// The text, not empty.
    pub text: String,
    /// The model that answered, as the service names it.
    pub model: String,
    /// Why the answer ended where it does.
    pub finish_reason: FinishReason,
    /// Tokens spent, where the service says so.
    pub usage: Option<Usage>,
}
