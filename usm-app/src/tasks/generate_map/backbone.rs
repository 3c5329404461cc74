//! Stage 2a: the backbone, which every question about stories knows.

use std::time::Duration;

use usm_ai::ChatRequest;
use usm_queue::TaskError;

use super::super::failure;
use super::{
    Work, made_by,
    parts::{BackboneMade, Made, MapPart, foreign_note},
    stages::Stage,
};
use crate::{
    ai,
    prompts::{self, Requirements},
};
use story_map::BackboneAnswer;

/// Time for the backbone, with all retries and fallbacks.
const DEADLINE: Duration = Duration::from_secs(150);

/// Adds the backbone, unless an earlier attempt has made it.
pub(super) async fn make(
    work: &Work<'_>,
    requirements: &Requirements<'_>,
    made: &mut Made,
) -> Result<(), TaskError> {
    if made.backbone.is_some() {
        return Ok(());
    }
    work.report(Stage::Backbone).await?;
    let request = ChatRequest::new(ai::BACKBONE, prompts::backbone::user(requirements))
        .system(prompts::backbone::SYSTEM)
        .temperature(work.job.state.config.ai.temperature)
        .deadline(work.job.state.config.ai.patience.stretched(DEADLINE));
    let request = work.asked.of_model(request);
    let (answer, is_foreign) = failure::ask_in::<BackboneAnswer>(
        work.language,
        work.job,
        work.asked.writer(),
        &request,
        BackboneAnswer::words,
        failure::never,
    )
    .await?;
    let made_by = made_by(&answer.response);
    let mut backbone = answer.value.into_backbone(work.text);
    backbone.notes.extend(is_foreign.then(|| foreign_note(work.language, &made_by)));
    work.keep(made, MapPart::Backbone(BackboneMade { made_by, backbone })).await
}
