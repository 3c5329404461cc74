//! Jobs that nobody takes in time, and queues that are full.

use std::{sync::Arc, time::Duration};

use usm_queue::{
    DeadLetterFilter, EnqueueOptions, ErrorKind, Job, JobFilter, JobId, JobStatus, QueueSpec, SqliteOptions,
    Task, TaskQueue, Topology,
    backend::{Broker, Claimed},
    testing,
    topology::Overflow,
};

use crate::shared::{HOUR, Note, ended, foreign, in_memory, note, states, statuses};

const TTL: Duration = Duration::from_millis(100);

fn topology(arrange: impl FnOnce(QueueSpec) -> QueueSpec) -> Topology {
    let queue = QueueSpec::new("work").bind("work.tasks", "#").dead_letter_exchange("work.dead");
    Topology::builder("work.tasks")
        .dead_letters("work.dead", "work.failed")
        .queue(arrange(queue))
        .build()
        .unwrap()
}

async fn with(arrange: impl FnOnce(QueueSpec) -> QueueSpec) -> TaskQueue {
    TaskQueue::in_memory(topology(arrange)).await.unwrap()
}

#[tokio::test]
async fn a_job_that_nobody_takes_in_time_fails_visibly() {
    let queue = in_memory().await;
    let job = queue.enqueue_with(note("x"), EnqueueOptions::new().ttl(TTL)).await.unwrap();

    let states = states(&job).await;

    assert_eq!(statuses(&states), [JobStatus::Pending, JobStatus::Failed]);
    let error = job.result().await.unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
    let letter = queue.dead_letters().get(&job.id().to_string()).await.unwrap();
    assert_eq!((letter.reason.as_str(), letter.queue.as_str(), letter.attempts), ("expired", "work", 0));
    assert_eq!(letter.payload, Some(serde_json::json!({"text": "x"})));
}

#[tokio::test]
async fn the_queues_own_time_to_live_counts_too() {
    let queue = with(|spec| spec.message_ttl(TTL)).await;
    let plain = queue.enqueue(note("x")).await.unwrap();
    let longer = queue.enqueue_with(note("x"), EnqueueOptions::new().ttl(HOUR)).await.unwrap();

    for job in [plain, longer] {
        let record = ended(&queue, &job).await;
        assert_eq!(record.status, JobStatus::Failed);
        assert!(record.error.unwrap().contains("`work`"), "the queue is named");
    }
}

#[tokio::test]
async fn a_job_dropped_by_a_full_queue_fails_visibly() {
    let queue = with(|spec| spec.max_length(2)).await;
    let jobs = queue.enqueue_many(["1", "2", "3"].map(note)).await.unwrap();

    let record = ended(&queue, &jobs[0]).await;

    assert_eq!(record.status, JobStatus::Failed);
    assert!(record.error.unwrap().contains("length limit"));
    assert_eq!(queue.dead_letters().get(&jobs[0].id().to_string()).await.unwrap().reason, "maxlen");
    assert_eq!(queue.depth("work").await.unwrap().ready, 2);
}

#[tokio::test]
async fn a_job_refused_by_a_full_queue_was_never_accepted() {
    let queue = with(|spec| spec.max_length(2).overflow(Overflow::RejectPublish)).await;
    queue.enqueue(note("1")).await.unwrap();
    let id = JobId::new();

    let batch = queue.enqueue_many(["2", "3", "4"].map(note)).await.unwrap_err();
    assert_eq!(batch.kind(), ErrorKind::QueueFull);
    assert_eq!(queue.depth("work").await.unwrap().ready, 1, "of the batch nothing was stored");
    queue.enqueue(note("2")).await.unwrap();
    let refused = queue.enqueue_with(note("3"), EnqueueOptions::new().id(id)).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::QueueFull);
    assert!(refused.to_string().contains("`work`"), "{refused}");
    assert_eq!(queue.job(id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(queue.jobs(&JobFilter::default()).await.unwrap().jobs.len(), 2);
}

/// A job whose worker holds it, while its message comes to an end in the broker.
async fn held_while_its_message_dies() -> (TaskQueue, JobId) {
    let (broker, store): (Arc<dyn Broker>, _) =
        testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let queue =
        TaskQueue::new(broker.clone(), store.clone(), Topology::single("work").unwrap()).await.unwrap();
    let job = Job::new(JobId::new(), Note::NAME, chrono::Utc::now());
    // The worker takes it in time, so before the message begins to die, and lives longer.
    let claimed = store.claim(job.clone().into(), "dies later", Duration::from_secs(2)).await.unwrap();
    assert!(matches!(claimed, Claimed::Run(..)));
    let mut message = foreign(&job.id.to_string(), r#"{"text": "x"}"#);
    message.ttl = Some(TTL);
    broker.publish(vec![message]).await.unwrap();
    (queue, job.id)
}

#[tokio::test]
async fn a_job_whose_worker_died_with_its_message_fails_when_the_lease_lapses() {
    let (queue, job) = held_while_its_message_dies().await;
    testing::eventually("the message is a dead letter", async || {
        let letters = queue.dead_letters().list(&DeadLetterFilter::default(), 0, 9).await.unwrap();
        (letters.len() == 1).then_some(())
    })
    .await;

    let record = testing::soon("the job ends", queue.wait(job)).await.unwrap();

    assert_eq!(record.status, JobStatus::Failed);
    assert!(record.error.unwrap().contains("expired"));
}

#[tokio::test]
async fn an_expired_job_can_be_replayed() {
    let queue = in_memory().await;
    let job = queue.enqueue_with(note("x"), EnqueueOptions::new().ttl(TTL)).await.unwrap();
    ended(&queue, &job).await;

    let replayed = queue.dead_letters().replay(&job.id().to_string()).await.unwrap();

    let record = queue.job(replayed).await.unwrap();
    assert_eq!(
        (record.status, &record.metadata["replay_of"]),
        (JobStatus::Pending, &job.id().to_string().into())
    );
}

#[tokio::test]
async fn records_of_ended_jobs_go_after_their_time_and_waiting_ones_stay() {
    let options = SqliteOptions::default().keep_ended(TTL);
    let (broker, store) = testing::sqlite_pair(None, options).await.unwrap();
    let queue = TaskQueue::new(broker, store, Topology::single("work").unwrap()).await.unwrap();
    let waiting = queue.enqueue(note("waits")).await.unwrap();
    let ended = queue.enqueue(note("ends")).await.unwrap();
    ended.cancel().await.unwrap();

    testing::eventually("the ended job's record goes", async || {
        (ended.status().await.err()?.kind() == ErrorKind::NotFound).then_some(())
    })
    .await;

    assert_eq!(waiting.status().await.unwrap().status, JobStatus::Pending);
}
