//! Jobs that a random run cancels before they are due, and what must be true of them in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use usm_queue::{CancelOutcome, EnqueueOptions, Job, JobId, JobStatus, TaskQueue};

use crate::{Chore, Kind};

/// How long the jobs wait.
const DELAY: Duration = Duration::from_secs(3);
/// How many are enqueued at a time; the first of them is not cancelled.
const AT_A_TIME: u64 = 6;

/// Delayed jobs, most of them cancelled.
#[derive(Debug, Default)]
pub struct Cancels {
    /// All of them.
    pub accepted: BTreeMap<JobId, Chore>,
    /// Those of which the caller was told that they are cancelled.
    pub cancelled: BTreeSet<JobId>,
}

impl Cancels {
    /// Enqueues some jobs, and cancels all but one.
    pub async fn some_more(&mut self, queue: &TaskQueue) {
        for number in 0..AT_A_TIME {
            let chore = Chore::new(number, Kind::Quick);
            // What was just broken may refuse it.
            let delayed = EnqueueOptions::new().delay(DELAY);
            let Ok(job) = queue.enqueue_with(chore.clone(), delayed).await else { continue };
            self.accepted.insert(job.id(), chore);
            if number > 0 && matches!(job.cancel().await, Ok(CancelOutcome::Cancelled)) {
                self.cancelled.insert(job.id());
            }
        }
    }

    /// What was cancelled stayed so, and no line of a worker says that it began.
    ///
    /// # Panics
    ///
    /// When it is not so.
    pub fn check<'a>(&self, jobs: impl IntoIterator<Item = &'a Job>, lines: &[String]) {
        for job in jobs.into_iter().filter(|job| self.cancelled.contains(&job.id)) {
            assert_eq!(job.status, JobStatus::Cancelled, "cancelled, and yet: {job:#?}");
        }
        let ids: BTreeSet<String> = self.cancelled.iter().map(ToString::to_string).collect();
        let ran = lines.iter().find(|line| {
            let run = line.strip_prefix("started ").and_then(|run| run.split(' ').next());
            run.is_some_and(|id| ids.contains(id))
        });
        assert_eq!(ran, None, "it was cancelled before it was due");
    }
}
