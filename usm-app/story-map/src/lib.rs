//! User story maps: activities → tasks → stories, sliced into releases. Pure: no async, no I/O, no clock, no database types.
//!
//! The map itself and its parts are at the root. [`MapAnswer`] and its kin read what a model answers; [`export`], [`import`]
//! and [`board`] show a map and read it back; [`quality`] and [`similarity`] say what rules can tell of it.

mod answer;
mod assemble;
mod backbone;
pub mod board;
pub mod columns;
pub mod contradiction;
mod criteria;
pub mod enhancement;
pub mod export;
pub mod import;
pub mod improvement;
mod language;
mod map;
pub mod place;
pub mod placeholder;
pub mod plain;
pub mod quality;
pub mod read;
pub mod requirements;
pub mod similarity;
pub mod suggestion;
#[cfg(test)]
mod tests;
pub mod wording;
pub mod words;

pub use answer::{BackboneAnswer, MapAnswer, StoriesAnswer};
pub use assemble::assemble;
pub use backbone::{Backbone, BackboneActivity};
pub use language::Language;
pub use map::{Activity, Release, Source, Story, StoryMap, Unmapped, UserTask, VERSION};
