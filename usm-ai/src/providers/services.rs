//! The table of services: who speaks which format, where, with which key and model. A new one is a new row.

use super::{ServiceConfig, chat_completions, gemini, messages, responses, wire::Piece, wire::Question};
use crate::{ApiKey, Error, Limits, Usage};

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
    /// Whether it answers nobody without a key.
    pub needs_key: bool,
    /// The model asked unless another is configured; empty where only the owner of the server knows. Models retire:
    /// keep it configurable.
    pub default_model: &'static str,
    /// A smaller, faster model for small questions.
    pub small_model: &'static str,
    pub(super) quirks: Quirks,
}

/// In what a service differs from others of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quirks {
    /// Name of the output limit.
    pub(super) output_limit: &'static str,
    /// `response_format` in a format that has another place for it.
    pub(super) response_format: bool,
    /// A mode for any JSON.
    pub(super) json_mode: bool,
    /// The service passes requests on, and must be told to pass them only to who can do what they ask.
    pub(super) require_parameters: bool,
    /// Unless told otherwise the service keeps what was said.
    pub(super) keeps: bool,
    /// Counts of tokens come in a stream only when asked for.
    pub(super) stream_usage: bool,
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

const CHAT_COMPLETIONS: Quirks = Quirks {
    output_limit: "max_tokens",
    response_format: true,
    json_mode: true,
    require_parameters: false,
    keeps: false,
    stream_usage: true,
    models: Models::List,
    key_path: None,
};

/// The known services, in the order in which they are asked by default.
pub const SERVICES: &[ServiceSpec] = &[
    ServiceSpec {
        name: "gemini",
        format: WireFormat::Gemini,
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        key_variable: "GEMINI_API_KEY",
        needs_key: true,
        default_model: "gemini-3.8-flash",
        small_model: "gemini-3.5-flash-lite",
        quirks: Quirks { models: Models::One, ..CHAT_COMPLETIONS },
    },
    ServiceSpec {
        name: "groq",
        format: WireFormat::ChatCompletions,
        base_url: "https://api.groq.com/openai/v1",
        key_variable: "GROQ_API_KEY",
        needs_key: true,
        default_model: "openai/gpt-oss-120b",
        small_model: "openai/gpt-oss-20b",
        quirks: Quirks { output_limit: "max_completion_tokens", ..CHAT_COMPLETIONS },
    },
    ServiceSpec {
        name: "perplexity",
        format: WireFormat::Responses,
        base_url: "https://api.perplexity.ai/v1",
        key_variable: "PERPLEXITY_API_KEY",
        needs_key: true,
        default_model: "perplexity/sonar",
        small_model: "perplexity/sonar",
        quirks: Quirks {
            output_limit: "max_output_tokens",
            json_mode: false,
            models: Models::No,
            ..CHAT_COMPLETIONS
        },
    },
    ServiceSpec {
        name: "openai",
        format: WireFormat::ChatCompletions,
        base_url: "https://api.openai.com/v1",
        key_variable: "OPENAI_API_KEY",
        needs_key: true,
        default_model: "gpt-6-luna",
        small_model: "gpt-6-luna",
        quirks: Quirks { output_limit: "max_completion_tokens", ..CHAT_COMPLETIONS },
    },
    ServiceSpec {
        name: "anthropic",
        format: WireFormat::Messages,
        base_url: "https://api.anthropic.com/v1",
        key_variable: "ANTHROPIC_API_KEY",
        needs_key: true,
        default_model: "claude-sonnet-5",
        small_model: "claude-sonnet-5",
        quirks: Quirks { json_mode: false, models: Models::One, ..CHAT_COMPLETIONS },
    },
    ServiceSpec {
        name: "openrouter",
        format: WireFormat::ChatCompletions,
        base_url: "https://openrouter.ai/api/v1",
        key_variable: "OPENROUTER_API_KEY",
        needs_key: true,
        default_model: "openai/gpt-oss-120b",
        small_model: "openai/gpt-oss-20b",
        quirks: Quirks { require_parameters: true, key_path: Some("key"), ..CHAT_COMPLETIONS },
    },
    ServiceSpec {
        name: "ollama",
        base_url: "http://localhost:11434/v1",
        key_variable: "OLLAMA_API_KEY",
        ..COMPATIBLE
    },
    COMPATIBLE,
    ServiceSpec {
        name: "openai-responses",
        format: WireFormat::Responses,
        base_url: "https://api.openai.com/v1",
        key_variable: "OPENAI_API_KEY",
        needs_key: true,
        default_model: "gpt-6-luna",
        small_model: "gpt-6-luna",
        quirks: Quirks {
            output_limit: "max_output_tokens",
            response_format: false,
            keeps: true,
            ..CHAT_COMPLETIONS
        },
    },
];

/// llama.cpp by its address, and by its format any server that speaks OpenAI's chat completions.
const COMPATIBLE: ServiceSpec = ServiceSpec {
    name: "compatible",
    format: WireFormat::ChatCompletions,
    base_url: "http://localhost:8080/v1",
    key_variable: "COMPATIBLE_API_KEY",
    needs_key: false,
    default_model: "",
    small_model: "",
    quirks: CHAT_COMPLETIONS,
};

impl ServiceSpec {
    /// The service of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SERVICES.iter().find(|service| service.name == name)
    }

    /// Any server that speaks chat completions; by default llama.cpp on this machine. It has no default model.
    pub fn compatible() -> &'static Self {
        &COMPATIBLE
    }

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

impl WireFormat {
    /// The end of the URL, which a pasted base URL may have already.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/chat/completions",
            Self::Responses => "/responses",
            Self::Gemini => "/models",
            Self::Messages => "/messages",
        }
    }

    pub(super) fn body(self, question: &Question<'_>) -> serde_json::Value {
        match self {
            Self::ChatCompletions => chat_completions::body(question),
            Self::Responses => responses::body(question),
            Self::Gemini => gemini::body(question),
            Self::Messages => messages::body(question),
        }
    }

    /// A whole reply.
    pub(super) fn answer(self, reply: &serde_json::Value) -> Result<Piece, Error> {
        match self {
            Self::ChatCompletions => chat_completions::answer(reply),
            Self::Responses => responses::answer(reply),
            Self::Gemini => gemini::answer(reply),
            Self::Messages => messages::answer(reply),
        }
    }

    /// One event of a stream.
    pub(super) fn event(self, event: &serde_json::Value) -> Result<Piece, Error> {
        match self {
            Self::ChatCompletions => chat_completions::event(event),
            Self::Responses => responses::event(event),
            Self::Gemini => gemini::event(event),
            Self::Messages => messages::event(event),
        }
    }

    /// The tokens that a reply or event counts, also one that is of no use.
    pub(super) fn usage(self, reply: &serde_json::Value) -> Option<Usage> {
        match self {
            Self::ChatCompletions => chat_completions::usage(reply),
            Self::Responses => responses::usage(reply),
            Self::Gemini => gemini::usage(reply),
            Self::Messages => messages::usage(reply),
        }
    }
}
