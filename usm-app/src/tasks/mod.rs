//! The kinds of work, one file each; this is the list.

mod generate_map;
mod generate_wireframes;
mod improve_stories;

pub use generate_map::{GenerateMap, MapReady};
pub use generate_wireframes::{GenerateWireframes, WireframesReady};
pub use improve_stories::{ImproveStories, StoriesImproved};
