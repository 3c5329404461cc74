//! A job that takes its whole process down (fault case 9).

use std::collections::BTreeMap;

use usm_queue::{DeadLetterFilter, JobStatus};
use usm_tests::{ATTEMPTS, Chore, Kind};

use super::{
    audit::audit,
    place::{Place, chore, drained},
};

/// Crashes that cost no attempt, because another job may have caused them.
const IN_COMPANY: u32 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_aborts_its_worker_every_time_is_given_up() {
    let place = Place::new();
    let queue = place.open().await;
    let poison = chore(&queue, Kind::Aborts).await.id();
    let mut jobs = BTreeMap::from([(poison, Chore::new(1, Kind::Aborts))]);
    // The first of them are begun together with it, and die with it.
    for _ in 0..20 {
        jobs.insert(chore(&queue, Kind::Slow(100)).await.id(), Chore::new(1, Kind::Slow(100)));
    }

    let mut worker = place.worker(place.work());
    let mut deaths = 0;
    while !queue.job(poison).await.unwrap().status.is_final() {
        if worker.has_ended() {
            deaths += 1;
            assert!(
                deaths <= IN_COMPANY + ATTEMPTS,
                "it goes on killing workers: {:#?}",
                queue.job(poison).await
            );
            worker = place.worker(place.work());
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    assert_eq!(deaths, IN_COMPANY + ATTEMPTS);
    let job = queue.job(poison).await.unwrap();
    assert_eq!((job.status, job.attempt), (JobStatus::Failed, ATTEMPTS), "{job:#?}");
    let letters = queue.dead_letters().list(&DeadLetterFilter::default(), 0, 10).await.unwrap();
    assert_eq!(letters.len(), 1, "{letters:#?}");
    assert_eq!(letters[0].reason, "attempts used up");
    drained(&queue).await;
    drop(worker);
    let ended = audit(queue, &place.file(), &jobs).await;
    assert_eq!((ended.completed, ended.failed, ended.died), (20, 1, 1), "the others are not dragged along");
}
