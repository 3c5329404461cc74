//! Improvement of stories.

use poem_openapi::{
    Enum, Object, OpenApi,
    types::{Example, ToJSON},
};
use serde::Deserialize;

use super::{
    Tag,
    answer::{Answer, Submit},
    body::JsonBody,
    submit::{Checks, Started, refuse_unknown_stories, start},
};
use crate::{
    app::App,
    domain::draft::ImproveAction,
    entities::{
        user::LOCAL_USER_ID,
        user_story::{self, Scope},
    },
    tasks::ImproveStories,
};

/// Stories that one request may name.
const MAX_STORIES: usize = 10;

/// Longest wish, in characters.
const MAX_PROMPT: usize = 2000;

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
    /// What to improve.
    #[oai(default)]
    #[serde(default)]
    pub action: Action,
    /// What else to mind, in your own words.
    #[oai(validator(max_length = 2000))]
    pub prompt: Option<String>,
}

/// What to improve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum, Deserialize)]
#[oai(rename = "ImproveAction", rename_all = "snake_case", remote = "ImproveAction")]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Say more: how the step begins and ends, its limits.
    #[default]
    Details,
    /// Put criteria as condition and outcome, at least two of them.
    Criteria,
    /// Add what happens with empty data, repetition, no connection, no rights.
    EdgeCases,
}

#[OpenApi]
impl Stories {
    /// Start improving stories
    #[oai(
        path = "/stories/ai-bulk-improve",
        method = "post",
        operation_id = "improveStories",
        tag = "Tag::Stories"
    )]
    async fn improve(&self, JsonBody(wanted): JsonBody<Improvement>) -> Answer<Started, Submit> {
        let mut checks = Checks::default();
        let story_ids = checks.story_ids(&wanted.story_ids, MAX_STORIES);
        let prompt = wanted.prompt.filter(|prompt| !prompt.trim().is_empty());
        if prompt.as_ref().is_some_and(|prompt| prompt.chars().count() > MAX_PROMPT) {
            checks.refuse("/prompt", format!("a prompt has at most {MAX_PROMPT} characters"));
        }
        checks.finish()?;
        let found = user_story::by_ids(&self.app.db, Scope::Owner(LOCAL_USER_ID), &story_ids).await?;
        let found: Vec<i64> = found.iter().map(|story| story.id).collect();
        refuse_unknown_stories(&story_ids, &found, "yours")?;
        let (count, action) = (story_ids.len(), wanted.action.to_json());
        let task = ImproveStories { story_ids, action: wanted.action.into(), prompt };
        let started = start(&self.app, task, None, |options| {
            options.metadata("story_count", count).metadata("action", action)
        });
        Ok(started.await?)
    }
}

impl Example for Improvement {
    fn example() -> Self {
        Self {
            story_ids: vec![12, 13],
            action: Action::Details,
            prompt: Some("mind that guests have no account".into()),
        }
    }
}
