//! The handle that enqueues tasks and answers about jobs.

use std::{fmt, marker::PhantomData, ops::Deref, sync::Arc, time::Duration};

use chrono::Utc;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    broker::{Accepted, Broker, QueueDepth},
    dead_letter::{self, DeadLetters},
    detached::Detached,
    envelope::{self, Message},
    error::{Acceptance, Error, ErrorKind, Result},
    job::{Job, JobId, JobStatus, Owner},
    json,
    retry::later,
    store::{CancelOutcome, JobChanges, JobFilter, JobStore, JobWatch, NewJob, REMEMBER_UNBOUNDED},
    task::Task,
    topology::{QueueSpec, Topology, TopologyPlan},
};

/// Largest message body, in bytes: what RabbitMQ 4 takes by default.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// How often records are looked for whose enqueueing process ended.
const LOOK_FOR_UNCONFIRMED: Duration = Duration::from_secs(300);
/// How old they are then at least: much longer than any enqueue takes.
const UNCONFIRMED_AGE: Duration = Duration::from_secs(300);

/// How long a message that is put back into its queue may have been held before.
const PUT_BACK: Duration = Duration::from_secs(3600);

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
}

struct Inner {
    broker: Arc<dyn Broker>,
    store: Arc<dyn JobStore>,
    topology: Topology,
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
        let (broker, store) = crate::sqlite::open(path.as_ref(), options).await?;
        Self::new(broker, store, topology).await
    }

    /// A queue in this process's memory: nothing is kept when the last handle is gone.
    ///
    /// # Errors
    ///
    /// `Backend` when SQLite cannot start.
    #[cfg(feature = "sqlite")]
    pub async fn in_memory(topology: Topology) -> Result<Self> {
        let (broker, store) = crate::sqlite::in_memory(crate::SqliteOptions::default()).await?;
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
        let unconfirmed = remove_unconfirmed(store.clone());
        tokio::spawn(queue.inner.stop.clone().run_until_cancelled_owned(unconfirmed));
        let notices = dead_letter::watch_notices(broker, store, topology);
        tokio::spawn(queue.inner.stop.clone().run_until_cancelled_owned(notices));
        Ok(queue)
    }

    /// Without tasks of its own.
    fn silent(broker: Arc<dyn Broker>, store: Arc<dyn JobStore>, topology: Topology) -> Self {
        let stop = CancellationToken::new();
        let _stop = stop.clone().drop_guard();
        Self { inner: Arc::new(Inner { broker, store, topology, stop, _stop }) }
    }

    /// Enqueues a task by its policy. When this returns `Ok` the job is durable and will be worked. It goes on when the
    /// returned future is dropped.
    ///
    /// # Errors
    ///
    /// `Unroutable` when the task's routing key reaches no queue, `InvalidInput` when the payload cannot be written as
    /// JSON, exceeds [`MAX_BODY_BYTES`] or a priority exceeds its queue's, `QueueFull`, `Unavailable`. [`Error::jobs`] tells
    /// the job's id and whether it was not accepted or may have been; enqueueing it again with
    /// [that id](EnqueueOptions::id) is right in both cases, and runs it once.
    pub async fn enqueue<T: Task>(&self, task: T) -> Result<JobHandle<T>> {
        self.enqueue_with(task, EnqueueOptions::default()).await
    }

    /// As [`enqueue`](Self::enqueue), with options.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue).
    pub async fn enqueue_with<T: Task>(&self, task: T, options: EnqueueOptions) -> Result<JobHandle<T>> {
        let (new, message) = self.prepare(&task, options)?;
        let id = new.job.id;
        let known = self.accept_one(new, message).await? == Accepted::Known;
        Ok(JobHandle { known, ..self.handle(id) })
    }

    /// Enqueues many tasks: on SQLite all or none in one commit; elsewhere in batches, in their order.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue). Whatever can be told before refuses all of them. [`Error::jobs`] tells of every job
    /// whether it was accepted.
    pub async fn enqueue_many<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = T>,
    ) -> Result<Vec<JobHandle<T>>> {
        self.enqueue_many_with(tasks.into_iter().map(|task| (task, EnqueueOptions::default()))).await
    }

    /// As [`enqueue_many`](Self::enqueue_many), each with its options.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue).
    pub async fn enqueue_many_with<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = (T, EnqueueOptions)>,
    ) -> Result<Vec<JobHandle<T>>> {
        let tasks = tasks.into_iter();
        // Moving these about while the list grows would cost as much as making them.
        let mut accepted = Vec::with_capacity(tasks.size_hint().0);
        for (task, options) in tasks {
            accepted.push(self.prepare(&task, options)?);
        }
        let ids: Vec<_> = accepted.iter().map(|(new, _)| new.job.id).collect();
        if accepted.is_empty() {
            return Ok(Vec::new());
        }
        let results = self.accept(accepted).await;
        if results.iter().all(Result::is_ok) {
            let known = results.into_iter().map(|result| matches!(result, Ok(Accepted::Known)));
            return Ok(ids
                .into_iter()
                .zip(known)
                .map(|(id, known)| JobHandle { known, ..self.handle(id) })
                .collect());
        }
        Err(not_all_accepted(ids, results))
    }

    /// Goes on when the caller stops waiting: a job must not be left half accepted.
    async fn accept(&self, jobs: Vec<(NewJob, Message)>) -> Vec<Result<Accepted>> {
        let inner = self.inner.clone();
        Detached::new(async move { inner.broker.accept(inner.store.as_ref(), jobs).await }).await
    }

    pub(crate) async fn accept_one(&self, new: NewJob, message: Message) -> Result<Accepted> {
        let id = new.job.id;
        let result = self.accept(vec![(new, message)]).await.pop().unwrap_or_else(|| Err(Error::closed()));
        result.map_err(|error| {
            let error = match acceptance_of(&error) {
                Acceptance::Unknown => error.explained(format_args!(
                    "job {id} may have been accepted; enqueue it again with this id"
                )),
                _ => error,
            };
            let acceptance = acceptance_of(&error);
            error.of_jobs(vec![(id, acceptance)])
        })
    }

    /// A typed handle to a job that was enqueued elsewhere. Does not check that it exists.
    pub fn handle<T: Task>(&self, id: JobId) -> JobHandle<T> {
        JobHandle { id, queue: self.clone(), known: false, task: PhantomData }
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

    /// Jobs that match, newest first.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        self.inner.store.list(filter).await
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
        self.inner.store.cancel(id).await
    }

    /// The dead letters of this topology.
    pub fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(self.clone())
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

    /// The topology this queue was opened with, and what the broker has of it.
    pub fn topology(&self) -> LiveTopology<'_> {
        LiveTopology { topology: &self.inner.topology, broker: self.broker() }
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

    fn prepare<T: Task>(&self, task: &T, options: EnqueueOptions) -> Result<(NewJob, Message)> {
        if let Some(why) = options.unwritable {
            return Err(Error::invalid(why));
        }
        let policy = T::policy();
        let job = options.job(T::NAME, policy.priority, policy.retry.max_attempts);
        let mut message = envelope::message(self.wanted().task_exchange(), T::ROUTING_KEY, task, &job)?;
        message.ttl = options.ttl;
        if let Some(delay) = options.first_retry_delay {
            message.headers.insert(
                envelope::FIRST_DELAY_MS.to_owned(),
                u64::try_from(delay.as_millis()).unwrap_or(u64::MAX).into(),
            );
        }
        envelope::check_headers(&message)?;
        let digest = options.id.map(|_| envelope::digest(&message.body));
        Ok((self.checked(job, &message)?.digest(digest), message))
    }

    /// A job with how long its end is remembered: for as long as a message of it may wait.
    pub(crate) fn as_told(&self, job: Job, message: &Message) -> NewJob {
        let queues = self.wanted().reached(&message.exchange, &message.routing_key);
        remembered(job, message, queues)
    }

    /// The same, unless the broker would refuse the message: then nothing need be stored.
    pub(crate) fn checked(&self, job: Job, message: &Message) -> Result<NewJob> {
        if message.body.len() > MAX_BODY_BYTES {
            return Err(Error::invalid(format!(
                "the payload is {} bytes as JSON, more than the {MAX_BODY_BYTES} a message may have; store it elsewhere and enqueue its address",
                message.body.len()
            )));
        }
        let queues: Vec<_> = self.wanted().reached(&message.exchange, &message.routing_key).collect();
        if queues.is_empty() {
            return Err(message.unroutable());
        }
        for queue in &queues {
            if queue.max_priority.is_some_and(|max| u16::from(message.priority) > max) {
                return Err(Error::invalid(format!(
                    "priority {} is above the maximum {} of queue `{}`",
                    message.priority,
                    queue.max_priority.unwrap_or_default(),
                    queue.name()
                )));
            }
        }
        Ok(remembered(job, message, queues))
    }
}

fn remembered<'a>(job: Job, message: &Message, queues: impl IntoIterator<Item = &'a QueueSpec>) -> NewJob {
    let waits = queues.into_iter().map(|queue| queue.message_ttl.into_iter().chain(message.ttl).min());
    let longest = waits.reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)));
    let remember = longest.flatten().map_or(REMEMBER_UNBOUNDED, |ttl| ttl.saturating_add(PUT_BACK));
    NewJob::from(job).remember(remember)
}

/// Removes records of jobs that were being enqueued by a process that ended, for as long as it is polled.
async fn remove_unconfirmed(store: Arc<dyn JobStore>) {
    loop {
        // Not by all processes at the same time.
        tokio::time::sleep(LOOK_FOR_UNCONFIRMED.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
        match store.remove_unconfirmed(UNCONFIRMED_AGE).await {
            Ok(removed) => {
                for id in removed {
                    tracing::warn!(job.id = %id, "the record of this job is removed: the process that was enqueueing it ended before its message was confirmed");
                }
            }
            Err(error) if error.kind() == ErrorKind::Closed => return,
            Err(error) => tracing::debug!(
                error = crate::error::chain(&error),
                "unconfirmed records are not looked for; the next time"
            ),
        }
    }
}

impl fmt::Debug for TaskQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskQueue")
            .field("broker", &self.inner.broker)
            .field("store", &self.inner.store)
            .finish_non_exhaustive()
    }
}

/// A [`Topology`] beside the broker it is declared on.
#[derive(Debug, Clone, Copy)]
pub struct LiveTopology<'a> {
    topology: &'a Topology,
    broker: &'a dyn Broker,
}

impl LiveTopology<'_> {
    /// What is missing on the broker and what conflicts; changes nothing. For a broker that refuses the topology as it is,
    /// ask [`Broker::plan`] before opening a queue.
    ///
    /// # Errors
    ///
    /// As [`Broker::plan`].
    pub async fn plan(&self) -> Result<TopologyPlan> {
        self.broker.plan(self.topology).await
    }

    /// Creates what is missing, and removes levels of the delay ladder that are no longer wanted
    /// ([`RabbitMqOptions::delay_levels`](crate::RabbitMqOptions::delay_levels)): a message that waits in one waits that
    /// level's time again at most, and is not lost. Do that when no process uses the deeper ladder any more. Returns what was
    /// missing or too much.
    ///
    /// # Errors
    ///
    /// As [`Broker::apply`].
    pub async fn apply(&self) -> Result<TopologyPlan> {
        self.broker.apply(self.topology).await
    }
}

impl Deref for LiveTopology<'_> {
    type Target = Topology;

    fn deref(&self) -> &Topology {
        self.topology
    }
}

/// How one job differs from its task's policy.
///
/// ```
/// # use std::time::Duration;
/// # use usm_queue::EnqueueOptions;
/// let options = EnqueueOptions::new().priority(9).owner(42).delay(Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Default)]
pub struct EnqueueOptions {
    id: Option<JobId>,
    priority: Option<u8>,
    ttl: Option<Duration>,
    delay: Option<Duration>,
    owner: Option<Owner>,
    metadata: Map<String, Value>,
    /// Why a value of the metadata cannot be kept.
    unwritable: Option<String>,
    correlation_id: Option<String>,
    max_attempts: Option<u32>,
    first_retry_delay: Option<Duration>,
}

impl EnqueueOptions {
    /// No difference.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses this id. Enqueueing the same id again changes nothing about the first job and runs nothing twice, so a
    /// caller who does not know whether an enqueue succeeded may repeat it: the first stands, and
    /// [`JobHandle::was_known`] tells. With another payload (compared as JSON, the order of fields apart) it is an error
    /// of kind `Conflict`. An id is known for as long as its job lasts and at least 24 hours after its end, on every backend.
    pub fn id(mut self, id: JobId) -> Self {
        self.id = Some(id);
        self
    }

    /// Priority instead of the task's.
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = Some(priority);
        self
    }

    /// The job fails (reason `expired`) if no worker takes it within this time, counted from when it is due. The
    /// queue's own time to live counts too; the shorter wins.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Not delivered before this much time has passed.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Whose job it is.
    pub fn owner(mut self, owner: impl Into<Owner>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Attaches a value to the record, for the caller's own use. Enqueueing fails as `InvalidInput` when JSON cannot hold it
    /// ([`Task`] tells what it can).
    pub fn metadata(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let name = name.into();
        match json::value(value) {
            Ok(value) => drop(self.metadata.insert(name, value)),
            Err(error) => {
                self.unwritable =
                    Some(format!("the value `{name}` of the metadata cannot be written as JSON: {error}"));
            }
        }
        self
    }

    /// Ties the job to others across services.
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// Attempts in all instead of the task's; 0 counts as 1.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// Delay after the first failed attempt instead of the task's.
    pub fn first_retry_delay(mut self, delay: Duration) -> Self {
        self.first_retry_delay = Some(delay);
        self
    }

    fn job(&self, task: &str, priority: u8, max_attempts: u32) -> Job {
        let now = Utc::now();
        let mut job = Job::new(self.id.unwrap_or_else(JobId::new), task, now);
        job.priority = self.priority.unwrap_or(priority);
        job.max_attempts = self.max_attempts.unwrap_or(max_attempts).max(1);
        job.next_attempt_at = self.delay.filter(|delay| !delay.is_zero()).map(|delay| later(now, delay));
        job.owner.clone_from(&self.owner);
        job.metadata.clone_from(&self.metadata);
        job.correlation_id.clone_from(&self.correlation_id);
        job
    }
}

/// One enqueued job, with its output's type.
pub struct JobHandle<T> {
    id: JobId,
    queue: TaskQueue,
    known: bool,
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

    /// Waits until the job has ended and returns its output.
    ///
    /// # Errors
    ///
    /// `JobNotCompleted`, with the job's error, when it failed or was cancelled; `InvalidInput` when the stored result
    /// does not read as the task's output; else as [`TaskQueue::wait`].
    pub async fn result(&self) -> Result<T::Output> {
        let job = self.queue.wait(self.id).await?;
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

    /// Cancels it, as [`TaskQueue::cancel`].
    ///
    /// # Errors
    ///
    /// As [`TaskQueue::cancel`].
    pub async fn cancel(&self) -> Result<CancelOutcome> {
        self.queue.cancel(self.id).await
    }
}

fn acceptance_of(error: &Error) -> Acceptance {
    if error.is_in_doubt() { Acceptance::Unknown } else { Acceptance::NotAccepted }
}

/// The first error of a batch, with what became of every job.
fn not_all_accepted(ids: Vec<JobId>, results: Vec<Result<Accepted>>) -> Error {
    let (mut jobs, mut first) = (Vec::with_capacity(ids.len()), None);
    for (id, result) in ids.into_iter().zip(results) {
        let acceptance = result.as_ref().err().map_or(Acceptance::Accepted, acceptance_of);
        jobs.push((id, acceptance));
        first = first.or(result.err());
    }
    let count = |wanted| jobs.iter().filter(|(_, acceptance)| *acceptance == wanted).count();
    let (refused, unknown) = (count(Acceptance::NotAccepted), count(Acceptance::Unknown));
    let text = format!(
        "of {} jobs {refused} were not accepted and {unknown} may have been; enqueue these again with their ids",
        jobs.len()
    );
    first.unwrap_or_else(Error::closed).explained(text).of_jobs(jobs)
}

fn ended(status: JobStatus) -> &'static str {
    if status == JobStatus::Cancelled { "was cancelled" } else { "failed" }
}

impl<T> fmt::Debug for JobHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JobHandle").field(&self.id).finish()
    }
}
