//! How many jobs there are, as the stores keep it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::job::JobState;

/// How many jobs of one queue are in each state. See [`TaskQueue::counts`](crate::TaskQueue::counts).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueCounts {
    /// The queue; `None` for jobs whose records do not tell, as those of earlier versions of this library.
    pub queue: Option<String>,
    /// See [`JobState::Waiting`].
    pub waiting: u64,
    /// See [`JobState::Scheduled`].
    pub scheduled: u64,
    /// See [`JobState::Retrying`].
    pub retrying: u64,
    /// See [`JobState::Running`].
    pub running: u64,
    /// Ended ones count for as long as their records are kept.
    pub completed: u64,
    /// As [`completed`](Self::completed).
    pub failed: u64,
    /// As [`completed`](Self::completed).
    pub cancelled: u64,
    /// When the oldest of those that wait was enqueued.
    pub oldest_waiting: Option<DateTime<Utc>>,
}

impl QueueCounts {
    /// Of a queue without jobs.
    pub fn new(queue: Option<String>) -> Self {
        Self { queue, ..Self::default() }
    }

    /// How many are in this state.
    pub fn of(&self, state: JobState) -> u64 {
        match state {
            JobState::Waiting => self.waiting,
            JobState::Scheduled => self.scheduled,
            JobState::Retrying => self.retrying,
            JobState::Running => self.running,
            JobState::Completed => self.completed,
            JobState::Failed => self.failed,
            JobState::Cancelled => self.cancelled,
        }
    }

    /// How many have not ended.
    pub fn open(&self) -> u64 {
        self.waiting + self.scheduled + self.retrying + self.running
    }

    /// The same, for backends to set.
    pub fn of_mut(&mut self, state: JobState) -> &mut u64 {
        match state {
            JobState::Waiting => &mut self.waiting,
            JobState::Scheduled => &mut self.scheduled,
            JobState::Retrying => &mut self.retrying,
            JobState::Running => &mut self.running,
            JobState::Completed => &mut self.completed,
            JobState::Failed => &mut self.failed,
            JobState::Cancelled => &mut self.cancelled,
        }
    }

    /// Another waiting job was enqueued then.
    pub(crate) fn waits_since(&mut self, created_at: DateTime<Utc>) {
        let oldest = self.oldest_waiting.get_or_insert(created_at);
        *oldest = created_at.min(*oldest);
    }
}

/// A task of which jobs have not ended. See [`TaskQueue::open_tasks`](crate::TaskQueue::open_tasks).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct OpenTask {
    /// The queue of these jobs; `None` as in [`QueueCounts`].
    pub queue: Option<String>,
    /// Their task.
    pub task: String,
    /// How many wait or run; at least 1.
    pub jobs: u64,
}

impl OpenTask {
    /// So many jobs.
    pub fn new(queue: Option<String>, task: String, jobs: u64) -> Self {
        Self { queue, task, jobs }
    }
}
