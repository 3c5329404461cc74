//! `story-map.json`: the whole map, versioned, to move it, keep it, or read it with a script.

use serde::Deserialize;

use crate::{StoryMap, VERSION};

/// Why a text could not be read as a map.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The text is not a map at all.
    #[error("this is not a story map in JSON: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It was written by a later version of this program.
    #[error(
        "this story map has version {found}, and this program reads versions up to {VERSION}: update the program"
    )]
    Newer {
        /// The version it says it has.
        found: u64,
    },
}

/// The map as indented JSON with a line break at the end.
pub fn write(map: &StoryMap) -> String {
    // Strings, lists and enums without data cannot fail to become JSON.
    let mut text = serde_json::to_string_pretty(map).unwrap_or_default();
    text.push('\n');
    text
}

/// The map that [`write()`] wrote.
///
/// # Errors
///
/// When the text is not JSON, is not a map, or has a version newer than [`VERSION`].
pub fn read(text: &str) -> Result<StoryMap, ReadError> {
    let text = text.trim_start_matches('\u{feff}');
    // Before the rest is looked at: a newer form may not even have the fields this one expects.
    if let Ok(Versioned { version: found }) = serde_json::from_str(text)
        && found > u64::from(VERSION)
    {
        return Err(ReadError::Newer { found });
    }
    Ok(serde_json::from_str(text)?)
}

/// All that is looked at first.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use proptest::prelude::*;

    use super::*;
    use crate::Release;
    use crate::export::{
        sample,
        tests::{any_map, golden},
    };

    #[test]
    fn the_file_is_what_it_was() {
        golden("story-map.json", &write(&sample::map()));
    }

    #[test]
    fn the_schema_of_the_file_is_what_it_was() {
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(StoryMap)).unwrap();

        golden("story-map.schema.json", &format!("{schema}\n"));
    }

    #[test]
    fn what_a_file_leaves_out_has_a_default() {
        let text = r#"{ "name": "Еда", "activities": [
            { "title": "Заказ", "tasks": [{ "title": "Оплатить", "stories": [{ "title": "Оплатить картой" }] }] },
            { "title": "Доставка" } ] }"#;

        let map = read(text).unwrap();

        assert_eq!((map.version, map.releases.clone()), (VERSION, Release::all()));
        assert!(map.personas.is_empty() && map.notes.is_empty() && map.activities[1].tasks.is_empty());
        let story = &map.activities[0].tasks[0].stories[0];
        assert_eq!((story.release, story.persona.as_str()), (Release::Later, ""));
        assert!(story.description.is_empty() && story.acceptance_criteria.is_empty());
    }

    #[test]
    fn a_written_map_reads_back_the_same() {
        assert_eq!(read(&write(&sample::map())).unwrap(), sample::map());
    }

    #[test]
    fn a_newer_version_is_refused_with_what_to_do() {
        let refused = read(r#"{ "version": 2, "columns": [] }"#).unwrap_err();

        assert!(matches!(refused, ReadError::Newer { found: 2 }));
        assert!(
            refused.to_string().contains("version 2") && refused.to_string().contains("update"),
            "{refused}"
        );
    }

    #[test]
    fn a_text_that_is_no_map_is_refused_with_the_place() {
        let refused = read("{ \"name\": 1 }").unwrap_err();

        assert!(refused.to_string().starts_with("this is not a story map in JSON"), "{refused}");
        assert!(refused.to_string().contains("line 1 column 11"), "{refused}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_map_comes_back_with_every_character(map in any_map()) {
            prop_assert_eq!(read(&write(&map)).unwrap(), map);
        }
    }
}
