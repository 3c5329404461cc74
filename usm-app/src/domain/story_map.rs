//! A user story map: activities, their tasks, the stories under them, sliced into releases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form of [`StoryMap`]; it grows when a reader of the old form would misread the new one.
pub const VERSION: u32 = 1;

/// A whole map, as written to `story-map.json` and returned by the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoryMap {
    /// Version of this JSON form, see [`VERSION`].
    #[serde(default = "current_version")]
    pub version: u32,
    /// Name of the product.
    pub name: String,
    /// Who walks the map, most important first.
    pub personas: Vec<String>,
    /// Slices in delivery order.
    #[serde(default = "Release::all")]
    pub releases: Vec<Release>,
    /// The backbone, in the order a user lives it.
    pub activities: Vec<Activity>,
    /// What the reader must know about the map as a whole, for example that it is an offline draft.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A big step of the backbone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Activity {
    /// Short noun or verb phrase.
    pub title: String,
    /// Steps in narrative order.
    pub tasks: Vec<UserTask>,
}

/// A step under an activity. Called `UserTask` because `Task` is the queue's word for a kind of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserTask {
    /// Short verb phrase.
    pub title: String,
    /// Stories, most needed first.
    pub stories: Vec<Story>,
}

/// One user story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Story {
    /// Short title, unique in the map.
    pub title: String,
    /// The story itself: who wants what, and why.
    pub description: String,
    /// One of the map's personas.
    pub persona: String,
    /// The slice it belongs to.
    pub release: Release,
    /// Testable statements, two to four as a rule.
    pub acceptance_criteria: Vec<String>,
}

/// A slice of the map; the order of the variants is the order of delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Release {
    /// The walking skeleton: at least one story in every activity.
    #[serde(rename = "MVP")]
    Mvp,
    /// The first release after it.
    #[serde(rename = "Release 1")]
    Release1,
    /// Everything else.
    Later,
}

impl Release {
    /// All slices in delivery order.
    pub fn all() -> Vec<Self> {
        vec![Self::Mvp, Self::Release1, Self::Later]
    }

    /// The name used on the wire and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mvp => "MVP",
            Self::Release1 => "Release 1",
            Self::Later => "Later",
        }
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl StoryMap {
    /// Every story with the activity and task it stands under, in map order.
    pub fn stories(&self) -> impl Iterator<Item = (&Activity, &UserTask, &Story)> {
        self.activities
            .iter()
            .flat_map(|activity| activity.tasks.iter().map(move |task| (activity, task)))
            .flat_map(|(activity, task)| task.stories.iter().map(move |story| (activity, task, story)))
    }
}

fn current_version() -> u32 {
    VERSION
}
