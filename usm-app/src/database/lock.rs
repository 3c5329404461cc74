//! A lock file beside the SQLite file, held while it is opened.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::time::Duration;

const LONGEST_WAIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// Held until dropped; the operating system frees it when the process dies. The file itself stays.
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits until no other process or thread holds the lock of this database file.
    pub(super) async fn take(database: &Path) -> Result<Self, Error> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(name)?;
        let wait = async {
            loop {
                match file.try_lock() {
                    Ok(()) => return Ok(()),
                    Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                    Err(TryLockError::Error(error)) => return Err(error),
                }
            }
        };
        match tokio::time::timeout(LONGEST_WAIT, wait).await {
            Ok(taken) => taken.map(|()| Self { _file: file }),
            Err(_) => Err(Error::new(ErrorKind::TimedOut, "another process has held it for a minute")),
        }
    }
}
