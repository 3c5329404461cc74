//! What must be true of all jobs when the work is done, whatever happened before: invariants I1 to I5.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::task::JoinSet;
use usm_queue::{DeadLetter, ErrorKind, Job, JobEvent, JobId, JobStatus, TaskQueue};

use crate::{Chore, Done, Kind};

/// How many jobs ended how.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// With a result.
    pub completed: usize,
    /// For good.
    pub failed: usize,
    /// By request.
    pub cancelled: usize,
    /// Of the failed: those whose last worker died.
    pub died: usize,
}

/// How many dead letters a failed job may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letters {
    /// One: failing and burying are one commit.
    One,
    /// One or more: a message is buried first and acknowledged after, so a crash in between buries it again.
    OneOrMore,
}

/// Every accepted job is there, ended once and told truly, and every dead letter belongs to a failed job.
///
/// # Panics
///
/// When it is not so.
pub fn check(
    jobs: &[Job],
    letters: Vec<DeadLetter>,
    accepted: &BTreeMap<JobId, Chore>,
    each: Letters,
) -> Ended {
    let mut by_job: HashMap<JobId, Vec<DeadLetter>> = HashMap::new();
    for letter in letters {
        by_job.entry(letter.job_id.expect("every chore names its job")).or_default().push(letter);
    }
    let mut letters = by_job;
    let known: BTreeMap<JobId, &Job> = jobs.iter().map(|job| (job.id, job)).collect();
    assert_eq!(known.len(), jobs.len(), "no id twice");
    let lost: Vec<_> = accepted.keys().filter(|id| !known.contains_key(id)).collect();
    assert!(lost.is_empty(), "accepted and lost: {lost:?}");
    let mut ended = Ended::default();
    for job in jobs {
        check_story(job);
        match job.status {
            JobStatus::Completed => ended.completed += 1,
            JobStatus::Failed => ended.failed += 1,
            JobStatus::Cancelled => ended.cancelled += 1,
            JobStatus::Pending | JobStatus::Processing => panic!("it has not ended: {job:#?}"),
        }
        ended.died += usize::from(died(job));
        let letters = letters.remove(&job.id).unwrap_or_default();
        let enough = match (job.status, each) {
            (JobStatus::Failed, Letters::One) => letters.len() == 1,
            (JobStatus::Failed, Letters::OneOrMore) => !letters.is_empty(),
            _ => letters.is_empty(),
        };
        assert!(enough, "a failed job has its dead letter, and no other job: {job:#?} {letters:#?}");
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
    ended
}

/// Whether its worker died in the last attempt.
pub fn died(job: &Job) -> bool {
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
        Kind::FailsAlways | Kind::SlowlyFails(_) | Kind::Panics | Kind::Aborts => JobStatus::Failed,
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

/// One of so many jobs is watched from its beginning to its end.
const WATCHED: u64 = 20;

/// Watches of some jobs, from a process that has no part in the work.
#[derive(Debug, Default)]
pub struct Watchers {
    seen: u64,
    watching: JoinSet<()>,
}

impl Watchers {
    /// Watches one of so many of those that are new since the last call.
    pub fn watch<'a>(&mut self, queue: &TaskQueue, accepted: impl ExactSizeIterator<Item = &'a JobId>) {
        let known = self.seen;
        self.seen = accepted.len() as u64;
        // Ids sort by time, roughly; whatever falls among the new ones is as good as another.
        for id in accepted.skip(usize::try_from(known).unwrap()).step_by(usize::try_from(WATCHED).unwrap()) {
            let (queue, id) = (queue.clone(), *id);
            self.watching.spawn(async move {
                let (mut last, mut ended) = (0, false);
                while !ended {
                    let mut watch = match queue.watch(id).await {
                        Ok(watch) => watch,
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                            tokio::time::sleep(Duration::from_millis(100)).await;
                            continue;
                        }
                    };
                    let mut first = true;
                    while let Some(job) = watch.next().await {
                        let job = match job {
                            Ok(job) => job,
                            Err(error) => {
                                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                                break;
                            }
                        };
                        // One that watches anew may see again what it saw last.
                        let grows = job.version > last || (first && job.version == last);
                        assert!(grows, "version {} after {last} of {job:#?}", job.version);
                        assert!(!ended, "a change after the end: {job:#?}");
                        (last, ended, first) = (job.version, job.status.is_final(), false);
                    }
                }
            });
        }
    }

    /// Begins anew with the jobs after so many, and tells how many were watched.
    pub fn begin_anew(&mut self, known: usize) -> usize {
        self.seen = known as u64;
        let mut watching = std::mem::take(&mut self.watching);
        let watched = watching.len();
        while let Some(ended) = watching.try_join_next() {
            ended.unwrap();
        }
        watched
    }

    /// Waits until all watched jobs have ended, and tells how many that were.
    pub async fn finish(self) -> usize {
        let watched = self.watching.len();
        tokio::time::timeout(Duration::from_secs(30), self.watching.join_all())
            .await
            .expect("every watch ends with its job");
        watched
    }
}

/// No worker ran a job after it had ended: a run begins with a claim, and a claim counts up the attempt. Returns how many
/// runs there were.
pub fn check_runs(jobs: &[Job], lines: &[String]) -> usize {
    let attempts: HashMap<String, u32> = jobs.iter().map(|job| (job.id.to_string(), job.attempt)).collect();
    let mut runs = 0;
    for line in lines {
        let Some((id, attempt)) = line.strip_prefix("started ").and_then(|run| run.split_once(' ')) else {
            continue;
        };
        let ended = attempts[id];
        assert!(attempt.parse::<u32>().unwrap() <= ended, "{line}, though it ended in attempt {ended}");
        runs += 1;
    }
    runs
}
