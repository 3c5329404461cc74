//! The store: [`JobStore`] on Redis.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::{broadcast, watch as changes};

use super::{
    connection::{Connection, Request},
    encoding::{duration_micros, parse_number, to_json},
    notes,
    options::RedisOptions,
    preflight,
    request_ids::RequestIds,
    scripts::{CANCEL, FAIL, POSTPONE},
    steering,
    transitions::Transitions,
    watch::{Watcher, Watchers},
};
use crate::{
    backend::{
        BackendInfo, CancelOutcome, Claimed, ControlChange, EditCommit, Expect, FailOutcome, Inserted,
        JobChanges, JobFilter, JobPage, JobStore, JobUpdate, JobWatch, Lease, LeaseState, NewJob, NotEdited,
        Note, OpenTask, QueueControl, QueueCounts, Reservation, Updated, WorkerInfo, notes::note_json,
    },
    error::{Error, Result},
    job::{Job, JobId, JobStatus},
};

impl RedisOptions {
    /// Connects.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the URL cannot be read, `Backend` when the user lacks permissions (the message names the ACL
    /// rules), `Unavailable` when Redis cannot be reached. Once connected, the store survives any outage: calls fail as
    /// `Unavailable` while it lasts.
    pub async fn connect(self) -> Result<Arc<dyn JobStore>> {
        let options = self.within_bounds();
        let connection = Arc::new(Connection::connect(&options).await?);
        preflight::check_permissions(&connection, &options.user()).await?;
        preflight::check_settings(&connection).await;
        let watchers = Watchers::new(connection.clone(), &options);
        let transitions = Arc::new(Transitions::new(connection.clone(), &options));
        let info = BackendInfo::new("redis")
            .server(connection.address())
            .connections(2)
            .setting("response_timeout", format_args!("{:?}", options.response_timeout))
            .setting("keep_ended", format_args!("{:?}", options.keep_ended))
            .setting("keep_unfinished", format_args!("{:?}", options.keep_unfinished));
        Ok(Arc::new(RedisStore { connection, transitions, watchers, info }))
    }
}

struct RedisStore {
    connection: Arc<Connection>,
    transitions: Arc<Transitions>,
    watchers: Watchers,
    info: BackendInfo,
}

#[async_trait]
impl JobStore for RedisStore {
    async fn insert(&self, jobs: &[NewJob]) -> Result<()> {
        self.transitions.insert(jobs, false).await.map(drop)
    }

    async fn insert_unconfirmed(&self, jobs: &[NewJob]) -> Result<Vec<Inserted>> {
        self.transitions.insert(jobs, true).await
    }

    async fn confirm(&self, jobs: &[NewJob]) -> Result<()> {
        self.transitions.confirm(jobs).await
    }

    async fn withdraw(&self, ids: &[JobId]) -> Result<()> {
        self.transitions.withdraw(ids).await.map(drop)
    }

    async fn remove_unconfirmed(&self, age: Duration) -> Result<Vec<JobId>> {
        self.transitions.remove_unconfirmed(age).await
    }

    async fn resolve(&self, text: &str) -> Result<JobId> {
        let id: JobId = text.parse()?;
        let is_alias = text != id.to_string();
        if !is_alias && id.is_own() {
            return Ok(id);
        }
        match self.connection.called(text).await? {
            Some(Some(ours)) => Ok(ours),
            Some(None) if is_alias => {
                let remember = self.transitions.calls.remember_alias(id, text);
                self.connection.request::<()>(&Request::Command(remember)).await?;
                Ok(id)
            }
            _ => Ok(id),
        }
    }

    async fn get(&self, id: JobId) -> Result<Option<Job>> {
        Ok(self.connection.read_one(id).await?.map(|snapshot| snapshot.record))
    }

    async fn list(&self, filter: &JobFilter) -> Result<JobPage> {
        self.transitions.index.list(filter).await
    }

    async fn counts(&self) -> Result<Vec<QueueCounts>> {
        self.transitions.index.counts().await
    }

    async fn counts_of(&self, queue: &str) -> Result<QueueCounts> {
        self.transitions.index.counts_of(queue).await
    }

    async fn open_tasks(&self) -> Result<Vec<OpenTask>> {
        self.transitions.index.open_tasks().await
    }

    async fn claim(&self, job: NewJob, worker: &str, lease: Duration) -> Result<Claimed> {
        self.transitions.claim(&job, worker, lease, None).await
    }

    async fn claim_suspect(
        &self,
        job: NewJob,
        worker: &str,
        lease: Duration,
        alone: Duration,
    ) -> Result<Claimed> {
        self.transitions.claim(&job, worker, lease, Some(alone)).await
    }

    async fn postpone(&self, job: NewJob, error: String, delay: Duration) -> Result<Option<JobStatus>> {
        let (id, generation) = (job.job.id, job.job.generation);
        let arguments = (RequestIds::random(), to_json(&error), duration_micros(delay), generation);
        let reply = self.transitions.change_unfenced(&POSTPONE, id, Some(&job), &arguments).await?;
        let reply = reply.unwrap_or_default();
        reply.warn_overwritten(1, id);
        if reply.outcome() == "superseded" { Ok(None) } else { reply.outcome().parse().map(Some) }
    }

    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<LeaseState>> {
        self.transitions.renew(leases, lease).await
    }

    async fn update(&self, lease: Lease, update: JobUpdate) -> Result<Updated> {
        self.transitions.update(lease, update).await
    }

    async fn fail_unclaimed(&self, job: NewJob, error: String) -> Result<FailOutcome> {
        let (id, generation) = (job.job.id, job.job.generation);
        let arguments = (RequestIds::random(), to_json(&error), generation);
        let reply = self.transitions.change_unfenced(&FAIL, id, Some(&job), &arguments).await?;
        let reply = reply.unwrap_or_default();
        reply.warn_overwritten(1, id);
        let wait = || Duration::from_micros(parse_number(reply.word(2)));
        Ok(match reply.outcome() {
            "failed" => FailOutcome::Failed,
            "held" => FailOutcome::Held(wait()),
            "not_due" => FailOutcome::NotDue(wait()),
            "superseded" => FailOutcome::Superseded,
            _ => FailOutcome::AlreadyFinal(reply.word(2).parse()?),
        })
    }

    async fn reserve_edit(&self, id: JobId) -> Result<Result<Reservation, NotEdited>> {
        self.transitions.reserve_edit(id).await
    }

    async fn commit_edit(&self, id: JobId, commit: EditCommit) -> Result<Result<(), NotEdited>> {
        self.transitions.commit_edit(id, commit).await
    }

    async fn cancel(&self, id: JobId) -> Result<CancelOutcome> {
        let reply = self.transitions.change_unfenced(&CANCEL, id, None, &RequestIds::random()).await?;
        let Some(reply) = reply else { return Ok(CancelOutcome::Unknown) };
        reply.warn_overwritten(1, id);
        Ok(match reply.outcome() {
            "cancelled" => CancelOutcome::Cancelled,
            "requested" => {
                // Redis tells other processes; workers of this one need not wait for it.
                self.watchers.notify_cancellation(id);
                CancelOutcome::Requested
            }
            "was_cancelled" => CancelOutcome::AlreadyFinal(JobStatus::Cancelled),
            status => CancelOutcome::AlreadyFinal(status.parse()?),
        })
    }

    async fn delete(&self, id: JobId) -> Result<bool> {
        self.transitions.delete(id).await
    }

    async fn watch(&self, id: JobId) -> Result<JobWatch> {
        let (current, watcher) = self.start_watching(id).await?;
        Ok(JobWatch::new(current, Watcher::later_records(watcher, Job::clone)))
    }

    async fn changes(&self, id: JobId, after: u64) -> Result<JobChanges> {
        let (current, watcher) = self.start_watching(id).await?;
        Ok(JobChanges::new(&current, after, |mut cursor| {
            Watcher::later_records(watcher, move |job| cursor.read(job))
        }))
    }

    fn cancellations(&self) -> broadcast::Receiver<JobId> {
        self.watchers.cancellations()
    }

    async fn heartbeat(&self, worker: &WorkerInfo, lifetime: Duration) -> Result<Vec<QueueControl>> {
        steering::beat(&self.connection, worker, lifetime).await
    }

    async fn retire(&self, worker_id: &str) -> Result<()> {
        steering::retire(&self.connection, worker_id).await
    }

    async fn workers(&self) -> Result<Vec<WorkerInfo>> {
        steering::workers(&self.connection).await
    }

    async fn control(&self, queue: &str, change: ControlChange) -> Result<()> {
        steering::change(&self.connection, queue, change).await
    }

    async fn controls(&self) -> Result<Vec<QueueControl>> {
        steering::controls(&self.connection).await
    }

    fn control_changes(&self) -> changes::Receiver<()> {
        self.watchers.control_changes()
    }

    async fn notes(&self, prefix: &str) -> Result<Vec<Note>> {
        notes::list(&self.connection, prefix).await
    }

    async fn put_note(
        &self,
        key: &str,
        value: Value,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>> {
        notes::put(&self.connection, key, &note_json(key, &value)?, expect, ttl).await
    }

    async fn remove_note(&self, key: &str, expect: Expect) -> Result<bool> {
        notes::remove(&self.connection, key, expect).await
    }

    async fn close(&self) {
        self.watchers.close();
        self.connection.close();
    }

    fn describe(&self) -> BackendInfo {
        self.info.clone().version(self.connection.version())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl RedisStore {
    /// The current record, and a watcher for later ones unless the job has ended.
    async fn start_watching(&self, id: JobId) -> Result<(Job, Option<Watcher>)> {
        // Subscribe before the record is read, so that no change falls in between.
        let watcher = self.watchers.watch(id).await?;
        let current = self.connection.read_one(id).await?;
        let current = current.ok_or_else(|| Error::not_found(format!("job {id}")))?;
        let job = current.record.clone();
        if job.status.is_final() {
            return Ok((job, None));
        }
        self.watchers.show(current);
        Ok((job, Some(watcher)))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("server", &self.connection).finish_non_exhaustive()
    }
}
