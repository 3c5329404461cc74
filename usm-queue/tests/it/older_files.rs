//! Files of an older version of this library are brought up, and everything in them is worked.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;
use usm_queue::{
    DeadLetterFilter, Job, JobContext, JobFilter, JobId, JobStatus, TaskQueue, Topology, Worker,
    testing::eventually,
};

use crate::shared::{Note, note, with_worker};

/// Written by the last program of that version, which died while a worker of one place was at work, with one job in each
/// state; the task's text names the state.
fn file_of_version(version: u8, dir: &TempDir) -> PathBuf {
    let path = dir.path().join("queue.db");
    let fixture = format!("tests/it/fixtures/version-{version}.db");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture), &path).unwrap();
    path
}

/// The jobs by the text of their task, which is the order of their ids.
async fn jobs(queue: &TaskQueue) -> BTreeMap<&'static str, Job> {
    let texts = ["completed", "failed", "retrying", "processing", "delayed", "cancelled", "pending"];
    let mut jobs = queue.jobs(&JobFilter::default()).await.unwrap().jobs;
    assert_eq!(jobs.len(), texts.len());
    jobs.sort_by_key(|job| job.id);
    texts.into_iter().zip(jobs).collect()
}

#[tokio::test]
async fn everything_in_a_file_of_version_1_is_there_and_is_worked() {
    use JobStatus::{Cancelled, Completed, Failed, Pending, Processing};
    let dir = TempDir::new().unwrap();
    let queue = TaskQueue::open(file_of_version(1, &dir), Topology::single("work").unwrap()).await.unwrap();

    let before = jobs(&queue).await;
    let status = |jobs: &BTreeMap<_, Job>| jobs.values().map(|job| job.status).collect::<Vec<_>>();
    // In the order of the alphabet.
    assert_eq!(status(&before), [Cancelled, Completed, Pending, Failed, Pending, Processing, Pending]);
    assert_eq!(before["completed"].partial_results, [json!({"part": 1}), json!([2])]);
    assert_eq!(before["completed"].result, Some(json!("done")));
    assert_eq!(before["completed"].progress.as_ref().map(|progress| progress.total), Some(2));
    assert_eq!(before["failed"].error.as_deref(), Some("broken"));
    let counts = queue.counts().await.unwrap();
    assert_eq!((counts[0].open(), counts[0].running, counts[0].completed, counts[0].failed), (4, 1, 1, 1));
    assert_eq!(queue.open_tasks().await.unwrap().iter().map(|open| open.jobs).sum::<u64>(), 4);
    for (text, job) in &before {
        // What was delayed is due by now, and maintenance has yet to see it.
        eventually(text, async || {
            let in_state = JobFilter::new().state(job.state(chrono::Utc::now()));
            queue.jobs(&in_state).await.unwrap().jobs.contains(job).then_some(())
        })
        .await;
    }
    let letters = queue.dead_letters().list(&DeadLetterFilter::default(), 0, 9).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.job_id).collect::<Vec<_>>(), [Some(before["failed"].id)]);

    // What the dead process held comes back, what was delayed is due, what was cancelled does not run.
    let worker = Worker::new(queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, usm_queue::TaskError>(task.text));
    let after = with_worker(worker, async {
        let new = queue.enqueue(note("new")).await.unwrap();
        assert_eq!(new.result().await.unwrap(), "new");
        for text in ["retrying", "processing", "delayed", "pending"] {
            let result = queue.handle::<Note>(before[text].id).result().await.unwrap();
            assert_eq!(result, text);
        }
        let replayed = queue.dead_letters().replay(&letters[0].id).await.unwrap();
        assert_eq!(queue.wait(replayed).await.unwrap().status, Completed);
        eventually("no message is left", async || {
            let depth = queue.depth("work").await.unwrap();
            (depth.ready == 0 && depth.delayed == Some(0) && depth.unsettled == Some(0)).then_some(())
        })
        .await;
        let mut after = BTreeMap::new();
        for (text, job) in &before {
            after.insert(*text, queue.job(job.id).await.unwrap());
        }
        after
    })
    .await;

    // Records of that version do not tell their queue; a new one does. The replay is of its letter's queue.
    let counts: Vec<_> = queue.counts().await.unwrap();
    let ended: Vec<_> = counts.iter().map(|of| (of.queue.as_deref(), of.open(), of.completed)).collect();
    assert_eq!(ended, [(None, 0, 5), (Some("work"), 0, 2)]);
    assert_eq!((counts[0].failed, counts[0].cancelled), (1, 1));
    assert!(queue.open_tasks().await.unwrap().is_empty());
    assert_eq!(status(&after), [Cancelled, Completed, Completed, Failed, Completed, Completed, Completed]);
    assert_eq!((after["retrying"].attempt, after["processing"].attempt), (2, 1));
    assert_eq!(after["processing"].partial_results, [json!("begun")]);
}

/// What waits in it can be edited, too.
#[tokio::test]
async fn everything_in_a_file_of_version_3_is_there_and_is_edited_and_worked() {
    use JobStatus::{Cancelled, Completed, Failed, Pending, Processing};
    let dir = TempDir::new().unwrap();
    let queue = TaskQueue::open(file_of_version(3, &dir), Topology::single("work").unwrap()).await.unwrap();
    let before = jobs(&queue).await;
    let status = |jobs: &BTreeMap<_, Job>| jobs.values().map(|job| job.status).collect::<Vec<_>>();
    assert_eq!(status(&before), [Cancelled, Completed, Pending, Failed, Pending, Processing, Pending]);
    assert_eq!((before["completed"].tags.len(), before["pending"].generation), (1, 0));
    let handle = |text| queue.handle::<Note>(before[text].id);

    handle("pending").edit(note("edited")).await.unwrap();
    handle("retrying").edit(note("edited, too")).await.unwrap();
    handle("delayed").reschedule(Duration::ZERO).await.unwrap();

    let worker = Worker::new(queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, usm_queue::TaskError>(task.text));
    with_worker(worker, async {
        for (text, result) in [
            ("pending", "edited"),
            ("retrying", "edited, too"),
            ("delayed", "delayed"),
            ("processing", "processing"),
        ] {
            assert_eq!(handle(text).result().await.unwrap(), result);
        }
        eventually("no message is left", async || {
            queue.depth("work").await.unwrap().is_empty().then_some(())
        })
        .await;
    })
    .await;
    let counts = queue.counts().await.unwrap();
    let [of_work] = counts.as_slice() else { panic!("one queue: {counts:?}") };
    assert_eq!((of_work.open(), of_work.completed, of_work.failed, of_work.cancelled), (0, 5, 1, 1));
}

/// As during a rolling restart. The statements are that program's.
#[tokio::test]
async fn a_program_of_version_1_that_has_the_file_open_goes_on_working() {
    const MESSAGE: &str =
        "INSERT INTO messages (id, queue, priority, due_at, expires_at, message_id, envelope, body)
        VALUES ((SELECT max(id) + 1 FROM messages), 1, 0, NULL, NULL, ?1, ?2, ?3)";
    const JOB: &str = "INSERT INTO jobs (id, task, owner, status, priority, attempt, max_attempts, version, created_at, updated_at,
        next_attempt_at, correlation_id, metadata, timeline) VALUES (?1, 'note', NULL, 0, 0, 0, 3, 1, 1, 1, NULL, NULL, NULL, '')";
    const ENVELOPE: &str =
        r#"{"exchange":"work.tasks","key":"work.note","at":1,"headers":{"x-usm-task":"note"}}"#;
    let dir = TempDir::new().unwrap();
    let path = file_of_version(1, &dir);
    let old = Connection::open(&path).unwrap();
    let mut message = old.prepare(MESSAGE).unwrap();
    let mut job = old.prepare(JOB).unwrap();
    let mut status = old.prepare("SELECT status FROM jobs WHERE id = ?1").unwrap();
    let id = JobId::new();
    let bytes = uuid::Uuid::parse_str(&id.to_string()).unwrap();

    let queue = TaskQueue::open(&path, Topology::single("work").unwrap()).await.unwrap();
    message.execute((id.to_string(), ENVELOPE, br#"{"text":"from the old program"}"#)).unwrap();
    job.execute([bytes.as_bytes().as_slice()]).unwrap();

    let worker = Worker::new(queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, usm_queue::TaskError>(task.text));
    let result = with_worker(worker, async { queue.handle::<Note>(id).result().await.unwrap() }).await;
    assert_eq!(result, "from the old program");
    let ended: i64 = status.query_row([bytes.as_bytes().as_slice()], |row| row.get(0)).unwrap();
    assert_eq!(ended, 2);
}
