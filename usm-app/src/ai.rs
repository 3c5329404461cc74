//! Who answers: the configured providers, or the offline drafts.

use serde::{Deserialize, Serialize};
use usm_ai::{
    ApiKey, Error, Limits, Provider, Router,
    providers::{ChatCompletions, ChatCompletionsConfig, Offline},
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
const REQUEST_LIMIT: std::time::Duration = std::time::Duration::from_secs(150);

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
        let enhancing = match config.providers.is_empty() {
            true => None,
            false => Some(Router::new(providers(config, |provider| &provider.enhancement_model)?)),
        };
        Ok(Self { configured: router(config)?, enhancing, offline: offline() })
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

    /// Names of those who write, in the order they are asked.
    pub fn providers(&self) -> Vec<&str> {
        self.configured.providers()
    }
}

/// The configured providers in their order. Without any, the offline drafts; with some, never: who set up a provider
/// must not get a draft unawares.
///
/// # Errors
///
/// A base URL, key or model name that cannot work.
pub fn router(config: &AiConfig) -> Result<Router, Error> {
    if config.providers.is_empty() {
        return Ok(offline());
    }
    Ok(Router::new(providers(config, |provider| &provider.model)?))
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

fn providers(
    config: &AiConfig,
    model: impl Fn(&ProviderConfig) -> &String,
) -> Result<Vec<Box<dyn Provider>>, Error> {
    let provider = |settings: &ProviderConfig| -> Result<Box<dyn Provider>, Error> {
        Ok(Box::new(ChatCompletions::new(ChatCompletionsConfig {
            name: settings.provider.as_str().to_owned(),
            base_url: settings.base_url.clone(),
            model: model(settings).clone(),
            api_key: settings.api_key.as_ref().map(|key| ApiKey::new(key.expose())),
            limits: Limits { total: REQUEST_LIMIT, ..Limits::default() },
        })?))
    };
    config.providers.iter().map(provider).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::config::Config;

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
    fn who_asks_for_offline_gets_it_though_providers_are_configured() {
        let ai = ai(&[("GROQ_API_KEY", "k1")]);

        assert_eq!(ai.writer(true).providers(), ["offline"]);
        assert!(ai.enhancer(true).is_none());
    }
}
