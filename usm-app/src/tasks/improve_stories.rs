//! Stories in, better stories out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use usm_queue::{Task, TaskPolicy};

use super::generate_wireframes::StoryFailure;
use crate::domain::draft::ImproveAction;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
