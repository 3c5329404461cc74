//! Cancelling waiting, running, stalled, ended and unknown jobs.

use super::story::{LONG, Story, events, retry};
use crate::{
    backend::{CancelOutcome, Claimed, JobStore, JobUpdate, LeaseState},
    job::{JobEvent, JobId, JobStatus},
    testing::soon,
};

/// Fresh or between two attempts.
pub async fn a_waiting_job_is_cancelled_at_once(store: &dyn JobStore) {
    let (fresh, tried) = (Story::begin(store).await, Story::begin(store).await);
    let (_, lease) = tried.claim(LONG).await;
    tried.update(lease, retry(true)).await;

    for story in [fresh, tried] {
        assert_eq!(store.cancel(story.id()).await.unwrap(), CancelOutcome::Cancelled);

        let job = story.now().await;
        assert_eq!((job.status, job.next_attempt_at), (JobStatus::Cancelled, None));
        assert!(job.finished_at.is_some());
        assert_eq!(job.timeline.last().unwrap().event, JobEvent::Cancelled);
        let claimed = store.claim(story.job.clone().into(), "late", LONG).await.unwrap();
        assert_eq!(claimed, Claimed::Final(JobStatus::Cancelled));
    }
}

/// Its worker is told through `cancellations` and through `renew`; asking again changes nothing. The outcome is the
/// worker's.
pub async fn a_running_job_is_asked_to_stop(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    let mut cancellations = store.cancellations();

    assert_eq!(store.cancel(story.id()).await.unwrap(), CancelOutcome::Requested);

    // Others may be cancelled on the same server.
    soon("the cancellation is told", async { while cancellations.recv().await.unwrap() != story.id() {} })
        .await;
    let asked = story.now().await;
    assert_eq!((asked.status, asked.cancel_requested), (JobStatus::Processing, true));
    assert_eq!(events(&asked).last(), Some(&(JobEvent::CancelRequested, 1)));
    assert_eq!(store.renew(&[lease], LONG).await.unwrap(), [LeaseState::CancelRequested]);

    assert_eq!(store.cancel(story.id()).await.unwrap(), CancelOutcome::Requested);
    assert_eq!(story.now().await.version, asked.version);

    story.update(lease, JobUpdate::Completed("in time".into())).await;
    assert_eq!(store.cancel(story.id()).await.unwrap(), CancelOutcome::AlreadyFinal(JobStatus::Completed));
}

/// Nobody is there to be asked.
pub async fn a_stalled_job_is_cancelled_at_once(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let lease = story.stall().await;

    assert_eq!(store.cancel(story.id()).await.unwrap(), CancelOutcome::Cancelled);

    assert_eq!(story.now().await.status, JobStatus::Cancelled);
    story.refused(lease).await;
}

/// It says what it found.
pub async fn cancelling_an_ended_or_unknown_job_changes_nothing(store: &dyn JobStore) {
    for status in [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled] {
        let story = Story::begin(store).await;
        let ended = story.end(status).await;

        assert_eq!(store.cancel(story.id()).await.unwrap(), CancelOutcome::AlreadyFinal(status));
        assert_eq!(story.now().await, ended);
    }
    let unknown = JobId::new();
    assert_eq!(store.cancel(unknown).await.unwrap(), CancelOutcome::Unknown);
    assert_eq!(store.get(unknown).await.unwrap(), None);
}

/// A worker that ends its attempt before it hears of it passes it on to the next.
pub async fn a_request_to_cancel_outlasts_the_attempt(store: &dyn JobStore) {
    for ending in [retry(true), JobUpdate::Released] {
        let story = Story::begin(store).await;
        let (_, lease) = story.claim(LONG).await;
        store.cancel(story.id()).await.unwrap();
        story.update(lease, ending).await;

        let (job, _) = story.claim(LONG).await;

        assert!(job.cancel_requested);
    }
}
