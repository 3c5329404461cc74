//! The job store in a SQLite file.

use std::{any::Any, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{Stream, stream::unfold};
use serde_json::Value;
use tokio::sync::{broadcast, watch};

use super::{
    db::micros,
    embedded::Embedded,
    jobs::{self, JobRow},
    messages, notes, steering,
};
use crate::{
    backend::{
        BackendInfo, CancelOutcome, Claimed, ControlChange, EditCommit, Expect, FailOutcome, Inserted,
        JobChanges, JobFilter, JobPage, JobStore, JobUpdate, JobWatch, Lease, LeaseState, NewJob, NotEdited,
        Note, OpenTask, QueueControl, QueueCounts, Reservation, Updated, WorkerInfo,
        notes::note_json,
        transition::{NotTaken, Taken},
    },
    clock,
    error::{Error, Result},
    job::{Job, JobId, JobStatus},
};

/// Jobs in a SQLite file.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    embedded: Arc<Embedded>,
}

impl SqliteStore {
    pub(crate) fn new(embedded: Arc<Embedded>) -> Self {
        Self { embedded }
    }

    pub(crate) fn is_in(&self, embedded: &Arc<Embedded>) -> bool {
        Arc::ptr_eq(&self.embedded, embedded)
    }

    async fn take(
        &self,
        job: NewJob,
        worker: &str,
        lease: Duration,
        alone: Option<Duration>,
    ) -> Result<Claimed> {
        let row = JobRow::from(job);
        let worker = worker.to_owned();
        let found = self.embedded.db.write(move |tx| jobs::claim(tx, &row, &worker, lease, alone)).await?;
        Ok(match found {
            Ok((taken, stored)) => {
                let (lease, job) = (stored.lease(), Box::new(stored.parse()));
                match taken {
                    Taken::ToRun => Claimed::Run(job, lease),
                    Taken::ToEnd => Claimed::End(job, lease),
                }
            }
            Err(NotTaken::Final(status)) => Claimed::Final(status),
            Err(NotTaken::Busy(wait)) => Claimed::Busy(wait),
            Err(NotTaken::Suspect(crashes)) => Claimed::Suspect(crashes),
            Err(NotTaken::Superseded) => Claimed::Superseded,
        })
    }
}

/// The record of one job, as the hub changes it.
type Later = watch::Receiver<Option<Job>>;

impl SqliteStore {
    /// The present record, and the later ones where it will change.
    async fn follow(&self, id: JobId) -> Result<(Job, Option<Later>)> {
        // Before the record is read, so that no change falls in between.
        let later = self.embedded.contents.subscribers.watch(id);
        match self.get(id).await? {
            Some(present) if !present.status.is_final() => {
                self.embedded.contents.subscribers.begin(&present);
                Ok((present, Some(later)))
            }
            unchanging => {
                self.embedded.contents.subscribers.forget_idle(id, later);
                Ok((unchanging.ok_or_else(|| Error::not_found(format!("job {id}")))?, None))
            }
        }
    }
}

/// What is read of each later record.
fn stream<T: Send + 'static>(
    later: Option<Later>,
    read: impl FnMut(&Job) -> T + Send + 'static,
) -> impl Stream<Item = Result<T>> + Send + 'static {
    unfold((later, read), |(later, mut read)| async move {
        let mut later = later?;
        loop {
            later.changed().await.ok()?;
            let news = later.borrow_and_update().as_ref().map(&mut read);
            if let Some(news) = news {
                return Some((Ok(news), (Some(later), read)));
            }
        }
    })
}

#[async_trait]
impl JobStore for SqliteStore {
    async fn insert(&self, jobs: &[NewJob]) -> Result<()> {
        let rows = rows(jobs);
        self.embedded.db.write(move |tx| jobs::insert_missing(tx, &rows)).await
    }

    async fn insert_unconfirmed(&self, jobs: &[NewJob]) -> Result<Vec<Inserted>> {
        let rows = rows(jobs);
        self.embedded.db.write(move |tx| jobs::insert_unconfirmed(tx, &rows)).await
    }

    async fn confirm(&self, jobs: &[NewJob]) -> Result<()> {
        let rows = rows(jobs);
        self.embedded.db.write(move |tx| jobs::confirm(tx, &rows)).await
    }

    async fn withdraw(&self, ids: &[JobId]) -> Result<()> {
        let ids = ids.to_vec();
        self.embedded.db.write(move |tx| jobs::withdraw(tx, &ids).map(drop)).await
    }

    async fn remove_unconfirmed(&self, age: Duration) -> Result<Vec<JobId>> {
        self.embedded.db.write(move |tx| jobs::remove_unconfirmed(tx, age)).await
    }

    async fn resolve(&self, text: &str) -> Result<JobId> {
        let id: JobId = text.parse()?;
        if id.is_own() && text == id.to_string() {
            return Ok(id);
        }
        let alias = text.to_owned();
        Ok(self.embedded.db.read(move |connection| jobs::of_alias(connection, &alias)).await?.unwrap_or(id))
    }

    async fn get(&self, id: JobId) -> Result<Option<Job>> {
        Ok(self.embedded.db.read(move |connection| jobs::load(connection, &[id])).await?.pop())
    }

    async fn list(&self, filter: &JobFilter) -> Result<JobPage> {
        let filter = filter.clone();
        self.embedded.db.read_apart(move |connection| jobs::list(connection, &filter)).await
    }

    async fn counts(&self) -> Result<Vec<QueueCounts>> {
        self.embedded.db.read(|connection| jobs::counts(connection, micros(clock::now()))).await
    }

    fn counts_at_will(&self) -> bool {
        true
    }

    async fn open_tasks(&self) -> Result<Vec<OpenTask>> {
        self.embedded.db.read(jobs::open_tasks).await
    }

    async fn claim(&self, job: NewJob, worker: &str, lease: Duration) -> Result<Claimed> {
        self.take(job, worker, lease, None).await
    }

    async fn claim_suspect(
        &self,
        job: NewJob,
        worker: &str,
        lease: Duration,
        alone: Duration,
    ) -> Result<Claimed> {
        self.take(job, worker, lease, Some(alone)).await
    }

    async fn postpone(&self, job: NewJob, error: String, delay: Duration) -> Result<Option<JobStatus>> {
        let row = JobRow::from(job);
        self.embedded.db.write(move |tx| jobs::postpone(tx, &row, &error, delay)).await
    }

    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<LeaseState>> {
        let leases = leases.to_vec();
        self.embedded
            .db
            .write(move |tx| leases.iter().map(|held| jobs::renew(tx, *held, lease)).collect())
            .await
    }

    async fn update(&self, lease: Lease, change: JobUpdate) -> Result<Updated> {
        self.embedded.db.write(move |tx| jobs::update(tx, lease, &change)).await
    }

    async fn fail_unclaimed(&self, job: NewJob, error: String) -> Result<FailOutcome> {
        let row = JobRow::from(job);
        self.embedded.db.write(move |tx| jobs::fail_unclaimed(tx, &row, &error)).await
    }

    async fn reserve_edit(&self, id: JobId) -> Result<Result<Reservation, NotEdited>> {
        let reserved = self.embedded.db.write(move |tx| jobs::reserve_edit(tx, id)).await?;
        Ok(reserved.map(|jobs::Reserved { generation, wait, stored }| {
            Reservation::new(generation, stored.parse(), wait)
        }))
    }

    async fn commit_edit(&self, id: JobId, commit: EditCommit) -> Result<Result<(), NotEdited>> {
        self.embedded.db.write(move |tx| jobs::commit_edit(tx, id, &commit)).await
    }

    async fn cancel(&self, id: JobId) -> Result<CancelOutcome> {
        let routes = self.embedded.contents.routes();
        self.embedded
            .db
            .write(move |tx| {
                jobs::cancel(tx, id, |tx, since| messages::remove_waiting(tx, routes.as_deref(), id, since))
            })
            .await
    }

    async fn delete(&self, id: JobId) -> Result<bool> {
        self.embedded.db.write(move |tx| jobs::delete(tx, id)).await
    }

    async fn watch(&self, id: JobId) -> Result<JobWatch> {
        let (present, later) = self.follow(id).await?;
        Ok(JobWatch::new(present, stream(later, Job::clone)))
    }

    async fn changes(&self, id: JobId, after: u64) -> Result<JobChanges> {
        let (present, later) = self.follow(id).await?;
        Ok(JobChanges::new(&present, after, |mut cursor| stream(later, move |job| cursor.read(job))))
    }

    fn cancellations(&self) -> broadcast::Receiver<JobId> {
        self.embedded.contents.subscribers.cancellations()
    }

    async fn heartbeat(&self, worker: &WorkerInfo, lifetime: Duration) -> Result<Vec<QueueControl>> {
        let worker = worker.clone();
        self.embedded.db.write(move |tx| steering::beat(tx, &worker, lifetime)).await
    }

    async fn retire(&self, worker_id: &str) -> Result<()> {
        let id = worker_id.to_owned();
        self.embedded.db.write(move |tx| steering::retire(tx, &id)).await
    }

    async fn workers(&self) -> Result<Vec<WorkerInfo>> {
        self.embedded.db.read(|connection| steering::workers(connection, micros(clock::now()))).await
    }

    async fn control(&self, queue: &str, change: ControlChange) -> Result<()> {
        let queue = queue.to_owned();
        self.embedded.db.write(move |tx| steering::change(tx, &queue, &change)).await
    }

    async fn controls(&self) -> Result<Vec<QueueControl>> {
        self.embedded.db.read(steering::controls).await
    }

    fn control_changes(&self) -> watch::Receiver<()> {
        self.embedded.contents.control_changes.subscribe()
    }

    async fn notes(&self, prefix: &str) -> Result<Vec<Note>> {
        let prefix = prefix.to_owned();
        self.embedded.db.read(move |connection| notes::list(connection, &prefix, micros(clock::now()))).await
    }

    async fn put_note(
        &self,
        key: &str,
        value: Value,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>> {
        let (key, json) = (key.to_owned(), note_json(key, &value)?);
        self.embedded.db.write(move |tx| notes::put(tx, &key, &json, expect, ttl)).await
    }

    async fn remove_note(&self, key: &str, expect: Expect) -> Result<bool> {
        let key = key.to_owned();
        self.embedded.db.write(move |tx| notes::remove(tx, &key, expect)).await
    }

    async fn close(&self) {
        self.embedded.close().await;
    }

    fn describe(&self) -> BackendInfo {
        self.embedded.describe()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn rows(jobs: &[NewJob]) -> Vec<JobRow> {
    jobs.iter().cloned().map(JobRow::from).collect()
}
