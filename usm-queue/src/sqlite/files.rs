//! Notices that the queue's files were removed or replaced beneath this process. SQLite does not, and would go on
//! writing where nobody will ever read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::connection::backend;
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

    /// Whether they are still the same. Costs three questions to the operating system, nothing beside a commit.
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

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<Identity> {
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
