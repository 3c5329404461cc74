//! What the product is about, pure: no async, no I/O, no clock, no database types.

pub mod board;
pub mod columns;
pub mod draft;
pub mod enhancement;
pub mod export;
pub mod import;
pub mod improvement;
pub mod place;
pub mod quality;
pub mod requirements;
pub mod similarity;
pub mod story_map;
pub mod wireframe;
