//! Ends from outside: a job whose message expired, was dropped, or cannot be read; and what has ended is deleted.

use super::story::{LONG, Story, events, new_job, retry};
use crate::{
    backend::{Claimed, FailOutcome, JobFilter, JobStore, JobUpdate},
    job::{JobEvent, JobStatus},
};

async fn fail(story: &Story<'_>) -> bool {
    let error = "expired: nobody came".to_owned();
    story.store.fail_unclaimed(story.job.clone().into(), error).await.unwrap() == FailOutcome::Failed
}

/// Fresh or between two attempts.
pub async fn a_waiting_job_can_be_failed(store: &dyn JobStore) {
    let (fresh, tried) = (Story::begin(store).await, Story::begin(store).await);
    let (_, lease) = tried.claim(LONG).await;
    tried.update(lease, retry(true)).await;

    for story in [fresh, tried] {
        assert!(fail(&story).await);

        let job = story.now().await;
        assert_eq!((job.status, job.error.as_deref()), (JobStatus::Failed, Some("expired: nobody came")));
        assert_eq!(job.next_attempt_at, None);
        assert!(job.finished_at.is_some());
        let last = job.timeline.last().unwrap();
        assert_eq!((last.event, last.error.as_deref()), (JobEvent::Failed, Some("expired: nobody came")));
        let claimed = store.claim(story.job.clone().into(), "late", LONG).await.unwrap();
        assert_eq!(claimed, Claimed::Final(JobStatus::Failed));
    }
}

/// The record is made from the message and failed.
pub async fn an_unknown_job_can_be_failed(store: &dyn JobStore) {
    let story = Story { store, job: new_job() };

    assert!(fail(&story).await);

    let job = story.now().await;
    assert_eq!((job.status, &job.task), (JobStatus::Failed, &story.job.task));
    assert_eq!(events(&job), [(JobEvent::Enqueued, 0), (JobEvent::Failed, 0)]);
}

/// The attempt's own outcome counts, the end stays the end.
pub async fn a_running_or_ended_job_cannot_be_failed_from_outside(store: &dyn JobStore) {
    let running = Story::begin(store).await;
    let (before, lease) = running.claim(LONG).await;
    assert!(!fail(&running).await);
    assert_eq!(running.now().await, before);
    running.update(lease, JobUpdate::Completed("done".into())).await;

    for status in [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled] {
        let ended = Story::begin(store).await;
        let before = ended.end(status).await;
        assert!(!fail(&ended).await);
        assert_eq!(ended.now().await, before);
    }
}

/// Its worker is dead or too late.
pub async fn a_stalled_job_can_be_failed_and_its_lease_is_void(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let lease = story.stall().await;

    assert!(fail(&story).await);

    assert_eq!(story.now().await.status, JobStatus::Failed);
    story.refused(lease).await;
}

/// Whatever comes of it later is known to have ended.
pub async fn an_ended_job_can_be_deleted_and_stays_ended(store: &dyn JobStore) {
    for status in [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled] {
        let story = Story::begin(store).await;
        story.end(status).await;

        assert!(store.delete(story.job.id).await.unwrap());

        assert_eq!(store.get(story.job.id).await.unwrap(), None);
        let filter = JobFilter::new().task(story.job.task.clone());
        assert!(store.list(&filter).await.unwrap().jobs.iter().all(|job| job.id != story.job.id));
        let claimed = store.claim(story.job.clone().into(), "late", LONG).await.unwrap();
        assert_eq!(claimed, Claimed::Final(status));
        assert!(!store.delete(story.job.id).await.unwrap(), "it is gone");
    }
}

/// Nor is one that nobody knows.
pub async fn a_job_that_has_not_ended_is_not_deleted(store: &dyn JobStore) {
    let (waiting, running) = (Story::begin(store).await, Story::begin(store).await);
    running.claim(LONG).await;
    for story in [waiting, running] {
        let before = story.now().await;
        assert!(!store.delete(story.job.id).await.unwrap());
        assert_eq!(story.now().await, before);
    }
    assert!(!store.delete(new_job().id).await.unwrap());
}
