//! Improvement of stories.

use poem_openapi::{
    Enum, Object, OpenApi,
    param::Path,
    types::{Example, ToJSON},
};
use serde::Deserialize;

use super::{
    Tag,
    answer::{Answer, Submit, SubmitAbout},
    body::JsonBody,
    problem::Problem,
    submit::{Checks, Started, refuse_unknown_stories, start},
};
use crate::{
    app::App,
    entities::{
        user::LOCAL_USER_ID,
        user_story::{self, Scope},
    },
    tasks::{ImproveStories, MOST_STORIES, SPLIT_IN_BULK},
};
use story_map::improvement::ImproveAction;

/// Longest wish, in characters.
const MAX_PROMPT: usize = 1000;

/// Stories.
pub(super) struct Stories {
    pub(super) app: App,
}

/// Which stories to improve, and how.
#[derive(Debug, Object, Deserialize)]
#[oai(example)]
pub(super) struct Improvement {
    /// Stories of yours, in any project.
    #[oai(validator(min_items = 1, max_items = 10))]
    pub story_ids: Vec<i64>,
    /// What to improve; when it is not given, what the prompt says, and without a prompt `details`.
    pub action: Option<Action>,
    /// What else to mind, in your own words.
    #[oai(validator(max_length = 1000))]
    pub prompt: Option<String>,
}

/// How to improve one story.
#[derive(Debug, Object, Deserialize)]
#[oai(example)]
pub(super) struct OneImprovement {
    /// What to improve; when it is not given, what the prompt says, and without a prompt `details`.
    pub action: Option<Action>,
    /// What else to mind, in your own words.
    #[oai(validator(max_length = 1000))]
    pub prompt: Option<String>,
}

/// What to improve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Deserialize)]
#[oai(rename = "ImproveAction", rename_all = "snake_case", remote = "ImproveAction")]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Say more: how the step begins and ends, its limits.
    Details,
    /// Put criteria as condition and outcome, at least two of them.
    Criteria,
    /// Add what happens with empty data, repetition, no connection, no rights.
    EdgeCases,
    /// Make several smaller stories of it. One story at a time: `POST /story/{story_id}/ai-improve`.
    Split,
}

#[OpenApi]
impl Stories {
    /// Start improving stories
    ///
    /// The job's result has one outcome for each story: `improved`, `unchanged` where there was nothing to improve, `conflict` or
    /// `failed`. A story that was edited while the job ran is not overwritten: its outcome is `conflict`, and the better text is
    /// kept there as the proposal.
    #[oai(
        path = "/stories/ai-bulk-improve",
        method = "post",
        operation_id = "improveStories",
        tag = "Tag::Stories"
    )]
    async fn improve(&self, JsonBody(wanted): JsonBody<Improvement>) -> Answer<Started, Submit> {
        let mut checks = Checks::default();
        let story_ids = checks.story_ids(&wanted.story_ids, MOST_STORIES);
        if wanted.action == Some(Action::Split) {
            checks.refuse("/action", SPLIT_IN_BULK);
        }
        let prompt = check_prompt(&mut checks, wanted.prompt);
        checks.finish()?;
        let found = self.found(&story_ids).await?;
        refuse_unknown_stories(&story_ids, &found, "yours")?;
        Ok(self.started(story_ids, wanted.action, prompt).await?)
    }

    /// Start improving or splitting one story
    ///
    /// The job is of the same kind as that of `POST /stories/ai-bulk-improve`. After a split the story is its first part,
    /// and the others stand behind it.
    #[oai(
        path = "/story/:story_id/ai-improve",
        method = "post",
        operation_id = "improveStory",
        tag = "Tag::Stories"
    )]
    async fn improve_one(
        &self,
        /// The story.
        #[oai(example = "example_id")]
        story_id: Path<i64>,
        JsonBody(wanted): JsonBody<OneImprovement>,
    ) -> Answer<Started, SubmitAbout> {
        let mut checks = Checks::default();
        let prompt = check_prompt(&mut checks, wanted.prompt);
        checks.finish()?;
        let id = story_id.0;
        if self.found(&[id]).await?.is_empty() {
            return Err(unknown(id).into());
        }
        Ok(self.started(vec![id], wanted.action, prompt).await?)
    }
}

impl Stories {
    async fn found(&self, ids: &[i64]) -> Result<Vec<i64>, Problem> {
        let found = user_story::by_ids(&self.app.db, Scope::Owner(LOCAL_USER_ID), ids).await?;
        Ok(found.iter().map(|story| story.id).collect())
    }

    async fn started(
        &self,
        story_ids: Vec<i64>,
        action: Option<Action>,
        prompt: Option<String>,
    ) -> Result<Started, Problem> {
        let action = action.or(prompt.is_none().then_some(Action::Details));
        let (count, told) = (story_ids.len(), action.and_then(|action| action.to_json()));
        let task = ImproveStories { story_ids, action: action.map(Into::into), prompt };
        let describe = |options: usm_queue::EnqueueOptions| {
            options.metadata("story_count", count).metadata("action", told.unwrap_or_else(|| "prompt".into()))
        };
        start(&self.app, task, None, describe).await
    }
}

/// The wish, if there is one.
fn check_prompt(checks: &mut Checks, prompt: Option<String>) -> Option<String> {
    let prompt = prompt.filter(|prompt| !prompt.trim().is_empty());
    if prompt.as_ref().is_some_and(|prompt| prompt.chars().count() > MAX_PROMPT) {
        checks.refuse("/prompt", format!("a prompt has at most {MAX_PROMPT} characters"));
    }
    prompt
}

pub(super) fn unknown(id: i64) -> Problem {
    Problem::not_found(format!("story {id} is not known; GET /project/{{project_id}} lists the stories"))
}

/// A story id for the documentation.
pub(super) fn example_id() -> i64 {
    12
}

impl Example for OneImprovement {
    fn example() -> Self {
        Self { action: Some(Action::Split), prompt: None }
    }
}

impl Example for Improvement {
    fn example() -> Self {
        Self {
            story_ids: vec![12, 13],
            action: Some(Action::Details),
            prompt: Some("mind that guests have no account".into()),
        }
    }
}
