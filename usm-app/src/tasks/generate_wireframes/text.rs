//! The second way: a model that cannot describe a screen is asked to draw it.

use usm_ai::{ChatRequest, ErrorKind};
use usm_queue::JobContext;

use super::{DEADLINE, Drawing, GenerateWireframes};
use crate::ai::WireframeInput;
use crate::{
    ai,
    app::App,
    entities::user_story,
    prompts,
    tasks::{choice::Asked, failure::NoAnswer},
};

/// Whether a model that failed so may still be able to draw: it answered, though not in the form asked for.
pub(super) fn may_help(error: &usm_ai::Error) -> bool {
    matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Truncated)
}

/// Asks for a drawing; `None` when the answer has none.
pub(super) async fn draw(
    task: &GenerateWireframes,
    story: &user_story::Model,
    input: &WireframeInput,
    asked: &Asked<'_>,
    job: &JobContext<App>,
) -> Result<Option<Drawing>, NoAnswer> {
    let request = ChatRequest::new(ai::WIREFRAME, prompts::wireframe::user_for_text(input))
        .system(prompts::wireframe::SYSTEM_FOR_TEXT)
        .deadline(job.state.config.ai.patience.stretched(DEADLINE));
    let request = asked.of_model(request);
    let answer = tokio::select! {
        biased;
        () = job.cancelled() => return Err(NoAnswer::Stopped),
        answer = asked.writer().chat(&request) => answer.map_err(NoAnswer::Failed)?,
    };
    Ok(Drawing::of_text(story, &answer.text, task.platform, task.style))
}
