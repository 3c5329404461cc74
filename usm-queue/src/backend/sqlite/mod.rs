//! The embedded backend: one SQLite file for messages and jobs, one writer thread with group commit, several
//! processes on one file.

pub(crate) mod db;
pub(crate) mod jobs;
pub(crate) mod messages;

pub use self::db::SqliteOptions;
pub(crate) use self::db::{in_memory, open};
