//! Requirements text in, a saved story map out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use usm_queue::{Task, TaskPolicy};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
