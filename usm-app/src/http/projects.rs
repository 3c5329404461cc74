//! Saved story maps.

use chrono::DateTime;
use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Path, Query},
    payload::Json,
    types::Example,
};

use super::{
    Tag,
    answer::{Answer, List, Read},
    problem::Problem,
    time::Time,
};
use crate::{
    app::App,
    entities::{
        project::{self, LoadedActivity, LoadedProject, LoadedStory, LoadedTask, WireframeKey},
        user::LOCAL_USER_ID,
        user_story::StoryStatus,
    },
};

/// Projects.
pub(super) struct Projects {
    pub(super) app: App,
}

/// A project with its whole story map, everything in the order of the map.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct Project {
    /// Identity.
    pub id: i64,
    /// Name of the product.
    pub name: String,
    /// The requirements as they were sent.
    pub raw_requirements: String,
    /// Who walks the map, most important first.
    pub personas: Vec<String>,
    /// What a reader must know about the map as a whole, for example that it is an offline draft.
    pub notes: Vec<String>,
    /// What somebody has to answer before the map can be trusted.
    pub questions: Vec<String>,
    /// What the requirements say and no card does.
    pub unmapped: Vec<Unmapped>,
    /// When it was saved.
    pub created_at: Time,
    /// Slices, in the order of delivery.
    pub releases: Vec<Release>,
    /// The backbone, in the order a user lives it.
    pub activities: Vec<Activity>,
}

/// A statement of the requirements that is on no card.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(super) struct Unmapped {
    /// The statement as it stands.
    pub text: String,
    /// Why it is on no card.
    pub reason: String,
}

/// The sentence of the requirements that a story comes from.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(rename = "StorySource")]
pub(super) struct Source {
    /// As it stands in the requirements.
    pub sentence: String,
    /// What the requirements call it, such as `R1` or `3.2.4`; empty without a name.
    pub requirement: String,
}

/// A slice of the map.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(super) struct Release {
    /// Identity.
    pub id: i64,
    /// `MVP`, `Release 1`, `Later`, or a name of the user's.
    pub title: String,
    /// Place, counted from 0.
    pub position: i32,
}

/// A big step of the backbone.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(super) struct Activity {
    /// Identity.
    pub id: i64,
    /// Short noun or verb phrase.
    pub title: String,
    /// Place from left to right, counted from 0.
    pub position: i32,
    /// Steps in narrative order.
    pub tasks: Vec<UserTask>,
}

/// A step under an activity.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(super) struct UserTask {
    /// Identity.
    pub id: i64,
    /// Short verb phrase.
    pub title: String,
    /// Place within the activity, counted from 0.
    pub position: i32,
    /// Stories, most needed first.
    pub stories: Vec<Story>,
}

/// One user story.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(super) struct Story {
    /// Identity.
    pub id: i64,
    /// Short title.
    pub title: String,
    /// Who wants what, and why.
    #[oai(nullable)]
    pub description: Option<String>,
    /// One of the project's personas; empty when unknown.
    pub persona: String,
    /// Title of the release at the time the story was made.
    pub priority: String,
    /// The slice it is in.
    #[oai(nullable)]
    pub release_id: Option<i64>,
    /// Title of that slice.
    #[oai(nullable)]
    pub release: Option<String>,
    /// Testable statements. One that begins with `Suggestion:` or `Предложение:` is not from the requirements.
    pub acceptance_criteria: Vec<String>,
    /// Where it comes from, if that is known.
    #[oai(nullable)]
    pub source: Option<Source>,
    /// Place within the task, counted from 0.
    pub position: i32,
    /// Where the work on it stands.
    pub status: WorkStatus,
    /// Counted from 1, up by one with every change of its text.
    pub version: i32,
    /// What is drawn for it, without the pictures.
    pub wireframes: Vec<WireframeRef>,
}

/// Where the work on a story stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "StoryStatus", rename_all = "snake_case", remote = "StoryStatus")]
pub enum WorkStatus {
    /// Not begun.
    Todo,
    /// Begun.
    InProgress,
    /// Finished.
    Done,
    /// Waits for something.
    Blocked,
}

/// A wireframe that exists.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(super) struct WireframeRef {
    /// Identity.
    pub id: i64,
    /// `low-fidelity`, `high-fidelity` or `component`.
    pub style: String,
    /// `web`, `mobile` or `desktop`.
    pub platform: String,
    /// When it was drawn.
    pub created_at: Time,
}

/// A page of projects.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct ProjectPage {
    /// Newest first.
    pub items: Vec<ProjectSummary>,
    /// How many projects there are in all.
    pub total: u64,
    /// As asked for.
    pub limit: u64,
    /// As asked for.
    pub offset: u64,
}

/// A project without its map.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(super) struct ProjectSummary {
    /// Identity.
    pub id: i64,
    /// Name of the product.
    pub name: String,
    /// When it was saved.
    pub created_at: Time,
}

#[OpenApi]
impl Projects {
    /// Show a project with its whole story map
    #[oai(path = "/project/:project_id", method = "get", operation_id = "getProject", tag = "Tag::Maps")]
    async fn show(
        &self,
        /// The project.
        #[oai(example = "example_id")]
        project_id: Path<i64>,
    ) -> Answer<Json<Project>, Read> {
        Ok(Json(owned(&self.app, project_id.0).await?.into()))
    }

    /// List the projects
    #[oai(path = "/projects", method = "get", operation_id = "listProjects", tag = "Tag::Maps")]
    async fn list(
        &self,
        /// How many at most.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u64>,
        /// How many of the newest to leave out.
        #[oai(default, validator(maximum(value = "9007199254740991")))]
        offset: Query<u64>,
    ) -> Answer<Json<ProjectPage>, List> {
        let (limit, offset) = (limit.0, offset.0);
        let page = project::list(&self.app.db, LOCAL_USER_ID, limit, offset).await?;
        let items = page.items.into_iter().map(|project| ProjectSummary {
            id: project.id,
            name: project.name,
            created_at: project.created_at.into(),
        });
        Ok(Json(ProjectPage { items: items.collect(), total: page.total, limit, offset }))
    }
}

fn default_limit() -> u64 {
    20
}

/// A project id for the documentation.
pub(super) fn example_id() -> i64 {
    456
}

/// A project of the user's with its whole map.
pub(super) async fn owned(app: &App, id: i64) -> Result<LoadedProject, Problem> {
    let found = project::load_map(&app.db, id).await?;
    found.filter(|found| found.project.user_id == LOCAL_USER_ID).ok_or_else(|| unknown(id))
}

/// Refuses a project that does not exist or is somebody else's.
pub(super) async fn check_owned(app: &App, id: i64) -> Result<(), Problem> {
    if project::is_owned(&app.db, LOCAL_USER_ID, id).await? { Ok(()) } else { Err(unknown(id)) }
}

fn unknown(id: i64) -> Problem {
    Problem::not_found(format!("project {id} is not known; GET /projects lists those that are"))
}

impl From<LoadedProject> for Project {
    fn from(loaded: LoadedProject) -> Self {
        let releases = loaded.releases.into_iter().map(|release| Release {
            id: release.id,
            title: release.title,
            position: release.position,
        });
        Self {
            id: loaded.project.id,
            name: loaded.project.name,
            raw_requirements: loaded.project.raw_requirements,
            personas: loaded.project.personas.0,
            notes: loaded.project.notes.0,
            questions: loaded.project.questions.0,
            unmapped: loaded.project.unmapped.0.into_iter().map(Unmapped::from).collect(),
            created_at: loaded.project.created_at.into(),
            releases: releases.collect(),
            activities: loaded.activities.into_iter().map(Activity::from).collect(),
        }
    }
}

impl From<LoadedActivity> for Activity {
    fn from(loaded: LoadedActivity) -> Self {
        Self {
            id: loaded.id,
            title: loaded.title,
            position: loaded.position,
            tasks: loaded.tasks.into_iter().map(UserTask::from).collect(),
        }
    }
}

impl From<LoadedTask> for UserTask {
    fn from(loaded: LoadedTask) -> Self {
        Self {
            id: loaded.id,
            title: loaded.title,
            position: loaded.position,
            stories: loaded.stories.into_iter().map(Story::from).collect(),
        }
    }
}

impl From<LoadedStory> for Story {
    fn from(loaded: LoadedStory) -> Self {
        let story = loaded.story;
        Self {
            id: story.id,
            title: story.title,
            description: story.description,
            persona: story.persona,
            priority: story.priority,
            release_id: story.release_id,
            release: loaded.release,
            acceptance_criteria: story.acceptance_criteria.0,
            source: story.source_sentence.map(|sentence| Source {
                sentence,
                requirement: story.source_requirement.unwrap_or_default(),
            }),
            position: story.position,
            status: story.status.into(),
            version: story.version,
            wireframes: loaded.wireframes.into_iter().map(WireframeRef::from).collect(),
        }
    }
}

impl From<story_map::Unmapped> for Unmapped {
    fn from(one: story_map::Unmapped) -> Self {
        Self { text: one.text, reason: one.reason }
    }
}

impl From<WireframeKey> for WireframeRef {
    fn from(key: WireframeKey) -> Self {
        Self { id: key.id, style: key.style, platform: key.platform, created_at: key.created_at.into() }
    }
}

impl Example for Project {
    fn example() -> Self {
        let story = Story {
            id: 12,
            title: "Find a restaurant by dish".into(),
            description: Some("As a customer I want to search by dish, so that I order what I crave".into()),
            persona: "Customer".into(),
            priority: "MVP".into(),
            release_id: Some(3),
            release: Some("MVP".into()),
            acceptance_criteria: vec!["Typing a dish lists the restaurants that serve it".into()],
            source: None,
            position: 0,
            status: WorkStatus::Todo,
            version: 1,
            wireframes: Vec::new(),
        };
        let task = UserTask { id: 7, title: "Search".into(), position: 0, stories: vec![story] };
        Self {
            id: example_id(),
            name: "Food delivery".into(),
            raw_requirements: "Food delivery app: a customer finds a restaurant and orders.".into(),
            personas: vec!["Customer".into()],
            notes: Vec::new(),
            questions: Vec::new(),
            unmapped: Vec::new(),
            created_at: DateTime::UNIX_EPOCH.into(),
            releases: vec![Release { id: 3, title: "MVP".into(), position: 0 }],
            activities: vec![Activity { id: 5, title: "Choose food".into(), position: 0, tasks: vec![task] }],
        }
    }
}

impl Example for ProjectPage {
    fn example() -> Self {
        let item = ProjectSummary {
            id: example_id(),
            name: "Food delivery".into(),
            created_at: DateTime::UNIX_EPOCH.into(),
        };
        Self { items: vec![item], total: 1, limit: default_limit(), offset: 0 }
    }
}
