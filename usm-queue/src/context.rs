//! What a running handler knows about its job and may report.

use std::{fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    error::{Error, ErrorKind, Result},
    job::{Job, JobId, Progress},
    json,
    store::{JobStore, JobUpdate, Lease, Updated},
};

/// Handed to every handler: the application's state, the job, and ways to report.
pub struct JobContext<S> {
    /// The application's state, given to the worker.
    pub state: S,
    job: Arc<Job>,
    idempotency_key: String,
    lease: Lease,
    store: Arc<dyn JobStore>,
    cancelled: CancellationToken,
}

impl<S> JobContext<S> {
    pub(crate) fn new(
        state: S,
        job: Arc<Job>,
        idempotency_key: String,
        lease: Lease,
        store: Arc<dyn JobStore>,
        cancelled: CancellationToken,
    ) -> Self {
        Self { state, job, idempotency_key, lease, store, cancelled }
    }

    /// Identity of the job.
    pub fn id(&self) -> JobId {
        self.job.id
    }

    /// This attempt, counted from 1.
    pub fn attempt(&self) -> u32 {
        self.job.attempt
    }

    /// The record as it was when this attempt began.
    pub fn job(&self) -> &Job {
        &self.job
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
    /// can), or takes more than [`MAX_RESULT_BYTES`](crate::MAX_RESULT_BYTES).
    pub async fn partial(&self, value: impl Serialize) -> Result<()> {
        let what = format!("a partial result of task `{}`", self.job.task);
        self.update(JobUpdate::Partial(json::result(&what, value)?)).await
    }

    /// Partial results of earlier attempts that read as `P`, oldest first: where to go on.
    pub fn earlier_partials<P: DeserializeOwned>(&self) -> Vec<P> {
        self.job.partial_results.iter().filter_map(|value: &Value| P::deserialize(value).ok()).collect()
    }

    /// Returns when the handler should stop: somebody cancelled the job, the worker shuts down, or the lease was lost.
    /// What the handler returns then still counts, if it returns soon; after a grace it is dropped.
    pub async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// Whether the handler should stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }

    async fn update(&self, update: JobUpdate) -> Result<()> {
        match self.store.update(self.lease, update).await? {
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
