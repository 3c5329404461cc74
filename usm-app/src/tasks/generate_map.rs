//! Requirements text in, a saved story map out.

mod answer;
mod enhancement;

use std::time::{Duration, Instant};

use sea_orm::SqlErr;
use serde::{Deserialize, Serialize};
use usm_ai::{ChatRequest, ChatResponse};
use usm_queue::{JobContext, Task, TaskError, TaskPolicy};

use super::{failure, job};
use crate::{
    ai,
    app::App,
    domain::{requirements, story_map::StoryMap, wireframe::Language},
    entities::project::{self, SavedProject},
    prompts,
};
use answer::MapAnswer;

/// Time for the map itself, with all retries and fallbacks; enhancing and saving have the rest of the task's time.
const DEADLINE: Duration = Duration::from_secs(240);

/// Generates and saves a story map. The fields are the guide's message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerateMap {
    /// What the product should do, in Russian or English.
    pub requirements_text: String,
    /// Whether the text is enhanced before the map is made.
    #[serde(default)]
    pub use_enhancement: bool,
}

impl Task for GenerateMap {
    const NAME: &'static str = "ai_map_generation";
    const ROUTING_KEY: &'static str = "ai.task.map.generation";
    type Output = MapReady;

    fn policy() -> TaskPolicy {
        TaskPolicy::default().priority(7).timeout(Duration::from_secs(300))
    }
}

/// The saved map in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapReady {
    /// Its project.
    pub project_id: i64,
    /// Name of the product.
    pub project_name: String,
    /// Activities in the map.
    pub activities_count: u64,
    /// Stories in the map.
    pub stories_count: u64,
    /// Seconds from the start of the attempt to the saved map.
    pub processing_time: f64,
    /// Whether the enhanced text was used.
    pub used_enhancement: bool,
    /// Who made it, for example `offline` or `groq/model`.
    pub made_by: String,
}

/// Partial result of a map: its backbone, known before the map is saved. After a retry there may be several; the last
/// one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backbone {
    /// Name of the product.
    pub project_name: String,
    /// As in [`MapReady`].
    pub made_by: String,
    /// As in [`MapReady`].
    pub used_enhancement: bool,
    /// The activities, left to right.
    pub backbone: Vec<BackboneActivity>,
    /// Stories that will be saved.
    pub stories_count: u64,
}

/// An activity without its stories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackboneActivity {
    /// Its title.
    pub title: String,
    /// Titles of its tasks.
    pub tasks: Vec<String>,
}

/// Handles [`GenerateMap`]. A job that has saved its map before returns the same project and asks nobody.
///
/// # Errors
///
/// Permanent: an unusable text, an unknown owner, a service that refuses its key. To be tried again: a service or
/// database that does not answer, a model that answered something else.
pub async fn generate_map(task: GenerateMap, job: JobContext<App>) -> Result<MapReady, TaskError> {
    let started = Instant::now();
    let owner = job::owner(job.job())?;
    let app = &job.state;
    if let Some(saved) = project::by_job(&app.db, job::key(&job)).await? {
        return Ok(ready(saved, remembered(&job), started));
    }
    let text = requirements::check(&task.requirements_text).map_err(TaskError::permanent)?;
    let stages = Stages::new(text, task.use_enhancement && enhancer(&job).is_some());

    let mut enhanced = None;
    if let Some(enhancer) = enhancer(&job).filter(|_| stages.enhancing) {
        stages.report(&job, Stage::Enhance).await?;
        enhanced = enhancement::enhance(&job, enhancer, text).await?;
    }
    stages.report(&job, Stage::Ask).await?;
    let text_used = enhanced.as_ref().map_or(text, |enhanced| enhanced.text.as_str());
    let (mut map, made_by) = make(&job, text_used).await?;
    map.notes.extend(enhanced.iter().flat_map(|enhanced| enhanced.notes(stages.language)));

    stages.report(&job, Stage::Save).await?;
    let origin = Origin { made_by, used_enhancement: enhanced.is_some() };
    job::partial(&job, backbone(&map, &origin)).await?;
    let saved = save(&job, owner, &task.requirements_text, &map).await?;
    stages.report(&job, Stage::Done).await?;
    Ok(ready(saved, Some(origin), started))
}

fn enhancer(job: &JobContext<App>) -> Option<&usm_ai::Router> {
    job.state.ai.enhancer(job::wants_offline(job.job()))
}

/// Asks for the map and makes a sound one of the answer.
async fn make(job: &JobContext<App>, text: &str) -> Result<(StoryMap, String), TaskError> {
    let app = &job.state;
    let request = ChatRequest::new(ai::STORY_MAP, prompts::story_map::user(text))
        .system(prompts::story_map::SYSTEM)
        .input(text.into())
        .temperature(app.config.ai.temperature)
        .deadline(DEADLINE);
    let writer = app.ai.writer(job::wants_offline(job.job()));
    let answer = failure::ask::<MapAnswer>(job, writer, &request).await?;
    let made_by = made_by(&answer.response);
    let map = answer.value.into_map(text).map_err(|flaw| TaskError::retry(format!("{made_by}: {flaw}")))?;
    Ok((map, made_by))
}

async fn save(
    job: &JobContext<App>,
    owner: i64,
    requirements: &str,
    map: &StoryMap,
) -> Result<SavedProject, TaskError> {
    let saved = project::save_map(&job.state.db, job::key(job), owner, requirements, map).await;
    saved.map_err(|error| match error.sql_err() {
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
            TaskError::permanent(format!("the job's owner, user {owner}, does not exist"))
        }
        _ => TaskError::from(error),
    })
}

/// `offline`, or provider and model.
pub(super) fn made_by(response: &ChatResponse) -> String {
    if response.provider == response.model {
        return response.provider.clone();
    }
    format!("{}/{}", response.provider, response.model)
}

/// What the saved map does not know about itself.
struct Origin {
    made_by: String,
    used_enhancement: bool,
}

/// From the partial result of the attempt that saved the map.
fn remembered(job: &JobContext<App>) -> Option<Origin> {
    let last = job.earlier_partials::<Backbone>().pop()?;
    Some(Origin { made_by: last.made_by, used_enhancement: last.used_enhancement })
}

fn ready(saved: SavedProject, origin: Option<Origin>, started: Instant) -> MapReady {
    let origin = origin.unwrap_or(Origin { made_by: "unknown".to_owned(), used_enhancement: false });
    MapReady {
        project_id: saved.id,
        project_name: saved.name,
        activities_count: saved.activities_count,
        stories_count: saved.stories_count,
        processing_time: started.elapsed().as_secs_f64(),
        used_enhancement: origin.used_enhancement,
        made_by: origin.made_by,
    }
}

fn backbone(map: &StoryMap, origin: &Origin) -> Backbone {
    let activities = map.activities.iter().map(|activity| BackboneActivity {
        title: activity.title.clone(),
        tasks: activity.tasks.iter().map(|task| task.title.clone()).collect(),
    });
    Backbone {
        project_name: map.name.clone(),
        made_by: origin.made_by.clone(),
        used_enhancement: origin.used_enhancement,
        backbone: activities.collect(),
        stories_count: map.stories().count() as u64,
    }
}

/// The stages a watcher sees, in the language of the text.
struct Stages {
    language: Language,
    enhancing: bool,
}

#[derive(Clone, Copy)]
enum Stage {
    Enhance,
    Ask,
    Save,
    Done,
}

impl Stages {
    fn new(text: &str, enhancing: bool) -> Self {
        Self { language: Language::of(text), enhancing }
    }

    async fn report(&self, job: &JobContext<App>, stage: Stage) -> Result<(), TaskError> {
        let before = usize::from(self.enhancing);
        let current = match stage {
            Stage::Enhance => 0,
            Stage::Ask => before,
            Stage::Save => before + 1,
            Stage::Done => before + 2,
        };
        job::report(job, current, before + 2, self.message(stage, job)).await
    }

    fn message(&self, stage: Stage, job: &JobContext<App>) -> String {
        let ai = &job.state.ai;
        match stage {
            Stage::Enhance => {
                self.language.pick("дополняю требования", "enhancing the requirements").to_owned()
            }
            Stage::Ask if ai.is_offline() || job::wants_offline(job.job()) => {
                self.language.pick("составляю карту без ИИ", "drafting the map offline").to_owned()
            }
            Stage::Ask => {
                let asked = ai.providers().first().copied().unwrap_or_default().to_owned();
                format!("{} {asked}", self.language.pick("прошу карту у", "asking for the map:"))
            }
            Stage::Save => self.language.pick("сохраняю карту", "saving the map").to_owned(),
            Stage::Done => self.language.pick("карта сохранена", "the map is saved").to_owned(),
        }
    }
}
