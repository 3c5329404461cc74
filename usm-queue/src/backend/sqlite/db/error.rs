//! What SQLite's errors mean to a caller.

use std::any::Any;

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind};

/// Wraps an error of the backend, sorted by what the caller can do.
pub(crate) fn backend(
    what: impl Into<String>,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let error = error.into();
    let code = error.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
    let (kind, advice) = match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (ErrorKind::Unavailable, ": another process holds the queue file; try again, or end that process")
        }
        Some(ErrorCode::DiskFull) => (ErrorKind::Unavailable, ": the disk is full; free some space"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => (
            ErrorKind::Unavailable,
            ": the queue file or its folder cannot be written; check owner and rights",
        ),
        Some(ErrorCode::SystemIoFailure) => (
            ErrorKind::Unavailable,
            ": the disk does not take or give the data; it may be full, failing, or the file too large for a limit of this user",
        ),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
            ErrorKind::Corrupt,
            ": the file is damaged or no SQLite file; move it away (with its -wal and -shm files) to start anew, or restore a copy",
        ),
        _ => (ErrorKind::Backend, ""),
    };
    Error::new(kind, format!("{}{advice}", what.into())).with_source(error)
}

/// The error where a panic was caught.
pub(super) fn panicked(what: &str, panic: &(dyn Any + Send)) -> Error {
    let told = panic.downcast_ref::<&str>().copied();
    let told = told.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    Error::new(
        ErrorKind::Backend,
        format!(
            "{what} panicked: {told}; nothing was changed by it; please report this fault of the library"
        ),
    )
}
