//! The kinds of work, one file each; this is the list.

mod choice;
mod failure;
mod generate_map;
mod generate_wireframes;
mod improve_stories;
mod job;
mod setbacks;
mod worker;

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
