//! Stories in, text wireframes out: several at once, each with an outcome of its own.

mod drawing;
mod text;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::{Deserialize, Serialize};
use usm_ai::{ChatRequest, ErrorKind};
use usm_queue::{JobContext, Task, TaskError, TaskPolicy};

use super::{
    choice::Asked,
    failure::{self, NoAnswer},
    job,
    setbacks::Setbacks,
};
use crate::ai::WireframeInput;
use crate::{
    ai,
    app::App,
    entities::{
        user_story::{self, Scope, StoryInContext},
        wireframe,
    },
    prompts,
};
use ::wireframe::{FlatWireframe, Language, Platform, StoryWireframe, Style};
use drawing::Drawing;

/// Stories asked for at once.
const AT_ONCE: usize = 4;
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

impl WireframesReady {
    /// For a map without stories to draw.
    pub fn none(style: Style, platform: Platform) -> Self {
        Self {
            wireframes: Vec::new(),
            failures: Vec::new(),
            total_count: 0,
            successful: 0,
            failed: 0,
            style,
            platform,
            processing_time: 0.0,
        }
    }
}

/// A story that could not be drawn or improved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryFailure {
    /// The story.
    pub story_id: i64,
    /// Why.
    pub error: String,
}

/// Handles [`GenerateWireframes`]. A story that cannot be drawn is reported and the others are drawn; what an earlier
/// attempt has drawn is not drawn again.
///
/// # Errors
///
/// Permanent: no story or too many are asked for, none of the stories is in this project of the job's owner, the job
/// is for another database, or a service refuses its key. To be tried again with what is drawn already: a service or database that does not answer, a rate limit,
/// or not a single story could be drawn.
pub async fn generate_wireframes(
    task: GenerateWireframes,
    job: JobContext<App>,
) -> Result<WireframesReady, TaskError> {
    let started = Instant::now();
    let ids = unique(&task.story_ids);
    check_count(ids.len(), job.state.config.wireframe_max_stories)?;
    job::is_for_this_database(&job)?;
    job.state.check_database()?;
    let stories = stories(&task, &ids, &job).await?;
    let asked = Asked::by(job.job(), &job.state.ai)?;
    let mut drawn: HashMap<i64, StoryWireframe> = job
        .earlier_partials::<StoryWireframe>()
        .into_iter()
        .filter_map(|wireframe| Some((wireframe.story_id?, wireframe)))
        .collect();
    let missing = |id: &i64| !stories.contains_key(id) && !drawn.contains_key(id);
    let mut failures: HashMap<i64, String> = (ids.iter().copied().filter(missing))
        .map(|id| (id, format!("there is no story {id} in project {}", task.project_id)))
        .collect();

    let designer = Designer { task: &task, job: &job, asked: &asked };
    let mut waiting: VecDeque<&StoryInContext> =
        ids.iter().filter(|id| !drawn.contains_key(id)).filter_map(|id| stories.get(id)).collect();
    let mut setbacks = Setbacks::new(job.attempt() >= job.job().max_attempts);
    let mut running = FuturesUnordered::new();
    let first = asked.first().unwrap_or_else(|| "offline".to_owned());
    job::report(&job, drawn.len() + failures.len(), ids.len(), first).await?;
    loop {
        while running.len() < AT_ONCE && setbacks.may_go_on() {
            let Some(story) = waiting.pop_front() else { break };
            running.push(designer.draw(story));
        }
        let Some((story, outcome)) = running.next().await else { break };
        let id = story.story.id;
        match outcome {
            Ok(wireframe) => {
                job::partial(&job, &wireframe).await?;
                drawn.insert(id, wireframe);
            }
            Err(Trouble::Unanswered(failure)) => {
                setbacks.add(id, failure)?;
                continue;
            }
            Err(Trouble::Unsaved(error)) => return Err(error),
            Err(Trouble::Gone) => {
                failures.insert(id, "the story was deleted meanwhile".to_owned());
            }
        }
        job::report(&job, drawn.len() + failures.len(), ids.len(), &story.story.title).await?;
    }
    drop(running);
    failures.extend(setbacks.settle(!drawn.is_empty(), waiting.into_iter().map(|story| story.story.id))?);
    job::report(&job, ids.len(), ids.len(), "").await?;

    let wireframes: Vec<_> = ids.iter().filter_map(|id| drawn.remove(id)).collect();
    let failed =
        ids.iter().filter_map(|id| Some(StoryFailure { story_id: *id, error: failures.remove(id)? }));
    let failures: Vec<_> = failed.collect();
    if let (true, Some(first)) = (wireframes.is_empty(), failures.first()) {
        return Err(TaskError::permanent(first.error.clone()));
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

/// Draws one story after the other.
struct Designer<'a> {
    task: &'a GenerateWireframes,
    job: &'a JobContext<App>,
    asked: &'a Asked<'a>,
}

/// Why a story was not drawn.
enum Trouble {
    Unanswered(NoAnswer),
    /// The database did not take it.
    Unsaved(TaskError),
    /// There is no story any more.
    Gone,
}

impl Designer<'_> {
    async fn draw<'s>(
        &self,
        story: &'s StoryInContext,
    ) -> (&'s StoryInContext, Result<StoryWireframe, Trouble>) {
        (story, self.saved(story).await)
    }

    async fn saved(&self, story: &StoryInContext) -> Result<StoryWireframe, Trouble> {
        let drawing = self.drawing(story).await.map_err(Trouble::Unanswered)?;
        let row = drawing.row(job::key(self.job));
        let saved = wireframe::upsert(&self.job.state.db, row).await;
        self.job.state.check_database().map_err(|gone| Trouble::Unsaved(gone.into()))?;
        match saved {
            Ok(Some(_)) => Ok(drawing.wireframe),
            Ok(None) => Err(Trouble::Gone),
            Err(error) => Err(Trouble::Unsaved(error.into())),
        }
    }

    /// Asks for a description of the screens; of a model that cannot give one, for a drawing.
    async fn drawing(&self, story: &StoryInContext) -> Result<Drawing, NoAnswer> {
        let (task, job) = (self.task, self.job);
        let input = input(task, story);
        let value = serde_json::to_value(&input)
            .map_err(|error| NoAnswer::Failed(usm_ai::Error::new(ErrorKind::Refused, error.to_string())))?;
        let request = ChatRequest::new(ai::WIREFRAME, prompts::wireframe::user(&input))
            .system(prompts::wireframe::SYSTEM)
            .input(value)
            .temperature(job.state.config.ai.temperature)
            .deadline(self.job.state.config.ai.patience.stretched(DEADLINE));
        let request = self.asked.of_model(request);
        let language = Language::of(&format!("{} {}", input.title, input.acceptance_criteria.join(" ")));
        let writer = self.asked.writer();
        match failure::ask_in::<FlatWireframe>(
            language,
            job,
            writer,
            &request,
            FlatWireframe::words,
            failure::never,
        )
        .await
        {
            Ok((answer, is_foreign)) => {
                let drawing = Drawing::new(&story.story, answer.value, task.platform, task.style);
                Ok(if is_foreign { drawing.foreign() } else { drawing })
            }
            Err(NoAnswer::Failed(error)) if text::may_help(&error) => {
                let drawn = text::draw(task, &story.story, &input, self.asked, job).await?;
                // Why the description failed says more than that there is no drawing either.
                drawn.ok_or(NoAnswer::Failed(error))
            }
            Err(failure) => Err(failure),
        }
    }
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
