//! What operators want of queues: pauses, and how many jobs run at once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How many jobs of one queue a worker runs at once at most: what AMQP counts to.
pub(crate) const MOST_AT_ONCE: usize = u16::MAX as usize;

/// What operators have set for one queue, for all workers, until it is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueueControl {
    /// Name of the queue.
    pub queue: String,
    /// Set while the queue is paused.
    pub paused: Option<Pause>,
    /// Jobs at once in each worker, instead of what the worker was started with.
    pub concurrency: Option<usize>,
}

/// Who paused a queue, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pause {
    /// Whoever it was, in their own words.
    pub by: String,
    /// When, by the clock of the process that did it.
    pub since: DateTime<Utc>,
}

/// A change to what is set for a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlChange {
    /// Workers take nothing more from it. One that is paused already stays as it is.
    Pause(Pause),
    /// Workers take from it again.
    Resume,
    /// So many jobs at once in each worker, `None` for what the worker was started with.
    Concurrency(Option<usize>),
}

impl QueueControl {
    /// Nothing set.
    pub fn new(queue: impl Into<String>) -> Self {
        Self { queue: queue.into(), paused: None, concurrency: None }
    }

    /// Applies a change.
    pub fn apply(&mut self, change: &ControlChange) {
        match change {
            ControlChange::Pause(pause) if self.paused.is_none() => self.paused = Some(pause.clone()),
            ControlChange::Pause(_) => {}
            ControlChange::Resume => self.paused = None,
            ControlChange::Concurrency(jobs) => self.concurrency = *jobs,
        }
    }

    /// Whether anything is set.
    pub fn is_set(&self) -> bool {
        self.paused.is_some() || self.concurrency.is_some()
    }
}
