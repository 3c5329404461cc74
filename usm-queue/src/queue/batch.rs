//! Tasks of several kinds, enqueued together.

use super::{EnqueueOptions, JobHandle, TaskQueue};
use crate::{
    backend::{Accepted, Message, NewJob},
    error::Result,
    job::JobId,
    task::Task,
};

/// Collects tasks of any kinds to be enqueued in one go. Made by [`TaskQueue::batch`].
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use usm_queue::{Task, TaskQueue, Topology};
/// # #[derive(Serialize, Deserialize)]
/// # struct Resize;
/// # impl Task for Resize {
/// #     const NAME: &'static str = "resize";
/// #     const ROUTING_KEY: &'static str = "image.resize";
/// #     type Output = ();
/// # }
/// # #[derive(Serialize, Deserialize)]
/// # struct Announce;
/// # impl Task for Announce {
/// #     const NAME: &'static str = "announce";
/// #     const ROUTING_KEY: &'static str = "mail.announce";
/// #     type Output = ();
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> usm_queue::Result<()> {
/// # let queue = TaskQueue::in_memory(Topology::single("work")?).await?;
/// let mut batch = queue.batch();
/// let resized = batch.add(Resize)?;
/// let announced = batch.add(Announce)?;
/// batch.enqueue().await?;
/// # assert!(resized.status().await.is_ok() && announced.status().await.is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is enqueued before `enqueue`"]
pub struct Batch {
    queue: TaskQueue,
    jobs: Vec<(NewJob, Message)>,
}

impl TaskQueue {
    /// An empty batch.
    pub fn batch(&self) -> Batch {
        Batch { queue: self.clone(), jobs: Vec::new() }
    }
}

impl Batch {
    /// Adds a task by its policy; the handle is of use once the batch is enqueued.
    ///
    /// # Errors
    ///
    /// As [`TaskQueue::enqueue`], for what can be told before anything is sent; the batch is left as it was.
    pub fn add<T: Task>(&mut self, task: T) -> Result<JobHandle<T>> {
        self.add_with(task, EnqueueOptions::default())
    }

    /// As [`add`](Self::add), with options.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn add_with<T: Task>(&mut self, task: T, options: EnqueueOptions) -> Result<JobHandle<T>> {
        let (new, message) = self.queue.prepare(&task, options)?;
        let id = new.job.id;
        self.jobs.push((new, message));
        Ok(self.queue.handle(id))
    }

    /// Enqueues all: on SQLite in one commit, all or none; elsewhere in parts, in their order. Returns for each whether it is
    /// new or was [known](JobHandle::was_known) before, in the order in which they were added.
    ///
    /// # Errors
    ///
    /// As [`TaskQueue::enqueue_many`].
    pub async fn enqueue(self) -> Result<Vec<(JobId, Accepted)>> {
        self.queue.accept_all(self.jobs).await
    }
}
