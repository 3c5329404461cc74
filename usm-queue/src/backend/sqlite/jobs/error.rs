//! What an error of SQLite means for jobs.

use super::super::db::backend;
use crate::error::Error;

pub(super) fn failed(error: rusqlite::Error) -> Error {
    backend("the jobs in the queue file cannot be read or written", error)
}
