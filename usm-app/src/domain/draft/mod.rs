//! Useful drafts derived from the words of a text alone: what the offline provider answers.

pub mod wireframe;
