//! The embedded backend: one SQLite file for messages and jobs, several processes on one file.

mod broker;
mod consumer;
mod contents;
mod db;
mod embedded;
mod jobs;
mod messages;
mod notes;
mod open;
mod options;
mod steering;
mod store;
mod subscribers;

pub(crate) use self::open::{in_memory, open};
pub use self::options::SqliteOptions;
