//! The AI services, and the offline provider that can replace them.

mod endpoint;
mod offline;
mod refusal;
mod service;
mod services;
mod spec;
mod wait;
mod wire;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;

pub use offline::Offline;
pub use service::Service;
pub use services::SERVICES;
pub use spec::{ServiceConfig, ServiceSpec, WireFormat};

use crate::{AnswerSchema, ChatRequest, Error, ErrorKind, FinishReason, Usage};

/// One AI service, asked once: no retries, no fallback, no log. Those are the [`Router`](crate::Router)'s.
#[async_trait]
pub trait Provider: Debug + Send + Sync {
    /// Short name for people, logs and settings, such as `groq`.
    fn name(&self) -> &str;

    /// The model asked when a request names none.
    fn model(&self) -> &str;

    /// Sends the request once; [`ChatRequest::schema`] is ignored, `format` is used. With [`AnswerFormat::Schema`],
    /// the answer's text must be a JSON document of that shape as far as the service can be made to keep it; the
    /// caller checks.
    ///
    /// # Errors
    ///
    /// By what to do next. [`SchemaUnsupported`](ErrorKind::SchemaUnsupported) when the service would ignore
    /// `format`; a [`retry_after`](Error::retry_after) whenever the service named one. An answer without
    /// text is an error: truncated, blocked or malformed, with the [`usage`](Error::usage) it cost.
    async fn chat(&self, request: &ChatRequest, format: AnswerFormat<'_>) -> Result<ProviderAnswer, Error>;

    /// Whether the service has a mode in which it answers with some JSON document; false by default.
    fn has_json_mode(&self) -> bool {
        false
    }

    /// Asks whether the key is accepted and the model exists, as cheaply as possible: by default with one tiny question.
    ///
    /// # Errors
    ///
    /// As a question would fail: a refused key, a model that is gone, a service that cannot be reached.
    async fn probe(&self, model: &str) -> Result<ProbeAnswer, Error> {
        let question = ChatRequest::new("probe", "Answer with: ok").max_output_tokens(16).model(model);
        match self.chat(&question, AnswerFormat::Text).await {
            // Any answer shows that key and model are accepted; its content does not matter.
            Ok(_) => Ok(ProbeAnswer { spends_tokens: true, shutdown: None }),
            Err(error) if matches!(error.kind(), ErrorKind::Truncated | ErrorKind::Malformed) => {
                Ok(ProbeAnswer { spends_tokens: true, shutdown: None })
            }
            Err(error) => Err(error),
        }
    }
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

    async fn chat(&self, request: &ChatRequest, format: AnswerFormat<'_>) -> Result<ProviderAnswer, Error> {
        (**self).chat(request, format).await
    }

    fn has_json_mode(&self) -> bool {
        (**self).has_json_mode()
    }

    async fn probe(&self, model: &str) -> Result<ProbeAnswer, Error> {
        (**self).probe(model).await
    }
}

/// What the text of an answer should be, by the service's own means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AnswerFormat<'a> {
    /// Any text.
    Text,
    /// Some JSON document; the prompt says of which shape.
    Json,
    /// A JSON document of this shape.
    Schema(&'a AnswerSchema),
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

/// What else a provider says that accepts the key and knows the model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProbeAnswer {
    /// When the model will be shut down, as the service writes it.
    pub shutdown: Option<String>,
    /// Whether a question had to be asked because there is no list of models.
    pub spends_tokens: bool,
}
