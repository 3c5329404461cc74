//! Useful drafts derived from the words of a text alone: what the offline provider answers.
//!
//! A text is taken apart into statements , each statement into clauses (who does what), each clause becomes
//! a story under a topic of the lexicon, and the stories are laid out along the backbone. Everything is
//! deterministic, in Russian and English, and nothing is said that the text does not say or plainly imply.

mod backbone;
mod clause;
mod criteria;
mod figures;
mod grammar;
mod improve;
mod language;
mod lexicon;
mod markup;
mod notes;
mod personas;
mod product;
mod release;
mod sentence;
mod split;
mod stages;
mod story;
mod story_map;
#[cfg(test)]
mod tests;
mod text;
mod topics;
pub mod wireframe;
mod words;

pub(in crate::domain) use grammar::is_step;
pub use improve::{ImproveAction, ImprovedStory, StoryToImprove, improve_story};
pub use language::Language;
pub use split::{nothing_to_split, split_story};
pub use stages::{DraftEnhancement, draft_backbone, draft_enhancement, draft_stories};
pub use story_map::{DraftError, MOST_STORIES, draft_story_map};
pub(in crate::domain) use words::{all_content_stems, stem};

/// The ten example texts of this repository.
#[cfg(test)]
pub(crate) const EXAMPLE_TEXTS: [&str; 10] = tests::texts();
