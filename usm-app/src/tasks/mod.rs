//! The kinds of work, one file each; this is the list.

mod failure;
mod generate_map;
mod generate_wireframes;
mod improve_stories;
mod job;
mod worker;

pub use generate_map::{Backbone, GenerateMap, MapReady, generate_map};
pub use generate_wireframes::{GenerateWireframes, StoryFailure, WireframesReady, generate_wireframes};
pub use improve_stories::{ImproveStories, StoriesImproved, improve_stories};
pub use worker::{WorkerKind, offline, worker};
