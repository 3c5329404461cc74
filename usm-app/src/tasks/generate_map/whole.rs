//! Everything in one question: the mode for those who pay by the call. The parts are the same, all at once.

use std::time::Duration;

use usm_ai::ChatRequest;
use usm_queue::TaskError;

use super::super::failure;
use super::{
    Work, made_by,
    parts::{ActivityMade, BackboneMade, Made, MapPart},
    stages::Stage,
};
use crate::{ai, domain::story_map::MapAnswer, prompts};

/// Time for the map, with all retries and fallbacks; enhancing and saving have the rest of the task's time.
const DEADLINE: Duration = Duration::from_secs(300);

/// Adds backbone and stories, unless an earlier attempt has made all of them.
pub(super) async fn make(work: &Work<'_>, text: &str, made: &mut Made) -> Result<(), TaskError> {
    if made.total() > 0 && made.missing().is_empty() {
        return Ok(());
    }
    work.report(Stage::Whole).await?;
    let request = ChatRequest::new(ai::STORY_MAP, prompts::story_map::user(text))
        .system(prompts::story_map::SYSTEM)
        .input(text.into())
        .temperature(work.job.state.config.ai.temperature)
        .deadline(DEADLINE);
    let request = work.asked.of_model(request);
    let (answer, _) = failure::ask_in::<MapAnswer>(
        work.language,
        work.job,
        work.asked.writer(),
        &request,
        MapAnswer::words,
    )
    .await?;
    let made_by = made_by(&answer.response);
    let (backbone, activities) = answer.value.into_parts(text);
    if activities.is_empty() {
        return Err(TaskError::retry(format!("{made_by}: the answer is a map whose stories say nothing")));
    }
    work.keep(made, MapPart::Backbone(BackboneMade { made_by: made_by.clone(), backbone })).await?;
    for (index, activity) in activities.into_iter().enumerate() {
        let (made_by, lacking) = (made_by.clone(), String::new());
        let part = ActivityMade { index, made_by, title: activity.title, tasks: activity.tasks, lacking };
        work.keep(made, MapPart::Activity(part)).await?;
    }
    Ok(())
}
