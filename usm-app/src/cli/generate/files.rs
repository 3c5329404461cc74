//! Where the map goes: `story-map.md` and `story-map.json` in one directory, each written whole or not at all.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::Failure;
use crate::{
    cli::whole_file::{replace, temporary},
    domain::{
        export::{json, markdown},
        story_map::StoryMap,
    },
};

/// A directory that was written to once already, so that a job is not begun for nothing.
#[derive(Debug)]
pub(super) struct OutDir(PathBuf);

/// The written files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Written {
    pub(super) markdown: PathBuf,
    pub(super) json: PathBuf,
}

impl OutDir {
    /// Creates the directory where it is missing and tries it out.
    pub(super) fn prepare(directory: &Path) -> Result<Self, Failure> {
        let prepared = fs::create_dir_all(directory).and_then(|()| {
            let trial = temporary(&directory.join("story-map"));
            File::create(&trial)?;
            fs::remove_file(trial)
        });
        prepared.map(|()| Self(directory.to_owned())).map_err(|error| {
            Failure::usage(format!(
                "the files cannot be written to {}: {error}; name a directory that this user may write with --out",
                directory.display()
            ))
        })
    }

    /// Writes both files, in place of earlier ones.
    pub(super) fn write(&self, map: &StoryMap) -> Result<Written, Failure> {
        let written = Written { markdown: self.0.join("story-map.md"), json: self.0.join("story-map.json") };
        for (path, text) in [(&written.markdown, markdown::write(map)), (&written.json, json::write(map))] {
            replace(path, &text).map_err(|error| {
                let what = format!("the map was made and saved, but {} cannot be written", path.display());
                Failure::failed(anyhow::Error::new(error).context(what))
            })?;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::domain::export::sample;

    #[test]
    fn both_files_replace_earlier_ones_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let out = OutDir::prepare(&dir.path().join("new/карты")).unwrap();
        fs::write(dir.path().join("new/карты/story-map.md"), "old").unwrap();

        let written = out.write(&sample::map()).unwrap();

        assert_eq!(fs::read_to_string(&written.markdown).unwrap(), markdown::write(&sample::map()));
        assert_eq!(json::read(&fs::read_to_string(&written.json).unwrap()).unwrap(), sample::map());
        assert_eq!(fs::read_dir(dir.path().join("new/карты")).unwrap().count(), 2);
    }

    #[test]
    fn a_file_in_place_of_the_directory_is_refused_before_anything_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();

        let refused = OutDir::prepare(&file).unwrap_err().to_string();

        assert!(refused.contains("--out") && refused.contains(&file.display().to_string()), "{refused}");
    }
}
