//! The seam that remembers jobs and tells watchers.
//!
//! A backend implements [`JobStore`] and proves itself with the contract suite in `usm_queue::testing`.

use std::{any::Any, collections::VecDeque, fmt, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt, stream::BoxStream};
use serde_json::Value;
use tokio::sync::broadcast;

use crate::{
    error::Result,
    job::{Job, JobId, JobStatus, Owner, Progress},
};

#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

/// Remembers jobs. Every write that returns `Ok` is durable and makes one new version of the record.
#[async_trait]
pub trait JobStore: fmt::Debug + Send + Sync + 'static {
    /// Stores new records; one whose id is known already is left as it is.
    async fn insert(&self, jobs: Vec<Job>) -> Result<()>;

    /// The record, when it is known.
    async fn get(&self, id: JobId) -> Result<Option<Job>>;

    /// Records that match, newest first: by when they were made, and of those made at once the greatest id first.
    async fn list(&self, filter: &JobFilter) -> Result<Vec<Job>>;

    /// Takes the job for a worker: attempt + 1, a new fencing token, a lease from now. `job` is the record as the
    /// message tells it; it is stored when the store does not know the job. A job whose next attempt is not due yet is
    /// busy until then, so that a second message of a job does not cut its delay short. A job whose worker died with the last attempt is
    /// taken without beginning another: [`Claimed::End`].
    async fn claim(&self, job: Job, worker: &str, lease: Duration) -> Result<Claimed>;

    /// Prolongs leases from now; tells for each whether it is still held and whether a cancellation is wanted, in
    /// the order given.
    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<LeaseState>>;

    /// Changes a claimed job; refused as stale when the lease's token is no longer the job's.
    ///
    /// Progress may be answered before it is written: of reports that follow each other fast a backend may write one in a
    /// tenth of a second. The newest one is written then, or with the next other update.
    async fn update(&self, lease: Lease, update: JobUpdate) -> Result<Updated>;

    /// Fails a job that nobody runs: its message expired, was dropped by a limit, or cannot be read. `job` is the
    /// record as the message tells it. `false` when the job is running or final already.
    async fn fail_unclaimed(&self, job: Job, error: String) -> Result<bool>;

    /// Cancels a waiting job, or asks the worker of a running one to stop.
    async fn cancel(&self, id: JobId) -> Result<CancelOutcome>;

    /// The present state, then every change until the job is final.
    ///
    /// # Errors
    ///
    /// `NotFound` when the job is unknown.
    async fn watch(&self, id: JobId) -> Result<JobWatch>;

    /// Ids of running jobs whose cancellation is asked for, from any process, from now on. A hint for speed: a lost
    /// one is made up for by [`renew`](Self::renew).
    fn cancellations(&self) -> broadcast::Receiver<JobId>;

    /// Ends all watches and releases what the backend holds; every call is answered `Closed` from then on.
    async fn close(&self);

    /// For backends that commit records and messages together and must know their own store.
    fn as_any(&self) -> &dyn Any;
}

/// The right to change a claimed job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub id: JobId,
    /// Grows with every claim; a write with an older token is refused.
    pub token: u64,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq)]
pub enum Claimed {
    /// Run it.
    Run(Box<Job>, Lease),
    /// Do not run it, end it: its worker died with the last of its attempts. The record is that attempt's.
    End(Box<Job>, Lease),
    /// Nothing to do: the job has ended.
    Final(JobStatus),
    /// Another worker holds it, or its next attempt is not due, at least until then.
    Busy(DateTime<Utc>),
}

/// What a worker reports about a job it claimed.
#[derive(Debug, Clone, PartialEq)]
pub enum JobUpdate {
    /// Where the handler is.
    Progress(Progress),
    /// One more partial result.
    Partial(Value),
    /// The handler's output: final.
    Completed(Value),
    /// The attempt failed and another follows.
    Retry {
        /// Why.
        error: String,
        /// When.
        next_attempt_at: DateTime<Utc>,
        /// Whether the attempt counts; one that met a rate limit does not.
        counted: bool,
    },
    /// Handed back by a worker that shuts down; the attempt does not count.
    Released,
    /// No further attempt: final.
    Failed(String),
    /// It stopped by request: final.
    Cancelled,
}

impl JobUpdate {
    /// Whether the job ends with it.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::Failed(_) | Self::Cancelled)
    }
}

/// Whether an update took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updated {
    /// Yes.
    Applied,
    /// No: another worker has claimed the job since, or it has ended.
    Stale,
}

/// What became of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// Prolonged.
    Held,
    /// Prolonged, and the job should stop.
    CancelRequested,
    /// Gone: stop, nothing more will be accepted.
    Lost,
}

/// What a cancellation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The job was waiting and is cancelled.
    Cancelled,
    /// The job runs; its handler has been asked to stop.
    Requested,
    /// Too late: the job had ended so.
    AlreadyFinal(JobStatus),
    /// No such job.
    Unknown,
}

/// Which jobs to list; the default is the newest 50 of all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobFilter {
    /// Only of this owner.
    pub owner: Option<Owner>,
    /// Only in this state.
    pub status: Option<JobStatus>,
    /// Only of this task.
    pub task: Option<String>,
    /// How many of the newest to leave out.
    pub skip: usize,
    /// How many at most. Default 50.
    pub limit: usize,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self { owner: None, status: None, task: None, skip: 0, limit: 50 }
    }
}

/// The states of one job: the present one first, then each later one, ending with the final one.
pub struct JobWatch {
    unseen: VecDeque<Job>,
    seen: Job,
    ended: bool,
    changes: BoxStream<'static, Result<Job>>,
}

impl JobWatch {
    /// Wraps a backend's stream of records. States it skips are filled in from the timeline; repeated and older
    /// ones are left out.
    pub fn new(present: Job, changes: impl Stream<Item = Result<Job>> + Send + 'static) -> Self {
        Self {
            unseen: VecDeque::from([present.clone()]),
            seen: present,
            ended: false,
            changes: changes.boxed(),
        }
    }

    /// The next state; `None` after the final one.
    pub async fn next(&mut self) -> Option<Result<Job>> {
        loop {
            if let Some(job) = self.unseen.pop_front() {
                self.ended = job.status.is_final();
                return Some(Ok(job));
            }
            if self.ended {
                return None;
            }
            match self.changes.next().await? {
                Ok(job) => {
                    self.unseen.extend(job.transitions_since(&self.seen));
                    if job.version > self.seen.version {
                        self.seen = job;
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl fmt::Debug for JobWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobWatch").field("seen", &self.seen.version).finish_non_exhaustive()
    }
}
