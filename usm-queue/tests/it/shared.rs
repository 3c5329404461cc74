//! A task whose outcome each test decides, and workers that run beside a test.

use std::{future::Future, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::{sync::oneshot, task::JoinHandle};
use usm_queue::{
    Job, JobHandle, JobStatus, RetryPolicy, Shutdown, Task, TaskPolicy, TaskQueue, Topology, Worker,
    backend::Message, testing::soon,
};

/// The first retry comes after this, the second after twice as long.
pub(crate) const RETRY: Duration = Duration::from_millis(40);
/// Longer than any test.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Some work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) text: String,
}

impl Task for Note {
    const NAME: &'static str = "note";
    const ROUTING_KEY: &'static str = "work.note";
    type Output = String;

    fn policy() -> TaskPolicy {
        TaskPolicy::default().retry(RetryPolicy::exponential(3, RETRY).jitter(0.0))
    }
}

pub(crate) fn note(text: &str) -> Note {
    Note { text: text.to_owned() }
}

/// One queue, `work`, in memory.
pub(crate) async fn in_memory() -> TaskQueue {
    TaskQueue::in_memory(Topology::single("work").unwrap()).await.unwrap()
}

/// A worker that runs beside the test.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<usm_queue::Result<Shutdown>>,
}

pub(crate) fn start<S: Clone + Send + Sync + 'static>(worker: Worker<S>) -> Running {
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(worker.run_until(async {
        let _ = stopped.await;
    }));
    Running { stop, task }
}

impl Running {
    /// Asks it to shut down and waits until it has.
    pub(crate) async fn stop(self) -> Shutdown {
        let _ = self.stop.send(());
        soon("the worker shuts down", self.task).await.unwrap().unwrap()
    }
}

/// Runs a worker for as long as `test` takes.
pub(crate) async fn with_worker<S: Clone + Send + Sync + 'static, T>(
    worker: Worker<S>,
    test: impl Future<Output = T>,
) -> T {
    let running = start(worker);
    let value = soon("the test ends", test).await;
    running.stop().await;
    value
}

/// The job's record once it has ended.
pub(crate) async fn ended<T: Task>(queue: &TaskQueue, job: &JobHandle<T>) -> Job {
    soon("the job ends", queue.wait(job.id())).await.unwrap()
}

/// Every state of a job until its end.
pub(crate) async fn states<T: Task>(job: &JobHandle<T>) -> Vec<Job> {
    let mut watch = job.watch().await.unwrap();
    let mut states = Vec::new();
    while let Some(state) = soon("the job changes", watch.next()).await {
        states.push(state.unwrap());
    }
    states
}

pub(crate) fn statuses(states: &[Job]) -> Vec<JobStatus> {
    let mut statuses: Vec<_> = states.iter().map(|job| job.status).collect();
    statuses.dedup();
    statuses
}

/// A message as another service writes it: without our headers.
pub(crate) fn foreign(id: &str, body: &str) -> Message {
    Message::new("work.tasks", Note::ROUTING_KEY, id, body.as_bytes().to_vec())
}
