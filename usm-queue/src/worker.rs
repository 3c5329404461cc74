//! Takes deliveries and runs handlers.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use chrono::Utc;
use futures_util::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    broker::{Delivery, Settlement},
    context::JobContext,
    dead_letter::dead_letter,
    envelope,
    error::{Error, ErrorKind, Result, chain},
    job::{Job, JobId, JobStatus},
    lifecycle::{self, Fate, Outcome, Reason},
    queue::TaskQueue,
    registry::{Handler, Prepared, Registry},
    retry::RetryPolicy,
    store::{Claimed, JobUpdate, Lease, LeaseState, Updated},
    suspects::Suspects,
    task::{Task, TaskError, Verdict},
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
        let Self { queue, state, registry, name, concurrency, lease, grace, stop_grace } = self;
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
            stopping: stop.clone(),
            abandon: CancellationToken::new(),
        });
        let consumers = TaskTracker::new();
        for queue in queues {
            consumers
                .spawn(stop.clone().run_until_cancelled_owned(shared.clone().consume(queue, concurrency)));
        }
        let keeper = tokio::spawn(shared.clone().keep_leases());

        stop.cancelled().await;
        consumers.close();
        consumers.wait().await;
        shared.jobs.close();
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

    fn queues(&self) -> Result<BTreeSet<String>> {
        let topology = self.queue.topology();
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

/// What all tasks of a running worker share.
struct Shared<S> {
    queue: TaskQueue,
    state: S,
    registry: Registry<S>,
    name: String,
    lease: Duration,
    stop_grace: Duration,
    /// By lease: a job whose lease lapsed may come back to this worker while its first handler still runs.
    running: Mutex<HashMap<Lease, Arc<Stop>>>,
    jobs: TaskTracker,
    suspects: Suspects,
    /// Nothing more is begun.
    stopping: CancellationToken,
    /// The shutdown is over: nobody waits for anything any more.
    abandon: CancellationToken,
}

/// Asks one running job to stop, and remembers why.
#[derive(Default)]
struct Stop {
    token: CancellationToken,
    why: AtomicU8,
}

impl Stop {
    const CANCELLED: u8 = 1;
    const SHUTDOWN: u8 = 2;
    const LEASE_LOST: u8 = 3;

    fn ask(&self, why: u8) {
        // The first reason counts; a lost lease cannot be outdone by a later cancellation.
        let _ = self.why.compare_exchange(0, why, Ordering::SeqCst, Ordering::SeqCst);
        self.token.cancel();
    }

    fn why(&self) -> u8 {
        self.why.load(Ordering::SeqCst)
    }

    /// Ready when the handler has had its time to stop by itself.
    async fn overdue(&self, grace: Duration) {
        self.token.cancelled().await;
        if self.why() != Self::LEASE_LOST {
            tokio::time::sleep(grace).await;
        }
    }
}

impl<S: Clone + Send + Sync + 'static> Shared<S> {
    /// Consumes one queue for ever, anew after every loss.
    async fn consume(self: Arc<Self>, queue: String, prefetch: usize) {
        let mut failures = 0u32;
        loop {
            match self.queue.broker().consume(&queue, prefetch).await {
                Ok(mut consumer) => loop {
                    match consumer.next().await {
                        Some(Ok(delivery)) => {
                            failures = 0;
                            drop(self.jobs.spawn(self.clone().work(delivery)));
                        }
                        Some(Err(error)) => {
                            log_lost(&queue, &chain(&error), &mut failures);
                            break;
                        }
                        None => {
                            log_lost(&queue, "the consumer ended", &mut failures);
                            break;
                        }
                    }
                },
                Err(error) if error.kind() == ErrorKind::Closed => return,
                Err(error) => log_lost(&queue, &chain(&error), &mut failures),
            }
            tokio::time::sleep(pause(failures)).await;
        }
    }

    /// One delivery, from its arrival to its settlement.
    async fn work(self: Arc<Self>, delivery: Delivery) {
        let topology = self.queue.topology();
        let same_queue = |key: &str| topology.route(key).contains(&delivery.queue.as_str());
        let Some(handler) = self.registry.find(&delivery.message, same_queue) else {
            let task = delivery
                .message
                .header_str(envelope::TASK)
                .unwrap_or(&delivery.message.routing_key)
                .to_owned();
            return self
                .reject(
                    &delivery,
                    &task,
                    Reason::UnknownTask,
                    &format!("no handler is registered for task `{task}`"),
                )
                .await;
        };
        // A payload type may have a `Deserialize` of its own, with bugs of its own.
        let prepared = std::panic::catch_unwind(AssertUnwindSafe(|| handler.prepare(&delivery.message)));
        let prepared = match prepared.map_err(|panic| panic_message(panic.as_ref())) {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(error)) => {
                return self.reject(&delivery, handler.task, Reason::Undecodable, &chain(&error)).await;
            }
            Err(panic) => {
                let error = format!("decoding the payload panicked: {panic}");
                return self.reject(&delivery, handler.task, Reason::Undecodable, &error).await;
            }
        };
        let id = delivery.message.job_id().unwrap_or_else(|| stable_id(&delivery));
        let _apart = if self.is_suspect(&delivery, id).await {
            match self.suspects.stand_apart(&self.stopping).await {
                Some(guard) => Some(guard),
                // The delivery goes back as it is.
                None => return,
            }
        } else {
            None
        };
        let record =
            envelope::rebuild(&delivery.message, id, handler.task, handler.policy.retry.max_attempts);
        let claim = || self.queue.store().claim(record.clone(), &self.name, self.lease);
        let Some(claimed) = self.persist("claim", id, claim).await else { return };
        match claimed {
            Claimed::Run(job, lease) => self.run(&delivery, &handler, prepared, *job, lease).await,
            Claimed::End(job, lease) => self.finish(&delivery, &handler, &job, lease, died(&job)).await,
            Claimed::Final(JobStatus::Failed) if delivery.redelivered => self.bury(&delivery, id).await,
            Claimed::Final(_) => self.settle(&delivery, Settlement::Ack).await,
            Claimed::Busy(until) => {
                let delay = (until - Utc::now()).to_std().unwrap_or_default() + Duration::from_millis(10);
                self.settle(&delivery, Settlement::Requeue { delay }).await;
            }
        }
    }

    /// Whether this may be what took its last worker down: it comes back from an attempt that nobody ended.
    async fn is_suspect(&self, delivery: &Delivery, id: JobId) -> bool {
        if !delivery.redelivered {
            return false;
        }
        let record = self.queue.store().get(id).await.ok().flatten();
        record.is_some_and(|job| job.status == JobStatus::Processing)
    }

    async fn run(
        &self,
        delivery: &Delivery,
        handler: &Handler<S>,
        prepared: Prepared<S>,
        job: Job,
        lease: Lease,
    ) {
        let job = Arc::new(job);
        let stop = Arc::new(Stop::default());
        self.running().insert(lease, stop.clone());
        let key = delivery
            .message
            .header_str(envelope::IDEMPOTENCY_KEY)
            .map_or_else(|| job.id.to_string(), str::to_owned);
        let context = JobContext::new(
            self.state.clone(),
            job.clone(),
            key,
            lease,
            self.queue.shared_store(),
            stop.token.clone(),
        );

        let outcome = if job.cancel_requested {
            // Its last worker died, or ended the attempt before it heard of it.
            Outcome::Cancelled
        } else {
            attempt(prepared, context, handler.policy.timeout, &stop, self.stop_grace).await
        };
        self.finish(delivery, handler, &job, lease, outcome).await;
        self.running().remove(&lease);
    }

    /// Records how an attempt ended and settles its delivery.
    async fn finish(
        &self,
        delivery: &Delivery,
        handler: &Handler<S>,
        job: &Job,
        lease: Lease,
        outcome: Outcome,
    ) {
        tracing::debug!(job.id = %job.id, task.name = handler.task, attempt = job.attempt, ?outcome, "attempt ended");
        let policy = retry_policy(&handler.policy.retry, delivery, job);
        let (update, fate) = lifecycle::decide(outcome, job, &policy, Utc::now(), fastrand::f64());
        if let JobUpdate::Retry { error, .. } | JobUpdate::Failed(error) = &update {
            tracing::warn!(job.id = %job.id, task.name = handler.task, attempt = job.attempt, %error, "attempt failed");
        }
        let settlement = self.settlement(fate, delivery, job, &update);
        let finish = || {
            self.queue.broker().finish(
                self.queue.store(),
                delivery,
                lease,
                update.clone(),
                settlement.clone(),
            )
        };
        let finished = self.persist("finish", job.id, finish).await;
        if finished == Some(Updated::Stale) {
            tracing::warn!(job.id = %job.id, attempt = job.attempt, "the job was taken over or ended meanwhile; this attempt's outcome is dropped");
        }
    }

    fn settlement(&self, fate: Fate, delivery: &Delivery, job: &Job, update: &JobUpdate) -> Settlement {
        match fate {
            Fate::Ack => Settlement::Ack,
            Fate::HandBack => Settlement::Requeue { delay: Duration::ZERO },
            Fate::RetryAfter(delay) => {
                let counted = !matches!(update, JobUpdate::Retry { counted: false, .. });
                let mut message = delivery.message.clone();
                let attempts = if counted { job.attempt } else { job.attempt.saturating_sub(1) };
                message.headers.insert(envelope::ATTEMPT.to_owned(), attempts.into());
                message.not_before = None;
                Settlement::Retry { message: Box::new(message), delay }
            }
            Fate::DeadLetter(reason) => {
                let error =
                    if let JobUpdate::Failed(error) = update { error.as_str() } else { reason.as_str() };
                self.dead(delivery, reason, Some(job), error)
            }
        }
    }

    fn dead(&self, delivery: &Delivery, reason: Reason, job: Option<&Job>, error: &str) -> Settlement {
        let queue = self.queue.topology().queue(&delivery.queue);
        // The topology was checked: every queue that work comes from has a dead-letter exchange.
        let exchange = queue.and_then(|queue| queue.dead_letter_exchange.as_deref()).unwrap_or_default();
        Settlement::DeadLetter { message: Box::new(dead_letter(delivery, exchange, reason, job, error)) }
    }

    /// Dead-letters a message that cannot be run at all, and fails its job where it names one.
    async fn reject(&self, delivery: &Delivery, task: &str, reason: Reason, error: &str) {
        tracing::warn!(
            queue = delivery.queue,
            message.id = delivery.message.message_id,
            reason = reason.as_str(),
            error,
            "message cannot be run"
        );
        if let Some(id) = delivery.message.job_id() {
            let record = envelope::rebuild(&delivery.message, id, task, 1);
            let text = format!("{}: {error}", reason.as_str());
            let fail = || self.queue.store().fail_unclaimed(record.clone(), text.clone());
            if self.persist("fail", id, fail).await.is_none() {
                return;
            }
        }
        self.settle(delivery, self.dead(delivery, reason, None, error)).await;
    }

    /// Ends a message of a failed job that comes again: its worker may have died after it recorded the failure and before
    /// the message became a dead letter.
    async fn bury(&self, delivery: &Delivery, id: JobId) {
        let failed_queue = self.queue.topology().failed_queue();
        let find = || self.queue.broker().find(failed_queue, &delivery.message.message_id);
        let Some(buried) = self.persist("find", id, find).await else { return };
        let Some(job) = self.persist("get", id, || self.queue.store().get(id)).await else { return };
        let settlement = match (buried, job) {
            (None, Some(mut job)) => {
                let used_up = job.attempt >= job.max_attempts;
                let reason = if used_up { Reason::AttemptsUsedUp } else { Reason::Permanent };
                let error = job.error.take().unwrap_or_else(|| reason.as_str().to_owned());
                // The last entry is the failure itself, which `error` tells.
                job.timeline.pop();
                self.dead(delivery, reason, Some(&job), &error)
            }
            _ => Settlement::Ack,
        };
        self.settle(delivery, settlement).await;
    }

    async fn settle(&self, delivery: &Delivery, settlement: Settlement) {
        let settle = || self.queue.broker().settle(delivery, settlement.clone());
        self.persist("settle", &delivery.message.message_id, settle).await;
    }

    /// Repeats a write until it succeeds, keeping the delivery meanwhile: its place stays taken, so no new work comes in
    /// while the backend does not answer. `None` when the worker gave up because it ends.
    async fn persist<T, F>(&self, what: &str, id: impl fmt::Display, write: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut failures = 0u32;
        loop {
            match write().await {
                Ok(value) => return Some(value),
                Err(error) if error.kind() == ErrorKind::Closed => return None,
                Err(error) => {
                    failures += 1;
                    tracing::warn!(what, id = %id, failures, error = chain(&error), "the backend does not take this write; trying again");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause(failures)) => {}
                () = self.abandon.cancelled() => return None,
            }
        }
    }

    /// Renews the leases of running jobs and passes cancellations on to them.
    async fn keep_leases(self: Arc<Self>) {
        let mut cancellations = self.queue.store().cancellations();
        let mut tick = tokio::time::interval(self.lease / 3);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => self.renew().await,
                Ok(id) = cancellations.recv() => {
                    for (_, stop) in self.running().iter().filter(|(lease, _)| lease.id == id) {
                        stop.ask(Stop::CANCELLED);
                    }
                }
            }
        }
    }

    async fn renew(&self) {
        let (leases, running): (Vec<_>, Vec<_>) =
            self.running().iter().map(|(lease, stop)| (*lease, stop.clone())).unzip();
        if leases.is_empty() {
            return;
        }
        match self.queue.store().renew(&leases, self.lease).await {
            Ok(states) => {
                for (stop, state) in running.iter().zip(states) {
                    match state {
                        LeaseState::Held => {}
                        LeaseState::CancelRequested => stop.ask(Stop::CANCELLED),
                        LeaseState::Lost => stop.ask(Stop::LEASE_LOST),
                    }
                }
            }
            Err(error) => tracing::warn!(
                error = chain(&error),
                jobs = leases.len(),
                "leases cannot be renewed; trying again"
            ),
        }
    }

    fn stop_all(&self) {
        for stop in self.running().values() {
            stop.ask(Stop::SHUTDOWN);
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<Lease, Arc<Stop>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a handler within its time, catching panics, until it ends or is stopped.
async fn attempt<S>(
    prepared: Prepared<S>,
    context: JobContext<S>,
    timeout: Duration,
    stop: &Stop,
    grace: Duration,
) -> Outcome {
    // Inside the async block, so that a panic before the handler's first await is caught too.
    let running = pin!(AssertUnwindSafe(async { prepared(context).await }).catch_unwind());
    let ended = tokio::select! {
        ended = tokio::time::timeout(timeout, running) => ended,
        () = stop.overdue(grace) => return stopped(stop.why()),
    };
    match ended {
        Err(_) => Outcome::TimedOut(timeout),
        Ok(Err(panic)) => Outcome::Panicked(panic_message(panic.as_ref())),
        Ok(Ok(Ok(value))) => Outcome::Completed(value),
        Ok(Ok(Err(_))) if stop.why() != 0 => stopped(stop.why()),
        Ok(Ok(Err(error))) => Outcome::Failed(error.verdict(), error.to_string()),
    }
}

/// How the last attempt of a job ended whose worker died in it.
fn died(job: &Job) -> Outcome {
    if job.cancel_requested {
        return Outcome::Cancelled;
    }
    let worker = job.worker.as_deref().unwrap_or("unknown");
    let error = format!(
        "worker {worker} died or froze in attempt {} of {}; the job may be what kills it",
        job.attempt,
        job.max_attempts.max(1)
    );
    Outcome::Failed(Verdict::Retry, error)
}

fn stopped(why: u8) -> Outcome {
    if why == Stop::CANCELLED { Outcome::Cancelled } else { Outcome::Interrupted }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}

/// The task's policy with what the job itself asked for.
fn retry_policy(policy: &RetryPolicy, delivery: &Delivery, job: &Job) -> RetryPolicy {
    let policy = policy.with_max_attempts(job.max_attempts);
    match delivery.message.header_u64(envelope::FIRST_DELAY_MS) {
        Some(ms) => policy.with_first_delay(Duration::from_millis(ms)),
        None => policy,
    }
}

/// The id of a message that names no job: the same on every redelivery.
fn stable_id(delivery: &Delivery) -> JobId {
    let message = &delivery.message;
    let name =
        if message.message_id.is_empty() { message.body.as_slice() } else { message.message_id.as_bytes() };
    JobId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name))
}

/// 50 ms, doubling up to 5 s, spread by half.
fn pause(failures: u32) -> Duration {
    let base = Duration::from_millis(50).saturating_mul(1 << failures.min(7)).min(Duration::from_secs(5));
    base.mul_f64(0.75 + fastrand::f64() / 2.0)
}

/// Says once per loss that a queue is not consumed.
fn log_lost(queue: &str, why: &str, failures: &mut u32) {
    *failures += 1;
    if *failures == 1 {
        tracing::warn!(queue, why, "not consuming; trying again until it works");
    }
}
