//! Workers asked to end by SIGTERM (fault case 28).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use usm_queue::{JobEvent, JobStatus, testing::soon};
use usm_tests::{Chore, Kind};

use super::{
    audit::audit,
    place::{Place, begun, chore, drained},
};
use crate::processes::Signal;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_asked_to_end_finishes_its_job_and_takes_no_other() {
    let place = Place::new();
    let queue = place.open().await;
    let mut worker = place.worker(place.work());
    let job = chore(&queue, Kind::Slow(1_500)).await;
    begun(&worker, &job);

    worker.signal(Signal::TERM);
    worker.complains("no new job is taken");
    let later = chore(&queue, Kind::Quick).await;

    assert_eq!(worker.end().code(), Some(0));
    worker.line("stopped");
    let (done, waiting) = (job.status().await.unwrap(), later.status().await.unwrap());
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 1));
    assert_eq!((waiting.status, waiting.attempt), (JobStatus::Pending, 0));
    let next = place.worker(place.work());
    drained(&queue).await;
    drop(next);
    let jobs = [(job.id(), Kind::Slow(1_500)), (later.id(), Kind::Quick)];
    let jobs = jobs.map(|(id, kind)| (id, Chore::new(1, kind)));
    assert_eq!(audit(queue, &place.file(), &BTreeMap::from(jobs)).await.completed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_longer_than_the_grace_period_is_handed_back_uncounted() {
    let place = Place::new();
    let queue = place.open().await;
    let mut work = place.work();
    // Long enough that waiting for it would be seen.
    (work.grace_ms, work.stop_grace_ms, work.lease_ms) = (200, 200, 60_000);
    let mut worker = place.worker(work.clone());
    let job = chore(&queue, Kind::Slow(3_000)).await;
    begun(&worker, &job);
    let asked = Instant::now();

    worker.signal(Signal::TERM);

    assert_eq!(worker.end_within(Duration::from_secs(20)).code(), Some(0));
    println!("ended {:?} after it was asked", asked.elapsed());
    let waiting = job.status().await.unwrap();
    assert_eq!((waiting.status, waiting.attempt), (JobStatus::Pending, 0), "{waiting:#?}");
    assert_eq!(waiting.timeline.last().unwrap().event, JobEvent::Released);
    let next = place.worker(work);
    let result = soon("it completes without waiting for a lease", job.result()).await.unwrap();
    assert_eq!(result.attempt, 1);
    drop(next);
    let jobs = BTreeMap::from([(job.id(), Chore::new(1, Kind::Slow(3_000)))]);
    assert_eq!(audit(queue, &place.file(), &jobs).await.completed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_asked_twice_ends_at_once_and_its_job_is_taken_over() {
    let place = Place::new();
    let queue = place.open().await;
    let mut worker = place.worker(place.work());
    let job = chore(&queue, Kind::Holds).await;
    begun(&worker, &job);
    worker.signal(Signal::TERM);
    worker.line("asked to stop");

    worker.signal(Signal::TERM);

    assert_eq!(worker.end_within(Duration::from_secs(10)).code(), Some(130));
    let next = place.worker(place.work());
    assert_eq!(soon("it completes", job.result()).await.unwrap().attempt, 1);
    drop(next);
    let jobs = BTreeMap::from([(job.id(), Chore::new(1, Kind::Holds))]);
    assert_eq!(audit(queue, &place.file(), &jobs).await.completed, 1);
}
