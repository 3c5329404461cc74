//! The table of services: who speaks which format, where, with which key and model. A new one is a new row.

use super::spec::{Models, Quirks, ServiceSpec, WireFormat};

const CHAT_COMPLETIONS: Quirks = Quirks {
    output_limit: "max_tokens",
    json_mode: true,
    require_parameters: false,
    streams: false,
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
    // A model on a machine without a graphics card is slow, and only a stream shows that it is at work.
    quirks: Quirks { streams: true, ..CHAT_COMPLETIONS },
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
}
