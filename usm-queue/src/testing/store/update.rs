//! What a worker reports while it runs a job and after an attempt.

use std::time::Duration;

use chrono::Utc;
use serde_json::json;

use super::story::{LONG, Story, events, now, retry};
use crate::{
    backend::{JobStore, JobUpdate},
    job::{JobEvent, JobStatus, Progress},
};

/// The last progress, all partial results in order.
pub async fn progress_and_partial_results_are_recorded(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    let progress = |current| Progress { current, total: 3, message: format!("этап {current}\n") };
    let parts = [json!({"title": "первая\n"}), json!(null), json!([1, "two"]), json!("{\"not\": parsed")];

    for part in &parts {
        story.update(lease, JobUpdate::Partial(part.clone())).await;
    }
    story.update(lease, JobUpdate::Progress(progress(1))).await;
    story.update(lease, JobUpdate::Progress(progress(2))).await;

    let job = story.now().await;
    assert_eq!(job.progress, Some(progress(2)));
    assert_eq!(job.partial_results, parts);
    assert_eq!(job.status, JobStatus::Processing);
}

/// The next attempt goes on where the last one was.
pub async fn partial_results_survive_attempts_and_progress_does_not(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    story.update(lease, JobUpdate::Partial("one".into())).await;
    story.update(lease, JobUpdate::Progress(Progress { current: 1, total: 2, message: String::new() })).await;
    story.update(lease, retry(true)).await;

    let (job, lease) = story.claim(LONG).await;
    assert_eq!((job.partial_results.as_slice(), &job.progress), (&[json!("one")][..], &None));
    assert_eq!((job.error.as_deref(), job.next_attempt_at), (Some("not yet"), None));

    story.update(lease, JobUpdate::Partial("two".into())).await;
    story.update(lease, JobUpdate::Completed("done".into())).await;
    assert_eq!(story.now().await.partial_results, ["one", "two"]);
}

/// Waiting, with the reason and the time, and the attempt counted.
pub async fn a_retry_makes_the_job_wait_with_its_error(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    let before = now();
    let error = "zeile \"eins\"\nстрока два \u{0}".to_owned();

    story.update(lease, JobUpdate::Retry { error: error.clone(), delay: LONG, counted: true }).await;

    let job = story.now().await;
    assert_eq!((job.status, job.attempt), (JobStatus::Pending, 1));
    assert_eq!(job.error.as_ref(), Some(&error));
    let off = job.next_attempt_at.unwrap() - before - chrono::Duration::from_std(LONG).unwrap();
    assert!(
        off.abs() < chrono::Duration::seconds(60),
        "a backend with a clock of its own may be a little off"
    );
    assert_eq!((job.lease_until, job.finished_at), (None, None));
    assert_eq!(job.timeline.last().unwrap().error, Some(error));
}

/// A rate limit is not the job's fault.
pub async fn an_uncounted_retry_costs_no_attempt(store: &dyn JobStore) {
    let story = Story::begin(store).await;

    for _ in 0..3 {
        let (job, lease) = story.claim(LONG).await;
        assert_eq!(job.attempt, 1);
        story.update(lease, retry(false)).await;
        assert_eq!(story.now().await.attempt, 0);
    }
}

/// Nor is a shutdown; the error of an earlier attempt stays.
pub async fn a_released_job_waits_again_and_the_attempt_does_not_count(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, first) = story.claim(LONG).await;
    story.update(first, retry(true)).await;
    let (_, second) = story.claim(LONG).await;

    story.update(second, JobUpdate::Released).await;

    let job = story.now().await;
    assert_eq!((job.status, job.attempt, job.lease_until), (JobStatus::Pending, 1, None));
    assert_eq!(job.error.as_deref(), Some("not yet"));
    let (again, third) = story.claim(LONG).await;
    assert_eq!(again.attempt, 2);
    assert!(third.token > second.token);
}

/// With the time it ended.
pub async fn a_completed_job_keeps_its_result(store: &dyn JobStore) {
    for result in [json!(null), json!({"id": 7, "text": "Готово\n"}), json!([]), json!("text")] {
        let story = Story::begin(store).await;
        let (_, lease) = story.claim(LONG).await;

        story.update(lease, JobUpdate::Completed(result.clone())).await;

        let job = story.now().await;
        assert_eq!((job.status, job.result), (JobStatus::Completed, Some(result)));
        let minute = chrono::Duration::minutes(1);
        assert!(job.finished_at.is_some_and(|at| at > Utc::now() - minute && at < Utc::now() + minute));
        assert_eq!(job.lease_until, None);
    }
}

/// Those are told by the timeline.
pub async fn a_completed_job_has_no_error_of_the_attempts_before(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    let retry = JobUpdate::Retry { error: "first".into(), delay: Duration::ZERO, counted: true };
    story.update(lease, retry).await;
    assert_eq!(story.now().await.error.as_deref(), Some("first"));
    let (_, lease) = story.claim(LONG).await;

    story.update(lease, JobUpdate::Completed(json!(1))).await;

    let job = story.now().await;
    assert_eq!((job.status, job.error), (JobStatus::Completed, None));
    assert!(job.timeline.iter().any(|entry| entry.error.as_deref() == Some("first")));
}

/// And no result.
pub async fn a_failed_job_keeps_its_error(store: &dyn JobStore) {
    let story = Story::begin(store).await;

    let job = story.end(JobStatus::Failed).await;

    assert_eq!((job.error.as_deref(), job.result), (Some("no use"), None));
    assert!(job.finished_at.is_some());
    assert_eq!(job.timeline.last().unwrap().error.as_deref(), Some("no use"));
}

/// With attempt, worker and error, oldest first.
pub async fn the_timeline_tells_every_transition(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    story.update(lease, retry(true)).await;
    let (_, lease) = story.claim(LONG).await;
    story.update(lease, JobUpdate::Released).await;
    let (_, lease) = story.claim(LONG).await;
    store.cancel(story.id()).await.unwrap();
    story.update(lease, JobUpdate::Cancelled).await;

    let job = story.now().await;

    use JobEvent::{CancelRequested, Cancelled, Enqueued, Released, RetryScheduled, Started};
    assert_eq!(
        events(&job),
        [
            (Enqueued, 0),
            (Started, 1),
            (RetryScheduled, 1),
            (Started, 2),
            (Released, 2),
            (Started, 2),
            (CancelRequested, 2),
            (Cancelled, 2)
        ]
    );
    let worker = |index: usize| job.timeline[index].worker.as_deref();
    assert_eq!(
        [worker(0), worker(1), worker(2), worker(7)],
        [None, Some("worker"), Some("worker"), Some("worker")]
    );
    assert_eq!(job.timeline[2].error.as_deref(), Some("not yet"));
    assert!(job.timeline.is_sorted_by_key(|entry| entry.at), "{:?}", job.timeline);
    assert_eq!(job.timeline[0].at, story.job.created_at);
}

/// Watchers tell states apart by it.
pub async fn every_write_makes_one_new_version(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    assert_eq!(story.now().await.version, 1);

    let (job, lease) = story.claim(LONG).await;
    assert_eq!(job.version, 2);
    let updates = [
        JobUpdate::Progress(Progress { current: 1, total: 2, message: String::new() }),
        JobUpdate::Partial("one".into()),
        JobUpdate::Progress(Progress { current: 1, total: 2, message: String::new() }),
        retry(true),
    ];
    for (update, version) in updates.into_iter().zip(3..) {
        story.update(lease, update).await;
        assert_eq!(story.now().await.version, version);
    }
    let (_, lease) = story.claim(LONG).await;
    store.cancel(story.id()).await.unwrap();
    assert_eq!(story.now().await.version, 8);
    story.update(lease, JobUpdate::Cancelled).await;
    assert_eq!(story.now().await.version, 9);
}
