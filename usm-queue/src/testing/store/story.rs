//! One job and what is done to it, as most store contracts need it.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

use crate::{
    backend::{Claimed, JobStore, JobUpdate, Lease, LeaseState, Updated},
    job::{Job, JobEvent, JobId, JobStatus},
    testing::{eventually, unique},
};

/// A lease that does not lapse during a test.
pub(super) const LONG: Duration = Duration::from_secs(3600);
/// A lease that lapses at once.
pub(super) const SHORT: Duration = Duration::from_millis(20);

/// A new record. Its times are whole microseconds, which every backend must keep.
pub(super) fn new_job() -> Job {
    let mut job = Job::new(JobId::new(), unique("task"), now());
    job.max_attempts = 5;
    job
}

pub(super) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// One stored job.
pub(super) struct Story<'a> {
    pub(super) store: &'a dyn JobStore,
    pub(super) job: Job,
}

impl<'a> Story<'a> {
    pub(super) async fn begin(store: &'a dyn JobStore) -> Self {
        let job = new_job();
        store.insert(&[job.clone().into()]).await.unwrap();
        Self { store, job }
    }

    pub(super) fn id(&self) -> JobId {
        self.job.id
    }

    pub(super) async fn now(&self) -> Job {
        self.store.get(self.id()).await.unwrap().expect("the job is known")
    }

    /// Claims it, which must succeed.
    pub(super) async fn claim(&self, lease: Duration) -> (Job, Lease) {
        match self.store.claim(self.job.clone().into(), "worker", lease).await.unwrap() {
            Claimed::Run(job, lease) => (*job, lease),
            other => panic!("the job can be claimed, but it is {other:?}"),
        }
    }

    /// Claims it with a lease that lapses, then again as another worker: the first lease is stale.
    pub(super) async fn take_over(&self) -> (Lease, Lease) {
        self.take_over_within(LONG).await
    }

    /// As [`take_over`](Self::take_over), the second lease being so long.
    pub(super) async fn take_over_within(&self, lease: Duration) -> (Lease, Lease) {
        let (_, old) = self.claim(SHORT).await;
        let new = eventually("a lapsed lease is taken over", async || {
            match self.store.claim(self.job.clone().into(), "other", lease).await.unwrap() {
                Claimed::Run(_, lease) => Some(lease),
                Claimed::Busy(_) => None,
                other => panic!("nobody ended the job, but it is {other:?}"),
            }
        });
        (old, new.await)
    }

    /// What a claim of another worker finds as soon as the present lease has lapsed.
    pub(super) async fn lapsed(&self, what: &str) -> Claimed {
        eventually(what, async || {
            let claimed = self.store.claim(self.job.clone().into(), "other", LONG).await.unwrap();
            (!matches!(claimed, Claimed::Busy(_))).then_some(claimed)
        })
        .await
    }

    /// Claims a suspect to be tried alone, as soon as its present lease has lapsed.
    pub(super) async fn try_alone(&self, lease: Duration, alone: Duration) -> (Job, Lease) {
        eventually("the suspect is tried", async || {
            match self.store.claim_suspect(self.job.clone().into(), "alone", lease, alone).await.unwrap() {
                Claimed::Run(job, lease) => Some((*job, lease)),
                Claimed::Busy(_) => None,
                other => panic!("the suspect can be tried, but it is {other:?}"),
            }
        })
        .await
    }

    /// Claims it with a lease and waits until it has lapsed.
    pub(super) async fn stall(&self) -> Lease {
        let (job, lease) = self.claim(SHORT).await;
        let until = job.lease_until.expect("a claimed job has a lease");
        eventually("the lease lapses", async || (Utc::now() > until + SHORT).then_some(())).await;
        lease
    }

    /// Writes, which must succeed.
    pub(super) async fn update(&self, lease: Lease, update: JobUpdate) {
        let written = self.store.update(lease, update.clone()).await.unwrap();
        assert_eq!(written, Updated::Applied, "{update:?}");
    }

    /// Writes, which must be refused and change nothing.
    pub(super) async fn refused(&self, lease: Lease) {
        let before = self.now().await;
        for update in every_update() {
            assert_eq!(self.store.update(lease, update.clone()).await.unwrap(), Updated::Stale, "{update:?}");
        }
        assert_eq!(self.store.renew(&[lease], LONG).await.unwrap(), [LeaseState::Lost]);
        assert_eq!(self.now().await, before);
    }

    /// Ends it in one of the three ways.
    pub(super) async fn end(&self, status: JobStatus) -> Job {
        let (_, lease) = self.claim(LONG).await;
        let update = match status {
            JobStatus::Completed => JobUpdate::Completed("done".into()),
            JobStatus::Failed => JobUpdate::Failed("no use".into()),
            _ => JobUpdate::Cancelled,
        };
        self.update(lease, update).await;
        let job = self.now().await;
        assert_eq!(job.status, status);
        job
    }
}

/// A job that cannot be claimed for about so long; a backend with a clock of its own may be a little off.
pub(super) fn is_busy_for(claimed: &Claimed, wait: Duration) {
    let scatter = Duration::from_secs(60);
    let busy = matches!(claimed, Claimed::Busy(busy) if *busy <= wait && *busy + scatter > wait);
    assert!(busy, "the job is busy for {wait:?}, but it is {claimed:?}");
}

/// A retry that is due.
pub(super) fn retry(counted: bool) -> JobUpdate {
    JobUpdate::Retry { error: "not yet".into(), delay: Duration::ZERO, counted }
}

/// One of each kind.
pub(super) fn every_update() -> Vec<JobUpdate> {
    vec![
        JobUpdate::Progress(crate::Progress { current: 1, total: 2, message: "half".into() }),
        JobUpdate::Partial("part".into()),
        retry(true),
        retry(false),
        JobUpdate::Released,
        JobUpdate::Completed("done".into()),
        JobUpdate::Failed("no use".into()),
        JobUpdate::Cancelled,
    ]
}

/// The events of a job's timeline with their attempts.
pub(super) fn events(job: &Job) -> Vec<(JobEvent, u32)> {
    job.timeline.iter().map(|entry| (entry.event, entry.attempt)).collect()
}
