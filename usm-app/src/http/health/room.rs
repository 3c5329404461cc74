//! Whether a directory still takes files.

use std::{fs, io, path::Path};

/// Its own file, so that nothing grows; several processes may write it at once.
const NAME: &str = ".usm-room";
/// About what one more job needs.
const BYTES: usize = 64 * 1024;

/// Writes a file and removes it.
pub(super) fn check(directory: &Path) -> io::Result<()> {
    let path = directory.join(NAME);
    let written = fs::write(&path, vec![0; BYTES]);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => written.and(Err(error)),
        _ => written,
    }
}

/// The reason without the names of files.
pub(super) fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full; free some space",
        io::ErrorKind::NotFound => "its directory was removed",
        _ => "its directory does not take files; check owner and rights",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_directory_that_takes_files_is_left_as_it_was() {
        let directory = tempfile::TempDir::new().unwrap();

        check(directory.path()).unwrap();

        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn why_it_takes_no_file_is_told() {
        let directory = tempfile::TempDir::new().unwrap();

        let gone = check(&directory.path().join("gone")).unwrap_err();

        assert_eq!(reason(&gone), "its directory was removed");
        assert!(reason(&io::ErrorKind::StorageFull.into()).contains("full"));
    }
}
