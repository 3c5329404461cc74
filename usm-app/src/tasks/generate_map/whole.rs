//! Everything in one question: the mode for those who pay by the call. The parts are the same, all at once; what is missing
//! is not asked for again.

use std::time::Duration;

use usm_ai::ChatRequest;
use usm_queue::TaskError;

use super::super::failure;
use super::{
    Work, made_by,
    parts::{ActivityMade, BackboneMade, Made, MapPart, NO_STORIES, foreign_note},
    stages::Stage,
};
use crate::{
    ai,
    prompts::{self, Requirements},
};
use story_map::{Activity, MapAnswer};

/// Time for the map, with all retries and fallbacks; enhancing and saving have the rest of the task's time.
const DEADLINE: Duration = Duration::from_secs(300);

/// Adds backbone and stories, unless an earlier attempt has made all of them.
pub(super) async fn make(
    work: &Work<'_>,
    requirements: &Requirements<'_>,
    made: &mut Made,
) -> Result<(), TaskError> {
    if made.is_settled() {
        return Ok(());
    }
    work.report(Stage::Whole).await?;
    let request = ChatRequest::new(ai::STORY_MAP, prompts::story_map::user(requirements))
        .system(prompts::story_map::SYSTEM)
        .temperature(work.job.state.config.ai.temperature)
        .deadline(work.job.state.config.ai.patience.stretched(DEADLINE));
    let request = work.asked.of_model(request);
    let (answer, is_foreign) = failure::ask_in::<MapAnswer>(
        work.language,
        work.job,
        work.asked.writer(),
        &request,
        MapAnswer::words,
        MapAnswer::is_filler,
    )
    .await?;
    let made_by = made_by(&answer.response);
    let (mut backbone, activities) = answer.value.into_parts(work.text);
    let has_stories = |activity: &Activity| activity.tasks.iter().any(|task| !task.stories.is_empty());
    if !activities.iter().any(has_stories) {
        return Err(TaskError::retry(format!("{made_by}: the answer is a map whose stories say nothing")));
    }
    backbone.notes.extend(is_foreign.then(|| foreign_note(work.language, &made_by)));
    work.keep(made, MapPart::Backbone(BackboneMade { made_by: made_by.clone(), backbone })).await?;
    for (index, activity) in activities.into_iter().enumerate().filter(|(_, activity)| has_stories(activity))
    {
        let (made_by, lacking) = (made_by.clone(), NO_STORIES.to_owned());
        let Activity { title, tasks } = activity;
        let part = ActivityMade { index, made_by, title, tasks, lacking, is_foreign: false };
        work.keep(made, MapPart::Activity(part)).await?;
    }
    let holes = made.missing().into_iter().filter_map(|index| made.failure(index, NO_STORIES));
    let holes: Vec<_> = holes.chain(made.lacking()).collect();
    for hole in holes {
        work.keep(made, MapPart::Failure(hole)).await?;
    }
    Ok(())
}
