//! What must be true of a queue file when all work is done, whatever happened before.

use std::{collections::BTreeMap, path::Path};

use rusqlite::Connection;
use usm_queue::{DeadLetterFilter, Job, JobFilter, JobId, TaskQueue};
use usm_tests::{
    Chore,
    ledger::{self, Ended, Letters},
};

/// Every record there is.
pub(crate) async fn all_jobs(queue: &TaskQueue) -> Vec<Job> {
    let mut filter = JobFilter::default();
    filter.limit = usize::MAX;
    queue.jobs(&filter).await.unwrap().jobs
}

/// Checks the file of a queue that no other process uses any more: every accepted job is there, ended, and told truly,
/// and nothing else is left. Closes the queue.
pub(crate) async fn audit(queue: TaskQueue, file: &Path, accepted: &BTreeMap<JobId, Chore>) -> Ended {
    let jobs = all_jobs(&queue).await;
    let letters = queue.dead_letters().list(&DeadLetterFilter::default(), 0, usize::MAX).await.unwrap();
    queue.close().await;

    let ended = ledger::check(&jobs, letters, accepted, Letters::One);
    check_file(file, ended.failed);
    ended
}

/// The file is sound, and only dead letters are left in it.
fn check_file(file: &Path, dead_letters: usize) {
    let connection = Connection::open(file).unwrap();
    check_integrity(&connection);
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, usize>(0)).unwrap();
    let failed = format!("queue = (SELECT id FROM queues WHERE name = '{}.failed')", usm_tests::QUEUE);
    assert_eq!(count(&format!("SELECT count(*) FROM messages WHERE {failed}")), dead_letters);
    assert_eq!(count(&format!("SELECT count(*) FROM messages WHERE NOT {failed}")), 0, "nobody works them");
    assert_eq!(count("SELECT count(*) FROM messages WHERE holder IS NOT NULL OR due_at IS NOT NULL"), 0);
    assert_eq!(count("SELECT count(*) FROM jobs WHERE lease_until IS NOT NULL"), 0);
}

/// SQLite finds nothing wrong.
pub(crate) fn check_integrity(connection: &Connection) {
    let found: String =
        connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).expect("it can be read");
    assert_eq!(found, "ok");
}
