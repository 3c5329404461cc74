//! What the offline provider answers: maps, screens and improvements from the words of a text alone. Pure and deterministic.
//!
//! A text is read by its form first (`text`: headings, items, tables, clauses, letters, conversations), sorted into requirements
//! and the rest (`statements`), and each requirement becomes a story in its own words (`cards`): `who` finds the grammatical subject,
//! `sentence` cuts, nothing is conjugated. `arrange` lays the stories out by the text's own headings, and what is on no card is listed
//! with the reason. The words the drafts know are data in `lexicon`.

mod arrange;
mod cards;
mod enhancement;
mod improve;
mod language;
mod lexicon;
mod map;
mod reason;
mod screens;
mod sentence;
mod split;
mod statements;
mod text;
mod who;

pub use cards::MOST_STORIES;
pub use enhancement::{DraftEnhancement, draft_enhancement};
pub use improve::{ImprovedStory, StoryToImprove, improve_story};
pub use map::{DraftError, draft_story_map};
pub use screens::{WireframeInput, draft_wireframe};
pub use split::{nothing_to_split, split_story};
