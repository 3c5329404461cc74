//! One attempt: a handler runs until it ends, panics, takes too long or is stopped.

use std::{
    panic::AssertUnwindSafe,
    pin::pin,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::{context::JobContext, job::Job, lifecycle::Outcome, registry::Prepared, task::Verdict};

/// Asks one running job to stop, and remembers why.
#[derive(Default)]
pub(super) struct Stop {
    pub(super) token: CancellationToken,
    why: AtomicU8,
}

impl Stop {
    pub(super) const CANCELLED: u8 = 1;
    pub(super) const SHUTDOWN: u8 = 2;
    pub(super) const LEASE_LOST: u8 = 3;

    pub(super) fn ask(&self, why: u8) {
        // The first reason counts; a lost lease cannot be outdone by a later cancellation.
        let _ = self.why.compare_exchange(0, why, Ordering::SeqCst, Ordering::SeqCst);
        self.token.cancel();
    }

    pub(super) fn why(&self) -> u8 {
        self.why.load(Ordering::SeqCst)
    }

    /// Ready when the handler has had its time to stop by itself.
    async fn overdue(&self, grace: Duration) {
        self.token.cancelled().await;
        if self.why() != Self::LEASE_LOST {
            tokio::time::sleep(grace).await;
        }
    }
}

/// Runs a handler within its time, catching panics, until it ends or is stopped.
pub(super) async fn attempt<S>(
    prepared: Prepared<S>,
    context: JobContext<S>,
    timeout: Duration,
    stop: &Stop,
    grace: Duration,
) -> Outcome {
    // Inside the async block, so that a panic before the handler's first await is caught too.
    let running = pin!(AssertUnwindSafe(async { prepared(context).await }).catch_unwind());
    let ended = tokio::select! {
        ended = tokio::time::timeout(timeout, running) => ended,
        () = stop.overdue(grace) => return stopped(stop.why()),
    };
    match ended {
        Err(_) => Outcome::TimedOut(timeout),
        Ok(Err(panic)) => Outcome::Panicked(panic_message(panic.as_ref())),
        Ok(Ok(Ok(value))) => Outcome::Completed(value),
        Ok(Ok(Err(_))) if stop.why() != 0 => stopped(stop.why()),
        Ok(Ok(Err(error))) => Outcome::Failed(error.verdict(), error.to_string()),
    }
}

/// How the last attempt of a job ended whose worker died in it.
pub(super) fn died(job: &Job) -> Outcome {
    if job.cancel_requested {
        return Outcome::Cancelled;
    }
    let worker = job.worker.as_deref().unwrap_or("unknown");
    let error = format!(
        "worker {worker} died or froze in attempt {} of {}; the job may be what kills it",
        job.attempt,
        job.max_attempts.max(1)
    );
    Outcome::Failed(Verdict::Retry, error)
}

fn stopped(why: u8) -> Outcome {
    if why == Stop::CANCELLED { Outcome::Cancelled } else { Outcome::Interrupted }
}

pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}
