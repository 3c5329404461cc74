//! What a running worker does: consumes, claims, runs, settles, renews leases.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::Utc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{
    attempt::{Stop, attempt, died, panic_message},
    health::WorkerHealth,
};
use crate::{
    broker::{Consumer, Delivery, Settlement},
    context::JobContext,
    dead_letter::dead_letter,
    envelope,
    error::{ErrorKind, Result, chain},
    job::{Job, JobId, JobStatus},
    lifecycle::{self, Fate, Outcome, Reason},
    queue::TaskQueue,
    registry::{Handler, Prepared, Registry},
    retry::RetryPolicy,
    store::{Claimed, JobUpdate, Lease, LeaseState, Updated},
    suspects::Suspects,
};

/// How long a consumer must last after a loss before its queue counts as consumed again.
const PROOF: Duration = Duration::from_secs(1);

/// What all tasks of a running worker share.
pub(super) struct Shared<S> {
    pub(super) queue: TaskQueue,
    pub(super) state: S,
    pub(super) registry: Registry<S>,
    pub(super) name: String,
    pub(super) lease: Duration,
    pub(super) stop_grace: Duration,
    /// By lease: a job whose lease lapsed may come back to this worker while its first handler still runs.
    pub(super) running: Mutex<HashMap<Lease, Arc<Stop>>>,
    pub(super) jobs: TaskTracker,
    pub(super) suspects: Suspects,
    pub(super) health: WorkerHealth,
    /// Nothing more is begun.
    pub(super) stopping: CancellationToken,
    /// The shutdown is over: nobody waits for anything any more.
    pub(super) abandon: CancellationToken,
}

impl<S: Clone + Send + Sync + 'static> Shared<S> {
    /// Consumes one queue for ever, anew after every loss.
    pub(super) async fn consume(self: Arc<Self>, queue: String, prefetch: usize) {
        let mut failures = 0u32;
        loop {
            let why = match self.queue.broker().consume(&queue, prefetch).await {
                Ok(consumer) => self.deliver(&queue, consumer, &mut failures).await,
                Err(error) if error.kind() == ErrorKind::Closed => return,
                Err(error) => chain(&error),
            };
            failures += 1;
            self.health.lost(&queue, &why);
            tokio::time::sleep(pause(failures)).await;
        }
    }

    /// Begins whatever a consumer delivers; returns why it ended.
    async fn deliver(self: &Arc<Self>, queue: &str, mut consumer: Consumer, failures: &mut u32) -> String {
        if *failures == 0 {
            self.health.consuming(queue);
        }
        // One that fails at once has not recovered.
        let mut proof = std::pin::pin!(tokio::time::sleep(PROOF));
        loop {
            let next = tokio::select! {
                next = consumer.next() => next,
                () = proof.as_mut(), if *failures > 0 => {
                    *failures = 0;
                    self.health.consuming(queue);
                    continue;
                }
            };
            match next {
                Some(Ok(delivery)) => {
                    if *failures > 0 {
                        *failures = 0;
                        self.health.consuming(queue);
                    }
                    drop(self.jobs.spawn(self.clone().work(delivery)));
                }
                Some(Err(error)) => return chain(&error),
                None => return "the consumer ended".to_owned(),
            }
        }
    }

    /// One delivery, from its arrival to its settlement.
    async fn work(self: Arc<Self>, delivery: Delivery) {
        if let Some(why) = delivery.message.header_str(envelope::UNREADABLE) {
            let why = format!("the broker's client cannot read the message: {why}");
            let task = &delivery.message.routing_key;
            return self.reject(&delivery, task, Reason::Undecodable, &why).await;
        }
        let topology = self.queue.wanted();
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
        let queue = self.queue.wanted().queue(&delivery.queue);
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
        let failed_queue = self.queue.wanted().failed_queue();
        let find = async || match self.queue.broker().find(failed_queue, &delivery.message.message_id).await {
            // Somebody deleted that queue; burying makes it anew.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            found => found,
        };
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
            // Some writes repeat a part of themselves until it succeeds.
            match self.abandon.run_until_cancelled(write()).await? {
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
    pub(super) async fn keep_leases(self: Arc<Self>) {
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

    pub(super) fn stop_all(&self) {
        for stop in self.running().values() {
            stop.ask(Stop::SHUTDOWN);
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Lease, Arc<Stop>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
