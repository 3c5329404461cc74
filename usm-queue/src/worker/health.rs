//! Whether a worker consumes: what a health check asks, and what the log says when it changes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Whether each queue of a [`Worker`](crate::Worker) is consumed, not merely whether something is connected. Clones share
/// it; take one with [`Worker::health`](crate::Worker::health) before the worker runs.
///
/// A connection that is cut without a word is noticed by missing heartbeats only; until then its queues count as
/// consumed.
#[derive(Debug, Clone, Default)]
pub struct WorkerHealth {
    queues: Arc<Mutex<BTreeMap<String, QueueHealth>>>,
}

/// Whether one queue is consumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueHealth {
    /// Name of the queue.
    pub queue: String,
    /// Whether a consumer is registered with the broker.
    pub consuming: bool,
    /// Since when it is so.
    pub since: DateTime<Utc>,
    /// Why it is not consumed.
    pub reason: Option<String>,
}

impl WorkerHealth {
    /// Whether the worker runs and all its queues are consumed.
    pub fn is_consuming(&self) -> bool {
        let queues = self.lock();
        !queues.is_empty() && queues.values().all(|queue| queue.consuming)
    }

    /// Every queue of the worker, by name; none before it runs and after it has ended.
    pub fn queues(&self) -> Vec<QueueHealth> {
        self.lock().values().cloned().collect()
    }

    pub(super) fn starting(&self, queue: &str) {
        self.set(queue, false, Some("the worker has just begun"));
    }

    pub(super) fn consuming(&self, queue: &str) {
        if self.set(queue, true, None) {
            tracing::info!(queue, "consuming");
        }
    }

    pub(super) fn lost(&self, queue: &str, why: &str) {
        if self.set(queue, false, Some(why)) {
            tracing::warn!(queue, why, "not consuming; trying again until it works");
        }
    }

    pub(super) fn ended(&self) {
        self.lock().clear();
    }

    /// Returns whether it was otherwise before.
    fn set(&self, queue: &str, consuming: bool, reason: Option<&str>) -> bool {
        let mut queues = self.lock();
        let known = queues.get(queue);
        let changed = known.is_none_or(|known| known.consuming != consuming);
        let since = known.filter(|_| !changed).map_or_else(Utc::now, |known| known.since);
        let reason = reason.map(str::to_owned);
        queues.insert(queue.to_owned(), QueueHealth { queue: queue.to_owned(), consuming, since, reason });
        changed
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, QueueHealth>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
