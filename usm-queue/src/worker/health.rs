//! Whether a worker consumes: what a health check asks, and what the log says when it changes.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::time::Instant;

use crate::backend::Pause;

/// How often the log says of a queue that it is not consumed.
const REMINDER: Duration = Duration::from_secs(10);

/// Whether each queue of a [`Worker`](crate::Worker) is consumed, not merely whether something is connected. Clones share
/// it; take one with [`Worker::health`](crate::Worker::health) before the worker runs.
///
/// A connection that is cut without a word is noticed by missing heartbeats only; until then its queues count as
/// consumed.
#[derive(Debug, Clone, Default)]
pub struct WorkerHealth {
    queues: Arc<Mutex<BTreeMap<String, Watched>>>,
}

/// One queue, and when the log last said that it is not consumed.
#[derive(Debug, Clone)]
struct Watched {
    health: QueueHealth,
    told: Option<Instant>,
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
    /// Set while the queue is paused: it is not consumed then, which is as it should be.
    pub paused: Option<Pause>,
}

impl WorkerHealth {
    /// Whether the worker runs and all its queues are consumed, those apart that are [paused](crate::TaskQueue::pause).
    pub fn is_consuming(&self) -> bool {
        let queues = self.lock();
        !queues.is_empty() && queues.values().all(|queue| queue.health.is_well())
    }

    /// Every queue of the worker, by name; none before it runs and after it has ended.
    pub fn queues(&self) -> Vec<QueueHealth> {
        self.lock().values().map(|queue| queue.health.clone()).collect()
    }

    pub(super) fn starting(&self, queue: &str) {
        let health = QueueHealth {
            queue: queue.to_owned(),
            consuming: false,
            since: Utc::now(),
            reason: Some("the broker has not answered yet".to_owned()),
            paused: None,
        };
        self.lock().insert(queue.to_owned(), Watched { health, told: None });
    }

    pub(super) fn consuming(&self, queue: &str) {
        let mut queues = self.lock();
        let Some(Watched { health, told }) = queues.get_mut(queue).filter(|queue| !queue.health.consuming)
        else {
            return;
        };
        (health.consuming, health.since, health.reason, *told) = (true, Utc::now(), None, None);
        tracing::info!(queue, "consuming");
    }

    pub(super) fn lost(&self, queue: &str, why: &str) {
        let mut queues = self.lock();
        let Some(watched) = queues.get_mut(queue) else { return };
        let health = &mut watched.health;
        if health.consuming {
            (health.consuming, health.since) = (false, Utc::now());
        }
        health.reason = Some(why.to_owned());
        watched.tell();
    }

    /// It is paused, or is no longer.
    pub(super) fn paused(&self, queue: &str, pause: Option<Pause>) {
        let mut queues = self.lock();
        let Some(Watched { health, told }) = queues.get_mut(queue) else { return };
        if pause.is_some() {
            (health.consuming, health.reason, *told) = (false, None, None);
        }
        if health.paused != pause {
            (health.paused, health.since) = (pause, Utc::now());
        }
    }

    /// Says again and again what is not consumed, for as long as it is polled.
    pub(super) async fn remind(&self) -> Infallible {
        loop {
            tokio::time::sleep(REMINDER).await;
            self.lock().values_mut().filter(|queue| !queue.health.is_well()).for_each(Watched::tell);
        }
    }

    pub(super) fn ended(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Watched>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueHealth {
    fn is_well(&self) -> bool {
        self.consuming || self.paused.is_some()
    }
}

impl Watched {
    /// Unless it was said just now.
    fn tell(&mut self) {
        if self.told.is_none_or(|told| told.elapsed() + Duration::from_secs(1) >= REMINDER) {
            self.told = Some(Instant::now());
            let QueueHealth { queue, since, reason, .. } = &self.health;
            tracing::warn!(queue, %since, reason, "not consuming; trying again until it works");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::{Event, Metadata, span};

    use super::*;

    /// Counts warnings.
    #[derive(Clone, Default)]
    struct Warnings(Arc<AtomicUsize>);

    impl tracing::Subscriber for Warnings {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == tracing::Level::WARN
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_consumed_is_told_at_once_and_every_ten_seconds() {
        let warnings = Warnings::default();
        let _guard = tracing::subscriber::set_default(warnings.clone());
        let told = || warnings.0.load(Ordering::SeqCst);
        let health = WorkerHealth::default();
        health.starting("work");

        health.lost("work", "no right to read it");
        assert_eq!(told(), 1, "the first failure is told");
        health.lost("work", "no right to read it");
        assert_eq!(told(), 1, "not every failure is");
        assert_eq!(health.queues()[0].reason.as_deref(), Some("no right to read it"));
        let minute = tokio::time::timeout(Duration::from_secs(61), health.remind());
        minute.await.unwrap_err();
        assert_eq!(told(), 7);

        health.consuming("work");
        assert!(health.is_consuming());
        tokio::time::timeout(Duration::from_secs(61), health.remind()).await.unwrap_err();
        assert_eq!(told(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_never_answers_is_told_of() {
        let warnings = Warnings::default();
        let _guard = tracing::subscriber::set_default(warnings.clone());
        let health = WorkerHealth::default();
        health.starting("work");

        tokio::time::timeout(Duration::from_secs(11), health.remind()).await.unwrap_err();

        assert_eq!(warnings.0.load(Ordering::SeqCst), 1);
    }
}
