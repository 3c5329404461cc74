//! The seam that remembers jobs and tells watchers.
//!
//! A backend implements [`JobStore`] and proves itself with the contract suite in `usm_queue::testing`.

use std::{any::Any, fmt, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::{broadcast, watch};

use super::{
    BackendInfo, ControlChange, EditCommit, Expect, JobChanges, JobFilter, JobPage, JobWatch, NotEdited,
    Note, OpenTask, QueueControl, QueueCounts, Reservation, WorkerInfo,
};
use crate::{
    error::{Error, Result},
    job::{Job, JobId, JobStatus, Progress},
};

/// Remembers jobs. Every write that returns `Ok` is durable and makes one new version of the record.
///
/// A store compares instants on its own clock only. What comes from a caller's clock counts as a duration: a new job is due
/// `next_attempt_at - created_at` after it is stored.
#[async_trait]
pub trait JobStore: fmt::Debug + Send + Sync + 'static {
    /// Stores the records of jobs whose messages the broker has. A record or the memory of an ended job is left as it is: a
    /// worker may have been faster.
    async fn insert(&self, jobs: &[NewJob]) -> Result<()>;

    /// Stores the records of jobs that are still to be published, marked as unconfirmed until [`confirm`](Self::confirm), and
    /// tells in the order given what was there before. A record or the memory of an ended job is left as it is.
    async fn insert_unconfirmed(&self, jobs: &[NewJob]) -> Result<Vec<Inserted>>;

    /// The broker has the messages of these jobs: takes their marks away. A record that is gone by then is stored again.
    async fn confirm(&self, jobs: &[NewJob]) -> Result<()>;

    /// The broker has no message of these jobs: removes their records, where they are still unconfirmed and nobody has
    /// claimed them.
    async fn withdraw(&self, ids: &[JobId]) -> Result<()>;

    /// Removes records that have been unconfirmed for longer than `age` and that nobody has claimed: the process that was
    /// enqueueing them ended in between. One whose message had arrived is stored again when it is claimed. Returns
    /// what it removed; a part of it, where there is much.
    async fn remove_unconfirmed(&self, age: Duration) -> Result<Vec<JobId>>;

    /// The job that is called so, by us or by the service that enqueued it; of several the newest. Whether there is one is not
    /// looked at.
    async fn resolve(&self, text: &str) -> Result<JobId> {
        Ok(text.parse()?)
    }

    /// The record, when it is known.
    async fn get(&self, id: JobId) -> Result<Option<Job>>;

    /// Records that match, by when they were made, and of those made at once by their ids: see [`JobFilter`]. What the store
    /// has an index for is answered at once; of other filters it looks at 10,000 jobs at most and returns what it found,
    /// with the cursor from where to go on.
    async fn list(&self, filter: &JobFilter) -> Result<JobPage>;

    /// How many jobs each queue has in each state, kept and not counted. Jobs without a queue are counted under `None`.
    async fn counts(&self) -> Result<Vec<QueueCounts>>;

    /// The same of one queue, for who wants to know it now and then: what other services changed meanwhile may be missing.
    async fn counts_of(&self, queue: &str) -> Result<QueueCounts> {
        let found = self.counts().await?.into_iter().find(|counts| counts.queue.as_deref() == Some(queue));
        Ok(found.unwrap_or_else(|| QueueCounts::new(Some(queue.to_owned()))))
    }

    /// Whether [`counts`](Self::counts) may be asked for several times a minute by a process that has nothing to do: not where
    /// every command may be paid for.
    fn counts_at_will(&self) -> bool {
        false
    }

    /// The tasks of all jobs that have not ended, kept and not counted.
    async fn open_tasks(&self) -> Result<Vec<OpenTask>>;

    /// Takes the job for a worker: attempt + 1, a new fencing token, a lease from now. `job` is the record as the
    /// message tells it; it is stored when the store does not know the job, nor remembers its end. A job whose next attempt
    /// is not due yet is busy until then, so that a second message of a job does not cut its delay short.
    ///
    /// The [generation](Job::generation) of `job` is the message's, here and wherever a call takes the record that a message tells.
    /// A message that an edit has superseded takes nothing: [`Claimed::Superseded`]. One that was published by an edit which is
    /// not committed yet commits it: see [`reserve_edit`](Self::reserve_edit).
    ///
    /// A job whose worker died is taken over when its lease has lapsed. The first time the attempt is begun again and not
    /// counted anew; any further time in the same attempt the job is [`Claimed::Suspect`] and taken by
    /// [`claim_suspect`](Self::claim_suspect) alone, unless its cancellation is asked for.
    async fn claim(&self, job: NewJob, worker: &str, lease: Duration) -> Result<Claimed>;

    /// As [`claim`](Self::claim), also of a suspect, by a worker that runs no other suspect for at least `alone` from now,
    /// and renews the lease before it does again. If the worker dies before that renewal the attempt counts, and when it
    /// was the last one the job is taken only to be ended: [`Claimed::End`].
    async fn claim_suspect(
        &self,
        job: NewJob,
        worker: &str,
        lease: Duration,
        alone: Duration,
    ) -> Result<Claimed>;

    /// Puts a waiting job off that this worker cannot run: it stays pending, says why in its error, and is due after
    /// `delay`. `job` is the record as the message tells it; it is stored when the store does not know the job. One that
    /// runs, has ended or is not due yet stays as it is. Returns the job's status, `None` when an edit has superseded the
    /// message.
    async fn postpone(&self, job: NewJob, error: String, delay: Duration) -> Result<Option<JobStatus>>;

    /// Prolongs leases from now; tells for each whether it is still held and whether a cancellation is wanted, in
    /// the order given.
    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<LeaseState>>;

    /// Changes a claimed job; refused as stale when the lease's token is no longer the job's, and as lost when the store
    /// does not know of that claim.
    ///
    /// Progress may be answered before it is written: of reports that follow each other fast a backend may write one in a
    /// tenth of a second. The newest one is written then, or with the next other update.
    async fn update(&self, lease: Lease, update: JobUpdate) -> Result<Updated>;

    /// Fails a job that nobody runs: its message expired, was dropped by a limit, or cannot be read. `job` is the
    /// record as the message tells it. One that runs, has ended, or waits for a later time than its message stays as it is.
    async fn fail_unclaimed(&self, job: NewJob, error: String) -> Result<FailOutcome>;

    /// Gives a number to a message that is to take the place of a waiting job's, with the record as it is now. Nobody else gets
    /// that number. It makes no new version.
    async fn reserve_edit(&self, id: JobId) -> Result<Result<Reservation, NotEdited>>;

    /// A message with a reserved number is published: it counts from now on, and no other. All other numbers that were reserved
    /// by then are void; so are all of them as soon as a worker claims the job. Where a worker has claimed this very message
    /// there is nothing left to do.
    async fn commit_edit(&self, id: JobId, commit: EditCommit) -> Result<Result<(), NotEdited>>;

    /// Cancels a waiting job, or asks the worker of a running one to stop.
    async fn cancel(&self, id: JobId) -> Result<CancelOutcome>;

    /// Removes the record of an ended job, for good. That the job has ended is remembered as long as after the end of its
    /// record's time to live. `false` when the store does not know the job or it has not ended.
    async fn delete(&self, id: JobId) -> Result<bool>;

    /// The present state, then every change until the job is final.
    ///
    /// # Errors
    ///
    /// `NotFound` when the job is unknown.
    async fn watch(&self, id: JobId) -> Result<JobWatch>;

    /// The changes after this version of the record, then every later one until the job is final: see
    /// [`Job::changes_since`].
    ///
    /// # Errors
    ///
    /// `NotFound` when the job is unknown.
    async fn changes(&self, id: JobId, after: u64) -> Result<JobChanges> {
        JobChanges::of_watch(self.watch(id).await?, after).await
    }

    /// Ids of running jobs whose cancellation is asked for, from any process, from now on. A hint for speed: a lost
    /// one is made up for by [`renew`](Self::renew).
    fn cancellations(&self) -> broadcast::Receiver<JobId>;

    /// Notes that a worker lives and what it does, for `lifetime` from now. Answers as [`controls`](Self::controls), so that
    /// one call serves both.
    async fn heartbeat(&self, worker: &WorkerInfo, lifetime: Duration) -> Result<Vec<QueueControl>>;

    /// Forgets a worker that has ended.
    async fn retire(&self, worker_id: &str) -> Result<()>;

    /// Workers that live, by name.
    async fn workers(&self) -> Result<Vec<WorkerInfo>>;

    /// Changes what is set for a queue. It stays until it is changed again.
    async fn control(&self, queue: &str, change: ControlChange) -> Result<()>;

    /// Queues for which something is set, by name.
    async fn controls(&self) -> Result<Vec<QueueControl>>;

    /// Changes when [`controls`](Self::controls) may have, by any process. A hint for speed: heartbeats make up for a lost
    /// one.
    fn control_changes(&self) -> watch::Receiver<()>;

    /// Live notes whose keys begin with `prefix`, by key.
    async fn notes(&self, prefix: &str) -> Result<Vec<Note>>;

    /// Stores a note if what is expected is there, and returns its new version; `None` if it is not. Without a time to live, which is
    /// counted on the store's clock, it stays until it is removed.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a value of more than [`MAX_NOTE_BYTES`](super::MAX_NOTE_BYTES).
    async fn put_note(
        &self,
        key: &str,
        value: Value,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>>;

    /// Removes a note if what is expected is there.
    async fn remove_note(&self, key: &str, expect: Expect) -> Result<bool>;

    /// Ends all watches and releases what the backend holds; every call is answered `Closed` from then on.
    async fn close(&self);

    /// What it is and what it is set to do, as far as it is known without asking.
    fn describe(&self) -> BackendInfo {
        BackendInfo::default()
    }

    /// For backends that commit records and messages together and must know their own store.
    fn as_any(&self) -> &dyn Any;
}

/// Partial results of one job.
pub const MAX_PARTIAL_RESULTS: u64 = 10_000;
/// Bytes of all partial results of one job, as JSON: 16 MiB.
pub const MAX_PARTIAL_BYTES: u64 = 16 * 1024 * 1024;

/// Refuses a partial result beyond these.
pub(crate) fn too_many_partials(id: JobId) -> Error {
    Error::invalid(format!(
        "job {id} has as many partial results as are kept: {MAX_PARTIAL_RESULTS}, or {MAX_PARTIAL_BYTES} bytes as JSON; report fewer and larger ones, or store them elsewhere"
    ))
}

/// How long after its end a job is remembered where nothing bounds how long a message of it may wait.
pub(crate) const REMEMBER_UNBOUNDED: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long after its end a job is remembered at least whose caller chose its id.
pub(crate) const REMEMBER_ID: Duration = Duration::from_secs(24 * 3600);

/// A job as its message tells it, with what a store keeps besides the record.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NewJob {
    /// The record.
    pub job: Job,
    /// Tells the payload from others, where the caller chose the id and may use it again.
    pub digest: Option<u64>,
    /// How long the store remembers after the job's end, even without the record, that it has ended: for as long as another
    /// message of it may come. A delay that is left counts besides. Default 7 days.
    pub remember: Duration,
}

impl NewJob {
    /// Sets how long its end is remembered.
    pub fn remember(mut self, remember: Duration) -> Self {
        self.remember = remember;
        self
    }

    /// Sets what tells the payload from others. Such a job is remembered for 24 hours at least.
    pub fn digest(mut self, digest: Option<u64>) -> Self {
        self.digest = digest;
        if digest.is_some() {
            self.remember = self.remember.max(REMEMBER_ID);
        }
        self
    }
}

impl From<Job> for NewJob {
    fn from(job: Job) -> Self {
        Self { job, digest: None, remember: REMEMBER_UNBOUNDED }
    }
}

/// What was there when a job was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inserted {
    /// Nothing: the record is new.
    New,
    /// A job with this id, which stands.
    Known {
        /// Where it stands.
        status: JobStatus,
        /// Whether the broker has confirmed its message.
        confirmed: bool,
        /// Whether its payload is the same, as far as both digests are known.
        same_payload: bool,
    },
}

/// As far as both digests are known.
pub(crate) fn same_payload(known: Option<u64>, new: Option<u64>) -> bool {
    known.zip(new).is_none_or(|(known, new)| known == new)
}

/// The right to change a claimed job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub id: JobId,
    /// Grows with every claim; a write with an older token is refused.
    pub token: u64,
}

/// Crashes in a row, in one attempt, that make a job a suspect.
pub(crate) const SUSPICIOUS: u32 = 2;

/// What a claim found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Claimed {
    /// Run it.
    Run(Box<Job>, Lease),
    /// Do not run it, end it: its worker died in the last of its attempts, in which it was tried alone. The record is that
    /// attempt's.
    End(Box<Job>, Lease),
    /// Nothing to do: the job has ended.
    Final(JobStatus),
    /// Another worker holds it, or its next attempt is not due, for at least this long.
    Busy(Duration),
    /// Not taken: its workers died so often in a row, at least twice. See [`JobStore::claim_suspect`].
    Suspect(u32),
    /// Nothing to do: an edit has put another message in the place of this one.
    Superseded,
}

/// What a worker reports about a job it claimed.
#[derive(Debug, Clone, PartialEq)]
pub enum JobUpdate {
    /// Where the handler is.
    Progress(Progress),
    /// One more partial result. Refused with `InvalidInput` beyond [`MAX_PARTIAL_RESULTS`] and [`MAX_PARTIAL_BYTES`].
    Partial(Value),
    /// The handler's output: final.
    Completed(Value),
    /// The attempt failed and another follows.
    Retry {
        /// Why.
        error: String,
        /// How long from now.
        delay: Duration,
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
#[non_exhaustive]
pub enum Updated {
    /// Yes.
    Applied,
    /// No: another worker has claimed the job since, or it has ended.
    Stale,
    /// No: the store does not know of the claim, as it lost the record or was set back to an older state. The message must
    /// be given back.
    Lost,
}

/// What became of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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
#[non_exhaustive]
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

/// What became of a job that nobody can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailOutcome {
    /// It failed.
    Failed,
    /// It had ended so.
    AlreadyFinal(JobStatus),
    /// A worker holds it, for at least this long.
    Held(Duration),
    /// It was rescheduled and waits for so long: its message must come again then.
    NotDue(Duration),
    /// The message is superseded: the job goes on with another one.
    Superseded,
}
