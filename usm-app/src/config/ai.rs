//! Settings of AI providers: which may be asked, in which order, with which model, and how much.

use std::time::Duration;

use serde::Serialize;

use super::Secret;
use super::read::{Reader, is_url};

/// Whom to ask. With an empty [`AiConfig::providers`] answers are drafted offline.
#[derive(Debug, Clone, Serialize)]
pub struct AiConfig {
    /// The providers to ask, first choice first: `API_PROVIDER`, then those of `AI_PROVIDER_PRIORITY` (default
    /// `gemini,groq,perplexity,openai,anthropic,openrouter,ollama`) that have a key, or need none and are set up.
    ///
    /// `API_PROVIDER=offline` leaves the list empty whatever keys are set.
    pub providers: Vec<ProviderConfig>,
    /// `API_TEMPERATURE`: how freely the model writes; default 0.7, from 0 to 2.
    pub temperature: f32,
    /// How much each provider may be used.
    pub limits: AiLimits,
    /// How long answers may take.
    pub patience: AiPatience,
    /// What deserves a warning at start.
    #[serde(skip)]
    pub(super) remarks: Vec<String>,
}

/// How much each provider may be used by one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AiLimits {
    /// `AI_CONCURRENCY`: requests to one provider at a time; default 8, from 1 to 256.
    pub concurrency: usize,
    /// `AI_REQUESTS_PER_MINUTE`: requests to one provider within any 60 seconds; default 0, not limited.
    pub requests_per_minute: u32,
    /// `AI_TOKENS_PER_MINUTE`: tokens of questions and answers of one provider within any 60 seconds; default 0, not
    /// limited.
    pub tokens_per_minute: u32,
}

/// How long answers may take. A model on a processor alone writes some words in a second, and reads for minutes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AiPatience {
    /// `AI_REQUEST_TIMEOUT`: seconds for one request to one provider, from start to end; default 150, or 1800 when the
    /// provider asked first is a server of one's own (`OPENAI_BASE_URL`, Ollama). Questions and jobs have as many times more
    /// time than usual as this is more than 150.
    pub request: Duration,
    /// `AI_SILENCE_TIMEOUT`: longest silence within a request, in seconds; default 120, or 600 when the provider asked first is a
    /// server of one's own. Such a server may be silent before its first word as long as the request may take: it reads the
    /// question then, or works on others.
    pub silence: Duration,
}

impl AiPatience {
    /// Time for one request where the settings say nothing.
    const USUAL: Duration = Duration::from_secs(150);

    /// What takes this long as a rule may take, by the settings.
    pub fn stretched(&self, usual: Duration) -> Duration {
        usual.mul_f64((self.request.as_secs_f64() / Self::USUAL.as_secs_f64()).max(1.0))
    }

    fn read(reader: &mut Reader<'_>, is_own_server: bool) -> Self {
        let (request, silence) = if is_own_server { (1800, 600) } else { (Self::USUAL.as_secs(), 120) };
        Self {
            request: Duration::from_secs(reader.number("AI_REQUEST_TIMEOUT", request, 1..=86_400)),
            silence: Duration::from_secs(reader.number("AI_SILENCE_TIMEOUT", silence, 1..=86_400)),
        }
    }
}

/// One provider with all that is needed to ask it.
#[derive(Debug, Clone, Serialize)]
pub struct ProviderConfig {
    /// Which one.
    pub provider: AiProvider,
    /// Such as `GROQ_API_KEY`; `None` only for a server of one's own that wants no key.
    pub api_key: Option<Secret>,
    /// Such as `OPENAI_BASE_URL`, without a slash at the end; `None` for the provider's own address.
    pub base_url: Option<String>,
    /// Model for maps, wireframes and improvements: such as `GROQ_MODEL`, or `API_MODEL` for the first provider; `None`
    /// for the provider's default.
    pub model: Option<String>,
    /// Model that enhances the requirements text before the map is made: `ENHANCEMENT_MODEL` for the first provider,
    /// else the model set for it; `None` for the provider's small model.
    pub enhancement_model: Option<String>,
}

/// The services the settings know by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AiProvider {
    /// Google Gemini.
    Gemini,
    /// Groq.
    Groq,
    /// Perplexity.
    Perplexity,
    /// OpenAI; with `OPENAI_BASE_URL`, any server that speaks its chat completions.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// OpenRouter.
    OpenRouter,
    /// Ollama, by default on this machine.
    Ollama,
}

/// Names of a provider's variables: key, address, model.
struct Variables {
    key: &'static str,
    base_url: &'static str,
    model: &'static str,
}

const NAMES: &str = "gemini, groq, perplexity, openai, anthropic, openrouter, ollama";

impl AiProvider {
    /// All of them, in the default order.
    pub const ALL: [Self; 7] = [
        Self::Gemini,
        Self::Groq,
        Self::Perplexity,
        Self::OpenAi,
        Self::Anthropic,
        Self::OpenRouter,
        Self::Ollama,
    ];

    /// The name used in settings, logs and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gemini => "gemini",
            Self::Groq => "groq",
            Self::Perplexity => "perplexity",
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::OpenRouter => "openrouter",
            Self::Ollama => "ollama",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str().eq_ignore_ascii_case(name))
    }

    fn variables(self) -> Variables {
        let of = |key, base_url, model| Variables { key, base_url, model };
        match self {
            Self::Gemini => of("GEMINI_API_KEY", "GEMINI_BASE_URL", "GEMINI_MODEL"),
            Self::Groq => of("GROQ_API_KEY", "GROQ_BASE_URL", "GROQ_MODEL"),
            Self::Perplexity => of("PERPLEXITY_API_KEY", "PERPLEXITY_BASE_URL", "PERPLEXITY_MODEL"),
            Self::OpenAi => of("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"),
            Self::Anthropic => of("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL"),
            Self::OpenRouter => of("OPENROUTER_API_KEY", "OPENROUTER_BASE_URL", "OPENROUTER_MODEL"),
            Self::Ollama => of("OLLAMA_API_KEY", "OLLAMA_BASE_URL", "OLLAMA_MODEL"),
        }
    }
}

impl ProviderConfig {
    /// Whether this is a server of which nothing is known but that it speaks OpenAI's chat completions.
    pub fn is_own_server(&self) -> bool {
        self.provider == AiProvider::OpenAi && self.base_url.is_some()
    }

    /// Whether the model may run on a processor alone.
    pub fn may_be_slow(&self) -> bool {
        self.provider == AiProvider::Ollama || self.is_own_server()
    }
}

impl AiConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let settings = Settings::read(reader);
        let mut remarks = Vec::new();
        let providers = settings.resolve(reader, &mut remarks);
        if providers.is_empty() && !settings.offline {
            remarks.push(
                "no AI provider is set up, answers are drafted offline: set a key such as GEMINI_API_KEY, or \
                 OPENAI_BASE_URL or OLLAMA_MODEL for a server of your own, to ask one"
                    .to_owned(),
            );
        }
        let allowed = "a number from 0 to 2";
        let temperature = reader.parsed("API_TEMPERATURE", 0.7, allowed, |value| {
            value.parse().ok().filter(|number: &f32| (0.0..=2.0).contains(number))
        });
        let limits = AiLimits {
            concurrency: reader.number("AI_CONCURRENCY", 8, 1..=256),
            requests_per_minute: reader.number("AI_REQUESTS_PER_MINUTE", 0, 0..=1_000_000),
            tokens_per_minute: reader.number("AI_TOKENS_PER_MINUTE", 0, 0..=1_000_000_000),
        };
        let patience = AiPatience::read(reader, providers.first().is_some_and(ProviderConfig::may_be_slow));
        Self { providers, temperature, limits, patience, remarks }
    }
}

/// The variables as given, before they are made into a list of providers.
struct Settings {
    given: Vec<Given>,
    priority: Vec<AiProvider>,
    chosen: Option<AiProvider>,
    offline: bool,
    api_model: Option<String>,
    enhancement_model: Option<String>,
}

/// What is set for one provider.
struct Given {
    provider: AiProvider,
    key: Option<Secret>,
    base_url: Option<String>,
    model: Option<String>,
}

impl Given {
    fn read(provider: AiProvider, reader: &mut Reader<'_>) -> Self {
        let Variables { key, base_url, model } = provider.variables();
        let key = reader.key(key);
        Self { provider, key, base_url: read_base_url(base_url, reader), model: reader.text(model) }
    }

    /// Whether there is enough to ask it.
    fn is_set_up(&self) -> bool {
        let own_server = match self.provider {
            AiProvider::OpenAi => self.base_url.is_some(),
            AiProvider::Ollama => self.base_url.is_some() || self.model.is_some(),
            _ => false,
        };
        self.key.is_some() || own_server
    }

    /// Whether only its owner knows which models there are.
    fn needs_model(&self) -> bool {
        self.provider == AiProvider::Ollama
            || (self.provider == AiProvider::OpenAi && self.base_url.is_some())
    }
}

impl Settings {
    fn read(reader: &mut Reader<'_>) -> Self {
        let given = AiProvider::ALL.into_iter().map(|provider| Given::read(provider, reader)).collect();
        let choice = reader.text("API_PROVIDER");
        let offline = choice.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("offline"));
        let chosen = choice.filter(|_| !offline).and_then(|name| {
            let provider = AiProvider::parse(&name);
            if provider.is_none() {
                reader.refuse("API_PROVIDER", &name, format!("must be one of {NAMES}, offline"));
            }
            provider
        });
        Self {
            given,
            priority: read_priority(reader),
            chosen,
            offline,
            api_model: reader.text("API_MODEL"),
            enhancement_model: reader.text("ENHANCEMENT_MODEL"),
        }
    }

    fn resolve(&self, reader: &mut Reader<'_>, remarks: &mut Vec<String>) -> Vec<ProviderConfig> {
        if self.offline {
            return Vec::new();
        }
        let mut order: Vec<AiProvider> = self.chosen.into_iter().collect();
        order.extend(self.priority.iter().filter(|provider| Some(**provider) != self.chosen));
        let set_up = self.given.iter().filter(|given| given.is_set_up());
        for given in set_up.filter(|given| !order.contains(&given.provider)) {
            let (name, key) = (given.provider.as_str(), given.provider.variables().key);
            let what = if given.key.is_some() { key } else { name };
            remarks.push(format!("{what} is set but not used: add {name} to AI_PROVIDER_PRIORITY"));
        }

        let mut providers: Vec<ProviderConfig> = Vec::new();
        for provider in order {
            let Some(given) = self.given.iter().find(|given| given.provider == provider) else { continue };
            if given.is_set_up() {
                let config = self.provider(given, providers.is_empty(), reader);
                let models = [&config.model, &config.enhancement_model].into_iter().flatten();
                remarks.extend(models.filter_map(|model| warning(provider, model)));
                providers.push(config);
            } else if self.chosen == Some(provider) {
                let missing = given.provider.variables();
                let missing = if provider == AiProvider::Ollama { missing.model } else { missing.key };
                reader.refuse(
                    "API_PROVIDER",
                    provider.as_str(),
                    format!("needs {missing}, which is not set"),
                );
            }
        }
        remarks.dedup();
        providers
    }

    fn provider(&self, given: &Given, first: bool, reader: &mut Reader<'_>) -> ProviderConfig {
        let model = given.model.as_ref().or(self.api_model.as_ref().filter(|_| first));
        if model.is_none() && given.needs_model() {
            let Variables { base_url, model, .. } = given.provider.variables();
            reader.refuse_unseen(
                model,
                format!("must name the model when {base_url} is set, only you know it"),
            );
        }
        let enhancement = self.enhancement_model.as_ref().filter(|_| first).or(model);
        ProviderConfig {
            provider: given.provider,
            api_key: given.key.clone(),
            base_url: given.base_url.clone(),
            model: model.cloned(),
            enhancement_model: enhancement.cloned(),
        }
    }
}

fn read_priority(reader: &mut Reader<'_>) -> Vec<AiProvider> {
    let list = reader.text("AI_PROVIDER_PRIORITY").unwrap_or_else(|| NAMES.to_owned());
    let mut priority = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match AiProvider::parse(name) {
            Some(provider) if priority.contains(&provider) => {}
            Some(provider) => priority.push(provider),
            None => reader.refuse("AI_PROVIDER_PRIORITY", name, format!("must be a list of {NAMES}")),
        }
    }
    priority
}

fn read_base_url(variable: &'static str, reader: &mut Reader<'_>) -> Option<String> {
    let url = reader.text(variable)?;
    if is_url(&url, &["http", "https"]) && !url.contains(['@', '?', '#']) {
        return Some(url.trim_end_matches('/').to_owned());
    }
    reader.refuse_unseen(
        variable,
        "must be http://host… or https://host…, without what the provider adds (/chat/completions, /models), with no \
         password or query in it",
    );
    None
}

/// A warning about a model that older settings name and that no longer answers, or soon will not.
fn warning(provider: AiProvider, model: &str) -> Option<String> {
    let default = "unset it for the default";
    let name = model.trim_start_matches("models/");
    let said = match provider {
        AiProvider::Groq if matches!(name, "llama-3.3-70b-versatile" | "llama-3.1-8b-instant") => "is closed",
        AiProvider::Gemini if name.starts_with("gemini-2.0-") => "is closed",
        AiProvider::Gemini if matches!(name, "gemini-2.5-flash" | "gemini-2.5-pro") => "closes on 2026-12-01",
        AiProvider::Perplexity if !name.contains('/') => {
            return Some(format!(
                "the model {model} of perplexity has no maker in front: write perplexity/{model}"
            ));
        }
        _ => return None,
    };
    Some(format!("the model {model} of {} {said}: {default}, or set another", provider.as_str()))
}
