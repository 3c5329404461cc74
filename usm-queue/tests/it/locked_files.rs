//! A queue file whose lock another process holds.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rusqlite::Connection;
use tempfile::TempDir;
use usm_queue::{ErrorKind, JobFilter, JobStatus, SqliteOptions, TaskQueue, Topology, testing::soon};

use crate::shared::{HOUR, note};

async fn open(path: &Path, lock_timeout: Duration) -> TaskQueue {
    let options = SqliteOptions::default().lock_timeout(lock_timeout);
    TaskQueue::open_with(path, Topology::single("work").unwrap(), options).await.unwrap()
}

/// Another process in the middle of a transaction.
fn lock(path: &Path) -> Connection {
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[tokio::test]
async fn all_calls_behind_one_lock_fail_together_and_reads_go_on() {
    const TIMEOUT: Duration = Duration::from_millis(500);
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("queue.db");
    let queue = open(&path, TIMEOUT).await;
    let job = queue.enqueue(note("before")).await.unwrap();
    let other = lock(&path);

    let begun = Instant::now();
    let calls = join_all((0..40).map(|_| queue.enqueue(note("x"))));
    let reads = async {
        assert_eq!(job.status().await.unwrap().status, JobStatus::Pending);
        assert_eq!(queue.jobs(&JobFilter::default()).await.unwrap().jobs.len(), 1);
        assert!(begun.elapsed() < TIMEOUT, "reads do not wait for the lock");
    };
    let (calls, ()) = soon("all are refused", async { tokio::join!(calls, reads) }).await;

    // In turn they would take twenty seconds.
    assert!(begun.elapsed() < 10 * TIMEOUT, "{:?}", begun.elapsed());
    for refused in calls {
        let error = refused.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("another process holds the queue file"), "{error}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    queue.enqueue(note("after")).await.unwrap();
    assert_eq!(queue.jobs(&JobFilter::default()).await.unwrap().jobs.len(), 2);
}

#[tokio::test]
async fn calls_that_wait_are_done_when_the_lock_is_free() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("queue.db");
    let queue = open(&path, HOUR).await;
    let other = lock(&path);

    let calls = join_all((0..40).map(|_| queue.enqueue(note("x"))));
    let free = async {
        // A read comes back while they wait.
        assert_eq!(queue.jobs(&JobFilter::default()).await.unwrap().jobs, []);
        other.execute_batch("COMMIT").unwrap();
    };
    let (calls, ()) = soon("all are accepted", async { tokio::join!(calls, free) }).await;

    assert!(calls.iter().all(Result::is_ok));
    assert_eq!(queue.jobs(&JobFilter::default()).await.unwrap().jobs.len(), 40);
}
