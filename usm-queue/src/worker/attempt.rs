//! One attempt: a handler runs until it ends, panics, takes too long or is stopped.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{
    context::{JobContext, Signals},
    decide::Outcome,
    registry::Prepared,
};
use crate::{
    job::Job,
    task::{TaskError, Verdict},
};

/// Asks one running job to stop, and remembers why.
pub(super) struct Stop {
    pub(super) signals: Arc<Signals>,
    why: AtomicU8,
}

impl Stop {
    pub(super) const CANCELLED: u8 = 1;
    pub(super) const SHUTDOWN: u8 = 2;
    pub(super) const LEASE_LOST: u8 = 3;

    /// For a job of a worker that begins to shut down when `stopping` is cancelled.
    pub(super) fn new(stopping: &CancellationToken) -> Self {
        Self { signals: Arc::new(Signals::new(stopping.child_token())), why: AtomicU8::new(0) }
    }

    pub(super) fn ask(&self, why: u8) {
        // The first reason counts; a lost lease cannot be outdone by a later cancellation.
        let _ = self.why.compare_exchange(0, why, Ordering::SeqCst, Ordering::SeqCst);
        self.signals.stop_now();
    }

    pub(super) fn why(&self) -> u8 {
        self.why.load(Ordering::SeqCst)
    }

    /// Ready when the handler has had its time to stop by itself.
    async fn overdue(&self, grace: Duration) {
        self.signals.cancelled.cancelled().await;
        if self.why() != Self::LEASE_LOST {
            tokio::time::sleep(grace).await;
        }
    }
}

/// Runs a handler within its time until it ends or is stopped. A panic in whatever the application wrote is a failed
/// attempt: in the handler, in the clone of its state, in the text of its error, in what classifies it.
pub(super) async fn attempt<S>(
    prepared: Prepared<S>,
    context: impl FnOnce() -> JobContext<S>,
    classify: impl Fn(&TaskError) -> Verdict,
    timeout: Duration,
    stop: &Stop,
    grace: Duration,
) -> Outcome {
    // Inside the async block, so that everything of it is caught.
    let handler =
        async move { prepared(context()).await.map_err(|error| (classify(&error), error.to_string())) };
    let mut running = Box::pin(AssertUnwindSafe(handler).catch_unwind());
    let ended = tokio::select! {
        ended = tokio::time::timeout(timeout, running.as_mut()) => Some(ended),
        () = stop.overdue(grace) => None,
    };
    if let Err(panic) = guarded(|| drop(running)) {
        tracing::warn!(error = panic, "dropping a handler panicked");
    }
    match ended {
        None => stopped(stop.why()),
        Some(Err(_)) => Outcome::TimedOut(timeout),
        Some(Ok(Err(panic))) => Outcome::Panicked(panic_message(panic)),
        Some(Ok(Ok(Ok(value)))) => Outcome::Completed(value),
        Some(Ok(Ok(Err(_)))) if stop.why() != 0 => stopped(stop.why()),
        Some(Ok(Ok(Err((verdict, error))))) => {
            if !matches!(verdict, Verdict::Permanent | Verdict::Cancel) && stop.signals.heard() {
                // It winds up because the worker does.
                Outcome::Interrupted
            } else {
                Outcome::Failed(verdict, error)
            }
        }
    }
}

/// How the last attempt of a job ended whose worker died in it.
pub(super) fn died(job: &Job) -> Outcome {
    if job.cancel_requested {
        return Outcome::Cancelled;
    }
    let worker = job.worker.as_deref().unwrap_or("unknown");
    let error = format!(
        "worker {worker} died or froze in attempt {} of {}, in which this job was tried alone; the job may be what kills it",
        job.attempt,
        job.max_attempts.max(1)
    );
    Outcome::Failed(Verdict::Retry, error)
}

fn stopped(why: u8) -> Outcome {
    if why == Stop::CANCELLED { Outcome::Cancelled } else { Outcome::Interrupted }
}

/// What `application` returns, or what it panicked with.
pub(super) fn guarded<T>(application: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(AssertUnwindSafe(application)).map_err(panic_message)
}

/// The text of a panic, whose value may itself panic when it is dropped.
pub(super) fn panic_message(panic: Box<dyn Any + Send>) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("without a message").to_owned();
    if let Err(second) = std::panic::catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(second);
    }
    text
}
