//! Who answers: the configured providers, or the offline drafts.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use usm_ai::{
    ApiKey, Candidate, Error, Limits, ProbeReport, Provider, Quota, QuotaSettings, Router,
    providers::{Offline, Service, ServiceConfig, ServiceSpec},
};

use crate::{
    config::{AiConfig, ProviderConfig},
    domain::{
        draft::{
            ImproveAction, ImprovedStory, StoryToImprove, draft_story_map, improve_story,
            wireframe::draft_wireframe,
        },
        wireframe::FlatWireframe,
    },
};

/// Purpose of a request that turns requirements into a map. Its input is the text, a JSON string.
pub const STORY_MAP: &str = "story_map.generate";
/// Purpose of a request that draws a story. Its input is a
/// [`WireframeInput`](crate::domain::draft::wireframe::WireframeInput).
pub const WIREFRAME: &str = "story.wireframe";
/// Purpose of a request that makes a story better. Its input is an [`ImproveInput`].
pub const IMPROVE: &str = "story.improve";
/// Purpose of a request that makes requirements fuller. There is no offline answer: words alone do not tell what is
/// missing.
pub const ENHANCE: &str = "requirements.enhance";

/// Longest time for one request to one provider; another provider, or another attempt, still has time after it within
/// the five minutes of a task.
const REQUEST_LIMIT: Duration = Duration::from_secs(150);

/// The ways to get an answer.
#[derive(Debug)]
pub struct Ai {
    /// The configured providers; without any, the offline drafts.
    configured: Router,
    /// The same providers with their enhancement models; `None` offline.
    enhancing: Option<Router>,
    offline: Router,
}

impl Ai {
    /// From the settings. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// A base URL, key or model name that cannot work.
    pub fn new(config: &AiConfig) -> Result<Self, Error> {
        if config.providers.is_empty() {
            return Ok(Self { configured: offline(), enhancing: None, offline: offline() });
        }
        // Both routers use the same providers, so that what is limited is limited once.
        let members: Vec<Member> = config
            .providers
            .iter()
            .map(|provider| Member::new(provider, config))
            .collect::<Result<_, _>>()?;
        let router = |model: fn(&Member) -> &str| {
            Router::of(members.iter().map(|member| {
                Candidate::shared(Arc::clone(&member.provider))
                    .model(model(member))
                    .quota(member.quota.clone())
            }))
        };
        Ok(Self {
            configured: router(|member| &member.model),
            enhancing: Some(router(|member| &member.enhancement_model)),
            offline: offline(),
        })
    }

    /// Who writes maps, wireframes and improvements: the configured providers, or the offline drafts when there are
    /// none or the caller wants none.
    pub fn writer(&self, offline: bool) -> &Router {
        if offline { &self.offline } else { &self.configured }
    }

    /// Who enhances requirements; nobody offline.
    pub fn enhancer(&self, offline: bool) -> Option<&Router> {
        self.enhancing.as_ref().filter(|_| !offline)
    }

    /// Whether no provider is configured, so that every answer is an offline draft.
    pub fn is_offline(&self) -> bool {
        self.enhancing.is_none()
    }

    /// Asks every provider whether its key is accepted and its models exist, both those that write and those that enhance.
    pub async fn probe(&self, limit: Duration) -> Vec<ProbeReport> {
        let mut reports = self.configured.probe(limit).await;
        if let Some(enhancing) = &self.enhancing {
            let more = enhancing.probe(limit).await;
            let new = |report: &ProbeReport| {
                !reports.iter().any(|known| known.provider == report.provider && known.model == report.model)
            };
            let more: Vec<_> = more.into_iter().filter(new).collect();
            reports.extend(more);
        }
        reports
    }

    /// Names of those who write, in the order they are asked.
    pub fn providers(&self) -> Vec<&str> {
        self.configured.providers()
    }
}

/// The offline drafts alone.
pub fn offline() -> Router {
    let offline = Offline::new()
        .try_answers(STORY_MAP, |text: String| draft_story_map(&text).map_err(|error| error.to_string()))
        .answers(WIREFRAME, |input| FlatWireframe::from(&draft_wireframe(&input)))
        .answers(IMPROVE, |input: ImproveInput| input.improve());
    Router::new(vec![Box::new(offline)])
}

/// The input of a request with the purpose [`IMPROVE`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImproveInput {
    /// Title of the story.
    pub title: String,
    /// Who wants what, and why.
    pub description: String,
    /// Whose story it is.
    pub persona: String,
    /// What must hold when it is done.
    pub acceptance_criteria: Vec<String>,
    /// What to improve.
    pub action: ImproveAction,
    /// What else to mind.
    pub prompt: Option<String>,
}

impl ImproveInput {
    fn improve(&self) -> ImprovedStory {
        let story = StoryToImprove {
            title: &self.title,
            description: &self.description,
            persona: &self.persona,
            acceptance_criteria: &self.acceptance_criteria,
            prompt: self.prompt.as_deref(),
        };
        improve_story(&story, self.action, None)
    }
}

/// A configured provider, with what both routers need of it.
struct Member {
    provider: Arc<dyn Provider>,
    quota: Quota,
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
            limits: Limits { total: REQUEST_LIMIT, ..Limits::default() },
            ..spec.config(settings.api_key.as_ref().map(|key| ApiKey::new(key.expose())))
        })?;
        let limited = |number: u32| (number > 0).then_some(number);
        let quota = Quota::new(QuotaSettings {
            concurrency: Some(config.limits.concurrency),
            requests_per_minute: limited(config.limits.requests_per_minute),
            tokens_per_minute: limited(config.limits.tokens_per_minute),
        });
        let enhancement_model = settings.enhancement_model.as_deref().unwrap_or(spec.small_model).to_owned();
        Ok(Self { provider: Arc::new(service), quota, model, enhancement_model })
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
    fn without_a_provider_drafts_are_made_offline_and_nothing_is_enhanced() {
        let ai = ai(&[]);

        assert_eq!(ai.providers(), ["offline"]);
        assert!(ai.is_offline() && ai.enhancer(false).is_none());
    }

    #[test]
    fn configured_providers_are_asked_in_their_order_and_never_replaced_by_drafts() {
        let ai = ai(&[("GROQ_API_KEY", "k1"), ("OPENAI_API_KEY", "k2"), ("API_PROVIDER", "openai")]);

        assert_eq!(ai.providers(), ["openai", "groq"]);
        assert_eq!(ai.enhancer(false).unwrap().providers(), ["openai", "groq"]);
    }

    #[test]
    fn every_provider_of_the_settings_can_be_asked() {
        let keys = AiProvider::ALL.map(|provider| format!("{}_API_KEY", provider.as_str().to_uppercase()));
        let mut settings: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "key")).collect();
        settings.push(("OLLAMA_MODEL", "qwen3"));

        assert_eq!(ai(&settings).providers(), AiProvider::ALL.map(AiProvider::as_str));
    }

    #[test]
    fn who_asks_for_offline_gets_it_though_providers_are_configured() {
        let ai = ai(&[("GROQ_API_KEY", "k1")]);

        assert_eq!(ai.writer(true).providers(), ["offline"]);
        assert!(ai.enhancer(true).is_none());
    }
}
