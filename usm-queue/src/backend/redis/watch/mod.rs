//! Watching jobs: one subscription connection serves all watchers of this process, and cancellations.
//!
//! Each watched job has its own channel, on which its record is published. With one channel for all jobs, every process
//! would receive all changes of all jobs (10 MB/s at 10,000 transitions/s with records of 1 KB) to find the few that
//! somebody watches. Publishing to a channel that nobody listens to costs Redis no more.
//!
//! Messages may get lost, and other services publish nothing. So the records of watched jobs are also read: after every
//! reconnect, and at intervals.

mod channels;
mod last_shown;
mod subscription;
mod watched_jobs;
mod watchers;

pub(super) use self::watchers::{Watcher, Watchers};
