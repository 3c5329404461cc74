//! The handle that enqueues tasks and answers about jobs.

mod batch;
pub mod bulk;
mod control;
pub mod dead_letters;
mod edit;
mod enqueue;
mod handle;
mod options;
mod overview;
mod publish;
mod reports;
mod topology;
mod unconfirmed;

#[cfg(not(all(feature = "rabbitmq", feature = "redis")))]
use std::future::Ready;
use std::{fmt, sync::Arc};

use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::{
    batch::Batch,
    dead_letters::DeadLetterFilter,
    enqueue::MAX_BODY_BYTES,
    handle::JobHandle,
    options::EnqueueOptions,
    overview::{Overview, QueueOverview},
    topology::LiveTopology,
};
use crate::{
    backend::{
        Broker, CancelOutcome, JobChanges, JobFilter, JobPage, JobStore, JobWatch, OpenTask, QueueCounts,
        QueueDepth,
    },
    error::{Error, ErrorKind, Result},
    job::{Job, JobId},
    metrics::Metrics,
    topology::{QueueSpec, Topology},
    trace_context::TraceOf,
};

/// Enqueues tasks and answers about jobs. Clones share one connection.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use usm_queue::{JobContext, Task, TaskError, TaskQueue, Topology, Worker};
/// #[derive(Serialize, Deserialize)]
/// struct Add(u64, u64);
///
/// impl Task for Add {
///     const NAME: &'static str = "add";
///     const ROUTING_KEY: &'static str = "math.add";
///     type Output = u64;
/// }
///
/// async fn add(Add(a, b): Add, _job: JobContext<()>) -> Result<u64, TaskError> {
///     Ok(a + b)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> usm_queue::Result<()> {
/// let queue = TaskQueue::in_memory(Topology::single("math")?).await?;
/// let job = queue.enqueue(Add(2, 3)).await?;
///
/// let worker = Worker::new(queue.clone(), ()).handle(add);
/// worker.run_until(async {
///     assert_eq!(job.result().await.unwrap(), 5);
/// }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TaskQueue {
    inner: Arc<Inner>,
    trace_of: Option<TraceOf>,
}

struct Inner {
    broker: Arc<dyn Broker>,
    store: Arc<dyn JobStore>,
    topology: Topology,
    /// What the broker is, for spans.
    system: &'static str,
    metrics: Arc<Metrics>,
    /// Ends the tasks of this queue; so does dropping the guard.
    stop: CancellationToken,
    _stop: DropGuard,
}

impl TaskQueue {
    /// Opens or creates the SQLite file at `path`, with the default [`SqliteOptions`](crate::SqliteOptions). Several
    /// processes may share the file; it must lie on a local disk. A file of an older version of this library is brought up;
    /// restart all processes that share it together.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for what is no plain path (empty, `:memory:`, `file:…`; see [`in_memory`](Self::in_memory)),
    /// `Unavailable` when the file cannot be opened or written, `Corrupt` when it is no queue file or damaged,
    /// `NewerVersion` when a newer library wrote it, `TopologyMismatch` when it holds a queue with other arguments.
    #[cfg(feature = "sqlite")]
    pub async fn open(path: impl AsRef<std::path::Path>, topology: Topology) -> Result<Self> {
        Self::open_with(path, topology, crate::SqliteOptions::default()).await
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[cfg(feature = "sqlite")]
    pub async fn open_with(
        path: impl AsRef<std::path::Path>,
        topology: Topology,
        options: crate::SqliteOptions,
    ) -> Result<Self> {
        let (broker, store) = crate::backend::sqlite::open(path.as_ref(), options).await?;
        Self::new(broker, store, topology).await
    }

    /// A queue in this process's memory: nothing is kept when the last handle is gone.
    ///
    /// It lives on the caller's runtime and keeps tokio's time, so a test with paused time (`#[tokio::test(start_paused = true)]`,
    /// tokio's feature `test-util`) waits for no delay and no retry.
    ///
    /// # Errors
    ///
    /// `Backend` when SQLite cannot start.
    #[cfg(feature = "sqlite")]
    pub async fn in_memory(topology: Topology) -> Result<Self> {
        let (broker, store) = crate::backend::sqlite::in_memory(crate::SqliteOptions::default()).await?;
        Self::new(broker, store, topology).await
    }

    /// RabbitMQ for the messages and Redis for the records: URLs, or [`RabbitMqOptions`](crate::RabbitMqOptions) and
    /// [`RedisOptions`](crate::RedisOptions). Declares the topology. One process uses two connections to RabbitMQ (one with
    /// [`share_connection`](crate::RabbitMqOptions::share_connection)) and two to Redis; all come back by themselves after an
    /// outage.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when a URL cannot be read, `Backend` when a server refuses the user, `Unavailable` when it cannot be
    /// reached, `TopologyMismatch` when a queue or exchange exists with other arguments.
    #[cfg(all(feature = "rabbitmq", feature = "redis"))]
    pub async fn connect(
        rabbitmq: impl Into<crate::RabbitMqOptions>,
        redis: impl Into<crate::RedisOptions>,
        topology: Topology,
    ) -> Result<Self> {
        let (broker, store) = futures_util::try_join!(rabbitmq.into().connect(), redis.into().connect())?;
        Self::new(broker, store, topology).await
    }

    /// Needs the features `rabbitmq` and `redis`, and says so.
    #[cfg(not(all(feature = "rabbitmq", feature = "redis")))]
    #[doc(hidden)]
    pub fn connect<R: RabbitMqAndRedis>(
        rabbitmq: R,
        _: impl Sized,
        topology: Topology,
    ) -> Ready<Result<Self>> {
        rabbitmq.connect(topology)
    }

    /// As [`connect`](Self::connect), for programs that read records, watch and cancel: Redis is connected now, RabbitMQ by the
    /// first call that needs it, which declares the topology too. Does not read the broker's dead-letter notices.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), those of RabbitMQ by the first call that needs it, its URL apart.
    #[cfg(all(feature = "rabbitmq", feature = "redis"))]
    pub async fn connect_lazily(
        rabbitmq: impl Into<crate::RabbitMqOptions>,
        redis: impl Into<crate::RedisOptions>,
        topology: Topology,
    ) -> Result<Self> {
        let broker = rabbitmq.into().connect_lazily()?;
        let store = redis.into().connect().await?;
        // Only noted down.
        broker.declare(&topology).await?;
        Ok(Self::silent(broker, store, topology))
    }

    /// A queue on any broker and job store. Declares the topology.
    ///
    /// # Errors
    ///
    /// As [`Broker::declare`].
    pub async fn new(broker: Arc<dyn Broker>, store: Arc<dyn JobStore>, topology: Topology) -> Result<Self> {
        broker.declare(&topology).await?;
        let queue = Self::silent(broker.clone(), store.clone(), topology.clone());
        queue.spawn(unconfirmed::remove(store.clone()));
        queue.spawn(reports::read(broker, store, topology, queue.inner.metrics.clone()));
        queue.resume_bulks();
        Ok(queue)
    }

    /// Without tasks of its own.
    fn silent(broker: Arc<dyn Broker>, store: Arc<dyn JobStore>, topology: Topology) -> Self {
        let stop = CancellationToken::new();
        let _stop = stop.clone().drop_guard();
        let (system, metrics) = (broker.describe().system, Arc::default());
        let inner = Inner { broker, store, topology, system, metrics, stop, _stop };
        Self { inner: Arc::new(inner), trace_of: None }
    }

    /// Runs a task of this queue until the queue is closed or its last handle is gone.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.inner.stop.clone().run_until_cancelled_owned(task));
    }

    /// The job that is called so: by its id, or by what the service calls it that enqueued it, as in [`Job::alias`]. Of several
    /// that are called the same, as a job and its replay are, it is the newest. Does not check that it exists.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when no job can be called so; `Unavailable`.
    pub async fn resolve(&self, id: &str) -> Result<JobId> {
        self.inner.store.resolve(id).await
    }

    /// The record of a job.
    ///
    /// # Errors
    ///
    /// `NotFound` when it is unknown or its time to live is over; `Unavailable`.
    pub async fn job(&self, id: JobId) -> Result<Job> {
        self.inner.store.get(id).await?.ok_or_else(|| Error::not_found(format!("job {id}")))
    }

    /// Jobs that match, the newest first unless the filter says otherwise, with the cursor from where to go on.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<JobPage> {
        self.inner.store.list(filter).await
    }

    /// How many jobs each queue has in each state, and since when the oldest waits: of the queues of this topology and of any
    /// other that has jobs, by name. The store keeps these numbers and does not count, so it may be asked often, with millions
    /// of jobs too. Ended jobs count for as long as their records are kept; on Redis those whose
    /// records have expired count until they are swept, which is up to two fifths more than there are.
    ///
    /// ```
    /// # use usm_queue::{TaskQueue, Topology};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> usm_queue::Result<()> {
    /// # let queue = TaskQueue::in_memory(Topology::single("mail")?).await?;
    /// for counts in queue.counts().await? {
    ///     let name = counts.queue.as_deref().unwrap_or("(unknown)");
    ///     println!("{name}: {} wait, {} run, {} failed", counts.waiting, counts.running, counts.failed);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn counts(&self) -> Result<Vec<QueueCounts>> {
        let mut counts = self.inner.store.counts().await?;
        // Those whose messages no worker takes have no jobs of their own.
        let others = [self.wanted().failed_queue(), self.wanted().notice_queue()];
        let worked = self.wanted().queues().iter().map(QueueSpec::name).filter(|name| !others.contains(name));
        for queue in worked.map(|name| Some(name.to_owned())) {
            if !counts.iter().any(|known| known.queue == queue) {
                counts.push(QueueCounts::new(queue));
            }
        }
        counts.sort_by(|one, other| one.queue.cmp(&other.queue));
        Ok(counts)
    }

    /// The tasks of which jobs have not ended, by queue: among them those that no worker knows. Kept by the store as
    /// [`counts`](Self::counts) are.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn open_tasks(&self) -> Result<Vec<OpenTask>> {
        let mut open = self.inner.store.open_tasks().await?;
        open.sort();
        Ok(open)
    }

    /// The present state of a job, then every change without a gap until it is final, whichever process causes it.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Unavailable`.
    pub async fn watch(&self, id: JobId) -> Result<JobWatch> {
        self.inner.store.watch(id).await
    }

    /// What is new in a job's record since this version of it, then every later change until the job is final, whichever
    /// process causes it: each once and in order. 0 begins at the beginning. Who was disconnected goes on after the
    /// [`number`](crate::JobChange::number) of the last change, also in another process.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Unavailable`.
    pub async fn changes(&self, id: JobId, after: u64) -> Result<JobChanges> {
        self.inner.store.changes(id, after).await
    }

    /// Waits until a job has ended and returns its record.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Unavailable`.
    pub async fn wait(&self, id: JobId) -> Result<Job> {
        let mut watch = self.watch(id).await?;
        while let Some(job) = watch.next().await {
            let job = job?;
            if job.status.is_final() {
                return Ok(job);
            }
        }
        Err(Error::closed())
    }

    /// Cancels a waiting job, or asks the worker of a running one to stop, whichever process it is in.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn cancel(&self, id: JobId) -> Result<CancelOutcome> {
        let cancelled = self.inner.store.cancel(id).await?;
        // One that runs is counted by its worker.
        if cfg!(feature = "metrics")
            && cancelled == CancelOutcome::Cancelled
            && let Ok(Some(job)) = self.inner.store.get(id).await
        {
            let queue =
                job.queue.as_deref().and_then(|queue| self.wanted().queue(queue)).map(QueueSpec::name);
            self.metrics().finished(queue, &job.task, "cancelled");
        }
        Ok(cancelled)
    }

    /// Removes the record of an ended job for good; `false` when it is unknown or has not ended. That it has ended is
    /// remembered, so that no late message runs it again. Its dead letter stays.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn delete(&self, id: JobId) -> Result<bool> {
        self.inner.store.delete(id).await
    }

    /// How many messages a queue holds.
    ///
    /// # Errors
    ///
    /// `NotFound` for a queue that is not in the topology; `Unavailable`.
    pub async fn depth(&self, queue: &str) -> Result<QueueDepth> {
        self.queue_spec(queue)?;
        self.inner.broker.depth(queue).await
    }

    /// Gives unsettled deliveries back and releases the backend. Other clones get `Closed` errors from then on, and so does
    /// another queue that was made of the same broker or store. A process that ends without it loses nothing: its deliveries come back when its lease has lapsed.
    pub async fn close(&self) {
        // First, or it would report the end of its consumer as a loss.
        self.inner.stop.cancel();
        self.inner.broker.close().await;
        self.inner.store.close().await;
    }

    pub(crate) fn wanted(&self) -> &Topology {
        &self.inner.topology
    }

    pub(crate) fn broker(&self) -> &dyn Broker {
        self.inner.broker.as_ref()
    }

    pub(crate) fn store(&self) -> &dyn JobStore {
        self.inner.store.as_ref()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(crate) fn system(&self) -> &'static str {
        self.inner.system
    }

    pub(crate) fn shared_store(&self) -> Arc<dyn JobStore> {
        self.inner.store.clone()
    }

    fn queue_spec(&self, name: &str) -> Result<&QueueSpec> {
        self.wanted().queue(name).ok_or_else(|| {
            let known: Vec<_> = self.wanted().queues().iter().map(QueueSpec::name).collect();
            Error::new(
                ErrorKind::NotFound,
                format!("there is no queue `{name}`; this topology has {}", known.join(", ")),
            )
        })
    }
}

/// What nothing implements: its message tells which features are missing.
#[cfg(not(all(feature = "rabbitmq", feature = "redis")))]
#[diagnostic::on_unimplemented(
    message = "`TaskQueue::connect` needs the features `rabbitmq` and `redis` of usm-queue",
    label = "these features are not enabled",
    note = "write in Cargo.toml: usm-queue = {{ version = \"…\", features = [\"rabbitmq\", \"redis\"] }}"
)]
#[doc(hidden)]
pub trait RabbitMqAndRedis {
    fn connect(self, topology: Topology) -> Ready<Result<TaskQueue>>;
}

impl fmt::Debug for TaskQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskQueue")
            .field("broker", &self.inner.broker)
            .field("store", &self.inner.store)
            .finish_non_exhaustive()
    }
}
