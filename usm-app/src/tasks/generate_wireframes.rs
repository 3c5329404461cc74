//! Stories in, text wireframes out, one story after the other.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use usm_queue::{Task, TaskPolicy};

use crate::domain::wireframe::{Platform, StoryWireframe, Style};

/// Draws wireframes for stories of one project. The fields are the guide's message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerateWireframes {
    /// The project.
    pub project_id: i64,
    /// Stories of that project.
    pub story_ids: Vec<i64>,
    /// How much detail.
    pub style: Style,
    /// For which screen.
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

/// What became of each story.
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
