//! Requirements text in, a saved story map out, stage by stage; every finished part is kept in the job.

mod backbone;
mod enhancement;
mod offline;
mod parts;
mod stages;
mod stories;
mod whole;

use std::time::{Duration, Instant};

use sea_orm::SqlErr;
use serde::{Deserialize, Serialize};
use usm_ai::ChatResponse;
use usm_queue::{JobContext, Task, TaskError, TaskPolicy};

use super::{choice::Asked, job};
use crate::{
    app::App,
    config::QueueBackend,
    entities::project::{self, SavedProject},
    prompts::Requirements,
};
use parts::Made;
pub use parts::{ActivityFailure, ActivityMade, BackboneMade, Enhanced, MapPart};
use stages::{Stage, Stages};
use story_map::Language;
use story_map::StoryMap;
use story_map::enhancement::Enhancement;
use story_map::requirements;

/// Generates and saves a story map. The first two fields are the guide's message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerateMap {
    /// What the product should do, in Russian or English.
    pub requirements_text: String,
    /// Whether the text is enhanced before the map is made.
    #[serde(default)]
    pub use_enhancement: bool,
    /// Whether the map is made from the enhanced text; otherwise the enhancement is only shown.
    #[serde(default = "yes")]
    pub use_enhanced_text: bool,
    /// In how many questions the map is made.
    #[serde(default)]
    pub mode: MapMode,
}

/// In how many questions a map is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MapMode {
    /// The backbone first, then the stories of each activity, several at once. What fails is asked for again alone.
    #[default]
    Hierarchical,
    /// Everything in one question: one call where calls are dear, all or nothing.
    Single,
}

fn yes() -> bool {
    true
}

impl GenerateMap {
    /// A map of this text, made in the usual way.
    pub fn new(requirements_text: impl Into<String>, use_enhancement: bool) -> Self {
        let requirements_text = requirements_text.into();
        Self { requirements_text, use_enhancement, use_enhanced_text: true, mode: MapMode::default() }
    }
}

impl Task for GenerateMap {
    const NAME: &'static str = "ai_map_generation";
    const ROUTING_KEY: &'static str = "ai.task.map.generation";
    type Output = MapReady;

    fn policy() -> TaskPolicy {
        TaskPolicy::default().priority(7).timeout(Duration::from_secs(600))
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
    /// Who made it, for example `offline`, `groq/model`, or several with commas.
    pub made_by: String,
    /// Activities of which stories are missing: 0 for a whole map.
    #[serde(default)]
    pub failed_count: u64,
    /// What is missing, and why. The map shows it too: its tasks are empty, and a note names them.
    #[serde(default)]
    pub failures: Vec<ActivityFailure>,
    /// What stage 1 made of the text; absent when it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enhancement: Option<Enhancement>,
}

/// Handles [`GenerateMap`]. Parts that an earlier attempt has made are not made again, and a job that has saved its map
/// before returns the same project and asks nobody.
///
/// # Errors
///
/// Permanent: an unusable text, an unknown owner, another database than the job's, a service that refuses its key, or
/// stories for no activity at all. To be tried again with the parts that are made: a service or database that does not
/// answer, a rate limit, a model that answered something else.
pub async fn generate_map(task: GenerateMap, job: JobContext<App>) -> Result<MapReady, TaskError> {
    let started = Instant::now();
    let owner = job::owner(job.job())?;
    let app = &job.state;
    // Where there are several machines, who asked would never see the map. With one, it is made again in a new database.
    if matches!(app.config.queue.backend, QueueBackend::RabbitMq { .. }) {
        job::is_for_this_database(&job)?;
    }
    app.check_database()?;
    let mut made = Made::of(job.earlier_partials());
    if let Some(saved) = project::by_job(&app.db, job::key(&job)).await? {
        return Ok(ready(saved, made, started));
    }
    let text = requirements::check(&task.requirements_text).map_err(TaskError::permanent)?;
    let work = Work {
        asked: Asked::by(job.job(), &app.ai)?,
        stages: Stages::new(text),
        language: Language::of(text),
        text,
        job: &job,
    };

    if task.use_enhancement && made.enhanced.is_none() && made.backbone.is_none() {
        enhancement::enhance(&work, task.use_enhanced_text, &mut made).await?;
    }
    let written_out = made.text_used().map(ToOwned::to_owned);
    let requirements = Requirements { text, written_out: written_out.as_deref() };
    let map = match task.mode {
        _ if work.asked.first().is_none() => offline::make(&work, &mut made).await?,
        MapMode::Hierarchical => {
            backbone::make(&work, &requirements, &mut made).await?;
            stories::make(&work, &requirements, &mut made).await?;
            made.map(work.language)?
        }
        MapMode::Single => {
            whole::make(&work, &requirements, &mut made).await?;
            made.map(work.language)?
        }
    };
    work.report(Stage::Save(made.made(), made.total())).await?;
    let saved = save(&work, owner, &task.requirements_text, &map, &made.made_by()).await?;
    work.report(Stage::Done(made.made(), made.total())).await?;
    Ok(ready(saved, made, started))
}

/// What every stage of one attempt needs.
struct Work<'a> {
    job: &'a JobContext<App>,
    asked: Asked<'a>,
    stages: Stages,
    language: Language,
    /// The requirements as their author wrote them, without white space around.
    text: &'a str,
}

impl Work<'_> {
    async fn report(&self, stage: Stage) -> Result<(), TaskError> {
        let (current, total) = stage.counts();
        job::report(self.job, current, total, self.stages.message(&stage, self.asked.first())).await
    }

    /// Shows a part to the watchers and keeps it for the attempts to come.
    async fn keep(&self, made: &mut Made, part: MapPart) -> Result<(), TaskError> {
        job::partial(self.job, &part).await?;
        made.add(part);
        Ok(())
    }

    fn is_last_attempt(&self) -> bool {
        self.job.attempt() >= self.job.job().max_attempts
    }
}

async fn save(
    work: &Work<'_>,
    owner: i64,
    requirements: &str,
    map: &StoryMap,
    made_by: &str,
) -> Result<SavedProject, TaskError> {
    let db = &work.job.state.db;
    let saved = project::save_map(db, job::key(work.job), owner, requirements, map, made_by).await;
    let saved = saved.map_err(|error| match error.sql_err() {
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
            TaskError::permanent(format!("the job's owner, user {owner}, does not exist"))
        }
        _ => TaskError::from(error),
    })?;
    work.job.state.check_database()?;
    Ok(saved)
}

/// `offline`, or provider and model.
pub(super) fn made_by(response: &ChatResponse) -> String {
    if response.provider == response.model {
        return response.provider.clone();
    }
    format!("{}/{}", response.provider, response.model)
}

fn ready(saved: SavedProject, made: Made, started: Instant) -> MapReady {
    MapReady {
        project_id: saved.id,
        project_name: saved.name,
        activities_count: saved.activities_count,
        stories_count: saved.stories_count,
        processing_time: started.elapsed().as_secs_f64(),
        used_enhancement: made.text_used().is_some(),
        made_by: made.made_by(),
        failed_count: made.failures().len() as u64,
        failures: made.failures(),
        enhancement: made.enhanced.map(|enhanced| enhanced.enhancement),
    }
}
