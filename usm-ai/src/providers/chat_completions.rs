//! Any service that speaks the chat-completions dialect: OpenAI, Groq, Ollama, llama.cpp and many more.

mod wire;

use async_trait::async_trait;
use reqwest::Url;

use super::{Provider, ProviderAnswer};
use crate::{AnswerSchema, ApiKey, ChatRequest, Error, ErrorKind, Limits, http::HttpClient};

/// A known service of this dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preset {
    /// Name of the provider.
    pub name: &'static str,
    /// Base URL, without `/chat/completions`.
    pub base_url: &'static str,
    /// Environment variable that holds the key.
    pub key_variable: &'static str,
    /// The model asked unless another is configured. Models retire: keep it configurable.
    pub default_model: &'static str,
}

/// The known services. Another one is one more row, or any base URL in a [`ChatCompletionsConfig`].
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "groq",
        base_url: "https://api.groq.com/openai/v1",
        key_variable: "GROQ_API_KEY",
        default_model: "openai/gpt-oss-120b",
    },
    Preset {
        name: "openai",
        base_url: "https://api.openai.com/v1",
        key_variable: "OPENAI_API_KEY",
        default_model: "gpt-6-luna",
    },
];

impl Preset {
    /// The preset of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// A configuration of this service with its default model.
    pub fn config(&self, api_key: ApiKey) -> ChatCompletionsConfig {
        ChatCompletionsConfig {
            name: self.name.to_owned(),
            base_url: self.base_url.to_owned(),
            model: self.default_model.to_owned(),
            api_key: Some(api_key),
            limits: Limits::default(),
        }
    }
}

/// Which service to ask, and how.
#[derive(Debug, Clone)]
pub struct ChatCompletionsConfig {
    /// Name of the provider, for logs and people.
    pub name: String,
    /// Base URL, such as `http://localhost:11434/v1`; `/chat/completions` is added to it.
    pub base_url: String,
    /// The model asked when a request names none.
    pub model: String,
    /// The key; `None` for servers that need none.
    pub api_key: Option<ApiKey>,
    /// Time and size limits of one request.
    pub limits: Limits,
}

/// A provider that speaks the chat-completions dialect over HTTP.
#[derive(Debug)]
pub struct ChatCompletions {
    name: String,
    model: String,
    api_key: Option<ApiKey>,
    url: Url,
    token_limit: wire::TokenLimit,
    client: HttpClient,
}

impl ChatCompletions {
    /// A client for the service of `config`; nothing is sent yet.
    ///
    /// Proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`) are used, except for servers on this machine.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](ErrorKind::Misconfigured) for a base URL that is no HTTP URL, an empty model name, or a
    /// key with characters that no header can carry.
    pub fn new(config: ChatCompletionsConfig) -> Result<Self, Error> {
        let ChatCompletionsConfig { name, base_url, model, api_key, limits } = config;
        let misconfigured =
            |reason: String| Error::new(ErrorKind::Misconfigured, reason).at(name.clone(), model.clone());

        let url = endpoint(&base_url).map_err(misconfigured)?;
        if model.trim().is_empty() {
            return Err(misconfigured("the model name is empty".to_owned()));
        }
        let api_key = api_key.filter(|key| !key.is_empty());
        if api_key.as_ref().is_some_and(|key| !key.expose().chars().all(|c| c.is_ascii_graphic())) {
            return Err(misconfigured(
                "the API key has characters other than letters, digits and signs".to_owned(),
            ));
        }
        let client = HttpClient::new(&url, &limits).map_err(|error| error.at(name.clone(), model.clone()))?;
        let token_limit = wire::TokenLimit::of_host(url.host_str().unwrap_or_default());
        Ok(Self { name, model, api_key, url, token_limit, client })
    }

    async fn send(
        &self,
        model: &str,
        request: &ChatRequest,
        schema: Option<&AnswerSchema>,
    ) -> Result<ProviderAnswer, Error> {
        let body = wire::to_wire(model, request, schema, self.token_limit);
        let reply = self.client.post(&self.url, self.api_key.as_ref(), &body).await?;
        wire::from_wire(model, reply.status, &reply.headers, &reply.body)
    }
}

#[async_trait]
impl Provider for ChatCompletions {
    fn name(&self) -> &str {
        &self.name
    }

    fn model(&self) -> &str {
        &self.model
    }

    async fn chat(
        &self,
        request: &ChatRequest,
        schema: Option<&AnswerSchema>,
    ) -> Result<ProviderAnswer, Error> {
        let model = request.model.as_deref().unwrap_or(&self.model);
        self.send(model, request, schema).await.map_err(|error| {
            let error = error.at(&self.name, model);
            match &self.api_key {
                Some(key) => error.redacted(key),
                None => error,
            }
        })
    }
}

/// The URL to post to. A base URL that already ends in `/chat/completions` is taken as meant.
fn endpoint(base_url: &str) -> Result<Url, String> {
    let base = base_url.trim().trim_end_matches('/');
    let base = base.strip_suffix("/chat/completions").unwrap_or(base);
    let wrong = |cause| format!("the base URL is not a URL ({cause}), expected one like https://host/v1");
    // Parsed before the path is added, which would otherwise be taken for the host in `http://`.
    let url = Url::parse(base).map_err(wrong)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("the base URL begins with `{}:`, expected https: or http:", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the base URL contains a user name or password, set the API key instead".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the base URL contains `?` or `#`, expected one like https://host/v1".to_owned());
    }
    Url::parse(&format!("{base}/chat/completions")).map_err(wrong)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn config(base_url: &str) -> ChatCompletionsConfig {
        ChatCompletionsConfig {
            name: "local".to_owned(),
            base_url: base_url.to_owned(),
            model: "m".to_owned(),
            api_key: None,
            limits: Limits::default(),
        }
    }

    #[test]
    fn the_endpoint_is_below_the_base_url_however_it_ends() {
        for base in ["http://h:1/v1", " http://h:1/v1/ ", "http://h:1/v1/chat/completions"] {
            assert_eq!(
                ChatCompletions::new(config(base)).unwrap().url.as_str(),
                "http://h:1/v1/chat/completions"
            );
        }
    }

    #[test]
    fn a_base_url_that_cannot_work_is_an_error_that_names_the_provider() {
        for base in [
            "",
            "localhost",
            "localhost:11434/v1",
            "ftp://h/v1",
            "http://",
            "http://me:pw@h/v1",
            "http://h/?a",
        ] {
            let error = ChatCompletions::new(config(base)).unwrap_err();

            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{base}");
            assert_eq!(error.provider(), "local");
            assert!(error.excerpt().contains("the base URL"), "{error}");
        }
    }

    #[test]
    fn a_key_or_model_that_cannot_be_sent_is_an_error_and_the_key_is_not_shown() {
        let with_key =
            ChatCompletionsConfig { api_key: Some(ApiKey::new("sk-\n1")), ..config("http://h/v1") };
        let without_model = ChatCompletionsConfig { model: " ".to_owned(), ..config("http://h/v1") };

        let error = ChatCompletions::new(with_key).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(!format!("{error} {error:?}").contains("sk-"));
        assert!(ChatCompletions::new(without_model).unwrap_err().excerpt().contains("model"));
    }

    #[test]
    fn the_key_is_not_shown_by_debug() {
        let provider =
            ChatCompletions::new(Preset::named("groq").unwrap().config(ApiKey::new("gsk_1"))).unwrap();

        assert!(!format!("{provider:?}").contains("gsk_1"));
    }

    #[test]
    fn every_preset_makes_a_provider() {
        for preset in PRESETS {
            let provider = ChatCompletions::new(preset.config(ApiKey::new("key"))).unwrap();

            assert_eq!((provider.name(), provider.model()), (preset.name, preset.default_model));
        }
    }
}
