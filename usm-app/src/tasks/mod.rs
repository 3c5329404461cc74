//! The kinds of work, one file each; this is the list.

mod choice;
mod failure;
mod generate_map;
mod generate_wireframes;
mod improve_stories;
mod job;
mod setbacks;
mod worker;

use serde_json::Value;
use usm_queue::Task;

pub use choice::{AiChoice, ask_only, offline};
pub use generate_map::{
    ActivityFailure, ActivityMade, BackboneMade, Enhanced, GenerateMap, MapMode, MapPart, MapReady,
    generate_map,
};
pub use generate_wireframes::{GenerateWireframes, StoryFailure, WireframesReady, generate_wireframes};
pub use improve_stories::{
    ImproveStories, MOST_STORIES, Outcome, Proposal, SPLIT_IN_BULK, StoriesImproved, StoryOutcome,
    improve_stories,
};
pub use worker::{WorkerKind, worker};

/// Says what is wrong with a payload for the task of this name. Of tasks that are not in this list nothing is known.
///
/// # Errors
///
/// What the task cannot read.
pub fn check_payload(task: &str, payload: &Value) -> Result<(), serde_json::Error> {
    fn reads_as<T: Task>(payload: &Value) -> Result<(), serde_json::Error> {
        T::deserialize(payload).map(drop)
    }
    match task {
        GenerateMap::NAME => reads_as::<GenerateMap>(payload),
        GenerateWireframes::NAME => reads_as::<GenerateWireframes>(payload),
        ImproveStories::NAME => reads_as::<ImproveStories>(payload),
        _ => Ok(()),
    }
}
