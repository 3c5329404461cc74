//! Actions on many jobs at once.

use std::{num::NonZeroU32, time::Duration};

use tokio::time::Instant;
use usm_queue::{
    EnqueueOptions, ErrorKind, Job, JobContext, JobFilter, JobHandle, JobState, JobStatus, TaskError, Worker,
    bulk::{BulkAction, BulkId, BulkState},
    testing::{eventually, soon},
};

use crate::{
    backends::{Place, on_every_backend},
    flaky::Flaky,
    shared::{HOUR, Note, ended, note, start, with_worker},
};

on_every_backend! {
    all_that_wait_are_cancelled_and_what_comes_later_is_not
    ended_jobs_are_deleted_and_others_are_not
    failed_jobs_run_again_and_a_second_time_there_is_nothing_left_to_do
    retrying_jobs_are_tried_again_now
    an_aborted_action_stops_and_tells_what_it_did
    an_action_for_the_wrong_states_is_refused
    a_report_is_found_by_its_id_and_among_all
}

/// Jobs of this test alone: others share the store.
fn of(place: &Place) -> JobFilter {
    JobFilter::new().queue(&place.name)
}

async fn enqueue(place: &Place, texts: &[&str]) -> Vec<JobHandle<Note>> {
    place.queue.enqueue_many(texts.iter().map(|text| note(text))).await.unwrap()
}

async fn statuses(jobs: &[JobHandle<Note>]) -> Vec<JobStatus> {
    let mut statuses = Vec::new();
    for job in jobs {
        statuses.push(job.status().await.unwrap().status);
    }
    statuses
}

/// Fails every text but those with `good` in it; `bad` ones only the first time.
fn picky(place: &Place) -> Worker<()> {
    Worker::new(place.queue.clone(), ()).handle(async |task: Note, job: JobContext<()>| {
        let again = job.job().metadata.contains_key("replay_of");
        if task.text.contains("good") || again { Ok(task.text) } else { Err(TaskError::permanent(task.text)) }
    })
}

async fn work(place: &Place, jobs: &[JobHandle<Note>]) {
    with_worker(picky(place), async {
        for job in jobs {
            ended(&place.queue, job).await;
        }
    })
    .await;
}

async fn all_that_wait_are_cancelled_and_what_comes_later_is_not(place: &Place) {
    let mut jobs = enqueue(place, &["a"; 230]).await;
    let later = EnqueueOptions::new().delay(HOUR).tag("late");
    jobs.push(place.queue.enqueue_with(note("scheduled"), later).await.unwrap());
    let bulk = place.queue.bulk(BulkAction::Cancel, of(place)).by("ann");
    assert_eq!(bulk.count().await.unwrap().jobs, 231);

    let handle = bulk.start().await.unwrap();
    let newer = place.queue.enqueue(note("newer")).await.unwrap();
    let report = soon("the action ends", handle.wait()).await.unwrap();

    assert_eq!((report.state, report.done, report.skipped, report.failed), (BulkState::Done, 231, 0, 0));
    assert_eq!(report.by.as_deref(), Some("ann"));
    assert!(statuses(&jobs).await.iter().all(|status| *status == JobStatus::Cancelled));
    assert_eq!(newer.status().await.unwrap().status, JobStatus::Pending);
}

async fn ended_jobs_are_deleted_and_others_are_not(place: &Place) {
    let jobs = enqueue(place, &["good", "bad", "good"]).await;
    work(place, &jobs).await;
    let waiting = place.queue.enqueue(note("waits")).await.unwrap();

    let completed = of(place).state(JobState::Completed);
    let handle = place.queue.bulk(BulkAction::Delete, completed).start().await.unwrap();
    let report = soon("the action ends", handle.wait()).await.unwrap();

    assert_eq!((report.done, report.failed), (2, 0));
    assert_eq!(jobs[0].status().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(jobs[1].status().await.unwrap().status, JobStatus::Failed);
    assert_eq!(waiting.status().await.unwrap().status, JobStatus::Pending);
    let counts = place.queue.counts().await.unwrap();
    let counts = counts.iter().find(|counts| counts.queue.as_ref() == Some(&place.name)).unwrap();
    assert_eq!((counts.completed, counts.failed, counts.waiting), (0, 1, 1));
}

async fn failed_jobs_run_again_and_a_second_time_there_is_nothing_left_to_do(place: &Place) {
    let jobs = enqueue(place, &["bad luck", "good", "bad taste", "bad luck"]).await;
    work(place, &jobs).await;
    let unlucky = of(place).error("LUCK");

    let handle = place.queue.bulk(BulkAction::Retry, unlucky.clone()).start().await.unwrap();
    let report = soon("the action ends", handle.wait()).await.unwrap();

    assert_eq!((report.done, report.skipped, report.failed), (2, 0, 0), "{:?}", report.errors);
    let again: Vec<Job> = place.queue.jobs(&of(place)).await.unwrap().into_iter().collect();
    let again: Vec<_> = again.iter().filter(|job| job.metadata.contains_key("replay_of")).collect();
    assert_eq!(again.len(), 2);
    let worker = start(picky(place));
    for job in again {
        let ended = soon("it runs", place.queue.wait(job.id)).await.unwrap();
        assert_eq!(ended.status, JobStatus::Completed);
    }
    worker.stop().await;

    let handle = place.queue.bulk(BulkAction::Retry, unlucky).start().await.unwrap();
    let report = soon("the action ends", handle.wait()).await.unwrap();
    assert_eq!((report.done, report.skipped, report.failed), (0, 2, 0));
}

async fn retrying_jobs_are_tried_again_now(place: &Place) {
    let jobs = enqueue(place, &["a"; 12]).await;
    let scheduled = EnqueueOptions::new().delay(HOUR);
    let scheduled = place.queue.enqueue_with(note("scheduled"), scheduled).await.unwrap();
    let worker = Worker::new(place.queue.clone(), ()).concurrency(4).handle(
        async |task: Note, job: JobContext<()>| match job.attempt() {
            1 => Err(TaskError::retry_after(HOUR, "overloaded")),
            _ => Ok(task.text),
        },
    );
    with_worker(worker, async {
        eventually("all wait for their next attempt", async || {
            let retrying = of(place).state(JobState::Retrying);
            (place.queue.jobs(&retrying).await.unwrap().jobs.len() == jobs.len()).then_some(())
        })
        .await;

        let action = place.queue.bulk(BulkAction::Retry, of(place).error("overloaded"));
        let report = soon("the action ends", action.start().await.unwrap().wait()).await.unwrap();

        assert_eq!((report.done, report.skipped, report.failed), (12, 0, 0), "{:?}", report.errors);
        for job in &jobs {
            assert_eq!(ended(&place.queue, job).await.attempt, 2);
        }
    })
    .await;
    assert_eq!(scheduled.status().await.unwrap().state(chrono::Utc::now()), JobState::Scheduled);
}

async fn an_aborted_action_stops_and_tells_what_it_did(place: &Place) {
    let jobs = enqueue(place, &["a"; 40]).await;
    let bulk = place.queue.bulk(BulkAction::Cancel, of(place)).per_second(NonZeroU32::new(2).unwrap());
    let handle = bulk.start().await.unwrap();
    soon("it begins", ended(&place.queue, &jobs[0])).await;

    assert_eq!(handle.abort().await.unwrap().state, BulkState::Aborted);

    let report = handle.wait().await.unwrap();
    assert_eq!(report.state, BulkState::Aborted);
    assert_eq!(handle.abort().await.unwrap().state, BulkState::Aborted);
    let left = statuses(&jobs).await.iter().filter(|status| **status == JobStatus::Pending).count();
    assert!(left > 20, "{left}");
}

async fn an_action_for_the_wrong_states_is_refused(place: &Place) {
    let running = of(place).state(JobState::Running);

    let refused = place.queue.bulk(BulkAction::Delete, running).start().await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("completed, failed, cancelled"), "{refused}");
}

async fn a_report_is_found_by_its_id_and_among_all(place: &Place) {
    let handle = place.queue.bulk(BulkAction::Cancel, of(place)).start().await.unwrap();
    let report = soon("the action ends", handle.wait()).await.unwrap();
    assert_eq!((report.done, report.state), (0, BulkState::Done));

    let id: BulkId = handle.id().to_string().parse().unwrap();
    assert_eq!(place.queue.bulk_handle(id).report().await.unwrap(), report);
    assert!(place.queue.bulks().await.unwrap().contains(&report));

    let unknown = "00000000-0000-0000-0000-000000000000".parse().unwrap();
    let missing = place.queue.bulk_handle(unknown).report().await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!("x".parse::<BulkId>().unwrap_err().to_string().contains("`x`"));
}

/// It gives its lease back, which does not lapse before by itself.
#[tokio::test(start_paused = true)]
async fn an_action_that_cannot_go_on_can_be_aborted() {
    let flaky = Flaky::new().await;
    let job = flaky.queue.enqueue(note("bad")).await.unwrap();
    let worker = Worker::new(flaky.queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Err::<String, _>(TaskError::permanent(task.text)));
    with_worker(worker, ended(&flaky.queue, &job)).await;
    flaky.publish_switch.set(true);
    let begun = Instant::now();
    let handle = flaky.queue.bulk(BulkAction::Retry, JobFilter::new()).start().await.unwrap();
    eventually("it cannot go on", async || (flaky.publish_switch.refused() >= 2).then_some(())).await;

    handle.abort().await.unwrap();

    eventually("its lease is given back", async || {
        flaky.store.notes("bulk-lease/").await.unwrap().is_empty().then_some(())
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    assert_eq!(handle.report().await.unwrap().state, BulkState::Aborted);
}
