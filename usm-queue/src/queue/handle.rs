//! One enqueued job, with its output's type.

use std::{fmt, marker::PhantomData, time::Duration};

use super::TaskQueue;
use crate::{
    backend::{CancelOutcome, JobChanges, JobWatch},
    error::{Error, ErrorKind, Result},
    job::{Job, JobId, JobStatus},
    task::Task,
};

impl TaskQueue {
    /// A typed handle to a job that was enqueued elsewhere. Does not check that it exists.
    pub fn handle<T: Task>(&self, id: JobId) -> JobHandle<T> {
        JobHandle { id, queue: self.clone(), known: false, task: PhantomData }
    }
}

/// How long a caller waits for a result before the log tells that nobody takes the job.
const LONG_WAIT: Duration = Duration::from_secs(30);

/// One enqueued job, with its output's type. Clones are handles to the same job.
pub struct JobHandle<T> {
    id: JobId,
    pub(super) queue: TaskQueue,
    pub(super) known: bool,
    task: PhantomData<fn() -> T>,
}

impl<T: Task> JobHandle<T> {
    /// Identity of the job.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Whether enqueueing found a job that had been accepted before under this id, and left it as it was.
    pub fn was_known(&self) -> bool {
        self.known
    }

    /// Its record now.
    ///
    /// # Errors
    ///
    /// As [`TaskQueue::job`].
    pub async fn status(&self) -> Result<Job> {
        self.queue.job(self.id).await
    }

    /// Its present state, then every change.
    ///
    /// # Errors
    ///
    /// As [`TaskQueue::watch`].
    pub async fn watch(&self) -> Result<JobWatch> {
        self.queue.watch(self.id).await
    }

    /// What is new in its record since this version of it, then every change.
    ///
    /// # Errors
    ///
    /// As [`TaskQueue::changes`].
    pub async fn changes(&self, after: u64) -> Result<JobChanges> {
        self.queue.changes(self.id, after).await
    }

    /// Waits until the job has ended and returns its output. When no worker takes the job for 30 s, the log says so once.
    ///
    /// # Errors
    ///
    /// `JobNotCompleted`, with the job's error, when it failed or was cancelled; `InvalidInput` when the stored result
    /// does not read as the task's output; else as [`TaskQueue::wait`].
    pub async fn result(&self) -> Result<T::Output> {
        let ended = self.queue.wait(self.id);
        let mut ended = std::pin::pin!(ended);
        let job = match tokio::time::timeout(LONG_WAIT, ended.as_mut()).await {
            Ok(ended) => ended?,
            Err(_) => {
                self.tell_if_untaken().await;
                ended.await?
            }
        };
        self.output(job)
    }

    /// Its output if it has completed; `None` while it has not ended.
    ///
    /// # Errors
    ///
    /// As [`result`](Self::result).
    pub async fn try_result(&self) -> Result<Option<T::Output>> {
        let job = self.status().await?;
        if job.status.is_final() { self.output(job).map(Some) } else { Ok(None) }
    }

    fn output(&self, job: Job) -> Result<T::Output> {
        if job.status != JobStatus::Completed {
            let why = job.error.map(|error| format!(": {error}")).unwrap_or_default();
            return Err(Error::new(
                ErrorKind::JobNotCompleted,
                format!("job {} {}{why}", job.id, ended(job.status)),
            ));
        }
        serde_json::from_value(job.result.unwrap_or_default()).map_err(|error| {
            Error::invalid(format!(
                "the result of job {} does not read as the output of task `{}`",
                self.id,
                T::NAME
            ))
            .with_source(error)
        })
    }

    async fn tell_if_untaken(&self) {
        let waits = self.status().await.is_ok_and(|job| {
            job.status == JobStatus::Pending && job.attempt == 0 && job.next_attempt_at.is_none()
        });
        if waits {
            tracing::warn!(
                job.id = %self.id,
                task.name = T::NAME,
                "no worker has taken this job yet; run one that handles its task on the same queue"
            );
        }
    }

    /// Cancels it, as [`TaskQueue::cancel`].
    ///
    /// # Errors
    ///
    /// As [`TaskQueue::cancel`].
    pub async fn cancel(&self) -> Result<CancelOutcome> {
        self.queue.cancel(self.id).await
    }
}

fn ended(status: JobStatus) -> &'static str {
    if status == JobStatus::Cancelled { "was cancelled" } else { "failed" }
}

impl<T> fmt::Debug for JobHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JobHandle").field(&self.id).finish()
    }
}

impl<T> Clone for JobHandle<T> {
    fn clone(&self) -> Self {
        Self { id: self.id, queue: self.queue.clone(), known: self.known, task: PhantomData }
    }
}
