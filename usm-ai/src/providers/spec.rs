//! What is known about a service, and how one is configured.

use crate::{ApiKey, Limits};

/// A known service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceSpec {
    /// Name of the provider.
    pub name: &'static str,
    /// The format it speaks.
    pub format: WireFormat,
    /// Base URL, up to the path of the format.
    pub base_url: &'static str,
    /// Environment variable that usually holds the key.
    pub key_variable: &'static str,
    /// Whether it needs a key to answer.
    pub needs_key: bool,
    /// The model asked unless another is configured; empty where only the owner of the server knows. Models retire:
    /// keep it configurable.
    pub default_model: &'static str,
    /// A smaller, faster model for small questions.
    pub small_model: &'static str,
    pub(super) quirks: Quirks,
}

/// How a service differs from others of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quirks {
    /// Name of the output limit.
    pub(super) output_limit: &'static str,
    /// A mode for any JSON.
    pub(super) json_mode: bool,
    /// The service forwards requests, and must be told to use only upstreams that support all parameters.
    pub(super) require_parameters: bool,
    /// Answers are asked for piece by piece.
    pub(super) streams: bool,
    /// How to ask about models.
    pub(super) models: Models,
    /// Where to ask about the key, when the list of models is public.
    pub(super) key_path: Option<&'static str>,
}

/// How a service can be asked about models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Models {
    /// `GET /models` lists them.
    List,
    /// `GET /models/{model}` describes one.
    One,
    /// Not at all.
    No,
}

impl ServiceSpec {
    /// A configuration of this service with its default model.
    pub fn config(&'static self, api_key: impl Into<Option<ApiKey>>) -> ServiceConfig {
        ServiceConfig {
            name: self.name.to_owned(),
            spec: self,
            base_url: self.base_url.to_owned(),
            model: self.default_model.to_owned(),
            api_key: api_key.into(),
            limits: Limits::default(),
        }
    }
}

/// Which service to ask, and how. Made by [`ServiceSpec::config`]; every field may be changed.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Name of the provider, for logs and people.
    pub name: String,
    /// The row of the table: format and differences.
    pub spec: &'static ServiceSpec,
    /// Base URL, such as `http://localhost:11434/v1`; the path of the format is added to it.
    pub base_url: String,
    /// The model asked when a request names none.
    pub model: String,
    /// The key; `None` for servers that need none.
    pub api_key: Option<ApiKey>,
    /// Time and size limits of one request.
    pub limits: Limits,
}

/// How requests and answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WireFormat {
    /// `POST /chat/completions`: OpenAI, Groq, OpenRouter, Ollama, llama.cpp, vLLM and many more.
    ChatCompletions,
    /// `POST /responses`: Perplexity, OpenAI.
    Responses,
    /// `POST /models/{model}:generateContent`: Gemini.
    Gemini,
    /// `POST /messages`: Anthropic.
    Messages,
}

impl WireFormat {
    /// The end of the URL, which a pasted base URL may already contain.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/chat/completions",
            Self::Responses => "/responses",
            Self::Gemini => "/models",
            Self::Messages => "/messages",
        }
    }
}
