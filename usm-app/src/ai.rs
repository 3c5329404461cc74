//! Who answers: the configured providers, or the offline drafts.

mod offline;

use std::{collections::BTreeMap, time::Duration};

pub(crate) use usm_ai::tagged;
use usm_ai::{
    ApiKey, Candidate, Error, Limits, ProbeReport, Quota, QuotaSettings, Router,
    providers::{Service, ServiceConfig, ServiceSpec},
};

use crate::config::{AiConfig, ProviderConfig};
pub use offline::{ImproveInput, WireframeInput, draft, offline};

/// Purpose of a request that turns requirements into a whole map.
pub const STORY_MAP: &str = "story_map.generate";
/// Purpose of a request for the backbone of a map.
pub const BACKBONE: &str = "story_map.backbone";
/// Purpose of a request for the stories of one activity.
pub const STORIES: &str = "story_map.stories";
/// Purpose of a request that draws a story. Its input is a [`WireframeInput`].
pub const WIREFRAME: &str = "story.wireframe";
/// Purpose of a request that makes a story better. Its input is an [`ImproveInput`].
pub const IMPROVE: &str = "story.improve";
/// Purpose of a request that makes requirements fuller. Its input is the text, a JSON string; offline only questions are
/// answered, for words alone do not tell what follows from them.
pub const ENHANCE: &str = "requirements.enhance";

/// The ways to get an answer.
#[derive(Debug)]
pub struct Ai {
    /// The configured providers; without any, the offline drafts.
    configured: Writers,
    /// Each configured provider alone, by name.
    alone: BTreeMap<String, Writers>,
    offline: Writers,
}

/// The same providers with their two models.
#[derive(Debug)]
pub struct Writers {
    /// Writes maps, wireframes and improvements.
    pub writer: Router,
    /// Enhances requirements.
    pub enhancer: Router,
}

impl Ai {
    /// From the settings. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// A base URL, key or model name that cannot work.
    pub fn new(config: &AiConfig) -> Result<Self, Error> {
        let members: Vec<Member> = config
            .providers
            .iter()
            .map(|provider| Member::new(provider, config))
            .collect::<Result<_, _>>()?;
        let alone = |member: &Member| (member.name.to_owned(), Writers::of(std::slice::from_ref(member)));
        Ok(Self {
            configured: Writers::of(&members),
            alone: members.iter().map(alone).collect(),
            offline: Writers::of(&[]),
        })
    }

    /// Everybody that is configured, in order; without any, the offline drafts.
    pub fn all(&self) -> &Writers {
        &self.configured
    }

    /// One configured provider alone, or `offline`; `None` for one that is not configured.
    pub fn only(&self, provider: &str) -> Option<&Writers> {
        if provider == "offline" { Some(&self.offline) } else { self.alone.get(provider) }
    }

    /// What [`only`](Self::only) knows.
    pub fn choices(&self) -> Vec<&str> {
        self.alone.keys().map(String::as_str).chain(["offline"]).collect()
    }

    /// The offline drafts.
    pub fn offline(&self) -> &Writers {
        &self.offline
    }

    /// Whether no provider is configured, so that every answer is an offline draft.
    pub fn is_offline(&self) -> bool {
        self.alone.is_empty()
    }

    /// Asks every provider whether its key is accepted and its models exist, both those that write and those that enhance.
    pub async fn probe(&self, limit: Duration) -> Vec<ProbeReport> {
        let mut reports = self.configured.writer.probe(limit).await;
        let more = self.configured.enhancer.probe(limit).await;
        let new = |report: &ProbeReport| {
            !reports.iter().any(|known| known.provider == report.provider && known.model == report.model)
        };
        let more: Vec<_> = more.into_iter().filter(new).collect();
        reports.extend(more);
        reports
    }

    /// Names of those who write, in the order they are asked.
    pub fn providers(&self) -> Vec<&str> {
        self.configured.writer.providers()
    }
}

impl Writers {
    /// Routers over these providers; without any, over the offline drafts. All routers use clones of the same candidates, so
    /// that what is limited is limited once, and who rests for one rests for all.
    fn of(members: &[Member]) -> Self {
        if members.is_empty() {
            return Self { writer: offline(), enhancer: offline() };
        }
        let router = |model: fn(&Member) -> &str| {
            Router::of(members.iter().map(|member| member.candidate.clone().model(model(member))))
        };
        Self { writer: router(|member| &member.model), enhancer: router(|member| &member.enhancement_model) }
    }
}

/// A configured provider, with what both routers need of it.
struct Member {
    candidate: Candidate,
    name: &'static str,
    model: String,
    enhancement_model: String,
}

impl Member {
    fn new(settings: &ProviderConfig, config: &AiConfig) -> Result<Self, Error> {
        let name = settings.provider.as_str();
        let spec = match ServiceSpec::named(name) {
            Some(spec) if !settings.is_own_server() => spec,
            _ => ServiceSpec::compatible(),
        };
        let model = settings.model.as_deref().unwrap_or(spec.default_model).to_owned();
        let service = Service::new(ServiceConfig {
            name: name.to_owned(),
            base_url: settings.base_url.clone().unwrap_or_else(|| spec.base_url.to_owned()),
            model: model.clone(),
            limits: Limits {
                first_byte: match settings.may_be_slow() {
                    true => config.patience.request,
                    false => config.patience.silence,
                },
                silence: config.patience.silence,
                total: config.patience.request,
                ..Limits::default()
            },
            ..spec.config(settings.api_key.as_ref().map(|key| ApiKey::new(key.expose())))
        })?;
        let limited = |number: u32| (number > 0).then_some(number);
        let quota = Quota::new(QuotaSettings {
            concurrency: Some(config.limits.concurrency),
            requests_per_minute: limited(config.limits.requests_per_minute),
            tokens_per_minute: limited(config.limits.tokens_per_minute),
        });
        let enhancement_model = settings.enhancement_model.as_deref().unwrap_or(spec.small_model).to_owned();
        Ok(Self { candidate: Candidate::new(service).quota(quota), name, model, enhancement_model })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::config::{AiProvider, Config};

    fn ai(settings: &[(&str, &str)]) -> Ai {
        let lookup = |name: &str| {
            settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Ai::new(&Config::from_lookup(lookup).unwrap().ai).unwrap()
    }

    #[test]
    fn without_a_provider_everything_is_drafted_offline() {
        let ai = ai(&[]);

        assert_eq!((ai.providers(), ai.choices()), (vec!["offline"], vec!["offline"]));
        assert!(ai.is_offline());
    }

    #[test]
    fn configured_providers_are_asked_in_their_order_and_never_replaced_by_drafts() {
        let ai = ai(&[("GROQ_API_KEY", "k1"), ("OPENAI_API_KEY", "k2"), ("API_PROVIDER", "openai")]);

        assert_eq!(ai.providers(), ["openai", "groq"]);
        assert_eq!(ai.all().enhancer.providers(), ["openai", "groq"]);
    }

    #[test]
    fn every_provider_of_the_settings_can_be_asked() {
        let keys = AiProvider::ALL.map(|provider| format!("{}_API_KEY", provider.as_str().to_uppercase()));
        let mut settings: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "key")).collect();
        settings.push(("OLLAMA_MODEL", "qwen3"));

        assert_eq!(ai(&settings).providers(), AiProvider::ALL.map(AiProvider::as_str));
    }

    #[test]
    fn one_provider_can_be_asked_alone() {
        let ai = ai(&[("GROQ_API_KEY", "k1"), ("OPENAI_API_KEY", "k2")]);

        assert_eq!(ai.choices(), ["groq", "openai", "offline"]);
        assert_eq!(ai.only("openai").unwrap().writer.providers(), ["openai"]);
        assert_eq!(ai.offline().enhancer.providers(), ["offline"]);
        assert!(ai.only("gemini").is_none());
    }
}
