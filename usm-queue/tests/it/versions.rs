//! Workers of several versions on one queue: what one cannot run waits for the other.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use usm_queue::{
    DeadLetterFilter, EnqueueOptions, Job, JobContext, JobFilter, JobHandle, JobStatus, Task, TaskError,
    Worker, testing::eventually,
};

use crate::{
    backends::{Place, on_every_backend},
    shared::{Note, ended, note, start, with_worker},
};

on_every_backend! {
    jobs_that_only_the_new_version_knows_wait_for_it
    payloads_that_only_the_new_version_reads_wait_for_it
    what_no_version_knows_becomes_a_dead_letter_when_patience_is_over
    a_job_that_was_cancelled_while_it_waited_for_another_version_is_gone
    two_messages_without_ids_are_two_jobs
}

/// A task that the old version does not have.
#[derive(Debug, Serialize, Deserialize)]
struct Added {
    number: u32,
}
impl Task for Added {
    const NAME: &'static str = "added";
    const ROUTING_KEY: &'static str = "work.added";
    type Output = u32;
}

/// [`Note`] as the new version has it.
#[derive(Serialize, Deserialize)]
struct Lines {
    text: Vec<String>,
}
impl Task for Lines {
    const NAME: &'static str = Note::NAME;
    const ROUTING_KEY: &'static str = Note::ROUTING_KEY;
    type Output = String;
}

async fn echo(task: Note, _: JobContext<()>) -> Result<String, TaskError> {
    Ok(task.text)
}

fn old(place: &Place) -> Worker<()> {
    Worker::new(place.queue.clone(), ()).concurrency(4).handle(echo)
}

/// Of two versions.
fn new(place: &Place) -> Worker<()> {
    old(place).handle(async |task: Added, _: JobContext<()>| Ok::<_, TaskError>(task.number))
}

/// The record of one that waits for another version.
async fn waits<T: Task>(job: &JobHandle<T>) -> Job {
    eventually("it waits for another version", async || {
        let now = job.status().await.unwrap();
        now.error.is_some().then_some(now)
    })
    .await
}

async fn dead_letters(place: &Place) -> usize {
    place.queue.dead_letters().list(&DeadLetterFilter::default(), 0, 99).await.unwrap().len()
}

async fn jobs_that_only_the_new_version_knows_wait_for_it(place: &Place) {
    let before = start(old(place));
    let jobs = place.queue.enqueue_many((0..20).map(|number| Added { number })).await.unwrap();
    let known = place.queue.enqueue(note("known")).await.unwrap();

    let waiting = waits(&jobs[0]).await;

    assert_eq!((waiting.status, waiting.attempt), (JobStatus::Pending, 0));
    assert_eq!(waiting.error.as_deref(), Some("waiting for a worker that knows task `added`"));
    assert!(waiting.next_attempt_at.is_some());
    assert_eq!(ended(&place.queue, &known).await.status, JobStatus::Completed, "it holds up nobody");
    let after = start(new(place));
    eventually("the new version runs one beside the old", async || {
        let mut records =
            futures_util::future::join_all(jobs.iter().map(JobHandle::status)).await.into_iter();
        records.any(|record| record.unwrap().status.is_final()).then_some(())
    })
    .await;
    // The deployment is complete.
    before.stop().await;
    for (job, number) in jobs.iter().zip(0..) {
        assert_eq!(job.result().await.unwrap(), number);
        assert_eq!(job.status().await.unwrap().attempt, 1);
    }
    after.stop().await;
    assert_eq!(dead_letters(place).await, 0);
}

async fn payloads_that_only_the_new_version_reads_wait_for_it(place: &Place) {
    let before = start(old(place));
    let job = place.queue.enqueue(Lines { text: vec!["a".to_owned(), "b".to_owned()] }).await.unwrap();

    let waiting = waits(&job).await;

    assert_eq!((waiting.status, waiting.attempt), (JobStatus::Pending, 0));
    let error = waiting.error.unwrap();
    for part in ["waiting for a worker", "`note`", "invalid type: sequence"] {
        assert!(error.contains(part), "{error}");
    }
    let after = Worker::new(place.queue.clone(), ())
        .handle(async |task: Lines, _: JobContext<()>| Ok::<_, TaskError>(task.text.concat()));
    with_worker(after, async { assert_eq!(job.result().await.unwrap(), "ab") }).await;
    before.stop().await;
    assert_eq!(dead_letters(place).await, 0);
}

async fn what_no_version_knows_becomes_a_dead_letter_when_patience_is_over(place: &Place) {
    let job = place.queue.enqueue(Added { number: 7 }).await.unwrap();
    let patience = Duration::from_millis(1_100);

    let record = with_worker(old(place).unknown_task_patience(patience), ended(&place.queue, &job)).await;

    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 0));
    let lived = record.finished_at.unwrap() - record.created_at;
    assert!(lived >= chrono::Duration::from_std(patience).unwrap(), "{lived}");
    let letter = eventually("the dead letter is there", async || {
        place.queue.dead_letters().get(&job.id().to_string()).await.ok()
    })
    .await;
    assert_eq!(
        (letter.reason.as_str(), letter.payload),
        ("unknown task", Some(serde_json::json!({"number": 7})))
    );
}

async fn a_job_that_was_cancelled_while_it_waited_for_another_version_is_gone(place: &Place) {
    let job = place.queue.enqueue_with(Added { number: 7 }, EnqueueOptions::new().priority(1)).await.unwrap();

    with_worker(old(place), async {
        waits(&job).await;
        job.cancel().await.unwrap();
        eventually("its message is gone", async || {
            let depth = place.queue.depth(&place.name).await.unwrap();
            depth.is_empty().then_some(())
        })
        .await;
    })
    .await;

    assert_eq!(job.status().await.unwrap().status, JobStatus::Cancelled);
    assert_eq!(dead_letters(place).await, 0);
}

async fn two_messages_without_ids_are_two_jobs(place: &Place) {
    let message = place.foreign("", r#"{"text": "twice"}"#);
    place.broker.publish(vec![message.clone(), message]).await.unwrap();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let worker = Worker::new(place.queue.clone(), told).handle(
        async |_: Note, job: JobContext<tokio::sync::mpsc::UnboundedSender<_>>| {
            job.state.send(job.id()).unwrap();
            Ok::<_, TaskError>(String::new())
        },
    );

    let [first, second] =
        with_worker(worker, async { [heard.recv().await.unwrap(), heard.recv().await.unwrap()] }).await;

    assert_ne!(first, second);
    for id in [first, second] {
        assert_eq!(place.queue.job(id).await.unwrap().status, JobStatus::Completed);
    }
    let mut filter = JobFilter::default();
    filter.limit = 9;
    assert!(place.queue.jobs(&filter).await.unwrap().jobs.len() >= 2);
}
