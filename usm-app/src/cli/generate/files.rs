//! Where the map goes: `story-map.md` and `story-map.json` in one directory, each written whole or not at all. What differs
//! there may have been edited, and is kept beside them.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::Failure;
use crate::cli::whole_file::{self, temporary};
use story_map::StoryMap;
use story_map::export::{json, markdown};

/// A directory that was written to once already, so that a job is not begun for nothing.
#[derive(Debug)]
pub(super) struct OutDir(PathBuf);

/// The written files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Written {
    pub(super) markdown: PathBuf,
    pub(super) json: PathBuf,
    /// Former files with another text, under their new names.
    pub(super) kept: Vec<PathBuf>,
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

    /// Writes both files, in place of earlier ones, which are kept where they differ.
    pub(super) fn write(&self, map: &StoryMap) -> Result<Written, Failure> {
        let (markdown, json) = (self.0.join("story-map.md"), self.0.join("story-map.json"));
        let mut kept = Vec::new();
        for (path, text) in [(&markdown, markdown::write(map)), (&json, json::write(map))] {
            let written = keep(path, &text).and_then(|former| {
                kept.extend(former);
                whole_file::write(path, &text)
            });
            written.map_err(|error| {
                let what = format!("the map was made and saved, but {} cannot be written", path.display());
                Failure::failed(anyhow::Error::new(error).context(what))
            })?;
        }
        Ok(Written { markdown, json, kept })
    }
}

/// Copies a file with another text than this one to a name that is free, and tells it.
fn keep(path: &Path, text: &str) -> io::Result<Option<PathBuf>> {
    // A pipe has nothing to keep, and reading it would never end.
    if !path.is_file() {
        return Ok(None);
    }
    let former = fs::read(path)?;
    if former == text.as_bytes() {
        return Ok(None);
    }
    let (old, mut copy) = free(path)?;
    let copied = fs::metadata(path)
        .and_then(|about| whole_file::resemble(&copy, &about))
        .and_then(|()| copy.write_all(&former))
        .and_then(|()| copy.sync_all());
    copied.inspect_err(|_| drop(fs::remove_file(&old)))?;
    Ok(Some(old))
}

/// `story-map.old.md`, or the first of `story-map.old-2.md` and so on that is not taken.
fn free(path: &Path) -> io::Result<(PathBuf, File)> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let mut number = 1;
    loop {
        let old = match number {
            1 => path.with_extension(format!("old.{ending}")),
            _ => path.with_extension(format!("old-{number}.{ending}")),
        };
        match File::create_new(&old) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            created => return created.map(|file| (old, file)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use story_map::export::sample;

    #[test]
    fn both_files_are_written_and_nothing_else_is_left_when_they_are_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let out = OutDir::prepare(&dir.path().join("new/карты")).unwrap();

        let written = out.write(&sample::map()).unwrap();
        let again = out.write(&sample::map()).unwrap();

        assert_eq!(fs::read_to_string(&written.markdown).unwrap(), markdown::write(&sample::map()));
        assert_eq!(json::read(&fs::read_to_string(&written.json).unwrap()).unwrap(), sample::map());
        assert_eq!(again, written, "nothing had to be kept");
        assert_eq!(fs::read_dir(dir.path().join("new/карты")).unwrap().count(), 2);
    }

    #[test]
    fn what_was_edited_is_kept_each_time_under_a_name_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let out = OutDir::prepare(dir.path()).unwrap();
        let map = dir.path().join("story-map.md");
        let edits: [(&[u8], &str); 3] = [
            (b"edited", "story-map.old.md"),
            (b"again", "story-map.old-2.md"),
            (b"\xff", "story-map.old-3.md"),
        ];

        for (edit, kept) in edits {
            fs::write(&map, edit).unwrap();

            let written = out.write(&sample::map()).unwrap();

            assert_eq!(written.kept, [dir.path().join(kept)]);
            assert_eq!(fs::read(&written.kept[0]).unwrap(), edit);
            assert_eq!(fs::read_to_string(&map).unwrap(), markdown::write(&sample::map()));
        }
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
