//! A running worker, as it tells of itself.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::job::JobId;

/// A running worker and what it was doing at its last heartbeat.
///
/// It tells again every 5 s while it runs jobs (every second for leases of 3 s and less), and every minute while it has none.
/// One that died is listed for up to three times as long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerInfo {
    /// Another one for every run.
    pub id: String,
    /// As in records and logs: [`Worker::name`](crate::Worker::name).
    pub name: String,
    /// Name of its machine or container, where the system tells it.
    pub host: Option<String>,
    /// Its process on that host.
    pub process_id: u32,
    /// Of the application: [`Worker::version`](crate::Worker::version).
    pub version: Option<String>,
    /// Of this library.
    pub library_version: String,
    /// Names of the tasks it has handlers for.
    pub tasks: Vec<String>,
    /// The queues it works.
    pub queues: Vec<WorkerQueue>,
    /// Jobs it runs, 100 at most.
    pub running: Vec<JobId>,
    /// How many jobs it runs.
    pub running_count: usize,
    /// When it began, by its own clock.
    pub started_at: DateTime<Utc>,
    /// When it told this, by its own clock.
    pub heartbeat_at: DateTime<Utc>,
}

/// A queue that a worker works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerQueue {
    /// Name of the queue.
    pub queue: String,
    /// Jobs of it that this worker runs at once at most.
    pub concurrency: usize,
    /// Whether the worker takes nothing from it because it is paused.
    pub paused: bool,
}
