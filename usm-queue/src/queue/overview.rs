//! What an operator looks at first: each queue with what waits in it and who works it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::TaskQueue;
use crate::{
    backend::{OpenTask, Pause, QueueControl, QueueCounts, WorkerInfo},
    error::Result,
};

/// All queues, their jobs and their workers. See [`TaskQueue::overview`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Overview {
    /// By name, the jobs without a known queue first.
    pub queues: Vec<QueueOverview>,
    /// Workers that live, by name.
    pub workers: Vec<WorkerInfo>,
    /// Tasks whose jobs wait and that no live worker knows.
    pub unknown_tasks: Vec<OpenTask>,
}

/// One queue, its jobs and its workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueOverview {
    /// How many jobs are in each state, and since when the oldest waits.
    pub counts: QueueCounts,
    /// How many live workers take jobs from it; those that it is paused for count too.
    pub workers: usize,
    /// How many jobs of it these run at once at most.
    pub concurrency: usize,
    /// Set while it is paused.
    pub paused: Option<Pause>,
}

impl QueueOverview {
    /// Whether jobs wait that nobody will take: there is no worker, and it is not paused either.
    pub fn is_unattended(&self) -> bool {
        self.workers == 0 && self.paused.is_none() && self.counts.open() > 0
    }
}

impl TaskQueue {
    /// Every queue with its jobs by state, its workers and whether it is paused; the workers; and the tasks that no worker knows.
    /// Four reads of what the store keeps, however many jobs there are. They are not made at one moment.
    ///
    /// ```
    /// # use usm_queue::{TaskQueue, Topology};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> usm_queue::Result<()> {
    /// # let queue = TaskQueue::in_memory(Topology::single("mail")?).await?;
    /// let overview = queue.overview().await?;
    /// for queue in overview.queues.iter().filter(|queue| queue.is_unattended()) {
    ///     println!("nobody works {:?}: {} jobs wait", queue.counts.queue, queue.counts.open());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn overview(&self) -> Result<Overview> {
        let (counts, controls) = (self.counts().await?, self.controls().await?);
        Ok(overview(counts, controls, self.workers().await?, self.open_tasks().await?))
    }
}

fn overview(
    counts: Vec<QueueCounts>,
    controls: Vec<QueueControl>,
    workers: Vec<WorkerInfo>,
    open: Vec<OpenTask>,
) -> Overview {
    let mut pauses: BTreeMap<_, _> =
        controls.into_iter().map(|control| (Some(control.queue), control.paused)).collect();
    let of_queue = |counts: QueueCounts| {
        let places = || {
            let all = workers.iter().flat_map(|worker| &worker.queues);
            all.filter(|worked| Some(&worked.queue) == counts.queue.as_ref())
        };
        let (attending, concurrency) = (places().count(), places().map(|worked| worked.concurrency).sum());
        let paused = pauses.remove(&counts.queue).flatten();
        QueueOverview { workers: attending, concurrency, paused, counts }
    };
    let queues = counts.into_iter().map(of_queue).collect();
    let known: BTreeSet<_> = workers.iter().flat_map(|worker| &worker.tasks).collect();
    let unknown_tasks = open.into_iter().filter(|open| !known.contains(&open.task)).collect();
    Overview { queues, workers, unknown_tasks }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::time::Duration;

    use crate::{
        EnqueueOptions, JobContext, Task, TaskError, TaskQueue, Topology, Worker,
        testing::{eventually, soon},
    };

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Mail;

    impl Task for Mail {
        const NAME: &'static str = "mail";
        const ROUTING_KEY: &'static str = "work.mail";
        type Output = ();
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Fax;

    impl Task for Fax {
        const NAME: &'static str = "fax";
        const ROUTING_KEY: &'static str = "work.fax";
        type Output = ();
    }

    #[tokio::test]
    async fn queues_without_workers_and_tasks_that_nobody_knows_are_named() {
        let queue = TaskQueue::in_memory(Topology::single("work").unwrap()).await.unwrap();
        assert!(!queue.overview().await.unwrap().queues[0].is_unattended(), "nothing waits");
        queue.enqueue(Fax).await.unwrap();
        let later = EnqueueOptions::new().delay(Duration::from_secs(3600));
        queue.enqueue_with(Mail, later).await.unwrap();

        let alone = queue.overview().await.unwrap();

        let work = &alone.queues[0];
        assert!(work.is_unattended());
        assert_eq!((work.counts.waiting, work.counts.scheduled, work.workers), (1, 1, 0));
        assert!(work.counts.oldest_waiting.is_some_and(|oldest| oldest <= chrono::Utc::now()));
        let names =
            |tasks: &[crate::OpenTask]| tasks.iter().map(|open| open.task.clone()).collect::<Vec<_>>();
        assert_eq!(names(&alone.unknown_tasks), ["fax", "mail"]);

        queue.pause("work", "ann").await.unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let worker = Worker::new(queue.clone(), ())
            .concurrency(3)
            .handle(async |_: Mail, _: JobContext<()>| Ok::<_, TaskError>(()));
        let running = tokio::spawn(worker.run_until(async { drop(stopped.await) }));
        let attended = eventually("the worker is listed", async || {
            let overview = queue.overview().await.unwrap();
            (!overview.workers.is_empty()).then_some(overview)
        });
        let attended = attended.await;

        let work = &attended.queues[0];
        assert_eq!((work.workers, work.concurrency, work.is_unattended()), (1, 3, false));
        assert_eq!(work.paused.as_ref().unwrap().by, "ann");
        assert_eq!(names(&attended.unknown_tasks), ["fax"]);
        drop(stop);
        soon("the worker ends", running).await.unwrap().unwrap();
    }
}
