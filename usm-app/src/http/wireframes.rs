//! Wireframes of stories: starting a job that draws them, and what is drawn.

use chrono::DateTime;
use poem_openapi::{Enum, Object, OpenApi, param::Path, payload::Json, types::Example};
use serde::Deserialize;

use super::{
    Tag,
    answer::{Answer, Read, SubmitAbout},
    body::JsonBody,
    problem::Problem,
    projects::{self, check_owned},
    submit::{Checks, Started, refuse_unknown_stories, start},
    time::Time,
};
use crate::{
    app::App,
    entities::{
        user_story::{self, Scope},
        wireframe,
    },
    tasks::GenerateWireframes,
};
use ::wireframe::{Platform, Style};

/// Wireframes.
pub(super) struct Wireframes {
    pub(super) app: App,
}

/// Which stories to draw, and how.
#[derive(Debug, Object, Deserialize)]
#[oai(example)]
pub(super) struct NewWireframes {
    /// The project.
    pub project_id: i64,
    /// Stories of that project; at most as many as the setting `WIREFRAME_MAX_STORIES` says, 10 if it is not set.
    #[oai(validator(min_items = 1, max_items = 100))]
    pub story_ids: Vec<i64>,
    /// How much detail.
    #[oai(default)]
    #[serde(default)]
    pub style: StyleName,
    /// For which screen.
    #[oai(default)]
    #[serde(default)]
    pub platform: PlatformName,
    /// 0 is the lowest; 5 when not given.
    #[oai(validator(maximum(value = "10")))]
    pub priority: Option<u8>,
}

/// How much of a screen is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum, Deserialize)]
#[oai(rename = "Style", rename_all = "kebab-case", remote = "Style")]
#[serde(rename_all = "kebab-case")]
pub enum StyleName {
    /// Boxes and grey blocks; only actions, fields and titles are named.
    #[default]
    LowFidelity,
    /// Every label, and sample data.
    HighFidelity,
    /// The main component of the story alone, enlarged, in its states.
    Component,
}

/// The kind of device a screen is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum, Deserialize)]
#[oai(rename = "Platform", rename_all = "lowercase", remote = "Platform")]
#[serde(rename_all = "lowercase")]
pub enum PlatformName {
    /// A page in a browser, 80 columns.
    #[default]
    Web,
    /// A phone held upright, 40 columns.
    Mobile,
    /// A window with menu, toolbar and panels, 100 columns.
    Desktop,
}

/// One drawing of a story.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct Wireframe {
    /// Identity; it stays when the wireframe is drawn again.
    pub id: i64,
    /// The story.
    pub story_id: i64,
    /// `low-fidelity`, `high-fidelity` or `component`.
    pub style: String,
    /// `web`, `mobile` or `desktop`.
    pub platform: String,
    /// The picture: lines of equal width, for a font of equal widths.
    pub ascii_wireframe: String,
    /// How the screen is laid out.
    pub layout_description: String,
    /// The elements, one each.
    pub ui_elements: Vec<String>,
    /// Where elements lead, one each.
    pub navigation: Vec<String>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    /// Picture and text together, as Markdown.
    pub full_text: String,
    /// When it was drawn last.
    pub created_at: Time,
}

#[OpenApi]
impl Wireframes {
    /// Start drawing wireframes of stories
    ///
    /// A story that is drawn again in the same style and for the same platform replaces its earlier drawing.
    #[oai(
        path = "/wireframes/generate",
        method = "post",
        operation_id = "generateWireframes",
        tag = "Tag::Wireframes"
    )]
    async fn generate(&self, JsonBody(wanted): JsonBody<NewWireframes>) -> Answer<Started, SubmitAbout> {
        let mut checks = Checks::default();
        let story_ids = checks.story_ids(&wanted.story_ids, self.app.config.wireframe_max_stories);
        checks.priority(wanted.priority);
        checks.finish()?;
        check_owned(&self.app, wanted.project_id).await?;
        self.check_stories(wanted.project_id, &story_ids).await?;
        let (style, platform) = (Style::from(wanted.style), Platform::from(wanted.platform));
        let count = story_ids.len();
        let task = GenerateWireframes { project_id: wanted.project_id, story_ids, style, platform };
        let started = start(&self.app, task, wanted.priority, |options| {
            options
                .metadata("project_id", wanted.project_id)
                .metadata("story_count", count)
                .metadata("style", style.as_str())
                .metadata("platform", platform.as_str())
        });
        Ok(started.await?)
    }

    /// Show what is drawn for a story
    #[oai(
        path = "/project/:project_id/story/:story_id/wireframes",
        method = "get",
        operation_id = "getStoryWireframes",
        tag = "Tag::Wireframes"
    )]
    async fn of_story(
        &self,
        /// The project.
        #[oai(example = "projects::example_id")]
        project_id: Path<i64>,
        /// A story of that project.
        #[oai(example = "example_story")]
        story_id: Path<i64>,
    ) -> Answer<Json<Vec<Wireframe>>, Read> {
        let (project_id, story_id) = (project_id.0, story_id.0);
        check_owned(&self.app, project_id).await?;
        let story = user_story::by_ids(&self.app.db, Scope::Project(project_id), &[story_id]).await?;
        if story.is_empty() {
            let detail = format!("story {story_id} is not a story of project {project_id}");
            return Err(Problem::not_found(detail).into());
        }
        let drawn = wireframe::by_story(&self.app.db, project_id, story_id).await?;
        Ok(Json(drawn.into_iter().map(Wireframe::from).collect()))
    }
}

impl Wireframes {
    async fn check_stories(&self, project_id: i64, asked: &[i64]) -> Result<(), Problem> {
        let found = user_story::by_ids(&self.app.db, Scope::Project(project_id), asked).await?;
        let found: Vec<i64> = found.iter().map(|story| story.id).collect();
        refuse_unknown_stories(asked, &found, &format!("project {project_id}"))
    }
}

impl From<wireframe::Model> for Wireframe {
    fn from(row: wireframe::Model) -> Self {
        Self {
            id: row.id,
            story_id: row.story_id,
            style: row.style,
            platform: row.platform,
            ascii_wireframe: row.ascii_wireframe,
            layout_description: row.layout_description,
            ui_elements: row.ui_elements.0,
            navigation: row.navigation.0,
            notes: row.notes.0,
            full_text: row.full_text,
            created_at: row.created_at.into(),
        }
    }
}

fn example_story() -> i64 {
    12
}

impl Example for NewWireframes {
    fn example() -> Self {
        Self {
            project_id: projects::example_id(),
            story_ids: vec![example_story(), 13],
            style: StyleName::LowFidelity,
            platform: PlatformName::Web,
            priority: None,
        }
    }
}

impl Example for Wireframe {
    fn example() -> Self {
        Self {
            id: 31,
            story_id: example_story(),
            style: Style::LowFidelity.to_string(),
            platform: Platform::Mobile.to_string(),
            ascii_wireframe: "┌──────────┐\n│ [Search] │\n└──────────┘".into(),
            layout_description: "A search field over the results".into(),
            ui_elements: vec!["[Button] Search".into()],
            navigation: vec!["Search → Results".into()],
            notes: Vec::new(),
            full_text: "```text\n┌──────────┐\n│ [Search] │\n└──────────┘\n```\n".into(),
            created_at: DateTime::UNIX_EPOCH.into(),
        }
    }
}
