//! Watching jobs.

mod channels;
mod watched_jobs;
mod watchers;

pub(super) use self::watchers::{Place, Watchers};
