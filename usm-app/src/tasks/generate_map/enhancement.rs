//! Writes a terse text out before a map is made of it. It helps or is left out; it never fails a job.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use usm_ai::{ChatRequest, Router};
use usm_queue::{JobContext, TaskError};

use super::super::failure::{self, NoAnswer};
use crate::{
    ai,
    app::App,
    domain::{columns::clean, requirements, wireframe::Language},
    prompts,
};

/// The map needs most of the task's five minutes.
const DEADLINE: Duration = Duration::from_secs(45);
/// A text that its author may not recognise is not used.
const SURE: f64 = 0.7;
/// Most additions and open questions kept.
const MOST: usize = 7;
/// How freely requirements may be written out: less freely than a map.
const TEMPERATURE: f32 = 0.5;

/// What a model answers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
struct EnhancementAnswer {
    /// The whole text, written out
    enhanced_text: String,
    /// What was added, one short sentence each
    #[serde(default)]
    added_aspects: Vec<String>,
    /// What a team would still have to ask, one short question each
    #[serde(default)]
    missing_info: Vec<String>,
    /// How sure you are that the text means what its author meant, from 0 to 1
    confidence: f64,
}

/// A text to use in place of the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Enhanced {
    pub(super) text: String,
    added: Vec<String>,
    missing: Vec<String>,
}

impl Enhanced {
    /// What the reader of the map must know: which part of it the author has not written.
    pub(super) fn notes(&self, language: Language) -> Vec<String> {
        let added = language.pick("Добавлено к требованиям: ", "Added to the requirements: ");
        let missing = language.pick("Открытый вопрос: ", "Open question: ");
        let line = |lead: &'static str| move |text: &String| format!("{lead}{text}");
        self.added.iter().map(line(added)).chain(self.missing.iter().map(line(missing))).collect()
    }
}

/// The enhanced text, or `None` when there is none to be had or the model is not sure of it.
pub(super) async fn enhance(
    job: &JobContext<App>,
    enhancer: &Router,
    text: &str,
) -> Result<Option<Enhanced>, TaskError> {
    let request = ChatRequest::new(ai::ENHANCE, prompts::enhancement::user(text))
        .system(prompts::enhancement::SYSTEM)
        .input(text.into())
        .temperature(TEMPERATURE)
        .deadline(DEADLINE);
    match failure::ask::<EnhancementAnswer>(job, enhancer, &request).await {
        Ok(answer) => Ok(usable(answer.value)),
        Err(NoAnswer::Failed(error)) => {
            tracing::info!(job.id = %job.id(), error.kind = error.kind().as_str(), "the requirements were not enhanced; the original text is used");
            Ok(None)
        }
        Err(stopped) => Err(stopped.into()),
    }
}

fn usable(answer: EnhancementAnswer) -> Option<Enhanced> {
    let text = requirements::check(&answer.enhanced_text).ok()?;
    if !(SURE..=1.0).contains(&answer.confidence) {
        return None;
    }
    let short = |texts: Vec<String>| -> Vec<String> {
        texts.iter().map(|text| clean(text)).filter(|text| !text.is_empty()).take(MOST).collect()
    };
    Some(Enhanced {
        text: text.to_owned(),
        added: short(answer.added_aspects),
        missing: short(answer.missing_info),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn answer(text: &str, confidence: f64) -> EnhancementAnswer {
        EnhancementAnswer {
            enhanced_text: text.to_owned(),
            added_aspects: vec!["вход по телефону".to_owned(), " ".to_owned()],
            missing_info: vec!["Сколько адресов?".to_owned()],
            confidence,
        }
    }

    #[test]
    fn only_a_text_that_the_model_is_sure_of_is_used() {
        let text = "Клиент заказывает еду и платит картой.";

        assert!(usable(answer(text, 0.7)).is_some());
        for (text, confidence) in [(text, 0.69), (text, f64::NAN), (text, 70.0), (" ", 0.9)] {
            assert_eq!(usable(answer(text, confidence)), None, "{text} {confidence}");
        }
    }

    #[test]
    fn the_reader_learns_what_was_added_and_what_is_open() {
        let enhanced = usable(answer("Клиент заказывает еду и платит картой.", 0.9)).unwrap();

        assert_eq!(
            enhanced.notes(Language::Russian),
            ["Добавлено к требованиям: вход по телефону", "Открытый вопрос: Сколько адресов?"]
        );
    }
}
