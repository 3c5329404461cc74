//! Stage 1: writes a terse text out before a map is made of it. It helps or is left out; it never fails a job.

use std::time::Duration;

use usm_ai::ChatRequest;
use usm_queue::TaskError;

use super::super::failure::{self, NoAnswer};
use super::{
    Work,
    parts::{Enhanced, Made, MapPart},
    stages::Stage,
};
use crate::{ai, prompts};
use story_map::enhancement::{Enhancement, EnhancementAnswer};

/// The map needs most of the task's time.
const DEADLINE: Duration = Duration::from_secs(45);
/// How freely requirements may be written out: less freely than a map.
const TEMPERATURE: f32 = 0.5;

/// Adds what became of the text. A failure is not kept: a later attempt may fare better.
pub(super) async fn enhance(work: &Work<'_>, may_be_used: bool, made: &mut Made) -> Result<(), TaskError> {
    work.report(Stage::Enhance).await?;
    let request = ChatRequest::new(ai::ENHANCE, prompts::enhancement::user(work.text))
        .system(prompts::enhancement::SYSTEM)
        .input(work.text.into())
        .temperature(TEMPERATURE)
        .deadline(work.job.state.config.ai.patience.stretched(DEADLINE));
    let request = work.asked.of_model(request);
    match failure::ask::<EnhancementAnswer>(work.job, work.asked.enhancer(), &request).await {
        Ok(answer) => {
            let enhancement = answer.value.into_enhancement(work.text).weighed(&known_roles(work).await);
            let used = may_be_used && enhancement.usable().is_some();
            work.keep(made, MapPart::Enhancement(Enhanced { used, enhancement })).await
        }
        Err(NoAnswer::Failed(error)) => {
            tracing::info!(job.id = %work.job.id(), error.kind = error.kind().as_str(), "the requirements were not enhanced; the original text is used");
            let enhancement = Enhancement::fallback(work.text);
            made.add(MapPart::Enhancement(Enhanced { used: false, enhancement }));
            Ok(())
        }
        Err(stopped) => Err(stopped.into()),
    }
}

/// The roles that the text names by the rules of the offline drafts: a model that forgets one does not list it either.
async fn known_roles(work: &Work<'_>) -> Vec<String> {
    let request = ChatRequest::new(ai::ENHANCE, "").input(work.text.into());
    let answer = work.job.state.ai.offline().enhancer.answer::<EnhancementAnswer>(&request).await;
    answer.map(|answer| answer.value.into_enhancement(work.text).detected_roles).unwrap_or_default()
}
