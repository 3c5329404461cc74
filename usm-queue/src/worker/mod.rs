//! Takes deliveries and runs handlers.

mod attempt;
mod health;
mod running;

use std::{
    collections::BTreeSet,
    fmt,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::health::{QueueHealth, WorkerHealth};
use self::running::Shared;
use crate::{
    context::JobContext,
    error::{Error, ErrorKind, Result},
    queue::TaskQueue,
    registry::Registry,
    suspects::Suspects,
    task::{Task, TaskError},
};

/// Takes jobs from the queues its tasks are routed to and runs their handlers.
///
/// A handler runs at least once and may run again: after a crash, a lost lease, a retry. A finished job is never run
/// again. Handlers must not block the thread; CPU-bound work belongs in `spawn_blocking`, or leases lapse.
pub struct Worker<S> {
    queue: TaskQueue,
    state: S,
    registry: Registry<S>,
    name: String,
    concurrency: usize,
    lease: Duration,
    grace: Duration,
    stop_grace: Duration,
    health: WorkerHealth,
}

impl<S: Clone + Send + Sync + 'static> Worker<S> {
    /// A worker without handlers. Every job gets a clone of `state`.
    pub fn new(queue: TaskQueue, state: S) -> Self {
        Self {
            queue,
            state,
            registry: Registry::default(),
            name: format!("{}-{:04x}", std::process::id(), fastrand::u16(..)),
            concurrency: 1,
            lease: Duration::from_secs(15),
            grace: Duration::from_secs(25),
            stop_grace: Duration::from_secs(5),
            health: WorkerHealth::default(),
        }
    }

    /// Runs `handler` for its task: any `async fn(T, JobContext<S>) -> Result<T::Output, TaskError>`.
    pub fn handle<T, F, Fut>(mut self, handler: F) -> Self
    where
        T: Task,
        F: Fn(T, JobContext<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T::Output, TaskError>> + Send + 'static,
    {
        self.registry.add(handler);
        self
    }

    /// Jobs that run at once from each queue, and messages taken from it: a message is taken only when there is a free
    /// place for it. At least 1, the default.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// How long a job stays this worker's without a sign of life; signs are given every third of it. A job of a worker
    /// that died is taken over after this time. Default 15 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(10));
        self
    }

    /// How long a shutdown waits for running jobs before it asks them to stop. Default 25 s.
    pub fn grace_period(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long a handler that was asked to stop, by a cancellation or a shutdown, may go on before it is dropped.
    /// Default 5 s.
    pub fn stop_grace(mut self, grace: Duration) -> Self {
        self.stop_grace = grace;
        self
    }

    /// The name in records, timelines and logs. Default: the process id and four random digits.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Tells from outside whether this worker consumes its queues.
    pub fn health(&self) -> WorkerHealth {
        self.health.clone()
    }

    /// Works until `shutdown` is ready; then takes nothing more, waits for running jobs up to the grace period, asks the
    /// others to stop, and hands back what is left without counting the attempt.
    ///
    /// Lost connections are not errors: it says so in the log and goes on when they are back. When the future is dropped
    /// the worker shuts down in the same way by itself.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when there is no handler, `Unroutable` when a handler's routing key reaches no queue.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<()> {
        let queues = self.queues()?;
        self.warn_of_long_tasks();
        let stop = CancellationToken::new();
        let stopping = stop.clone().drop_guard();
        // In a task of its own, so that a worker whose caller goes away ends as well.
        let working = tokio::spawn(self.work(queues, stop));
        shutdown.await;
        drop(stopping);
        working
            .await
            .map_err(|error| Error::new(ErrorKind::Backend, "the worker was interrupted").with_source(error))
    }

    async fn work(self, queues: BTreeSet<String>, stop: CancellationToken) {
        let Self { queue, state, registry, name, concurrency, lease, grace, stop_grace, health } = self;
        let shared = Arc::new(Shared {
            queue,
            state,
            registry,
            name,
            lease,
            stop_grace,
            running: Mutex::default(),
            jobs: TaskTracker::new(),
            suspects: Suspects::default(),
            health: health.clone(),
            stopping: stop.clone(),
            abandon: CancellationToken::new(),
        });
        let consumers = TaskTracker::new();
        for queue in queues {
            health.starting(&queue);
            consumers
                .spawn(stop.clone().run_until_cancelled_owned(shared.clone().consume(queue, concurrency)));
        }
        let keeper = tokio::spawn(shared.clone().keep_leases());

        stop.cancelled().await;
        consumers.close();
        consumers.wait().await;
        health.ended();
        shared.jobs.close();
        tracing::info!(running = shared.jobs.len(), "shutting down: no new job is taken");
        if tokio::time::timeout(grace, shared.jobs.wait()).await.is_err() {
            shared.stop_all();
            // Past it only a handler that never yields, or a store that does not answer, is left; its lease lapses.
            let last = stop_grace + Duration::from_secs(5);
            if tokio::time::timeout(last, shared.jobs.wait()).await.is_err() {
                shared.abandon.cancel();
            }
        }
        keeper.abort();
    }

    /// A job that runs longer than the broker waits for its acknowledgement would be given to another worker.
    fn warn_of_long_tasks(&self) {
        let Some(limit) = self.queue.broker().settle_within() else { return };
        for handler in self.registry.handlers() {
            let longest = handler.policy.timeout.saturating_add(self.stop_grace);
            if longest >= limit {
                tracing::warn!(
                    task.name = handler.task,
                    ?longest,
                    broker.limit = ?limit,
                    "this task may run longer than the broker waits for an acknowledgement and would be delivered again; shorten `TaskPolicy::timeout` or raise the broker's consumer time-out"
                );
            }
        }
    }

    fn queues(&self) -> Result<BTreeSet<String>> {
        let topology = self.queue.wanted();
        let mut queues = BTreeSet::new();
        for handler in self.registry.handlers() {
            let reached = topology.route(handler.routing_key);
            if reached.is_empty() {
                return Err(Error::new(
                    ErrorKind::Unroutable,
                    format!(
                        "routing key `{}` of task `{}` reaches no queue; bind one to it",
                        handler.routing_key, handler.task
                    ),
                ));
            }
            queues.extend(reached.into_iter().map(str::to_owned));
        }
        if queues.is_empty() {
            return Err(Error::invalid("the worker has no handler; add one with `.handle(…)`"));
        }
        Ok(queues)
    }
}

impl<S> fmt::Debug for Worker<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("name", &self.name)
            .field("handlers", &self.registry)
            .finish_non_exhaustive()
    }
}
