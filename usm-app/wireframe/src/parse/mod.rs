//! The secondary path: wireframes that a model wrote as text, found, repaired and read.
//!
//! [`read`] finds the drawings and the sections in an answer whatever surrounds them; [`repair`] straightens box
//! drawings. Nothing is called a wireframe that shows not a single word.

mod clean;
mod extract;
mod glyphs;
mod place;
pub mod repair;
mod rows;
mod sections;
#[cfg(test)]
mod tests;
mod tracks;

use serde::{Deserialize, Serialize};

pub use repair::{Issue, IssueKind, Report};

/// A wireframe as a model wrote it, straightened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextWireframe {
    /// The drawings one under another, rows of equal width within each.
    pub picture: String,
    /// The zones of the screen and what they are for.
    pub layout_description: String,
    /// `[Type] Label (details)`, one each.
    pub ui_elements: Vec<String>,
    /// Where elements lead, one each.
    pub navigation: Vec<String>,
    /// What a reader should know besides; sections of other names are here with their names.
    pub notes: Vec<String>,
    /// What was repaired.
    pub report: Report,
}

/// Where a wireframe came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Drawn here, from a description of the screen.
    #[default]
    Tree,
    /// Drawn by the model, straightened here.
    Text,
}

/// Longest answer that is read, in bytes; a longer one is a model that repeats itself.
const LONGEST: usize = 200_000;

/// The wireframe in an answer; `None` when it has no drawing with a word in it.
pub fn read(answer: &str) -> Option<TextWireframe> {
    let end = (0..=LONGEST.min(answer.len())).rev().find(|at| answer.is_char_boundary(*at)).unwrap_or(0);
    let found = extract::find(&answer[..end]);
    let mut report = Report { truncated: end < answer.len(), ..Report::default() };
    let mut pictures = Vec::new();
    for drawing in &found.drawings {
        let (picture, one) = repair::repair(&drawing.text);
        if !picture.chars().any(char::is_alphanumeric) {
            continue;
        }
        if let (Some(caption), false) = (&drawing.caption, pictures.is_empty()) {
            pictures.push(caption.clone());
        }
        pictures.push(picture);
        report.add(one);
    }
    if pictures.is_empty() {
        return None;
    }
    let mut wireframe = sections::read(&found.prose);
    wireframe.picture = pictures.join("\n");
    report.measure(&wireframe.picture);
    wireframe.report = report;
    Some(wireframe)
}

/// The arms of a character of box drawing: 1 up, 2 right, 4 down, 8 left.
pub(super) fn line_arms(cluster: &str) -> Option<u8> {
    let mut chars = cluster.chars();
    let only = chars.next().filter(|_| chars.next().is_none())?;
    glyphs::arms(only).map(|(arms, _)| arms).filter(|arms| *arms > 0)
}
