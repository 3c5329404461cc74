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
mod map;
mod markup;
mod notes;
mod personas;
mod product;
mod release;
mod screens;
mod sentence;
mod split;
mod stages;
mod story;
#[cfg(test)]
mod tests;
mod text;
mod topics;
mod words;

pub use improve::{ImprovedStory, StoryToImprove, improve_story};
pub use language::Language;
pub use map::{DraftError, MOST_STORIES, draft_story_map};
pub use screens::{WireframeInput, draft_wireframe};
pub use split::{nothing_to_split, split_story};
pub use stages::{DraftEnhancement, draft_backbone, draft_enhancement, draft_stories};
