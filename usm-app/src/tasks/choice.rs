//! Who a job asks: everybody that is configured, one provider, one model of it, or nobody.

use std::{fmt, str::FromStr};

use usm_ai::{ChatRequest, Router};
use usm_queue::{EnqueueOptions, Job, TaskError};

use crate::ai::{Ai, Writers};

/// Metadata of a job whose caller wants offline drafts whatever providers are configured where it is worked.
const OFFLINE: &str = "offline";
/// Metadata of a job whose caller wants one provider.
const CHOICE: &str = "ai";

/// One provider, and perhaps one of its models, in place of all that are configured; written `groq` or
/// `groq:openai/gpt-oss-20b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiChoice {
    /// Name of a configured provider, or `offline`.
    pub provider: String,
    /// In place of the model of the settings.
    pub model: Option<String>,
}

impl FromStr for AiChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (provider, model) = match text.split_once(':') {
            Some((provider, model)) => (provider, Some(model.trim())),
            None => (text, None),
        };
        let provider = provider.trim().to_lowercase();
        if provider.is_empty() || model.is_some_and(str::is_empty) {
            return Err(
                "give a provider, or a provider and a model: groq, or groq:openai/gpt-oss-20b".to_owned()
            );
        }
        Ok(Self { provider, model: model.map(ToOwned::to_owned) })
    }
}

impl fmt::Display for AiChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.provider)?;
        self.model.iter().try_for_each(|model| write!(f, ":{model}"))
    }
}

impl AiChoice {
    /// Checks that this process could ask the provider.
    ///
    /// # Errors
    ///
    /// It is not configured; the text names those that are.
    pub fn check(&self, ai: &Ai) -> Result<(), String> {
        match ai.only(&self.provider) {
            Some(_) => Ok(()),
            None => Err(format!(
                "the AI provider `{}` is not set up here; set up are: {}",
                self.provider,
                ai.choices().join(", ")
            )),
        }
    }
}

/// Options for a job that must be answered offline, whatever is configured where it is worked.
pub fn offline(options: EnqueueOptions) -> EnqueueOptions {
    options.metadata(OFFLINE, true)
}

/// Options for a job that asks one provider alone.
pub fn ask_only(options: EnqueueOptions, choice: &AiChoice) -> EnqueueOptions {
    options.metadata(CHOICE, choice.to_string())
}

/// Whether the caller wants an offline draft.
fn wants_offline(job: &Job) -> bool {
    job.metadata.get(OFFLINE).and_then(serde_json::Value::as_bool).unwrap_or(false)
}

/// Whom one job asks.
#[derive(Debug, Clone)]
pub(super) struct Asked<'a> {
    writers: &'a Writers,
    model: Option<String>,
}

impl<'a> Asked<'a> {
    /// By the job's metadata.
    ///
    /// # Errors
    ///
    /// Permanent: the caller's choice is not configured where the job is worked.
    pub(super) fn by(job: &Job, ai: &'a Ai) -> Result<Self, TaskError> {
        if wants_offline(job) {
            return Ok(Self { writers: ai.offline(), model: None });
        }
        let Some(choice) = job.metadata.get(CHOICE).and_then(serde_json::Value::as_str) else {
            return Ok(Self { writers: ai.all(), model: None });
        };
        let choice: AiChoice = choice.parse().map_err(TaskError::permanent)?;
        choice.check(ai).map_err(TaskError::permanent)?;
        let writers = ai.only(&choice.provider).unwrap_or_else(|| ai.all());
        Ok(Self { writers, model: choice.model })
    }

    pub(super) fn writer(&self) -> &'a Router {
        &self.writers.writer
    }

    pub(super) fn enhancer(&self) -> &'a Router {
        &self.writers.enhancer
    }

    /// The request, for the chosen model if one is chosen.
    pub(super) fn of_model(&self, request: ChatRequest) -> ChatRequest {
        match &self.model {
            Some(model) => request.model(model.clone()),
            None => request,
        }
    }

    /// Who is asked first; `None` offline.
    pub(super) fn first(&self) -> Option<String> {
        let provider = self.writers.writer.providers().first().copied()?;
        let model = self.model.iter().map(|model| format!("/{model}"));
        (provider != "offline").then(|| format!("{provider}{}", model.collect::<String>()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_choice_is_a_provider_or_a_provider_and_a_model() {
        let choice = |text: &str| text.parse::<AiChoice>().map(|choice| (choice.provider, choice.model));

        assert_eq!(choice("Groq").unwrap(), ("groq".to_owned(), None));
        assert_eq!(choice("ollama:llama3:8b").unwrap(), ("ollama".to_owned(), Some("llama3:8b".to_owned())));
        for wrong in ["", ":gpt", "groq:"] {
            assert!(choice(wrong).unwrap_err().contains("give a provider"), "{wrong}");
        }
        let written = "groq:openai/gpt-oss-20b";
        assert_eq!(written.parse::<AiChoice>().unwrap().to_string(), written);
    }
}
