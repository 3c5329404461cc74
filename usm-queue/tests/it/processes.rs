//! Two handles on one file, as two processes have them.

use std::path::Path;

use tempfile::TempDir;
use tokio::sync::mpsc;
use usm_queue::{
    CancelOutcome, ErrorKind, JobContext, JobStatus, QueueSpec, SqliteOptions, TaskError, TaskQueue,
    Topology, Worker,
    backend::{Message, Settlement},
    testing::{self, eventually, soon},
};

use crate::shared::{HOUR, Note, ended, note, start, states, statuses, with_worker};

async fn open(path: &Path) -> TaskQueue {
    TaskQueue::open(path, Topology::single("work").unwrap()).await.unwrap()
}

/// Two handles on a new file.
async fn two() -> (TempDir, TaskQueue, TaskQueue) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("queue.db");
    let (a, b) = (open(&path).await, open(&path).await);
    (dir, a, b)
}

#[tokio::test]
async fn a_job_enqueued_in_one_process_is_worked_in_another_and_its_result_awaited_in_the_first() {
    let (_dir, a, b) = two().await;
    let worker =
        Worker::new(b, ()).handle(async |task: Note, _: JobContext<()>| Ok::<_, TaskError>(task.text));
    let running = start(worker);

    for number in 0..20 {
        let job = a.enqueue(note(&number.to_string())).await.unwrap();
        assert_eq!(soon("the result comes", job.result()).await.unwrap(), number.to_string());
    }
    running.stop().await;
}

#[tokio::test]
async fn a_watch_in_one_process_sees_every_transition_made_in_another() {
    let (_dir, a, b) = two().await;
    let job = a.enqueue(note("x")).await.unwrap();
    let worker = Worker::new(b, ()).handle(async |_: Note, job: JobContext<()>| {
        job.progress(1, 2, "half").await?;
        if job.attempt() < 3 { Err(TaskError::retry("again")) } else { Ok(String::new()) }
    });

    let states = with_worker(worker, states(&job)).await;

    use JobStatus::{Completed, Pending, Processing};
    assert_eq!(statuses(&states), [Pending, Processing, Pending, Processing, Pending, Processing, Completed]);
    assert!(states.is_sorted_by(|a, b| a.version < b.version));
    assert!(states.windows(2).all(|pair| pair[1].timeline.len() <= pair[0].timeline.len() + 1));
}

#[tokio::test]
async fn a_cancellation_in_one_process_reaches_a_handler_in_another() {
    let (_dir, a, b) = two().await;
    let (told, mut heard) = mpsc::unbounded_channel();
    let worker = Worker::new(b, told).lease(HOUR).stop_grace(HOUR).handle(
        async |_: Note, job: JobContext<mpsc::UnboundedSender<()>>| {
            job.state.send(()).unwrap();
            job.cancelled().await;
            Err::<String, _>(TaskError::retry("stopped"))
        },
    );
    let running = start(worker);
    let job = a.enqueue(note("x")).await.unwrap();
    heard.recv().await.unwrap();

    assert_eq!(job.cancel().await.unwrap(), CancelOutcome::Requested);

    assert_eq!(ended(&a, &job).await.status, JobStatus::Cancelled);
    running.stop().await;
}

#[tokio::test]
async fn what_a_closed_process_held_goes_to_another() {
    let (_dir, a, b) = two().await;
    let (told, mut heard) = mpsc::unbounded_channel();
    let worker =
        Worker::new(a.clone(), told).handle(async |_: Note, job: JobContext<mpsc::UnboundedSender<()>>| {
            job.state.send(()).unwrap();
            std::future::pending::<()>().await;
            Ok::<_, TaskError>(String::new())
        });
    let job = b.enqueue(note("x")).await.unwrap();
    // It does not shut down, its queue is closed under it: the job's lease lapses.
    let lost =
        tokio::spawn(worker.lease(std::time::Duration::from_millis(300)).run_until(std::future::pending()));
    heard.recv().await.unwrap();

    a.close().await;

    let worker = Worker::new(b.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, TaskError>(task.text));
    let record = with_worker(worker, ended(&b, &job)).await;
    assert_eq!((record.status, record.attempt), (JobStatus::Completed, 1));
    let reason = soon("the worker whose queue was closed ends", lost).await.unwrap().unwrap_err();
    assert_eq!(reason.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn jobs_outlive_the_process_that_enqueued_them() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("queue.db");
    let queue = open(&path).await;
    let jobs = queue.enqueue_many((0..10).map(|number| note(&number.to_string()))).await.unwrap();
    let ids: Vec<_> = jobs.iter().map(|job| job.id()).collect();
    drop((queue, jobs));

    let queue = open(&path).await;

    let worker = Worker::new(queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, TaskError>(task.text));
    with_worker(worker, async {
        for (id, number) in ids.into_iter().zip(0..) {
            assert_eq!(queue.handle::<Note>(id).result().await.unwrap(), number.to_string());
        }
    })
    .await;
}

#[tokio::test]
async fn processes_that_start_together_on_a_new_file_all_come_up() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("queue.db");

    let opened: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move { open(&path).await })
        })
        .collect();

    let mut queues = Vec::new();
    for queue in opened {
        queues.push(soon("the queue opens", queue).await.unwrap());
    }
    let job = queues[0].enqueue(note("x")).await.unwrap();
    assert_eq!(queues[7].job(job.id()).await.unwrap().status, JobStatus::Pending);
}

#[tokio::test]
async fn a_process_that_wants_other_queues_is_refused_by_name() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("queue.db");
    let _first = open(&path).await;
    let other = Topology::builder("work.tasks").dead_letters("work.dead", "work.failed").queue(
        usm_queue::QueueSpec::new("work")
            .bind("work.tasks", "#")
            .max_priority(5)
            .dead_letter_exchange("work.dead"),
    );

    let refused = TaskQueue::open(&path, other.build().unwrap()).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::TopologyMismatch);
    for part in ["`work`", "x-max-priority", "10", "5"] {
        assert!(refused.to_string().contains(part), "{refused}");
    }
}

#[tokio::test]
async fn the_length_of_a_limited_queue_is_right_whoever_changes_it() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("queue.db");
    let work = QueueSpec::new("work").bind("tasks", "#").max_length(5).dead_letter_exchange("dead");
    let topology = Topology::builder("tasks").dead_letters("dead", "failed").queue(work).build().unwrap();
    let (one, _) = testing::sqlite_pair(Some(&path), SqliteOptions::default()).await.unwrap();
    let (other, _) = testing::sqlite_pair(Some(&path), SqliteOptions::default()).await.unwrap();
    one.declare(&topology).await.unwrap();
    other.declare(&topology).await.unwrap();
    let looker = rusqlite::Connection::open(&path).unwrap();
    let check = |expected: u64, what: &str| {
        let sql = "SELECT ready, (SELECT count(*) FROM messages WHERE queue = queues.id AND holder IS NULL AND due_at IS NULL)
            FROM queues WHERE name = 'work'";
        let found: (u64, u64) = looker.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(found, (expected, expected), "{what}");
    };
    let message = |id: &str| Message::new("tasks", "x", id, b"{}".to_vec());
    let delayed = |id: &str| {
        let mut message = message(id);
        message.not_before = Some(chrono::Utc::now() + HOUR);
        message
    };

    check(0, "declared");
    one.publish(vec![message("a"), message("b"), delayed("c")]).await.unwrap();
    other.publish(vec![message("d")]).await.unwrap();
    check(3, "published by both");
    let mut consumer = other.consume("work", 2).await.unwrap();
    let first = soon("the first comes", consumer.next()).await.unwrap().unwrap();
    let second = soon("the second comes", consumer.next()).await.unwrap().unwrap();
    check(1, "two are delivered");
    other.settle(&first, Settlement::Requeue { delay: HOUR }).await.unwrap();
    other.settle(&second, Settlement::Retry { message: Box::new(message("b")), delay: HOUR }).await.unwrap();
    drop((consumer, first, second));
    eventually("what was fetched is given back", async || {
        let depth = one.depth("work").await.unwrap();
        (depth.unsettled == Some(0)).then_some(())
    })
    .await;
    check(1, "two are delayed again");
    one.publish((0..6).map(|n| message(&n.to_string())).collect()).await.unwrap();
    check(5, "the heads were dropped");
    assert!(one.remove("work", "5").await.unwrap());
    check(4, "one is removed");
    assert_eq!(other.depth("work").await.unwrap().ready, 4);
    assert_eq!(other.purge("work").await.unwrap(), 4);
    check(0, "purged");
}
