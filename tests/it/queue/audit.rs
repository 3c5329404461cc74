//! What must be true of a queue file when all work is done, whatever happened before.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use rusqlite::Connection;
use usm_queue::{DeadLetter, DeadLetterFilter, Job, JobEvent, JobFilter, JobId, JobStatus, TaskQueue};
use usm_tests::{Chore, Done, Kind};

/// How many jobs ended how.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) completed: usize,
    pub(crate) failed: usize,
    pub(crate) cancelled: usize,
    /// Of the failed: those whose last worker died.
    pub(crate) died: usize,
}

/// Every record there is.
pub(crate) async fn all_jobs(queue: &TaskQueue) -> Vec<Job> {
    let mut filter = JobFilter::default();
    filter.limit = usize::MAX;
    queue.jobs(&filter).await.unwrap()
}

/// Checks the file of a queue that no other process uses any more: every accepted job is there, ended, and told truly,
/// and nothing else is left. Closes the queue.
pub(crate) async fn audit(queue: TaskQueue, file: &Path, accepted: &BTreeMap<JobId, Chore>) -> Ended {
    let jobs = all_jobs(&queue).await;
    let mut letters: HashMap<JobId, Vec<DeadLetter>> = HashMap::new();
    for letter in queue.dead_letters().list(&DeadLetterFilter::default(), 0, usize::MAX).await.unwrap() {
        letters.entry(letter.job_id.expect("every chore names its job")).or_default().push(letter);
    }
    queue.close().await;

    let known: BTreeMap<JobId, &Job> = jobs.iter().map(|job| (job.id, job)).collect();
    assert_eq!(known.len(), jobs.len(), "no id twice");
    let lost: Vec<_> = accepted.keys().filter(|id| !known.contains_key(id)).collect();
    assert!(lost.is_empty(), "accepted and lost: {lost:?}");
    let mut ended = Ended::default();
    for job in &jobs {
        check_story(job);
        match job.status {
            JobStatus::Completed => ended.completed += 1,
            JobStatus::Failed => ended.failed += 1,
            JobStatus::Cancelled => ended.cancelled += 1,
            JobStatus::Pending | JobStatus::Processing => panic!("it has not ended: {job:#?}"),
        }
        ended.died += usize::from(died(job));
        let letters = letters.remove(&job.id).unwrap_or_default();
        let dead = usize::from(job.status == JobStatus::Failed);
        assert_eq!(letters.len(), dead, "a failed job has one dead letter: {job:#?} {letters:#?}");
        for letter in &letters {
            assert_eq!(letter.errors.last(), job.error.as_ref(), "the last error: {letter:#?}");
            assert_eq!(letter.attempts, u64::from(job.attempt), "{letter:#?}");
        }
        if let Some(chore) = accepted.get(&job.id) {
            check_outcome(job, chore);
            let payload = serde_json::to_value(chore).unwrap();
            assert!(letters.iter().all(|letter| letter.payload.as_ref() == Some(&payload)), "{letters:#?}");
        }
    }
    assert!(letters.is_empty(), "dead letters of jobs that are not known: {letters:#?}");
    check_file(file, ended.failed);
    ended
}

/// Whether its worker died in the last attempt.
pub(crate) fn died(job: &Job) -> bool {
    job.status == JobStatus::Failed && job.error.as_deref().is_some_and(|error| error.contains("died"))
}

/// The record of an ended job agrees with itself.
fn check_story(job: &Job) {
    let ending = |event| matches!(event, JobEvent::Completed | JobEvent::Failed | JobEvent::Cancelled);
    let endings = job.timeline.iter().filter(|entry| ending(entry.event)).count();
    assert_eq!(endings, 1, "one final state: {job:#?}");
    assert!(job.attempt <= job.max_attempts, "no more attempts than allowed: {job:#?}");
    assert!(job.version >= job.timeline.len() as u64, "a version for every transition: {job:#?}");
    let last = job.timeline.last().unwrap();
    let event = match job.status {
        JobStatus::Completed => JobEvent::Completed,
        JobStatus::Failed => JobEvent::Failed,
        _ => JobEvent::Cancelled,
    };
    assert_eq!((last.event, last.attempt), (event, job.attempt), "{job:#?}");
    if job.status == JobStatus::Completed {
        let done: Done = serde_json::from_value(job.result.clone().unwrap()).unwrap();
        assert_eq!(done.attempt, job.attempt, "the winning attempt's result: {job:#?}");
        assert_eq!(Some(&done.worker), job.worker.as_ref(), "{job:#?}");
        assert_eq!(Some(&done.worker), last.worker.as_ref(), "{job:#?}");
    } else {
        assert_eq!(job.result, None, "{job:#?}");
    }
}

/// The chore took its course, unless its workers died too often.
fn check_outcome(job: &Job, chore: &Chore) {
    let expected = match chore.kind {
        Kind::FailsAlways | Kind::Panics | Kind::Aborts => JobStatus::Failed,
        _ => JobStatus::Completed,
    };
    assert!(job.status == expected || died(job), "{chore:?} became {job:#?}");
    if let Some(result) = &job.result {
        assert_eq!(result["key"], chore.key, "{job:#?}");
    }
    if job.status == JobStatus::Completed && chore.kind == Kind::FailsOnce {
        assert!(job.attempt >= 2, "{job:#?}");
    }
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
