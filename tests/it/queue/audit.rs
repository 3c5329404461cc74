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
    check_counters(&connection);
}

/// Jobs are counted as they are, whoever was killed in between.
fn check_counters(connection: &Connection) {
    let rows = |sql: &str| {
        let mut select = connection.prepare(sql).unwrap();
        let rows = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).collect::<std::collections::BTreeSet<_>>()
    };
    let of_states = ["waiting", "scheduled", "retrying", "running", "completed", "failed", "cancelled"];
    for (state, name) in of_states.into_iter().enumerate() {
        let kept = format!("SELECT queue || ' ' || task || ' ' || {name} FROM job_counts WHERE {name} <> 0");
        let counted = format!(
            "SELECT queue || ' ' || task || ' ' || count(*) FROM jobs WHERE state = {state} GROUP BY queue, task"
        );
        assert_eq!(rows(&kept), rows(&counted), "{name}");
    }
    let told = rows("SELECT status || ' ' || state FROM jobs WHERE status > 0 GROUP BY status, state");
    let right = ["1 3", "2 4", "3 5", "4 6"].map(str::to_owned);
    assert!(told.is_subset(&right.into()), "each state follows its status: {told:?}");
}

/// SQLite finds nothing wrong.
pub(crate) fn check_integrity(connection: &Connection) {
    let found: String =
        connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).expect("it can be read");
    assert_eq!(found, "ok");
}
