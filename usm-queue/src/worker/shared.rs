//! What all tasks of a running worker share, and how its writes are repeated.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    attempt::Stop, health::WorkerHealth, quarantine::Suspects, registry::Registry, steering::Steering,
};
use crate::{
    backend::{Delivery, Lease, Settlement},
    backoff::Backoff,
    error::{ErrorKind, Result, chain},
    job::JobId,
    queue::TaskQueue,
    trace_context::LinkTrace,
};

/// What all tasks of a running worker share.
pub(super) struct Shared<S> {
    pub(super) queue: TaskQueue,
    pub(super) state: S,
    pub(super) registry: Registry<S>,
    pub(super) name: String,
    pub(super) lease: Duration,
    pub(super) stop_grace: Duration,
    pub(super) unknown_task_patience: Duration,
    /// By lease: a job whose lease lapsed may come back to this worker while its first handler still runs.
    pub(super) running: Mutex<HashMap<Lease, Arc<Stop>>>,
    pub(super) jobs: TaskTracker,
    pub(super) suspects: Suspects,
    pub(super) health: WorkerHealth,
    pub(super) link_trace: Option<LinkTrace>,
    pub(super) steering: Steering,
    /// Deliveries that ended in whatever way during the shutdown, and those of them that were given back.
    pub(super) ended: AtomicUsize,
    pub(super) handed_back: AtomicUsize,
    /// Nothing more is begun.
    pub(super) stopping: CancellationToken,
    /// The shutdown is over: nobody waits for anything any more.
    pub(super) abandon: CancellationToken,
}

impl<S> Shared<S> {
    /// Whether no delivery of this queue is begun any more.
    pub(super) fn holds_back(&self, delivery: &Delivery) -> bool {
        self.stopping.is_cancelled() || self.steering.is_paused(&delivery.queue)
    }

    /// Counts one more, during the shutdown.
    pub(super) fn count(&self, counter: &AtomicUsize) {
        if self.stopping.is_cancelled() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) async fn settle(&self, delivery: &Delivery, settlement: Settlement) {
        record_outcome(&settlement);
        let settle = || self.queue.broker().settle(delivery, settlement.clone());
        self.persist("settle", delivery.message.job_id(), settle).await;
    }

    /// Repeats a write until it succeeds, keeping the delivery meanwhile, so that only so much new work comes in while the
    /// backend does not answer: see [`Broker::free_place`](crate::backend::Broker::free_place). `None` when the worker gave up because it ends.
    pub(super) async fn persist<T, F>(
        &self,
        operation: &str,
        id: impl Into<Option<JobId>>,
        write: impl Fn() -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T>>,
    {
        let job = id.into().map(tracing::field::display);
        let (mut failures, mut backoff) = (0u32, Backoff::of_writes());
        loop {
            match self.abandon.run_until_cancelled(write()).await? {
                Ok(value) => return Some(value),
                Err(error) if error.kind() == ErrorKind::Closed => return None,
                Err(error) => {
                    failures += 1;
                    tracing::warn!(
                        job.id = job,
                        operation,
                        failures,
                        error = chain(&error),
                        "the backend does not take this write; trying again"
                    );
                }
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.pause()) => {}
                () = self.abandon.cancelled() => return None,
            }
        }
    }
}

/// How the delivery of the present span ended without an attempt.
fn record_outcome(settlement: &Settlement) {
    let outcome = match settlement {
        Settlement::Ack => "acknowledged",
        Settlement::Requeue { .. } | Settlement::Retry { .. } => "put_back",
        Settlement::DeadLetter { .. } => "dead_letter",
    };
    tracing::Span::current().record("outcome", outcome);
}
