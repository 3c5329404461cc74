//! Screens as a small tree, and the pictures drawn from it.
//!
//! An AI describes *what* is on a screen and never draws: [`tree`] holds that description, [`flat`] the form an AI is
//! asked for, [`tidy`] makes either safe to draw. `layout` gives everything its place in a grid, and [`render`] draws that
//! grid as text, SVG or HTML. [`elements`] derives the element list and the navigation from the tree, [`criteria`] says
//! what serves which acceptance criterion, and [`markdown`] puts all of it into the text result for one story. [`parse`] is
//! the way for models that draw themselves all the same.

pub mod criteria;
pub mod elements;
pub mod flat;
pub(crate) mod layout;
pub mod markdown;
pub mod options;
pub mod parse;
pub mod render;
pub mod tidy;
pub mod tree;

pub use criteria::CriterionCoverage;
pub use flat::{FlatNode, FlatScreen, FlatWireframe};
pub use markdown::{StoryWireframe, Subject};
pub use options::{Platform, Style, UnknownName};
pub use parse::{Source, TextWireframe};
pub use story_map::Language;
pub use tree::{Kind, Navigation, Node, Role, Screen, State, Wireframe};
