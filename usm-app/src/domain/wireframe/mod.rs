//! Screens as a small tree, and the pictures drawn from it.
//!
//! An AI describes *what* is on a screen and never draws: [`tree`] holds that description, [`flat`] the form
//! an AI is asked for, [`tidy`] makes either safe to draw, [`text`] draws it, [`elements`] derives the element
//! list and the navigation from it, and [`markdown`] puts all of it into the text result for one story.

pub mod elements;
pub mod flat;
pub mod language;
pub mod markdown;
pub mod options;
pub mod text;
pub mod tidy;
pub mod tree;

pub use flat::{FlatNode, FlatScreen, FlatWireframe};
pub use language::Language;
pub use markdown::StoryWireframe;
pub use options::{Platform, Style, UnknownName};
pub use tree::{Kind, Navigation, Node, Role, Screen, State, Wireframe};
