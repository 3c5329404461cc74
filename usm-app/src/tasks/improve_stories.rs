//! Stories in, better stories out.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use usm_ai::ChatRequest;
use usm_queue::{JobContext, Task, TaskError, TaskPolicy};

use super::{
    failure::{self, NoAnswer},
    generate_wireframes::{StoryFailure, is_of_this_story},
    job,
};
use crate::{
    ai::{self, ImproveInput},
    app::App,
    domain::{columns::clean, draft::ImproveAction},
    entities::user_story::{self, Improved, Improvement, Scope, StoryInContext},
    prompts,
};

/// Time for one story, with all retries and fallbacks.
const DEADLINE: Duration = Duration::from_secs(60);
/// Longest wish, in characters.
const WISH: usize = 1000;

/// Improves stories of one owner. The fields are the guide's message; the owner is the job's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImproveStories {
    /// Stories of the job's owner, in any of his projects.
    pub story_ids: Vec<i64>,
    /// What to improve.
    pub action: ImproveAction,
    /// What else to mind, in the user's words.
    #[serde(default)]
    pub prompt: Option<String>,
}

impl Task for ImproveStories {
    const NAME: &'static str = "bulk_improve";
    const ROUTING_KEY: &'static str = "ai.task.bulk.improve";
    type Output = StoriesImproved;

    fn policy() -> TaskPolicy {
        TaskPolicy::default().priority(3).timeout(Duration::from_secs(300))
    }
}

/// What became of each story.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoriesImproved {
    /// Improved and saved.
    pub improved: Vec<i64>,
    /// Not improved, with the reason; one that its owner edited meanwhile is among them.
    pub failures: Vec<StoryFailure>,
    /// Stories asked for.
    pub total_count: usize,
    /// Seconds from the start of the attempt.
    pub processing_time: f64,
}

/// What a model answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct StoryAnswer {
    /// At most ten words
    title: String,
    /// Who wants what, and why
    description: String,
    /// Conditions with an outcome that can be observed
    acceptance_criteria: Vec<String>,
    /// What was changed, in one sentence
    #[serde(default)]
    suggestion: String,
}

/// Partial result: a story that was improved and saved.
#[derive(Debug, Serialize)]
struct StoryImproved<'a> {
    story_id: i64,
    title: &'a str,
    suggestion: &'a str,
}

/// Handles [`ImproveStories`]. A story that cannot be improved is reported and the next one is improved; what an
/// earlier attempt has improved is not improved again.
///
/// # Errors
///
/// Permanent: the owner has none of the stories, or a service refuses its key. To be tried again: a service or
/// database that does not answer.
pub async fn improve_stories(
    task: ImproveStories,
    job: JobContext<App>,
) -> Result<StoriesImproved, TaskError> {
    let started = Instant::now();
    let scope = Scope::Owner(job::owner(job.job())?);
    let mut ids = task.story_ids.clone();
    ids.sort_unstable();
    ids.dedup();
    ids.sort_by_key(|id| task.story_ids.iter().position(|other| other == id));
    let found = user_story::with_context(&job.state.db, scope, &ids).await?;
    let stories: HashMap<i64, StoryInContext> =
        found.into_iter().map(|found| (found.story.id, found)).collect();
    if stories.is_empty() {
        return Err(TaskError::permanent("none of the stories asked for exists; they may have been deleted"));
    }
    let (mut improved, mut failures) = (Vec::new(), Vec::new());
    for (done, id) in ids.iter().enumerate() {
        let Some(story) = stories.get(id) else {
            failures.push(StoryFailure { story_id: *id, error: format!("there is no story {id}") });
            continue;
        };
        job::report(&job, done, ids.len(), &story.story.title).await?;
        match improve(&task, scope, story, &job).await? {
            Ok(()) => improved.push(*id),
            Err(error) => failures.push(StoryFailure { story_id: *id, error }),
        }
    }
    job::report(&job, ids.len(), ids.len(), "").await?;
    Ok(StoriesImproved {
        improved,
        failures,
        total_count: ids.len(),
        processing_time: started.elapsed().as_secs_f64(),
    })
}

/// Improves and saves one story. The inner error is this story's own; the outer one ends the attempt.
async fn improve(
    task: &ImproveStories,
    scope: Scope,
    found: &StoryInContext,
    job: &JobContext<App>,
) -> Result<Result<(), String>, TaskError> {
    let (app, key) = (&job.state, job::key(job));
    let story = &found.story;
    if story.improved_by_job.as_ref() == Some(&key.to_string()) {
        return Ok(Ok(()));
    }
    let wish: Option<String> = task.prompt.as_ref().map(|wish| wish.chars().take(WISH).collect());
    let request =
        ChatRequest::new(ai::IMPROVE, prompts::improvement::user(found, task.action, wish.as_deref()))
            .system(prompts::improvement::SYSTEM)
            .input(serde_json::to_value(input(task, found, wish))?)
            .temperature(app.config.ai.temperature)
            .deadline(DEADLINE);
    let writer = app.ai.writer(job::wants_offline(job.job()));
    let answer = match failure::ask::<StoryAnswer>(job, writer, &request).await {
        Ok(answer) => answer,
        Err(NoAnswer::Failed(error)) if is_of_this_story(&error, job) => {
            return Ok(Err(failure::reason(&error)));
        }
        Err(failure) => return Err(failure.into()),
    };
    let suggestion = clean(&answer.value.suggestion);
    let Some(improvement) = improvement(answer.value) else {
        return Ok(Err(format!("{} answered an empty story", answer.response.provider)));
    };
    let outcome =
        user_story::update_improved(&app.db, scope, story.id, story.version, key, &improvement).await?;
    Ok(match outcome {
        Improved::Saved { .. } => {
            job::partial(
                job,
                StoryImproved { story_id: story.id, title: &improvement.title, suggestion: &suggestion },
            )
            .await?;
            Ok(())
        }
        Improved::AlreadyDone => Ok(()),
        Improved::Changed { version } => Err(format!(
            "the story was edited meanwhile (version {version}, read at {}); nothing was overwritten, improve it again",
            story.version
        )),
        Improved::Missing => Err("the story was deleted meanwhile".to_owned()),
    })
}

fn input(task: &ImproveStories, found: &StoryInContext, wish: Option<String>) -> ImproveInput {
    let story = &found.story;
    ImproveInput {
        title: story.title.clone(),
        description: story.description.clone().unwrap_or_default(),
        persona: story.persona.clone(),
        acceptance_criteria: story.acceptance_criteria.0.clone(),
        action: task.action,
        prompt: wish,
    }
}

/// Clean and bounded; `None` when title or criteria are missing, so that no story loses what it had.
fn improvement(answer: StoryAnswer) -> Option<Improvement> {
    let bounded = |text: &str, most: usize| clean(text).chars().take(most).collect::<String>();
    let criteria = answer.acceptance_criteria.iter().map(|text| bounded(text, 500));
    let improvement = Improvement {
        title: bounded(&answer.title, 200),
        description: bounded(&answer.description, 2000),
        acceptance_criteria: criteria.filter(|text| !text.is_empty()).take(20).collect(),
    };
    let is_whole = !improvement.title.is_empty()
        && !improvement.description.is_empty()
        && !improvement.acceptance_criteria.is_empty();
    is_whole.then_some(improvement)
}
