//! Notices that the queue's files were removed or replaced beneath this process. SQLite does not, and would go on
//! writing where nobody will ever read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::error::backend;
use crate::error::{Error, ErrorKind, Result};

/// The queue file, its log and the log's index, as they were when they were opened.
pub(super) struct Files {
    known: Vec<(PathBuf, Identity)>,
}

impl Files {
    /// Call when the file is open and was read, so that its log and index are there.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let what = |error| backend(format!("the queue file {} cannot be found", path.display()), error);
        // As SQLite does, so that neither a link nor a change of folder leads astray.
        let path = fs::canonicalize(path).map_err(what)?;
        let known = ["", "-wal", "-shm"].map(|ending| {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            let name = PathBuf::from(name);
            Ok((name.clone(), identity(&name)?))
        });
        Ok(Self { known: known.into_iter().collect::<io::Result<_>>().map_err(what)? })
    }

    /// Whether they are still the same. Costs three questions to the operating system, little beside a commit.
    pub(super) fn check(&self) -> Result<()> {
        for (path, known) in &self.known {
            if identity(path).ok() != Some(*known) {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!(
                        "{} was removed or replaced while this process used it; put it back, or restart every process that uses it",
                        path.display()
                    ),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
type Identity = (u64, u64);

/// Does not ask for the times: Linux gives a file whose times were looked at new ones with the next write, exact to the
/// nanosecond, and every commit would then wait for a second write to the disk, that of the times.
#[cfg(target_os = "linux")]
fn identity(path: &Path) -> io::Result<Identity> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};

    match statx(CWD, path, AtFlags::empty(), StatxFlags::INO) {
        Ok(found) => Ok((makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino)),
        // A kernel or a sandbox without this call.
        Err(_) => whole_identity(path),
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
use whole_identity as identity;

#[cfg(unix)]
fn whole_identity(path: &Path) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;

    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// Other systems do not let go of a file that is open.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_path: &Path) -> io::Result<Identity> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn the_short_question_has_the_answer_of_the_long_one() {
        let file = tempfile::NamedTempFile::new().unwrap();

        assert_eq!(identity(file.path()).unwrap(), whole_identity(file.path()).unwrap());
    }

    #[test]
    fn a_file_that_is_not_there_has_no_identity() {
        let folder = tempfile::TempDir::new().unwrap();

        assert_eq!(identity(&folder.path().join("gone")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
