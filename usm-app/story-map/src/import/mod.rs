//! Maps from files: the JSON and the Markdown that this program writes, also after somebody has edited them.

mod blocks;
mod markdown;

pub use markdown::read as read_markdown;

use super::{
    StoryMap,
    columns::clean,
    export::json::{self, ReadError},
};

/// Most stories of an imported map, and most of its tasks and of its activities.
pub const MOST_STORIES: usize = 5000;

/// Why a text is no map.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// There is nothing but white space.
    #[error("the file is empty; it should be a story map in Markdown or JSON, as `usm export` writes it")]
    Empty,
    /// It is JSON, but no map that can be read.
    #[error(transparent)]
    Json(#[from] ReadError),
    /// It is not the Markdown of a map.
    #[error("line {line}: {what}")]
    Markdown {
        /// Counted from 1.
        line: usize,
        /// What is wrong there, and what should be there instead.
        what: String,
    },
    /// Nobody could find the project again.
    #[error("the map has no name; write the name of the product behind `# `, or as `name` in JSON")]
    Nameless,
    /// More than [`MOST_STORIES`].
    #[error("the map has {count} {what}, and at most {MOST_STORIES} can be imported; divide it by product")]
    TooLarge {
        /// How many there are.
        count: usize,
        /// Of what.
        what: &'static str,
    },
}

/// The map in a file's text, [tidied](StoryMap::tidied): a file may come from anywhere, and its texts go to terminals.
/// Whether it is JSON or Markdown follows from how it begins.
///
/// # Errors
///
/// When it is neither, is of a newer version, has no name, or is too large. The text says where and what to do.
pub fn read(text: &str) -> Result<StoryMap, ImportError> {
    // A byte order mark may stand before or behind empty lines.
    let blank = |c: char| c.is_whitespace() || c == '\u{feff}';
    let map = match text.trim_start_matches(blank).chars().next() {
        None => return Err(ImportError::Empty),
        Some('{' | '[') => json::read(text.trim_start_matches(blank))?,
        Some(_) => markdown::read(text.trim_start_matches('\u{feff}'))?,
    };
    if clean(&map.name).is_empty() {
        return Err(ImportError::Nameless);
    }
    let tasks = map.activities.iter().map(|activity| activity.tasks.len()).sum();
    let counts = [(map.activities.len(), "activities"), (tasks, "tasks"), (map.stories().count(), "stories")];
    match counts.into_iter().find(|(count, _)| *count > MOST_STORIES) {
        Some((count, what)) => Err(ImportError::TooLarge { count, what }),
        None => Ok(map.tidied()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::export::{markdown, sample};
    use crate::{Activity, Story};

    #[test]
    fn both_forms_are_told_apart_by_how_they_begin() {
        let map = sample::map();

        assert_eq!(read(&json::write(&map)).unwrap(), map.tidied());
        assert_eq!(read(&format!("\u{feff}\n{}", markdown::write(&map))).unwrap(), map.tidied());
    }

    #[test]
    fn what_moves_cursors_or_hides_is_taken_out_of_both_forms_alike() {
        let mut map = sample::map();
        let dirty = "Pay\u{1b}[2J \u{202e}now\u{200b}\u{7}".to_owned();
        map.name.clone_from(&dirty);
        map.personas.push(dirty.clone());
        map.notes.push(dirty.clone());
        map.activities[0].title.clone_from(&dirty);
        let task = &mut map.activities[0].tasks[0];
        task.title.clone_from(&dirty);
        task.stories[0] = Story {
            title: dirty.clone(),
            description: dirty.clone(),
            persona: dirty.clone(),
            acceptance_criteria: vec![dirty],
            ..task.stories[0].clone()
        };

        let from_json = read(&json::write(&map)).unwrap();

        assert_eq!(from_json.name, "Pay[2J now");
        assert!(!json::write(&from_json).contains(['\u{1b}', '\u{202e}', '\u{200b}', '\u{7}']));
        assert_eq!(read(&markdown::write(&from_json)).unwrap(), from_json);
        assert_eq!(read(&markdown::write(&map)).unwrap(), from_json);
    }

    #[test]
    fn what_is_no_map_is_refused_with_the_place_and_what_to_do() {
        for (text, parts) in [
            (" \n\u{feff}", ["empty", "usm export"]),
            ("{ \"version\": 7 }", ["version 7", "update"]),
            ("[1]", ["not a story map", "line 1"]),
            ("just words", ["line 1", "# "]),
            ("#\n## Map", ["no name", "# "]),
            ("{ \"name\": \" \", \"activities\": [] }", ["no name", "`name`"]),
        ] {
            let refused = read(text).unwrap_err().to_string();

            assert!(parts.iter().all(|part| refused.contains(part)), "{refused}");
        }
    }

    #[test]
    fn a_map_beyond_all_measure_is_refused() {
        let mut map = sample::map();
        let story: Story = map.activities[0].tasks[0].stories[0].clone();
        map.activities[0].tasks[0].stories = vec![story; MOST_STORIES + 1];

        let refused = read(&json::write(&map)).unwrap_err().to_string();

        assert!(refused.contains("5003 stories") && refused.contains("5000"), "{refused}");
        map.activities = vec![Activity { title: "a".into(), tasks: Vec::new() }; MOST_STORIES + 1];
        let refused = read(&json::write(&map)).unwrap_err().to_string();
        assert!(refused.contains("5001 activities"), "{refused}");
    }
}
