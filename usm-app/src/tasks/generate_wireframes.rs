//! Stories in, text wireframes out, one story after the other.

mod drawing;
mod text;

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use usm_ai::ChatRequest;
use usm_queue::{JobContext, Task, TaskError, TaskPolicy};

use super::{
    choice::Asked,
    failure::{self, NoAnswer, Remedy},
    job,
};
use crate::{
    ai,
    app::App,
    domain::{
        draft::wireframe::WireframeInput,
        wireframe::{FlatWireframe, Platform, StoryWireframe, Style},
    },
    entities::{
        user_story::{self, Scope, StoryInContext},
        wireframe,
    },
    prompts,
};
use drawing::Drawing;

/// Time for one story, with all retries and fallbacks.
const DEADLINE: Duration = Duration::from_secs(120);

/// Draws wireframes for stories of one project. The fields are the guide's message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerateWireframes {
    /// The project.
    pub project_id: i64,
    /// Stories of that project.
    pub story_ids: Vec<i64>,
    /// How much detail.
    #[serde(default)]
    pub style: Style,
    /// For which screen.
    #[serde(default)]
    pub platform: Platform,
}

impl Task for GenerateWireframes {
    const NAME: &'static str = "wireframe_generation";
    const ROUTING_KEY: &'static str = "ai.task.wireframe.generation";
    type Output = WireframesReady;

    fn policy() -> TaskPolicy {
        TaskPolicy::default().priority(5).timeout(Duration::from_secs(300))
    }
}

/// What became of each story. While the job runs, every drawn [`StoryWireframe`] is a partial result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireframesReady {
    /// The drawn ones, in the order asked for.
    pub wireframes: Vec<StoryWireframe>,
    /// The others, with the reason.
    pub failures: Vec<StoryFailure>,
    /// Stories asked for.
    pub total_count: usize,
    /// Stories drawn.
    pub successful: usize,
    /// Stories not drawn.
    pub failed: usize,
    /// As asked for.
    pub style: Style,
    /// As asked for.
    pub platform: Platform,
    /// Seconds from the start of the attempt.
    pub processing_time: f64,
}

/// A story that could not be drawn or improved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryFailure {
    /// The story.
    pub story_id: i64,
    /// Why.
    pub error: String,
}

/// Handles [`GenerateWireframes`]. A story that cannot be drawn is reported and the next one is drawn; what an earlier
/// attempt has drawn is not drawn again.
///
/// # Errors
///
/// Permanent: no story or too many are asked for, none of the stories is in this project of the job's owner, or a service refuses its key. To be tried
/// again: a service or database that does not answer, or not a single story could be drawn.
pub async fn generate_wireframes(
    task: GenerateWireframes,
    job: JobContext<App>,
) -> Result<WireframesReady, TaskError> {
    let started = Instant::now();
    let ids = unique(&task.story_ids);
    check_count(ids.len(), job.state.config.wireframe_max_stories)?;
    let stories = stories(&task, &ids, &job).await?;
    let mut drawn: HashMap<i64, StoryWireframe> = job
        .earlier_partials::<StoryWireframe>()
        .into_iter()
        .filter_map(|wireframe| Some((wireframe.story_id?, wireframe)))
        .collect();
    let mut failures = Vec::new();
    for (done, id) in ids.iter().enumerate() {
        let Some(story) = stories.get(id) else {
            let error = format!("there is no story {id} in project {}", task.project_id);
            failures.push(StoryFailure { story_id: *id, error });
            continue;
        };
        if drawn.contains_key(id) {
            continue;
        }
        job::report(&job, done, ids.len(), &story.story.title).await?;
        match draw(&task, story, &job).await? {
            Ok(wireframe) => {
                job::partial(&job, &wireframe).await?;
                drawn.insert(*id, wireframe);
            }
            Err(error) => failures.push(StoryFailure { story_id: *id, error }),
        }
    }
    job::report(&job, ids.len(), ids.len(), "").await?;

    let wireframes: Vec<_> = ids.iter().filter_map(|id| drawn.remove(id)).collect();
    if let (true, Some(first)) = (wireframes.is_empty(), failures.first()) {
        return Err(TaskError::retry(format!(
            "none of {} stories could be drawn; story {}: {}",
            ids.len(),
            first.story_id,
            first.error
        )));
    }
    Ok(WireframesReady {
        total_count: ids.len(),
        successful: wireframes.len(),
        failed: failures.len(),
        wireframes,
        failures,
        style: task.style,
        platform: task.platform,
        processing_time: started.elapsed().as_secs_f64(),
    })
}

fn unique(ids: &[i64]) -> Vec<i64> {
    let mut seen = HashSet::new();
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}

/// A message may come from elsewhere than our own API, which has checked this already.
fn check_count(count: usize, most: usize) -> Result<(), TaskError> {
    if (1..=most).contains(&count) {
        return Ok(());
    }
    Err(TaskError::permanent(format!(
        "{count} stories are asked for; give 1 to {most} (WIREFRAME_MAX_STORIES) for one job"
    )))
}

/// The stories that are in the project and whose project is the owner's.
async fn stories(
    task: &GenerateWireframes,
    ids: &[i64],
    job: &JobContext<App>,
) -> Result<HashMap<i64, StoryInContext>, TaskError> {
    let db = &job.state.db;
    let owner = Scope::Owner(job::owner(job.job())?);
    let owned: HashSet<i64> =
        user_story::by_ids(db, owner, ids).await?.into_iter().map(|story| story.id).collect();
    let found = user_story::with_context(db, Scope::Project(task.project_id), ids).await?;
    let stories: HashMap<_, _> = found
        .into_iter()
        .filter(|found| owned.contains(&found.story.id))
        .map(|found| (found.story.id, found))
        .collect();
    if stories.is_empty() {
        return Err(TaskError::permanent(format!(
            "project {} has none of the stories asked for; it or they may have been deleted",
            task.project_id
        )));
    }
    Ok(stories)
}

/// Draws and saves one story. The inner error is this story's own; the outer one ends the attempt.
async fn draw(
    task: &GenerateWireframes,
    story: &StoryInContext,
    job: &JobContext<App>,
) -> Result<Result<StoryWireframe, String>, TaskError> {
    let app = &job.state;
    let input = input(task, story);
    let request = ChatRequest::new(ai::WIREFRAME, prompts::wireframe::user(&input))
        .system(prompts::wireframe::SYSTEM)
        .input(serde_json::to_value(&input)?)
        .temperature(app.config.ai.temperature)
        .deadline(DEADLINE);
    let asked = Asked::by(job.job(), &app.ai)?;
    let request = asked.of_model(request);
    let drawing = match failure::ask::<FlatWireframe>(job, asked.writer(), &request).await {
        Ok(answer) => match Drawing::new(&story.story, answer.value, task.platform, task.style) {
            Some(drawing) => drawing,
            None => return Ok(Err(format!("{} described an empty screen", answer.response.provider))),
        },
        Err(NoAnswer::Failed(error)) if text::may_help(&error) => {
            match text::draw(task, &story.story, &input, &asked, job).await {
                Ok(Some(drawing)) => drawing,
                // Why the description failed says more than that the text failed too.
                Ok(None) => return Ok(Err(failure::reason(&error))),
                Err(NoAnswer::Failed(error)) if is_of_this_story(&error, job) => {
                    return Ok(Err(failure::reason(&error)));
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Err(NoAnswer::Failed(error)) if is_of_this_story(&error, job) => {
            return Ok(Err(failure::reason(&error)));
        }
        Err(failure) => return Err(failure.into()),
    };
    let saved = wireframe::upsert(&app.db, drawing.row(job::key(job))).await?;
    Ok(match saved {
        Some(_) => Ok(drawing.wireframe),
        None => Err("the story was deleted meanwhile".to_owned()),
    })
}

fn input(task: &GenerateWireframes, found: &StoryInContext) -> WireframeInput {
    let story = &found.story;
    WireframeInput {
        title: story.title.clone(),
        description: story.description.clone().unwrap_or_default(),
        persona: story.persona.clone(),
        acceptance_criteria: story.acceptance_criteria.0.clone(),
        activity: found.activity_title.clone(),
        task: found.task_title.clone(),
        platform: task.platform,
        style: task.style,
    }
}

/// Whether another story may fare better in this very attempt. An overloaded service will not, unless this is the
/// last attempt; then the other stories deserve their chance.
pub(super) fn is_of_this_story(error: &usm_ai::Error, job: &JobContext<App>) -> bool {
    match failure::remedy(error) {
        Remedy::Wait(_) | Remedy::CallPerson => false,
        Remedy::GiveUp => true,
        Remedy::TryAgain if error.is_transient() => job.attempt() >= job.job().max_attempts,
        Remedy::TryAgain => true,
    }
}
