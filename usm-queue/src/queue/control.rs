//! Who works, and what operators want of queues.

use super::TaskQueue;
use crate::{
    backend::{ControlChange, MOST_AT_ONCE, Pause, QueueControl, WorkerInfo},
    clock,
    error::{Result, short},
};

/// Longest name of whoever pauses a queue, in characters.
const NAME_CHARS: usize = 200;

impl TaskQueue {
    /// The workers that live, in all processes, by name, as of their last heartbeats. One that shuts down goes off the list at
    /// once, one that died when its heartbeats have been missing: see [`WorkerInfo`].
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn workers(&self) -> Result<Vec<WorkerInfo>> {
        self.store().workers().await
    }

    /// Pauses a queue for all workers, until [`resume`](Self::resume), whatever restarts in between. Durable when it returns,
    /// as the records of jobs are. A queue that is paused already stays paused by whoever was first.
    ///
    /// Workers learn of it within about a second; one that has lost touch with the job store for a moment, at its next
    /// [heartbeat](WorkerInfo). From then on they begin no job of this queue and give back what they hold of it unbegun, which
    /// costs no attempt. Running jobs go on. Enqueueing goes on, and so do delays and times to live.
    ///
    /// ```
    /// # async fn maintain(queue: &usm_queue::TaskQueue) -> usm_queue::Result<()> {
    /// queue.pause("math", "Ada, while the service is down").await?;
    /// let pause = queue.controls().await?.remove(0).paused.unwrap();
    /// println!("paused by {} since {}", pause.by, pause.since);
    /// queue.resume("math").await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` for a queue that is not in the topology; `Unavailable`.
    pub async fn pause(&self, queue: &str, by: impl Into<String>) -> Result<()> {
        let pause = Pause { by: short(&by.into(), NAME_CHARS), since: clock::now() };
        self.control(queue, ControlChange::Pause(pause)).await
    }

    /// Lets workers take jobs from a queue again; for one that is not paused it does nothing.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause).
    pub async fn resume(&self, queue: &str) -> Result<()> {
        self.control(queue, ControlChange::Resume).await
    }

    /// Sets how many jobs of a queue each worker runs at once, 1 to 65,535, whatever it was started with; `None` goes back to
    /// that. It survives restarts, and workers learn of it as of a [pause](Self::pause). Running jobs go on: where there are
    /// more than that, none is begun before enough of them have ended.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause).
    pub async fn set_concurrency(&self, queue: &str, jobs: Option<usize>) -> Result<()> {
        let jobs = jobs.map(|jobs| jobs.clamp(1, MOST_AT_ONCE));
        self.control(queue, ControlChange::Concurrency(jobs)).await
    }

    /// The queues that are paused or have a concurrency set, by name.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn controls(&self) -> Result<Vec<QueueControl>> {
        self.store().controls().await
    }

    async fn control(&self, queue: &str, change: ControlChange) -> Result<()> {
        self.queue_spec(queue)?;
        self.store().control(queue, change).await
    }
}
