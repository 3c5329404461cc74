//! A handler called by a test, without a queue or a worker.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::Utc;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::{
    JobContext,
    backend::JobUpdate,
    job::{Job, JobId, Progress},
    worker::{Reports, Signals},
};

/// Makes the [`JobContext`] for a test of a handler, tells what the handler reported, and signals to it.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use usm_queue::{JobContext, Task, TaskError, testing::TestJob};
/// # #[derive(Serialize, Deserialize)]
/// # struct Add(u64, u64);
/// # impl Task for Add {
/// #     const NAME: &'static str = "add";
/// #     const ROUTING_KEY: &'static str = "math.add";
/// #     type Output = u64;
/// # }
/// async fn add(Add(a, b): Add, job: JobContext<()>) -> Result<u64, TaskError> {
///     job.progress(1, 1, "adding").await?;
///     Ok(a + b)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let test = TestJob::new().attempt(2);
/// assert_eq!(add(Add(2, 3), test.context(())).await.unwrap(), 5);
/// assert_eq!(test.progress()[0].message, "adding");
/// # }
/// ```
#[derive(Debug)]
pub struct TestJob {
    job: Job,
    reports: Arc<Mutex<Vec<JobUpdate>>>,
    stopping: CancellationToken,
    cancelled: CancellationToken,
}

impl Default for TestJob {
    fn default() -> Self {
        Self::new()
    }
}

impl TestJob {
    /// A job in its first attempt of three.
    pub fn new() -> Self {
        let mut job = Job::new(JobId::new(), "test", Utc::now());
        (job.attempt, job.max_attempts) = (1, 3);
        Self {
            job,
            reports: Arc::default(),
            stopping: CancellationToken::new(),
            cancelled: CancellationToken::new(),
        }
    }

    /// Sets which attempt it is, counted from 1.
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.job.attempt = attempt;
        self
    }

    /// Changes the record that the handler sees.
    pub fn with(mut self, change: impl FnOnce(&mut Job)) -> Self {
        change(&mut self.job);
        self
    }

    /// What to give to the handler. Several of one test share their reports and signals.
    pub fn context<S>(&self, state: S) -> JobContext<S> {
        let signals = Signals::of(self.stopping.clone(), self.cancelled.clone());
        let reports = Reports::Recorded(self.reports.clone());
        let key = self.job.id.to_string();
        JobContext::new(state, Arc::new(self.job.clone()), key, reports, Arc::new(signals))
    }

    /// Tells the handler that its worker begins to shut down.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Tells the handler that it must stop now.
    pub fn cancel(&self) {
        self.stopping.cancel();
        self.cancelled.cancel();
    }

    /// The progress reported, oldest first.
    pub fn progress(&self) -> Vec<Progress> {
        self.reported(|report| match report {
            JobUpdate::Progress(progress) => Some(progress.clone()),
            _ => None,
        })
    }

    /// The partial results that read as `P`, oldest first.
    pub fn partials<P: DeserializeOwned>(&self) -> Vec<P> {
        self.reported(|report| match report {
            JobUpdate::Partial(value) => P::deserialize(value).ok(),
            _ => None,
        })
    }

    fn reported<T>(&self, read: impl Fn(&JobUpdate) -> Option<T>) -> Vec<T> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(read).collect()
    }
}
