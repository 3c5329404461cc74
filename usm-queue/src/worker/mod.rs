//! Takes deliveries and runs handlers.

mod attempt;
mod consume;
mod context;
mod dead_letter;
mod decide;
mod depths;
mod health;
mod leases;
mod patience;
mod presence;
mod process;
mod quarantine;
mod registry;
mod shared;
mod shutdown;
mod spans;
mod startup;
mod steering;
mod timing;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::task::{JoinError, JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Span;

#[cfg(feature = "testing")]
pub(crate) use self::context::{Reports, Signals};
pub use self::{
    context::JobContext,
    health::{QueueHealth, WorkerHealth},
    shutdown::Shutdown,
};
use self::{quarantine::Suspects, registry::Registry, shared::Shared, steering::Steering};
use crate::{
    backend::MOST_AT_ONCE,
    error::{Error, ErrorKind, Result, chain},
    queue::TaskQueue,
    task::{Task, Verdict},
    trace_context::{LinkTrace, TraceContext},
};

/// The bounds of a lease.
const LEASES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(24 * 3600));
/// How long a shutdown waits, past both graces, for what the last handlers left to be recorded.
const RECORDING: Duration = Duration::from_secs(2);

/// Takes jobs from the queues its tasks are routed to and runs their handlers.
///
/// A handler runs at least once and may run again: after a crash, a lost lease, a retry. A finished job is never run
/// again. Handlers must not block the thread; CPU-bound work belongs in `spawn_blocking`, or leases lapse.
///
/// A panic of a handler, of its future when it is dropped, of the state's `clone` or of an error's `Display` is a failed
/// attempt. A setting beyond its range counts as the nearest end of it.
///
/// A shutdown takes at most the [grace period](Self::grace_period), the [stop grace](Self::stop_grace) and 2 s for what is
/// then to be recorded: by default 5 + 2 + 2 = 9 s, within the 10 s that Docker gives. For the 30 s of Kubernetes a grace
/// period of 25 s fits.
///
/// After a crash all jobs of a worker are begun again as soon as its lease has lapsed, and the crash costs none of them an
/// attempt. A job whose worker died twice in the same attempt is tried alone, without another such job beside it, healthy
/// work going on; a crash during that trial counts as an attempt, so that a job which kills its workers ends as a dead
/// letter and takes nobody with it.
pub struct Worker<S> {
    queue: TaskQueue,
    state: S,
    registry: Registry<S>,
    name: String,
    version: Option<String>,
    concurrency: usize,
    queue_concurrency: BTreeMap<String, usize>,
    lease: Duration,
    grace: Duration,
    stop_grace: Duration,
    unknown_task_patience: Duration,
    health: WorkerHealth,
    link_trace: Option<LinkTrace>,
}

impl<S: Clone + Send + Sync + 'static> Worker<S> {
    /// A worker without handlers. Every job gets a clone of `state`.
    pub fn new(queue: TaskQueue, state: S) -> Self {
        Self {
            queue,
            state,
            registry: Registry::default(),
            name: format!("{}-{:04x}", std::process::id(), fastrand::u16(..)),
            version: None,
            concurrency: 1,
            queue_concurrency: BTreeMap::new(),
            lease: Duration::from_secs(15),
            grace: Duration::from_secs(5),
            stop_grace: Duration::from_secs(2),
            unknown_task_patience: Duration::from_secs(600),
            health: WorkerHealth::default(),
            link_trace: None,
        }
    }

    /// Runs `handler` for its task: any `async fn(T, JobContext<S>) -> Result<T::Output, E>`. `E` is [`TaskError`](crate::TaskError), or whatever
    /// converts into a boxed error: an error type of your own, `anyhow::Error`, `String`. An error that says no more means "try
    /// again", unless [`classify`](Self::classify) knows better. A task has one handler.
    ///
    /// A closure that never names its error type needs to be told: `Ok::<_, TaskError>(output)`.
    pub fn handle<T, F, Fut, E>(mut self, handler: F) -> Self
    where
        T: Task,
        F: Fn(T, JobContext<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T::Output, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        self.registry.add(handler);
        self
    }

    /// How long one attempt at `T` may take on this worker, in place of what its [policy](Task::policy) says: for a time-out that
    /// is a setting. It holds for a task that is handled already.
    ///
    /// ```
    /// # use {std::time::Duration, usm_queue::{JobContext, Task, TaskError, TaskQueue, Worker}};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Draw;
    /// # impl Task for Draw { const NAME: &str = "draw"; const ROUTING_KEY: &str = "draw"; type Output = (); }
    /// # async fn draw(_: Draw, _: JobContext<()>) -> Result<(), TaskError> { Ok(()) }
    /// # fn worker(queue: TaskQueue, timeout: Duration) -> Worker<()> {
    /// Worker::new(queue, ()).handle(draw).timeout::<Draw>(timeout)
    /// # }
    /// ```
    pub fn timeout<T: Task>(mut self, timeout: Duration) -> Self {
        self.registry.set_timeout(T::NAME, timeout);
        self
    }

    /// Decides for all handlers what the errors of one type ask for, so that it need not be said at each `?`. The error that a
    /// handler returns is looked at, then what caused it; of several classifiers that know one, the first counts. A handler
    /// that says itself what its error asks for is believed, except for [`TaskError::retry`](crate::TaskError::retry), which is
    /// what `?` says too.
    ///
    /// An error that `anyhow` holds is seen where something was added to it with `context`.
    ///
    /// ```
    /// # use usm_queue::{Result, TaskQueue, Verdict, Worker};
    /// #[derive(Debug, thiserror::Error)]
    /// enum Refusal {
    ///     #[error("the account is closed")]
    ///     Closed,
    ///     #[error("the bank is busy")]
    ///     Busy,
    /// }
    ///
    /// # fn worker(queue: TaskQueue) -> Worker<()> {
    /// Worker::new(queue, ()).classify(|refusal: &Refusal| match refusal {
    ///     Refusal::Closed => Verdict::Permanent,
    ///     Refusal::Busy => Verdict::Retry,
    /// })
    /// # }
    /// ```
    pub fn classify<E: std::error::Error + 'static>(
        mut self,
        verdict: impl Fn(&E) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.registry.classify(verdict);
        self
    }

    /// Jobs that run at once from each queue, and messages taken from it: a message is taken only when there is a free
    /// place for it. 1, the default, to 65,535.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.clamp(1, MOST_AT_ONCE);
        self
    }

    /// As [`concurrency`](Self::concurrency), for one of its queues. 1 to 65,535.
    ///
    /// [`TaskQueue::set_concurrency`] outdoes both while workers run.
    pub fn queue_concurrency(mut self, queue: impl Into<String>, jobs: usize) -> Self {
        self.queue_concurrency.insert(queue.into(), jobs.clamp(1, MOST_AT_ONCE));
        self
    }

    /// How long a job stays this worker's without a sign of life; signs are given every third of it. A job of a worker
    /// that died is taken over after this time. 10 ms to 1 day, default 15 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.clamp(LEASES.0, LEASES.1);
        self
    }

    /// How long a shutdown waits for running jobs before they must stop; they hear of it by
    /// [`JobContext::stopping`] when it begins. Any length, default 5 s.
    pub fn grace_period(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long a handler that must stop, by a cancellation or a shutdown, may go on before it is dropped. Any length,
    /// default 2 s.
    pub fn stop_grace(mut self, grace: Duration) -> Self {
        self.stop_grace = grace;
        self
    }

    /// How long a message waits whose task this worker does not know, or whose payload is JSON that its task cannot read,
    /// before it becomes a dead letter: a worker of another version may know it. It goes back into its queue with growing
    /// delays of at most 10 s, and its job stays pending and says what it waits for; the delays count, not the time in
    /// between. Any length, default 10 minutes; 0 for a dead letter at once.
    pub fn unknown_task_patience(mut self, patience: Duration) -> Self {
        self.unknown_task_patience = patience;
        self
    }

    /// The name in records, timelines and logs. Default: the process id and four random digits.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Ties the span of every delivery to the trace of its job: `link` gets the span `process`, or, where a filter has that off,
    /// `attempt`, before it begins, and the [context](crate::Job::trace) that the job's message carries. A panic of it is logged.
    /// See [`TaskQueue::trace_with`] for the other end.
    pub fn trace_with(mut self, link: impl Fn(&Span, &TraceContext) + Send + Sync + 'static) -> Self {
        self.link_trace = Some(Arc::new(link));
        self
    }

    /// The version of the application, for [`TaskQueue::workers`]. Default: none.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Tells from outside whether this worker consumes its queues.
    pub fn health(&self) -> WorkerHealth {
        self.health.clone()
    }

    /// Works until `shutdown` is ready; then takes nothing more, tells running jobs and waits for them up to the grace
    /// period, makes the others stop, and hands back what is left without counting the attempt. Says what became of them.
    ///
    /// It begins when the job store has answered once. A queue that is [paused](TaskQueue::pause) is not consumed; that it is,
    /// or is no longer, the worker learns within about a second.
    ///
    /// Lost connections are not errors, nor are missing rights or reached limits: it says so in the log at once, again every
    /// 10 s, and in its [`health`](Self::health), and goes on when it can. When the future is dropped the worker shuts down
    /// in the same way by itself.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when there is no handler, more than one for a task, or a `queue_concurrency` for another queue, `Unroutable` when a handler's routing key reaches no queue, `Closed` as
    /// soon as the queue is closed under the worker, `Backend` when a part of it panicked. In the last two cases running
    /// jobs are made to stop first, as in a shutdown.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<Shutdown> {
        let queues = self.queues()?;
        self.announce(&queues);
        self.warn_of_long_tasks();
        let stop = CancellationToken::new();
        let stopping = stop.clone().drop_guard();
        // In a task of its own, so that a worker whose caller goes away ends as well.
        let mut working = tokio::spawn(self.work(queues, stop));
        let ended = tokio::select! {
            ended = &mut working => ended,
            () = shutdown => {
                drop(stopping);
                working.await
            }
        };
        ended.unwrap_or_else(|error| Err(died("the worker", error)))
    }

    async fn work(self, queues: BTreeMap<String, usize>, stop: CancellationToken) -> Result<Shutdown> {
        let Self {
            queue,
            state,
            registry,
            name,
            version,
            lease,
            grace,
            stop_grace,
            unknown_task_patience,
            health,
            link_trace,
            concurrency: _,
            queue_concurrency: _,
        } = self;
        let steering = Steering::new(queues);
        let tasks = registry.handlers().map(|handler| handler.task.to_owned()).collect();
        let info = presence::introduce(&name, version, tasks, &steering);
        let id = info.id.clone();
        let shared = Arc::new(Shared {
            queue,
            state,
            registry,
            name,
            lease,
            stop_grace,
            unknown_task_patience,
            running: Mutex::default(),
            jobs: TaskTracker::new(),
            suspects: Suspects::default(),
            health: health.clone(),
            link_trace,
            steering,
            ended: AtomicUsize::new(0),
            handed_back: AtomicUsize::new(0),
            stopping: stop.clone(),
            abandon: CancellationToken::new(),
        });
        let depths: Vec<_> = shared.steering.names().map(str::to_owned).collect();
        let mut consumers = JoinSet::new();
        for queue in shared.steering.names() {
            health.starting(queue);
            let consuming = shared.clone().consume(queue.to_owned());
            consumers.spawn(stop.clone().run_until_cancelled_owned(consuming));
        }
        let mut keeper = tokio::spawn(shared.clone().keep_leases());
        let mut presence = tokio::spawn(shared.clone().keep_presence(info));

        let failure = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            Some(ended) = consumers.join_next() => match ended {
                Ok(error) => error,
                Err(error) => Some(died("a consumer of the worker", error)),
            },
            ended = &mut keeper => {
                Some(ended.unwrap_or_else(|error| died("the task that keeps the worker's leases", error)))
            }
            ended = &mut presence => {
                Some(ended.unwrap_or_else(|error| died("the task that tells of the worker", error)))
            }
            never = health.remind() => match never {},
            never = shared.measure_depths(&depths) => match never {},
        };
        stop.cancel();
        while consumers.join_next().await.is_some() {}
        health.ended();
        shared.jobs.close();
        let (worker, jobs) = (shared.name.as_str(), shared.jobs.len());
        match &failure {
            None => tracing::info!(worker, jobs, "shutting down: no new job is taken"),
            Some(error) => {
                tracing::error!(worker, jobs, error = chain(error), "the worker cannot go on and ends")
            }
        }
        // Without its queue or its leases nothing that a handler does would count.
        let grace = if failure.is_some() { Duration::ZERO } else { grace };
        let mut abandoned = 0;
        if tokio::time::timeout(grace, shared.jobs.wait()).await.is_err() {
            shared.stop_all();
            // Past it only a handler that never yields, or a store that does not answer, is left; its lease lapses.
            let last = stop_grace.saturating_add(RECORDING);
            if tokio::time::timeout(last, shared.jobs.wait()).await.is_err() {
                abandoned = shared.jobs.len();
                shared.abandon.cancel();
            }
        }
        keeper.abort();
        presence.abort();
        if let Some(error) = failure {
            return Err(error);
        }
        if abandoned == 0 {
            shared.leave(&id).await;
        }
        let (ended, handed_back) =
            (shared.ended.load(Ordering::Relaxed), shared.handed_back.load(Ordering::Relaxed));
        Ok(Shutdown { finished: ended.saturating_sub(handed_back), handed_back, abandoned })
    }

    /// The queues its tasks are routed to, each with its jobs at once.
    fn queues(&self) -> Result<BTreeMap<String, usize>> {
        if let Some(task) = self.registry.twice().first() {
            return Err(Error::invalid(format!(
                "task `{task}` has more than one handler; remove one, or give one of the tasks another NAME"
            )));
        }
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
        if let Some(other) = self.queue_concurrency.keys().find(|queue| !queues.contains(*queue)) {
            return Err(Error::invalid(format!(
                "queue_concurrency names queue `{other}`, which no task of this worker is routed to; its queues are {}",
                queues.into_iter().collect::<Vec<_>>().join(", ")
            )));
        }
        let at_once = |queue: String| {
            let jobs = self.queue_concurrency.get(&queue).copied().unwrap_or(self.concurrency);
            (queue, jobs)
        };
        Ok(queues.into_iter().map(at_once).collect())
    }
}

/// A task that ended by a panic, or with its runtime.
fn died(what: &str, error: JoinError) -> Error {
    Error::new(ErrorKind::Backend, format!("{what} was interrupted; start the worker again"))
        .with_source(error)
}

impl<S> fmt::Debug for Worker<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("name", &self.name)
            .field("handlers", &self.registry)
            .finish_non_exhaustive()
    }
}
