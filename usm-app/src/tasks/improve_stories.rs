//! Stories in, better stories out: several at once, each with an outcome of its own.

mod story;

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, Task, TaskError, TaskPolicy};

use super::{choice::Asked, job, setbacks::Setbacks};
use crate::{
    app::App,
    entities::user_story::{self, Scope, StoryInContext},
};
use story_map::improvement::ImproveAction;
use story_map::improvement::{StorySplit, StoryText};

/// Stories asked for at once.
const AT_ONCE: usize = 4;
/// Most stories of one job.
pub const MOST_STORIES: usize = 10;

/// Improves stories of one owner. The fields are the guide's message; the owner is the job's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImproveStories {
    /// Stories of the job's owner, in any of his projects; ten at most.
    pub story_ids: Vec<i64>,
    /// What to improve; `None` for what the prompt says. Only one story at a time can be split.
    #[serde(default)]
    pub action: Option<ImproveAction>,
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

/// What became of the stories.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoriesImproved {
    /// One for each story, in the order asked for. While the job runs, each is a partial result.
    pub stories: Vec<StoryOutcome>,
    /// Stories asked for.
    pub total_count: usize,
    /// Improved and saved.
    pub successful: usize,
    /// Left as they were, because there was nothing to improve.
    #[serde(default)]
    pub unchanged_count: usize,
    /// Not saved because the owner edited them meanwhile.
    pub conflict_count: usize,
    /// Not improved.
    pub failed_count: usize,
    /// Seconds from the start of the attempt.
    pub processing_time: f64,
}

/// What became of one story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryOutcome {
    /// The story.
    pub story_id: i64,
    /// What became of it.
    pub outcome: Outcome,
    /// Its present title, where it is known.
    #[serde(default)]
    pub title: String,
    /// Its present version, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    /// What was changed, in one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suggestion: String,
    /// Stories that were added when it was split.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added_story_ids: Vec<i64>,
    /// Why it was not improved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The text of an improved story before the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<StoryText>,
    /// Its text now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<StoryText>,
    /// The better text of a story that was edited meanwhile, for its owner to take over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    /// Who wrote it, as in [`MapReady`](super::MapReady).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub made_by: String,
}

/// What can become of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Saved.
    Improved,
    /// There was nothing to improve, and nothing was written.
    Unchanged,
    /// Edited by its owner since it was read: nothing was overwritten, the proposal is kept.
    Conflict,
    /// Not improved; the error says why.
    Failed,
}

/// What would have been saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Proposal {
    /// In place of the story.
    Text(StoryText),
    /// Several stories in its place.
    Split(StorySplit),
}

impl StoryOutcome {
    fn new(story_id: i64, outcome: Outcome) -> Self {
        Self {
            story_id,
            outcome,
            title: String::new(),
            version: None,
            suggestion: String::new(),
            added_story_ids: Vec::new(),
            error: None,
            before: None,
            after: None,
            proposal: None,
            made_by: String::new(),
        }
    }

    fn failed(story_id: i64, error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::new(story_id, Outcome::Failed) }
    }
}

/// Why a split of several stories is refused; the same words wherever it is asked for.
pub const SPLIT_IN_BULK: &str = "stories are split one at a time, because a split makes new stories that somebody should \
                                 look at; use POST /story/{story_id}/ai-improve or `usm improve STORY --action split`";

/// Handles [`ImproveStories`]. A story that cannot be improved is reported and the others are improved; what an earlier
/// attempt has settled is not asked for again, and an edited story is never overwritten.
///
/// # Errors
///
/// Permanent: a split of several stories, none of the stories is the owner's, the job is for another database, or a
/// service refuses its key. To be tried again with what is improved already: a service or database that does not answer,
/// a rate limit, or not a single story could be improved.
pub async fn improve_stories(
    task: ImproveStories,
    job: JobContext<App>,
) -> Result<StoriesImproved, TaskError> {
    let started = Instant::now();
    let scope = Scope::Owner(job::owner(job.job())?);
    let ids = unique(&task.story_ids);
    if ids.is_empty() || ids.len() > MOST_STORIES {
        return Err(TaskError::permanent(format!(
            "name 1 to {MOST_STORIES} stories; there are {}",
            ids.len()
        )));
    }
    if task.action == Some(ImproveAction::Split) && ids.len() > 1 {
        return Err(TaskError::permanent(SPLIT_IN_BULK));
    }
    job::is_for_this_database(&job)?;
    job.state.check_database()?;
    let asked = Asked::by(job.job(), &job.state.ai)?;
    let found = user_story::with_context(&job.state.db, scope, &ids).await?;
    let stories: HashMap<i64, StoryInContext> =
        found.into_iter().map(|found| (found.story.id, found)).collect();
    let mut settled: HashMap<i64, StoryOutcome> =
        job.earlier_partials().into_iter().map(|outcome: StoryOutcome| (outcome.story_id, outcome)).collect();
    if stories.is_empty() && settled.is_empty() {
        return Err(TaskError::permanent("none of the stories asked for exists; they may have been deleted"));
    }
    for id in ids.iter().filter(|id| !stories.contains_key(id)) {
        settled.entry(*id).or_insert_with(|| StoryOutcome::failed(*id, format!("there is no story {id}")));
    }

    let improver = story::Improver { task: &task, scope, job: &job, asked: &asked };
    let mut waiting: VecDeque<i64> = ids.iter().copied().filter(|id| !settled.contains_key(id)).collect();
    let mut setbacks = Setbacks::new(job.attempt() >= job.job().max_attempts);
    let mut running = FuturesUnordered::new();
    let first = asked.first().unwrap_or_else(|| "offline".to_owned());
    job::report(&job, settled.len(), ids.len(), &first).await?;
    loop {
        while running.len() < AT_ONCE && setbacks.may_go_on() {
            let Some(id) = waiting.pop_front() else { break };
            let Some(story) = stories.get(&id) else { continue };
            running.push(improver.improve(story));
        }
        match running.next().await {
            None => break,
            Some((id, Err(story::Trouble::Unanswered(failure)))) => setbacks.add(id, failure)?,
            Some((_, Err(story::Trouble::Unsaved(error)))) => return Err(error),
            Some((id, Ok(outcome))) => {
                job::partial(&job, &outcome).await?;
                let message =
                    if outcome.made_by.is_empty() { first.clone() } else { outcome.made_by.clone() };
                settled.insert(id, outcome);
                job::report(&job, settled.len(), ids.len(), message).await?;
            }
        }
    }
    drop(running);
    let is_something_made = settled.values().any(|outcome| outcome.outcome != Outcome::Failed);
    for (id, reason) in setbacks.settle(is_something_made, waiting)? {
        settled.insert(id, StoryOutcome::failed(id, reason));
    }
    job::report(&job, ids.len(), ids.len(), "").await?;
    let stories: Vec<StoryOutcome> = ids.iter().filter_map(|id| settled.remove(id)).collect();
    Ok(summary(stories, started))
}

fn summary(stories: Vec<StoryOutcome>, started: Instant) -> StoriesImproved {
    let count = |outcome| stories.iter().filter(|story| story.outcome == outcome).count();
    StoriesImproved {
        total_count: stories.len(),
        successful: count(Outcome::Improved),
        unchanged_count: count(Outcome::Unchanged),
        conflict_count: count(Outcome::Conflict),
        failed_count: count(Outcome::Failed),
        stories,
        processing_time: started.elapsed().as_secs_f64(),
    }
}

fn unique(ids: &[i64]) -> Vec<i64> {
    let mut seen = std::collections::HashSet::new();
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}
