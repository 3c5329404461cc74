//! Writes files whole or not at all.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

/// A reader sees the old file or the new one, never a part. Links stay and are followed, owner and rights of a file are kept,
/// and what is no file, such as a pipe or a device, is written through.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Ok(mut there) => {
            let about = there.metadata()?;
            match about.is_file() {
                true => replace(&fs::canonicalize(path)?, text, Some(&about)),
                false => there.write_all(text.as_bytes()),
            }
        }
        // A link to a file that is still to be made.
        Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => fs::write(path, text),
        Err(error) if error.kind() == ErrorKind::NotFound => replace(path, text, None),
        Err(error) => Err(error),
    }
}

fn replace(path: &Path, text: &str, former: Option<&Metadata>) -> io::Result<()> {
    let new = temporary(path);
    let write = || -> io::Result<()> {
        let mut file = File::create(&new)?;
        // Before there is anything to read.
        former.map_or(Ok(()), |former| resemble(&file, former))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&new)))
}

/// Gives a file the owner and the rights of another.
pub(super) fn resemble(file: &File, former: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        // Only root gives files away; anybody else leaves this one to the group, where that is theirs.
        drop(fchown(file, None, Some(former.gid())));
        drop(fchown(file, Some(former.uid()), None));
    }
    // Last: a change of the owner takes rights away.
    file.set_permissions(former.permissions())
}

/// A name beside the file that no other process uses.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};

    use super::*;

    #[test]
    fn a_file_keeps_its_owner_and_its_rights_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("map.md");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        // Root may, and then has to leave the file to its owner.
        let owner =
            if chown(&path, Some(1), Some(1)).is_ok() { 1 } else { fs::metadata(&path).unwrap().uid() };

        write(&path, "new").unwrap();

        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        let about = fs::metadata(&path).unwrap();
        assert_eq!((about.permissions().mode() & 0o777, about.uid()), (0o600, owner));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_and_its_file_is_written_also_when_that_is_still_to_be_made() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("maps")).unwrap();
        let (file, link) = (dir.path().join("maps/map.md"), dir.path().join("map.md"));
        symlink("maps/map.md", &link).unwrap();

        for text in ["first", "second"] {
            write(&link, text).unwrap();

            assert!(link.is_symlink());
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
    }

    #[test]
    fn a_pipe_is_written_through_and_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });

        write(&pipe, "map").unwrap();

        assert_eq!(reader.join().unwrap(), "map");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }
}
