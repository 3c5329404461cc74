//! Messages from elsewhere: of other services, unknown, unreadable.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use usm_queue::{
    DeadLetter, DeadLetterFilter, Job, JobContext, JobFilter, JobId, JobStatus, Owner, SqliteOptions, Task,
    TaskError, TaskQueue, Topology, Worker,
    backend::{Broker, Message},
    testing::{self, eventually},
};

use crate::shared::{Note, ended, foreign, note, with_worker};

async fn open() -> (TaskQueue, Arc<dyn Broker>) {
    let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let queue = TaskQueue::new(broker.clone(), store, Topology::single("work").unwrap()).await.unwrap();
    (queue, broker)
}

#[tokio::test]
async fn in_a_file_the_next_message_comes_in_the_place_of_a_job_that_runs_no_more() {
    let (queue, broker) = open().await;
    queue.enqueue_many([note("first"), note("next")]).await.unwrap();
    let mut consumer = broker.consume("work", 1).await.unwrap();
    let first = consumer.next().await.unwrap().unwrap();

    broker.free_place(&first);

    let next = testing::soon("the next one comes", consumer.next()).await.unwrap().unwrap();
    assert_ne!(next.message.message_id, first.message.message_id);
}

/// Believes at once that nobody knows a task which it does not know.
fn impatient(queue: &TaskQueue) -> Worker<()> {
    echo(queue).unknown_task_patience(std::time::Duration::ZERO)
}

fn echo(queue: &TaskQueue) -> Worker<()> {
    Worker::new(queue.clone(), ()).handle(async |task: Note, _: JobContext<()>| Ok::<_, TaskError>(task.text))
}

/// Runs a worker until `count` messages are dead.
async fn dead(queue: &TaskQueue, worker: Worker<()>, count: usize) -> Vec<DeadLetter> {
    with_worker(
        worker,
        eventually("the messages are dead letters", async || {
            let letters = queue.dead_letters().list(&DeadLetterFilter::default(), 0, 99).await.unwrap();
            let settled = queue.depth("work").await.unwrap().is_empty();
            (letters.len() == count && settled).then_some(letters)
        }),
    )
    .await
}

/// Runs a worker until one job has ended.
async fn one_ended(queue: &TaskQueue, worker: Worker<()>) -> Job {
    with_worker(
        worker,
        eventually("a job ends", async || {
            let jobs = queue.jobs(&JobFilter::default()).await.unwrap().jobs;
            jobs.into_iter().find(|job| job.status.is_final())
        }),
    )
    .await
}

#[tokio::test]
async fn a_message_of_another_service_is_worked() {
    let (queue, broker) = open().await;
    let id = JobId::new();
    let body = json!({
        "job_id": id, "user_id": 5, "text": "from Python", "created_at": "2025-12-01T10:00:00.123456",
        "_metadata": {"message_id": "m1", "producer": "fastapi"}
    });
    broker.publish(vec![foreign("m1", &body.to_string())]).await.unwrap();

    let job = one_ended(&queue, echo(&queue)).await;

    assert_eq!((job.id, job.status, job.result), (id, JobStatus::Completed, Some("from Python".into())));
    assert_eq!((job.owner, job.task.as_str()), (Some(Owner::Id(5)), "note"));
}

#[tokio::test]
async fn a_message_without_any_job_id_is_worked_once() {
    let (queue, broker) = open().await;
    let message = foreign("m1", r#"{"text": "twice delivered"}"#);
    broker.publish(vec![message.clone(), message]).await.unwrap();

    with_worker(echo(&queue), async {
        eventually("both are worked", async || (queue.depth("work").await.unwrap().is_empty()).then_some(()))
            .await;
    })
    .await;

    let jobs = queue.jobs(&JobFilter::default()).await.unwrap().jobs;
    assert_eq!((jobs.len(), jobs[0].attempt, jobs[0].status), (1, 1, JobStatus::Completed));
}

#[tokio::test]
async fn a_message_with_another_routing_key_goes_to_the_only_handler_of_its_queue() {
    let (queue, broker) = open().await;
    let message = Message::new("work.tasks", "some.other.key", "m1", br#"{"text": "x"}"#.to_vec());
    broker.publish(vec![message]).await.unwrap();

    assert_eq!(one_ended(&queue, echo(&queue)).await.result, Some("x".into()));
}

#[tokio::test]
async fn a_job_of_an_unknown_task_becomes_a_dead_letter_and_fails() {
    #[derive(Serialize, Deserialize)]
    struct Renamed {
        field: u32,
    }
    impl Task for Renamed {
        const NAME: &'static str = "renamed_since";
        const ROUTING_KEY: &'static str = "work.renamed";
        type Output = ();
    }
    let (queue, _) = open().await;
    let job = queue.enqueue(Renamed { field: 7 }).await.unwrap();

    let letter = dead(&queue, impatient(&queue), 1).await.remove(0);

    assert_eq!((letter.reason.as_str(), letter.task.as_deref()), ("unknown task", Some("renamed_since")));
    assert_eq!((letter.payload, letter.queue.as_str()), (Some(json!({"field": 7})), "work"));
    assert!(letter.errors[0].contains("renamed_since"));
    let record = job.status().await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 0));
    assert!(record.error.unwrap().starts_with("unknown task"));
}

#[tokio::test]
async fn a_payload_that_does_not_fit_becomes_a_dead_letter_and_its_job_fails() {
    let (queue, broker) = open().await;
    let id = JobId::new();
    broker.publish(vec![foreign("m1", &json!({"job_id": id, "text": 5}).to_string())]).await.unwrap();

    let letter = dead(&queue, impatient(&queue), 1).await.remove(0);

    assert_eq!((letter.reason.as_str(), letter.job_id), ("undecodable", Some(id)));
    let record = queue.job(id).await.unwrap();
    assert_eq!(record.status, JobStatus::Failed);
    assert!(record.error.unwrap().starts_with("undecodable"));
}

#[tokio::test]
async fn bytes_that_are_no_json_become_dead_letters_as_they_were() {
    let (queue, broker) = open().await;
    let bodies: [Vec<u8>; 5] = [
        (0..=255).collect(),
        vec![],
        b"{\"text\": \"cut off".to_vec(),
        "[".repeat(5000).into_bytes(),
        format!("{{\"text\": {}1{}}}", "[".repeat(2000), "]".repeat(2000)).into_bytes(),
    ];
    let messages = bodies
        .iter()
        .zip(0..)
        .map(|(body, number)| Message::new("work.tasks", "work.note", format!("m{number}"), body.clone()));
    broker.publish(messages.collect()).await.unwrap();

    let mut letters = dead(&queue, echo(&queue), bodies.len()).await;

    letters.sort_by(|a, b| a.id.cmp(&b.id));
    for (letter, body) in letters.iter().zip(&bodies) {
        assert_eq!(letter.reason, "undecodable");
        assert!(letter.raw == *body, "{}: the body is kept", letter.id);
        serde_json::to_string(letter).unwrap();
    }
    let good = queue.enqueue(note("after")).await.unwrap();
    with_worker(echo(&queue), ended(&queue, &good)).await;
}

#[tokio::test]
async fn a_payload_whose_decoding_panics_becomes_a_dead_letter() {
    #[derive(Serialize)]
    struct Trap;
    impl<'de> Deserialize<'de> for Trap {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("a bug in somebody's Deserialize")
        }
    }
    impl Task for Trap {
        const NAME: &'static str = "trap";
        const ROUTING_KEY: &'static str = "work.trap";
        type Output = ();
    }
    let (queue, _) = open().await;
    queue.enqueue(Trap).await.unwrap();
    let worker = impatient(&queue).handle(async |_: Trap, _: JobContext<()>| Ok::<_, TaskError>(()));

    let letter = dead(&queue, worker, 1).await.remove(0);

    assert_eq!(letter.reason, "undecodable");
    assert!(letter.errors[0].contains("somebody's Deserialize"), "{:?}", letter.errors);
}

#[tokio::test]
async fn a_record_that_was_lost_is_made_anew_from_its_message() {
    let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let (_, empty) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let topology = || Topology::single("work").unwrap();
    let before = TaskQueue::new(broker.clone(), store, topology()).await.unwrap();
    let options = usm_queue::EnqueueOptions::new().owner("анна").metadata("a", 1).max_attempts(7).priority(3);
    let job = before.enqueue_with(note("x"), options).await.unwrap();
    let original = job.status().await.unwrap();
    let after = TaskQueue::new(broker, empty, topology()).await.unwrap();

    let record = with_worker(
        echo(&after),
        eventually("the job ends", async || {
            after.job(job.id()).await.ok().filter(|job| job.status.is_final())
        }),
    )
    .await;

    assert_eq!(record.status, JobStatus::Completed);
    assert_eq!(
        (record.owner, record.metadata, record.max_attempts, record.priority, record.task),
        (original.owner, original.metadata, 7, 3, original.task)
    );
    // As if it had been stored in time: no worker had had it.
    assert_eq!(record.timeline[0], original.timeline[0]);
}

#[tokio::test]
async fn a_record_that_was_lost_after_an_attempt_says_that_it_is_rebuilt() {
    let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let (_, empty) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let topology = || Topology::single("work").unwrap();
    let before = TaskQueue::new(broker.clone(), store, topology()).await.unwrap();
    let job = before.enqueue(note("x")).await.unwrap();
    let fails_once = Worker::new(before.clone(), ()).handle(async |_: Note, job: JobContext<()>| {
        if job.attempt() > 1 {
            job.stopping().await;
        }
        Err::<String, _>(TaskError::retry_after(std::time::Duration::ZERO, "once"))
    });
    let failed =
        eventually("it failed once", async || job.status().await.ok().filter(|job| job.error.is_some()));
    with_worker(fails_once, failed).await;
    let after = TaskQueue::new(broker, empty, topology()).await.unwrap();

    let record = with_worker(
        echo(&after),
        eventually("the job ends", async || {
            after.job(job.id()).await.ok().filter(|job| job.status.is_final())
        }),
    )
    .await;

    let rebuilt = &record.timeline[0];
    assert_eq!((rebuilt.event, rebuilt.attempt), (usm_queue::JobEvent::Rebuilt, 1));
    assert_eq!((record.status, record.attempt), (JobStatus::Completed, 2));
}

/// On SQLite; elsewhere they are found out when they are delivered.
#[tokio::test]
async fn all_messages_of_a_cancelled_job_go_with_it() {
    let (queue, broker) = open().await;
    let job = queue.enqueue(note("x")).await.unwrap();
    let mut second = broker.browse("work", 0, 1).await.unwrap().remove(0);
    second.not_before = Some(chrono::Utc::now() + crate::shared::HOUR);
    broker.publish(vec![second]).await.unwrap();

    job.cancel().await.unwrap();

    assert!(queue.depth("work").await.unwrap().is_empty());
}
