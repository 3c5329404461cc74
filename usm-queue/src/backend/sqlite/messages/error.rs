//! What an error of SQLite means for messages.

use super::super::db::backend;
use crate::error::Error;

pub(crate) fn failed(error: rusqlite::Error) -> Error {
    backend("the messages in the queue file cannot be read or written", error)
}
