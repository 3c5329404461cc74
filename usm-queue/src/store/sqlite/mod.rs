//! The job store in a SQLite file.

mod change;
mod read;
mod rows;

use std::{any::Any, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::sync::broadcast;

use self::{
    change::{Found, cancel, claim, fail_unclaimed, renew},
    read::list,
};
pub(crate) use self::{
    change::{insert, keep_house, update},
    read::{house_is_due, load, to_stop},
    rows::NewJob,
};
use super::{CancelOutcome, Claimed, JobFilter, JobStore, JobUpdate, JobWatch, Lease, LeaseState, Updated};
use crate::{
    error::{Error, Result},
    job::{Job, JobId},
    sqlite::{Db, backend, moment},
};

/// Jobs in a SQLite file.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    db: Arc<Db>,
}

impl SqliteStore {
    pub(crate) fn new(db: Arc<Db>) -> Self {
        Self { db }
    }

    pub(crate) fn is_in(&self, db: &Arc<Db>) -> bool {
        Arc::ptr_eq(&self.db, db)
    }
}

#[async_trait]
impl JobStore for SqliteStore {
    async fn insert(&self, jobs: Vec<Job>) -> Result<()> {
        let rows: Vec<_> = jobs.into_iter().map(NewJob::from).collect();
        self.db.write(move |tx| insert(tx, &rows)).await
    }

    async fn get(&self, id: JobId) -> Result<Option<Job>> {
        Ok(self.db.read(move |connection| load(connection, &[id])).await?.pop())
    }

    async fn list(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        let filter = filter.clone();
        self.db.read_apart(move |connection| list(connection, &filter)).await
    }

    async fn claim(&self, job: Job, worker: &str, lease: Duration) -> Result<Claimed> {
        let row = NewJob::from(job);
        let worker = worker.to_owned();
        let found = self.db.write(move |tx| claim(tx, &row, &worker, lease)).await?;
        Ok(match found {
            Found::Taken(stored) => {
                let lease = stored.lease();
                Claimed::Run(Box::new(stored.parse()), lease)
            }
            Found::UsedUp(stored) => {
                let lease = stored.lease();
                Claimed::End(Box::new(stored.parse()), lease)
            }
            Found::Held(until) => Claimed::Busy(moment(until)),
            Found::Ended(status) => Claimed::Final(status),
        })
    }

    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<LeaseState>> {
        let leases = leases.to_vec();
        self.db.write(move |tx| leases.iter().map(|held| renew(tx, *held, lease)).collect()).await
    }

    async fn update(&self, lease: Lease, change: JobUpdate) -> Result<Updated> {
        self.db.write(move |tx| update(tx, lease, &change)).await
    }

    async fn fail_unclaimed(&self, job: Job, error: String) -> Result<bool> {
        let row = NewJob::from(job);
        self.db.write(move |tx| fail_unclaimed(tx, &row, &error)).await
    }

    async fn cancel(&self, id: JobId) -> Result<CancelOutcome> {
        self.db.write(move |tx| cancel(tx, id)).await
    }

    async fn watch(&self, id: JobId) -> Result<JobWatch> {
        // Before the record is read, so that no change falls in between.
        let changes = self.db.hub().watch(id);
        let present = match self.get(id).await? {
            Some(present) if !present.status.is_final() => present,
            unchanging => {
                self.db.hub().forget_idle(id, changes);
                let present = unchanging.ok_or_else(|| Error::not_found(format!("job {id}")))?;
                return Ok(JobWatch::new(present, futures_util::stream::empty()));
            }
        };
        let changes = futures_util::stream::unfold(changes, |mut changes| async move {
            changes.changed().await.ok()?;
            let job = changes.borrow_and_update().as_deref().cloned();
            Some((job, changes))
        });
        Ok(JobWatch::new(present, changes.filter_map(|job| async { job.map(Ok) })))
    }

    fn cancellations(&self) -> broadcast::Receiver<JobId> {
        self.db.hub().cancellations()
    }

    async fn close(&self) {
        self.db.close().await;
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn failed(error: rusqlite::Error) -> Error {
    backend("the jobs in the queue file cannot be read or written", error)
}
