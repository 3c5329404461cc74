//! What a running handler knows about its job and may report.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    backend::{JobStore, JobUpdate, Lease, Updated},
    error::{Error, ErrorKind, Result},
    job::{Job, JobId, Progress},
    json,
    trace_context::TraceContext,
};

/// What a running handler is told from outside, and whether it listened.
pub(crate) struct Signals {
    stopping: CancellationToken,
    pub(crate) cancelled: CancellationToken,
    heard: AtomicBool,
}

impl Signals {
    pub(crate) fn new(stopping: CancellationToken) -> Self {
        Self::of(stopping, CancellationToken::new())
    }

    pub(crate) fn of(stopping: CancellationToken, cancelled: CancellationToken) -> Self {
        Self { stopping, cancelled, heard: AtomicBool::new(false) }
    }

    /// Both signals.
    pub(crate) fn stop_now(&self) {
        self.stopping.cancel();
        self.cancelled.cancel();
    }

    /// Whether the handler was asked to wind up and has taken note of it.
    pub(crate) fn heard(&self) -> bool {
        self.heard.load(Ordering::SeqCst)
    }
}

/// Handed to every handler: the application's state, the job, and ways to report.
///
/// A handler is told twice that it should end. [`stopping`](Self::stopping) comes first, when the worker begins to shut
/// down: a good moment to save and return. [`cancelled`](Self::cancelled) comes when there is no more time: after the
/// worker's grace period, when somebody cancels the job, or when the job is no longer this worker's.
pub struct JobContext<S> {
    /// The application's state, given to the worker.
    pub state: S,
    job: Arc<Job>,
    idempotency_key: String,
    reports: Reports,
    signals: Arc<Signals>,
}

/// Where a handler's reports go.
pub(crate) enum Reports {
    /// Into the job's record, under the lease of this attempt.
    Stored(Arc<dyn JobStore>, Lease),
    /// To a test.
    #[cfg(feature = "testing")]
    Recorded(Arc<std::sync::Mutex<Vec<JobUpdate>>>),
}

impl<S> JobContext<S> {
    pub(crate) fn new(
        state: S,
        job: Arc<Job>,
        idempotency_key: String,
        reports: Reports,
        signals: Arc<Signals>,
    ) -> Self {
        Self { state, job, idempotency_key, reports, signals }
    }

    /// Identity of the job.
    pub fn id(&self) -> JobId {
        self.job.id
    }

    /// This attempt, counted from 1. One that is not counted, because of a shutdown, a rate limit or a crash that may have
    /// been another job's fault, is begun again under its number.
    pub fn attempt(&self) -> u32 {
        self.job.attempt
    }

    /// The record as it was when this attempt began.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The span that enqueued this job, where the caller told: to hand on to what the handler calls.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.job.trace.as_ref()
    }

    /// The same for every attempt, redelivery and replay of this piece of work. Use it as the key of side effects, so
    /// that a repeated attempt finds what an earlier one did.
    pub fn idempotency_key(&self) -> &str {
        &self.idempotency_key
    }

    /// Tells watchers how far the handler is; `total` 0 when unknown.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] when the job is no longer this worker's, because its lease lapsed or the job ended: stop.
    /// Other kinds when the store cannot be reached; a handler may ignore them.
    pub async fn progress(&self, current: u64, total: u64, message: impl Into<String>) -> Result<()> {
        self.update(JobUpdate::Progress(Progress { current, total, message: message.into() })).await
    }

    /// Adds a partial result, visible at once and kept across attempts.
    ///
    /// # Errors
    ///
    /// As [`progress`](Self::progress), and `InvalidInput` when the value cannot be written as JSON ([`Task`](crate::Task) tells what
    /// can), or takes more than [`MAX_RESULT_BYTES`](crate::limits::MAX_RESULT_BYTES).
    pub async fn partial(&self, value: impl Serialize) -> Result<()> {
        let what = format!("a partial result of task `{}`", self.job.task);
        self.update(JobUpdate::Partial(json::result(&what, value)?)).await
    }

    /// Partial results of earlier attempts that read as `P`, oldest first: where to go on.
    pub fn earlier_partials<P: DeserializeOwned>(&self) -> Vec<P> {
        self.job.partial_results.iter().filter_map(|value: &Value| P::deserialize(value).ok()).collect()
    }

    /// Returns when the handler should wind up: the worker begins to shut down, or any of the reasons for
    /// [`cancelled`](Self::cancelled). The handler may go on for the worker's grace period. An error that it returns from now
    /// on, if it is not a permanent one, hands the job back without counting the attempt.
    pub async fn stopping(&self) {
        self.signals.stopping.cancelled().await;
        self.signals.heard.store(true, Ordering::SeqCst);
    }

    /// Whether the handler should wind up, as [`stopping`](Self::stopping) tells.
    pub fn is_stopping(&self) -> bool {
        let stopping = self.signals.stopping.is_cancelled();
        if stopping {
            self.signals.heard.store(true, Ordering::SeqCst);
        }
        stopping
    }

    /// Returns when the handler must stop now: somebody cancelled the job, the grace period of the worker's shutdown is
    /// over, or the lease was lost. What the handler returns then still counts, if it returns within the worker's stop
    /// grace; after that it is dropped. After a lost lease it is dropped at once.
    pub async fn cancelled(&self) {
        self.signals.cancelled.cancelled().await;
    }

    /// Whether the handler must stop now, as [`cancelled`](Self::cancelled) tells.
    pub fn is_cancelled(&self) -> bool {
        self.signals.cancelled.is_cancelled()
    }

    async fn update(&self, update: JobUpdate) -> Result<()> {
        let updated = match &self.reports {
            Reports::Stored(store, lease) => store.update(*lease, update).await?,
            #[cfg(feature = "testing")]
            Reports::Recorded(reports) => {
                reports.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(update);
                Updated::Applied
            }
        };
        match updated {
            Updated::Applied => Ok(()),
            Updated::Stale | Updated::Lost => Err(Error::new(
                ErrorKind::Closed,
                format!("job {} is no longer this worker's: its lease lapsed or it has ended", self.job.id),
            )),
        }
    }
}

impl<S> fmt::Debug for JobContext<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext")
            .field("job", &self.job.id)
            .field("attempt", &self.job.attempt)
            .finish_non_exhaustive()
    }
}
