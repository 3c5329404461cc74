//! Listing, replaying and removing dead letters.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;
use usm_queue::{
    DeadLetter, DeadLetterFilter, EnqueueOptions, ErrorKind, JobContext, JobHandle, JobId, JobStatus, Owner,
    SqliteOptions, TaskError, TaskQueue, Topology, Worker, backend::Broker, testing,
};

use crate::{
    flaky::Flaky,
    shared::{Note, ended, foreign, in_memory, note, with_worker},
};

/// A worker that fails every text but those with `good` in it, and tells idempotency keys.
fn picky(queue: &TaskQueue, keys: mpsc::UnboundedSender<String>) -> Worker<mpsc::UnboundedSender<String>> {
    Worker::new(queue.clone(), keys).handle(
        async |task: Note, job: JobContext<mpsc::UnboundedSender<String>>| {
            let _ = job.state.send(job.idempotency_key().to_owned());
            if task.text.contains("good") { Ok(task.text) } else { Err(TaskError::permanent("bad text")) }
        },
    )
}

async fn work(queue: &TaskQueue, jobs: &[JobHandle<Note>]) -> mpsc::UnboundedReceiver<String> {
    let (keys, heard) = mpsc::unbounded_channel();
    with_worker(picky(queue, keys), async {
        for job in jobs {
            ended(queue, job).await;
        }
    })
    .await;
    heard
}

/// Those of jobs of ours, and of others' messages.
async fn ids(queue: &TaskQueue, filter: &DeadLetterFilter, skip: usize, limit: usize) -> Vec<String> {
    let letters = queue.dead_letters().list(filter, skip, limit).await.unwrap();
    let id = |letter: DeadLetter| letter.task.and(letter.job_id).map_or(letter.id, |id| id.to_string());
    letters.into_iter().map(id).collect()
}

#[tokio::test]
async fn dead_letters_are_listed_oldest_first_and_page_by_page() {
    let queue = in_memory().await;
    let jobs = queue.enqueue_many((0..7).map(|number| note(&format!("bad {number}")))).await.unwrap();
    work(&queue, &jobs).await;
    let all: Vec<_> = jobs.iter().map(|job| job.id().to_string()).collect();
    let any = DeadLetterFilter::default();

    assert_eq!(ids(&queue, &any, 0, 99).await, all);
    assert_eq!(ids(&queue, &any, 2, 3).await, all[2..5]);
    assert_eq!(ids(&queue, &any, 6, 9).await, all[6..]);
    assert_eq!(ids(&queue, &any, 7, 9).await, [""; 0]);
    assert_eq!(ids(&queue, &any, 0, usize::MAX).await, all);
}

#[tokio::test]
async fn dead_letters_are_listed_by_task_and_reason() {
    let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let queue = TaskQueue::new(broker.clone(), store, Topology::single("work").unwrap()).await.unwrap();
    broker.publish(vec![foreign("garbage", "no JSON")]).await.unwrap();
    let job = queue.enqueue(note("bad")).await.unwrap();
    work(&queue, std::slice::from_ref(&job)).await;

    let of = |filter: DeadLetterFilter| async { ids(&queue, &{ filter }, 0, 9).await };
    assert_eq!(of(DeadLetterFilter::default()).await, ["garbage".to_owned(), job.id().to_string()]);
    assert_eq!(of(DeadLetterFilter::default().reason("undecodable")).await, ["garbage"]);
    assert_eq!(of(DeadLetterFilter::default().reason("permanent")).await, [job.id().to_string()]);
    assert_eq!(of(DeadLetterFilter::default().task("note")).await, [job.id().to_string()]);
    assert_eq!(of(DeadLetterFilter::default().task("other")).await, [""; 0]);
}

#[tokio::test]
async fn a_replayed_dead_letter_is_a_new_job_with_all_its_attempts() {
    let queue = in_memory().await;
    let options =
        EnqueueOptions::new().owner(42).metadata("a", "b").priority(4).max_attempts(2).correlation_id("r7");
    let job = queue.enqueue_with(note("bad"), options).await.unwrap();
    let mut keys = work(&queue, std::slice::from_ref(&job)).await;
    let dead = queue.dead_letters();

    let replayed = dead.replay(&job.id().to_string()).await.unwrap();

    assert_ne!(replayed, job.id());
    let record = queue.job(replayed).await.unwrap();
    assert_eq!((record.status, record.attempt, record.max_attempts), (JobStatus::Pending, 0, 2));
    assert_eq!((record.owner.clone(), record.priority), (Some(Owner::Id(42)), 4));
    assert_eq!(record.correlation_id.as_deref(), Some("r7"));
    assert_eq!(json!(record.metadata), json!({"a": "b", "replay_of": job.id()}));
    assert_eq!(job.status().await.unwrap().status, JobStatus::Failed, "the failed job stays failed");
    assert_eq!(dead.get(&job.id().to_string()).await.unwrap_err().kind(), ErrorKind::NotFound);

    let mut keys_again = work(&queue, &[queue.handle(replayed)]).await;
    assert_eq!(keys.recv().await, keys_again.recv().await, "the idempotency key is the same");
    let again = dead.get(&replayed.to_string()).await.unwrap();
    assert_eq!((again.payload, again.attempts), (Some(json!({"text": "bad"})), 1));
    assert_eq!(again.replays, 1, "replays are counted");
    let third = dead.replay(&replayed.to_string()).await.unwrap();
    assert!(third != replayed && third != job.id());
    let mut keys_third = work(&queue, &[queue.handle(third)]).await;
    assert_eq!(keys_third.recv().await, Some(job.id().to_string()), "also after a second replay");
}

#[tokio::test]
async fn a_dead_letter_can_be_replayed_with_a_better_payload() {
    let queue = in_memory().await;
    let job = queue.enqueue_with(note("bad"), EnqueueOptions::new().owner(42)).await.unwrap();
    work(&queue, std::slice::from_ref(&job)).await;

    let replayed =
        queue.dead_letters().replay_with(&job.id().to_string(), json!({"text": "good"})).await.unwrap();

    let handle = queue.handle::<Note>(replayed);
    work(&queue, std::slice::from_ref(&handle)).await;
    assert_eq!(handle.result().await.unwrap(), "good");
    assert_eq!(handle.status().await.unwrap().owner, Some(Owner::Id(42)));
}

#[tokio::test]
async fn an_unreadable_dead_letter_is_replayed_with_a_payload_only() {
    let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let queue = TaskQueue::new(broker.clone(), store, Topology::single("work").unwrap()).await.unwrap();
    broker.publish(vec![foreign("garbage", "\u{7}not JSON")]).await.unwrap();
    let after = queue.enqueue(note("good")).await.unwrap();
    work(&queue, &[after]).await;
    let dead = queue.dead_letters();

    let refused = dead.replay("garbage").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("`garbage`"), "{refused}");

    let replayed = dead.replay_with("garbage", json!({"text": "good now"})).await.unwrap();
    let handle = queue.handle::<Note>(replayed);
    work(&queue, std::slice::from_ref(&handle)).await;
    assert_eq!(handle.result().await.unwrap(), "good now");
}

#[tokio::test]
async fn all_dead_letters_that_match_are_replayed_and_those_only() {
    let queue = in_memory().await;
    let jobs = queue.enqueue_many((0..5).map(|number| note(&format!("bad {number}")))).await.unwrap();
    work(&queue, &jobs).await;
    let dead = queue.dead_letters();

    assert_eq!(dead.replay_all(&DeadLetterFilter::default().reason("expired")).await.unwrap().jobs, []);
    let replayed = dead.replay_all(&DeadLetterFilter::default()).await.unwrap().jobs;

    let originals: Vec<_> = {
        let mut originals = Vec::new();
        for id in &replayed {
            originals.push(queue.job(*id).await.unwrap().metadata["replay_of"].clone());
        }
        originals
    };
    assert_eq!(originals, jobs.iter().map(|job| json!(job.id())).collect::<Vec<_>>());
    assert_eq!(ids(&queue, &DeadLetterFilter::default(), 0, 9).await, [""; 0]);
}

#[tokio::test]
async fn a_slow_replay_leaves_the_others_where_they_were() {
    let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let queue = TaskQueue::new(broker.clone(), store, Topology::single("work").unwrap()).await.unwrap();
    broker.publish(vec![foreign("garbage", "no JSON")]).await.unwrap();
    let jobs = queue.enqueue_many((0..3).map(|number| note(&format!("bad {number}")))).await.unwrap();
    work(&queue, &jobs).await;
    let dead = queue.dead_letters();
    assert_eq!(ids(&queue, &DeadLetterFilter::default(), 0, 9).await.len(), 4);

    let begun = std::time::Instant::now();
    let rate = std::num::NonZeroU32::new(20).unwrap();
    let replayed = dead.replay_all_at(&DeadLetterFilter::default().task("note"), rate).await.unwrap().jobs;

    assert_eq!(replayed.len(), 3);
    assert!(begun.elapsed() >= std::time::Duration::from_millis(100), "two pauses of 50 ms at least");
    assert_eq!(ids(&queue, &DeadLetterFilter::default(), 0, 9).await, ["garbage"]);
}

#[tokio::test]
async fn a_replay_that_was_cut_off_before_it_removed_the_dead_letter_can_be_repeated() {
    let flaky = Flaky::new().await;
    let queue = &flaky.queue;
    let job = queue.enqueue(note("bad, good enough later")).await.unwrap();
    let (keys, _heard) = mpsc::unbounded_channel();
    let failing = Worker::new(queue.clone(), ())
        .handle(async |_: Note, _: JobContext<()>| Err::<String, _>(TaskError::permanent("no")));
    with_worker(failing, ended(queue, &job)).await;
    let id = job.id().to_string();
    let dead = queue.dead_letters();

    flaky.settle_switch.set(true);
    dead.replay(&id).await.unwrap_err();
    flaky.settle_switch.set(false);
    assert_eq!(dead.get(&id).await.unwrap().job_id, Some(job.id()), "the dead letter is still there");
    let replayed = dead.replay(&id).await.unwrap();

    let handle = queue.handle::<Note>(replayed);
    with_worker(picky(queue, keys), async {
        assert_eq!(ended(queue, &handle).await.attempt, 1);
        testing::eventually("no message is left", async || {
            (queue.depth("work").await.unwrap().is_empty()).then_some(())
        })
        .await;
    })
    .await;
    let jobs = queue.jobs(&usm_queue::JobFilter::default()).await.unwrap().jobs;
    assert_eq!(jobs.len(), 2, "the failed job and its replay");
}

#[tokio::test]
async fn a_foreign_message_without_a_job_id_keeps_its_idempotency_key_when_replayed() {
    let (broker, store): (Arc<dyn Broker>, _) =
        testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let queue = TaskQueue::new(broker.clone(), store, Topology::single("work").unwrap()).await.unwrap();
    broker.publish(vec![foreign("m1", r#"{"text": "bad", "user_id": 5}"#)]).await.unwrap();
    let last = queue.enqueue(note("good")).await.unwrap();
    let mut keys = work(&queue, &[last]).await;
    let job_id: JobId = keys.recv().await.unwrap().parse().unwrap();
    let letter = queue.dead_letters().get("m1").await.unwrap();
    assert_eq!(letter.job_id, Some(job_id), "the dead letter names its job");

    let replayed = queue.dead_letters().replay("m1").await.unwrap();

    let mut keys = work(&queue, &[queue.handle(replayed)]).await;
    assert_eq!(keys.recv().await, Some(job_id.to_string()));
    assert_eq!(queue.job(replayed).await.unwrap().owner, Some(Owner::Id(5)));
}

#[tokio::test]
async fn dead_letters_are_removed_one_by_one_or_all() {
    let queue = in_memory().await;
    let jobs = queue.enqueue_many((0..4).map(|number| note(&format!("bad {number}")))).await.unwrap();
    work(&queue, &jobs).await;
    let dead = queue.dead_letters();
    let first = jobs[0].id().to_string();

    assert!(dead.remove(&first).await.unwrap());
    assert!(!dead.remove(&first).await.unwrap());
    assert_eq!(dead.get(&first).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(dead.replay(&first).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(dead.purge().await.unwrap(), 3);
    assert_eq!(dead.purge().await.unwrap(), 0);
    assert_eq!(jobs[1].status().await.unwrap().status, JobStatus::Failed);
}

#[tokio::test]
async fn an_unreadable_dead_letter_stops_no_other_and_is_told() {
    let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let queue = TaskQueue::new(broker.clone(), store, Topology::single("work").unwrap()).await.unwrap();
    broker.publish(vec![foreign("garbage", "no JSON")]).await.unwrap();
    let jobs = queue.enqueue_many((0..3).map(|number| note(&format!("bad {number}")))).await.unwrap();
    work(&queue, &jobs).await;

    let replayed = queue.dead_letters().replay_all(&DeadLetterFilter::default()).await.unwrap();

    assert_eq!((replayed.jobs.len(), replayed.interrupted.is_none()), (3, true));
    let stayed: Vec<_> =
        replayed.stayed.iter().map(|stayed| (stayed.id.as_str(), stayed.error.kind())).collect();
    assert_eq!(stayed, [("garbage", ErrorKind::InvalidInput)]);
    assert_eq!(ids(&queue, &DeadLetterFilter::default(), 0, 9).await, ["garbage"]);
}
