//! Settings of AI providers: which may be asked, in which order, with which model.

use serde::Serialize;

use super::Secret;
use super::read::{Reader, is_url};

/// Whom to ask. With an empty [`AiConfig::providers`] answers are drafted offline.
#[derive(Debug, Clone, Serialize)]
pub struct AiConfig {
    /// The providers to ask, first choice first: `API_PROVIDER`, then those of `AI_PROVIDER_PRIORITY` (default
    /// `gemini,groq,perplexity,openai`) that have a key and that this version can talk to.
    ///
    /// `API_PROVIDER=offline` leaves the list empty whatever keys are set.
    pub providers: Vec<ProviderConfig>,
    /// `API_TEMPERATURE`: how freely the model writes; default 0.7, from 0 to 2.
    pub temperature: f32,
    /// What deserves a warning at start.
    #[serde(skip)]
    pub(super) remarks: Vec<String>,
}

/// One provider with all that is needed to ask it.
#[derive(Debug, Clone, Serialize)]
pub struct ProviderConfig {
    /// Which one.
    pub provider: AiProvider,
    /// `GROQ_API_KEY` or `OPENAI_API_KEY`; `None` only for a server of one's own that wants no key.
    pub api_key: Option<Secret>,
    /// Address in front of `/chat/completions`, without a slash at the end. For `openai` it is `OPENAI_BASE_URL`,
    /// default `https://api.openai.com/v1`, and may be any server that speaks the same protocol.
    pub base_url: String,
    /// Model for maps, wireframes and improvements: `API_MODEL` for the first provider, `OPENAI_MODEL` for `openai`,
    /// else the provider's default.
    pub model: String,
    /// Model that enhances the requirements text before the map is made: `ENHANCEMENT_MODEL` for the first provider,
    /// else the model set for it, else the provider's default.
    pub enhancement_model: String,
}

/// The services the settings know by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AiProvider {
    /// Google Gemini; later version.
    Gemini,
    /// Groq, through its OpenAI-compatible address.
    Groq,
    /// Perplexity; later version.
    Perplexity,
    /// OpenAI, or any server that speaks its chat completions.
    OpenAi,
}

const NAMES: &str = "gemini, groq, perplexity, openai";
const OPENAI_URL: &str = "https://api.openai.com/v1";

impl AiProvider {
    /// The name used in settings, logs and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gemini => "gemini",
            Self::Groq => "groq",
            Self::Perplexity => "perplexity",
            Self::OpenAi => "openai",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let all = [Self::Gemini, Self::Groq, Self::Perplexity, Self::OpenAi];
        all.into_iter().find(|provider| provider.as_str().eq_ignore_ascii_case(name))
    }

    fn key_variable(self) -> &'static str {
        match self {
            Self::Gemini => "GEMINI_API_KEY",
            Self::Groq => "GROQ_API_KEY",
            Self::Perplexity => "PERPLEXITY_API_KEY",
            Self::OpenAi => "OPENAI_API_KEY",
        }
    }

    /// Address, model and enhancement model unless set otherwise; `None` for a protocol this version cannot speak.
    fn defaults(self) -> Option<(&'static str, &'static str, &'static str)> {
        match self {
            Self::Groq => {
                Some(("https://api.groq.com/openai/v1", "openai/gpt-oss-120b", "openai/gpt-oss-20b"))
            }
            Self::OpenAi => Some((OPENAI_URL, "gpt-6-luna", "gpt-6-luna")),
            Self::Gemini | Self::Perplexity => None,
        }
    }
}

impl AiConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let settings = Settings::read(reader);
        let mut remarks = Vec::new();
        let providers = settings.resolve(reader, &mut remarks);
        if let Some(model) = settings.api_model.as_deref().filter(|model| is_closed(model)) {
            remarks.push(format!(
                "API_MODEL={model}: its provider has closed this model, unset API_MODEL for the default"
            ));
        }
        if providers.is_empty() && !settings.offline {
            let keys = "GROQ_API_KEY, OPENAI_API_KEY or OPENAI_BASE_URL";
            remarks.push(format!(
                "no AI provider is set up, answers are drafted offline: set {keys} to ask one"
            ));
        }
        let allowed = "a number from 0 to 2";
        let temperature = reader.parsed("API_TEMPERATURE", 0.7, allowed, |value| {
            value.parse().ok().filter(|number: &f32| (0.0..=2.0).contains(number))
        });
        Self { providers, temperature, remarks }
    }
}

/// The variables as given, before they are made into a list of providers.
struct Settings {
    keys: Vec<(AiProvider, Secret)>,
    priority: Vec<AiProvider>,
    chosen: Option<AiProvider>,
    offline: bool,
    api_model: Option<String>,
    enhancement_model: Option<String>,
    openai_url: Option<String>,
    openai_model: Option<String>,
}

impl Settings {
    fn read(reader: &mut Reader<'_>) -> Self {
        let all = [AiProvider::Gemini, AiProvider::Groq, AiProvider::Perplexity, AiProvider::OpenAi];
        let keys = all.into_iter().filter_map(|p| reader.key(p.key_variable()).map(|key| (p, key))).collect();
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
            keys,
            priority: read_priority(reader),
            chosen,
            offline,
            api_model: reader.text("API_MODEL"),
            enhancement_model: reader.text("ENHANCEMENT_MODEL"),
            openai_url: read_base_url(reader),
            openai_model: reader.text("OPENAI_MODEL"),
        }
    }

    fn resolve(&self, reader: &mut Reader<'_>, remarks: &mut Vec<String>) -> Vec<ProviderConfig> {
        if self.offline {
            return Vec::new();
        }
        if let Some(chosen) = self.chosen {
            self.check_choice(chosen, reader);
        }
        let mut order: Vec<AiProvider> = self.chosen.into_iter().collect();
        order.extend(self.priority.iter().filter(|provider| Some(**provider) != self.chosen));
        self.remark_unused_keys(&order, remarks);

        let mut providers: Vec<ProviderConfig> = Vec::new();
        for provider in order.into_iter().filter(|provider| self.is_set_up(*provider)) {
            if let Some(config) = self.provider(provider, providers.is_empty(), reader) {
                providers.push(config);
            }
        }
        providers
    }

    fn key(&self, provider: AiProvider) -> Option<&Secret> {
        self.keys.iter().find(|(owner, _)| *owner == provider).map(|(_, key)| key)
    }

    fn is_set_up(&self, provider: AiProvider) -> bool {
        let own_server = provider == AiProvider::OpenAi && self.openai_url.is_some();
        self.key(provider).is_some() || own_server
    }

    fn check_choice(&self, chosen: AiProvider, reader: &mut Reader<'_>) {
        let name = chosen.as_str();
        if chosen.defaults().is_none() {
            reader.refuse(
                "API_PROVIDER",
                name,
                "this version cannot talk to it yet, use groq, openai or offline",
            );
        } else if !self.is_set_up(chosen) {
            reader.refuse("API_PROVIDER", name, format!("needs {}, which is not set", chosen.key_variable()));
        }
    }

    fn remark_unused_keys(&self, order: &[AiProvider], remarks: &mut Vec<String>) {
        for (provider, _) in &self.keys {
            let (variable, name) = (provider.key_variable(), provider.as_str());
            if provider.defaults().is_none() {
                remarks
                    .push(format!("{variable} is set but not used: this version cannot talk to {name} yet"));
            } else if !order.contains(provider) {
                remarks.push(format!("{variable} is set but not used: add {name} to AI_PROVIDER_PRIORITY"));
            }
        }
    }

    fn provider(&self, provider: AiProvider, first: bool, reader: &mut Reader<'_>) -> Option<ProviderConfig> {
        let (default_url, default_model, default_enhancement) = provider.defaults()?;
        let openai = provider == AiProvider::OpenAi;
        let base_url = self.openai_url.as_deref().filter(|_| openai).unwrap_or(default_url);
        let own_model = self.openai_model.as_ref().filter(|_| openai);
        let model = own_model.or(self.api_model.as_ref().filter(|_| first));
        if model.is_none() && base_url != default_url {
            reader.refuse_unseen(
                "OPENAI_MODEL",
                "must name the model when OPENAI_BASE_URL is set, only you know it",
            );
        }
        let enhancement = self.enhancement_model.as_ref().filter(|_| first).or(model);
        Some(ProviderConfig {
            provider,
            api_key: self.key(provider).cloned(),
            base_url: base_url.to_owned(),
            model: model.map_or(default_model, String::as_str).to_owned(),
            enhancement_model: enhancement.map_or(default_enhancement, String::as_str).to_owned(),
        })
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

fn read_base_url(reader: &mut Reader<'_>) -> Option<String> {
    let url = reader.text("OPENAI_BASE_URL")?;
    if is_url(&url, &["http", "https"]) && !url.contains(['@', '?', '#']) {
        return Some(url.trim_end_matches('/').to_owned());
    }
    reader.refuse_unseen(
        "OPENAI_BASE_URL",
        "must be http://host… or https://host… up to, without, /chat/completions, with no password or query in it",
    );
    None
}

/// Models that older settings name and that no longer answer.
fn is_closed(model: &str) -> bool {
    matches!(model, "llama-3.3-70b-versatile" | "llama-3.1-8b-instant") || model.starts_with("gemini-2.0-")
}
