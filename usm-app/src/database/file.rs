//! Notices that the file of the database was removed or replaced beneath this process. SQLite does not, and would go on
//! writing where nobody will ever read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The file of a database as it was when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFile {
    path: PathBuf,
    known: Identity,
}

/// Somebody took the file away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} was removed or replaced while this process used it; put it back, or restart every process that uses it",
    .0.display()
)]
pub struct FileGone(PathBuf);

impl DatabaseFile {
    /// Call when the database is open, so that its file is there.
    ///
    /// # Errors
    ///
    /// There is no such file.
    pub fn open(path: &Path) -> io::Result<Self> {
        // As SQLite does, so that neither a link nor a change of folder leads astray.
        let path = fs::canonicalize(path)?;
        Ok(Self { known: identity(&path)?, path })
    }

    /// Whether it is still the same. The log beside it comes and goes with the connections and tells nothing.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn check(&self) -> Result<(), FileGone> {
        if identity(&self.path).ok() == Some(self.known) { Ok(()) } else { Err(FileGone(self.path.clone())) }
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
