//! Processes one delivery, from its arrival to its settlement.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::Instrument;

use super::{
    attempt::{Stop, attempt, died, guarded, panic_message},
    context::{JobContext, Reports},
    dead_letter::dead_letter,
    decide::{self, ERROR_CHARS, Fate, Outcome, Reason},
    patience::next_wait,
    quarantine,
    registry::{Handler, Prepared},
    shared::Shared,
    spans::{self, job_of},
    timing::{lasted, tried_before, waited},
};
use crate::{
    backend::{Claimed, Delivery, FailOutcome, JobUpdate, Lease, NewJob, Settlement, Updated},
    error::{ErrorKind, Result, chain, short},
    job::{Job, JobId, JobStatus},
    message,
    retry::RetryPolicy,
    task::{TaskError, Verdict},
};

/// How long a message goes back for whose processing panicked outside the application's code, or whose job runs elsewhere.
const SET_ASIDE: Duration = Duration::from_secs(10);

/// What a worker finds in a message.
enum Found<S> {
    Work(Arc<Handler<S>>, Prepared<S>),
    /// This worker cannot run it, but another version of the program may.
    Unknown(Misfit),
    /// Nobody can run it.
    Broken(Misfit),
}

/// Why a message cannot be run.
struct Misfit {
    task: String,
    max_attempts: u32,
    reason: Reason,
    error: String,
}

impl<S: Clone + Send + Sync + 'static> Shared<S> {
    /// One delivery, from its arrival to its settlement.
    pub(super) async fn process(self: &Arc<Self>, delivery: Delivery) {
        let span = self.process_span(&delivery);
        let processed = AssertUnwindSafe(self.work(&delivery).instrument(span)).catch_unwind().await;
        if let Err(panic) = processed {
            let panic = panic_message(panic);
            tracing::error!(
                queue = delivery.queue,
                job.id = job_of(&delivery),
                error = panic,
                "processing a message panicked; it goes back"
            );
            self.settle(&delivery, Settlement::Requeue { delay: SET_ASIDE }).await;
        }
    }

    async fn work(self: &Arc<Self>, delivery: &Delivery) {
        if self.holds_back(delivery) {
            // It goes back as it is.
            self.count(&self.handed_back);
            return;
        }
        let Some(id) = delivery.message.job_id() else { return self.give_id(delivery).await };
        let (handler, prepared) = match self.find(delivery) {
            Found::Work(handler, prepared) => (handler, prepared),
            Found::Unknown(misfit) => return self.leave_to_others(delivery, id, misfit).await,
            Found::Broken(misfit) => return self.reject(delivery, id, &misfit).await,
        };
        let record = self.as_told(delivery, id, handler.task, handler.policy.retry.max_attempts);
        let claim = || self.queue.store().claim(record.clone(), &self.name, self.lease);
        let Some(mut claimed) = self.persist("claim", id, claim).await else { return };
        let mut trial = None;
        if let Claimed::Suspect(crashes) = claimed
            && let Some(place) = self.suspects.place()
        {
            let alone = quarantine::trial(crashes);
            let claim = || self.queue.store().claim_suspect(record.clone(), &self.name, self.lease, alone);
            let Some(again) = self.persist("claim", id, claim).await else { return };
            if let Claimed::Run(_, lease) = again {
                trial = Some(self.watch_trial(lease, alone, place));
            }
            claimed = again;
        }
        match claimed {
            Claimed::Run(job, lease) => self.run(delivery, &handler, prepared, *job, lease).await,
            Claimed::End(job, lease) => {
                self.finish(delivery, &handler, &job, lease, Instant::now(), died(&job)).await;
            }
            Claimed::Final(status) => self.end(delivery, id, status).await,
            Claimed::Superseded => self.drop_superseded(delivery, id).await,
            Claimed::Busy(wait) => self.come_again(delivery, wait).await,
            // Another one is tried; meanwhile it holds no place.
            Claimed::Suspect(crashes) => {
                let delay = quarantine::wait(crashes).mul_f64(0.75 + fastrand::f64() / 2.0);
                self.settle(delivery, Settlement::Requeue { delay }).await;
            }
        }
        drop(trial);
    }

    /// The job as its message tells it, for a store that does not know it.
    fn as_told(&self, delivery: &Delivery, id: JobId, task: &str, max_attempts: u32) -> NewJob {
        let message = &delivery.message;
        let mut record = message::record(message, id, task, max_attempts, delivery.redelivered);
        record.queue = Some(delivery.queue.clone());
        self.queue.as_told(record, message)
    }

    /// What this worker can do with a message.
    fn find(&self, delivery: &Delivery) -> Found<S> {
        let message = &delivery.message;
        if let Some(why) = message.header_str(message::UNREADABLE) {
            return Found::Broken(Misfit {
                task: message.routing_key.clone(),
                max_attempts: 1,
                reason: Reason::Undecodable,
                error: format!("the broker's client cannot read the message: {why}"),
            });
        }
        let topology = self.queue.wanted();
        let same_queue = |key: &str| topology.route(key).contains(&delivery.queue.as_str());
        let Some(handler) = self.registry.find(message, same_queue) else {
            let task = message.header_str(message::TASK).unwrap_or(&message.routing_key).to_owned();
            return Found::Unknown(Misfit {
                error: format!("no handler is registered for task `{task}`"),
                task,
                max_attempts: RetryPolicy::default().max_attempts,
                reason: Reason::UnknownTask,
            });
        };
        // A payload type may have a `Deserialize` of its own, with bugs of its own.
        let error = match guarded(|| handler.prepare(message)) {
            Ok(Ok(prepared)) => return Found::Work(handler, prepared),
            Ok(Err(error)) => chain(&error),
            Err(panic) => format!("decoding the payload panicked: {panic}"),
        };
        let misfit = Misfit {
            task: handler.task.to_owned(),
            max_attempts: handler.policy.retry.max_attempts,
            reason: Reason::Undecodable,
            // An error may quote the payload.
            error: short(&error, ERROR_CHARS),
        };
        if message::is_json(message) { Found::Unknown(misfit) } else { Found::Broken(misfit) }
    }

    /// Gives a message an id that has none, so that it is one job however often it is delivered, and another message with
    /// the same body is another. It is published with its id before it is acknowledged: a crash in between makes two of
    /// it.
    async fn give_id(&self, delivery: &Delivery) {
        let mut message = delivery.message.clone();
        message.message_id = JobId::new().to_string();
        tracing::debug!(
            queue = delivery.queue,
            job.id = message.message_id,
            "a message without any id is given one"
        );
        let settlement = Settlement::Retry { message: Box::new(message), delay: Duration::ZERO };
        self.settle(delivery, settlement).await;
    }

    /// Puts a message back that another version of the program may be able to run, or gives it up when it has waited long
    /// enough. The job's record stays pending and says what it waits for.
    async fn leave_to_others(&self, delivery: &Delivery, id: JobId, misfit: Misfit) {
        let waited =
            delivery.message.header_u64(message::UNKNOWN_MS).map_or(Duration::ZERO, Duration::from_millis);
        let Some(delay) = next_wait(waited, self.unknown_task_patience) else {
            return self.reject(delivery, id, &misfit).await;
        };
        let why = match misfit.reason {
            Reason::UnknownTask => format!("waiting for a worker that knows task `{}`", misfit.task),
            _ => format!(
                "waiting for a worker that can read this payload of task `{}`: {}",
                misfit.task, misfit.error
            ),
        };
        if waited.is_zero() {
            tracing::warn!(job.id = %id, queue = delivery.queue, task.name = misfit.task, reason = why, "this worker cannot run a message; it goes back");
        } else {
            tracing::debug!(job.id = %id, queue = delivery.queue, task.name = misfit.task, ?waited, "message goes back again");
        }
        let record = self.as_told(delivery, id, &misfit.task, misfit.max_attempts);
        let postpone = || self.queue.store().postpone(record.clone(), why.clone(), delay);
        let Some(status) = self.persist("postpone", id, postpone).await else { return };
        let Some(status) = status else { return self.drop_superseded(delivery, id).await };
        if status.is_final() {
            return self.end(delivery, id, status).await;
        }
        let mut message = delivery.message.clone();
        message.headers.insert(message::UNKNOWN_MS.to_owned(), millis(waited.saturating_add(delay)).into());
        message.not_before = None;
        self.settle(delivery, Settlement::Retry { message: Box::new(message), delay }).await;
    }

    async fn run(
        &self,
        delivery: &Delivery,
        handler: &Handler<S>,
        prepared: Prepared<S>,
        job: Job,
        lease: Lease,
    ) {
        let span = self.attempt_span(delivery, handler, &job);
        let claimed = Instant::now();
        let job = Arc::new(job);
        let stop = Arc::new(Stop::new(&self.stopping));
        let _running = self.begin(lease, stop.clone());
        let outcome = if job.cancel_requested {
            // Its last worker died, or ended the attempt before it heard of it.
            Outcome::Cancelled
        } else if self.holds_back(delivery) {
            // The claim took so long that the worker is shutting down by now, or the queue is paused.
            Outcome::Interrupted
        } else {
            let key = delivery
                .message
                .header_str(message::IDEMPOTENCY_KEY)
                .map_or_else(|| job.id.to_string(), str::to_owned);
            let context = || {
                let reports = Reports::Stored(self.queue.shared_store(), lease);
                JobContext::new(self.state.clone(), job.clone(), key, reports, stop.signals.clone())
            };
            let classify = |error: &TaskError| self.registry.verdict(error);
            let worked = self.queue.metrics().worked(&delivery.queue, handler.task);
            let _measured = worked.started(|| waited(&delivery.message, &job));
            let attempt =
                attempt(prepared, context, classify, handler.policy.timeout, &stop, self.stop_grace);
            attempt.instrument(span.clone()).await
        };
        span.record("outcome", outcome.label());
        drop(span);
        self.queue.broker().free_place(delivery);
        self.finish(delivery, handler, &job, lease, claimed, outcome).await;
    }

    /// Records how an attempt ended and settles its delivery.
    async fn finish(
        &self,
        delivery: &Delivery,
        handler: &Handler<S>,
        job: &Job,
        lease: Lease,
        claimed: Instant,
        outcome: Outcome,
    ) {
        let mut outcome_label = outcome.label();
        tracing::debug!(job.id = %job.id, task.name = handler.task, attempt = job.attempt, outcome = outcome_label, "attempt ended");
        let interrupted = outcome == Outcome::Interrupted;
        let policy = retry_policy(&handler.policy.retry, delivery, job);
        let tried = tried_before(&delivery.message, job).saturating_add(claimed.elapsed());
        let decide = |outcome| decide::decide(outcome, job, &policy, tried, fastrand::f64());
        let decided = decide(outcome);
        let mut end = decide::end(&decided);
        let mut finished = self.record(delivery, handler, job, lease, tried, decided).await;
        if let Some(Err(unstorable)) = &finished {
            let error = format!(
                "the handler of task `{}` has ended, but the store cannot take its result: {}",
                handler.task,
                chain(unstorable)
            );
            let failed = decide(Outcome::Failed(Verdict::Permanent, error));
            (outcome_label, end) = ("permanent", decide::end(&failed));
            finished = self.record(delivery, handler, job, lease, tried, failed).await;
        }
        match finished {
            Some(Ok(Updated::Stale)) => {
                (outcome_label, end) = ("lost", None);
                tracing::warn!(job.id = %job.id, attempt = job.attempt, "the job was taken over or ended meanwhile; this attempt's outcome is dropped");
            }
            Some(Ok(Updated::Lost)) => {
                (outcome_label, end) = ("lost", None);
                tracing::warn!(job.id = %job.id, attempt = job.attempt, "the job store lost this attempt; the job runs again");
            }
            Some(Err(error)) => {
                (outcome_label, end) = ("lost", None);
                tracing::error!(job.id = %job.id, attempt = job.attempt, error = chain(&error), "the outcome of this attempt cannot be recorded; the job runs again when its lease has lapsed");
            }
            Some(Ok(Updated::Applied)) if interrupted => self.count(&self.handed_back),
            Some(Ok(Updated::Applied)) => {}
            // The worker gave up: nobody knows.
            None => return,
        }
        spans::ended(outcome_label);
        let worked = self.queue.metrics().worked(&delivery.queue, handler.task);
        worked.attempt(outcome_label);
        if let Some((outcome, reason)) = end {
            worked.finished(outcome, || lasted(job, claimed.elapsed()));
            self.measure_dead(delivery, handler.task, reason);
        }
    }

    fn measure_dead(&self, delivery: &Delivery, task: &str, reason: Option<Reason>) {
        if let Some(reason) = reason {
            self.queue.metrics().dead_letter(Some(&delivery.queue), task, reason.as_str());
        }
    }

    /// Records what was decided and settles the delivery. The inner error is one that no repetition helps against.
    async fn record(
        &self,
        delivery: &Delivery,
        handler: &Handler<S>,
        job: &Job,
        lease: Lease,
        tried: Duration,
        (update, fate): (JobUpdate, Fate),
    ) -> Option<Result<Updated>> {
        if let JobUpdate::Retry { error, .. } | JobUpdate::Failed(error) = &update {
            tracing::warn!(job.id = %job.id, task.name = handler.task, attempt = job.attempt, %error, "attempt failed");
        }
        let settlement = self.settlement(fate, delivery, job, &update, tried);
        let finish = async || {
            let (broker, store) = (self.queue.broker(), self.queue.store());
            match broker.finish(store, delivery, lease, update.clone(), settlement.clone()).await {
                Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(Err(error)),
                finished => finished.map(Ok),
            }
        };
        self.persist("finish", job.id, finish).await
    }

    fn settlement(
        &self,
        fate: Fate,
        delivery: &Delivery,
        job: &Job,
        update: &JobUpdate,
        tried: Duration,
    ) -> Settlement {
        match fate {
            Fate::Ack => Settlement::Ack,
            Fate::HandBack => Settlement::Requeue { delay: Duration::ZERO },
            Fate::RetryAfter(delay) => {
                let counted = !matches!(update, JobUpdate::Retry { counted: false, .. });
                let mut message = delivery.message.clone();
                let attempts = if counted { job.attempt } else { job.attempt.saturating_sub(1) };
                message.headers.insert(message::ATTEMPT.to_owned(), attempts.into());
                message
                    .headers
                    .insert(message::TRIED_MS.to_owned(), millis(tried.saturating_add(delay)).into());
                // Somebody knew it.
                message.headers.remove(message::UNKNOWN_MS);
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

    /// Dead-letters a message that cannot be run at all, and fails its job.
    async fn reject(&self, delivery: &Delivery, id: JobId, misfit: &Misfit) {
        let (reason, error) = (misfit.reason, misfit.error.as_str());
        tracing::warn!(
            queue = delivery.queue,
            job.id = %id,
            task.name = misfit.task,
            reason = reason.as_str(),
            error,
            "message cannot be run"
        );
        let record = self.as_told(delivery, id, &misfit.task, misfit.max_attempts);
        let text = format!("{}: {error}", reason.as_str());
        let fail = || self.queue.store().fail_unclaimed(record.clone(), text.clone());
        let Some(failed) = self.persist("fail", id, fail).await else { return };
        match failed {
            FailOutcome::Failed => {
                self.queue.metrics().finished(Some(&delivery.queue), &misfit.task, "failed");
            }
            FailOutcome::AlreadyFinal(JobStatus::Failed) => {
                let get = || self.queue.store().get(id);
                let Some(job) = self.persist("get", id, get).await else { return };
                if job.is_some_and(|job| job.generation != delivery.message.generation()) {
                    return self.drop_superseded(delivery, id).await;
                }
                // Perhaps by a worker that died before it wrote the dead letter.
            }
            FailOutcome::AlreadyFinal(_) => return self.settle(delivery, Settlement::Ack).await,
            FailOutcome::Held(_) => {
                return self.settle(delivery, Settlement::Requeue { delay: SET_ASIDE }).await;
            }
            FailOutcome::NotDue(wait) => return self.come_again(delivery, wait).await,
            FailOutcome::Superseded => return self.drop_superseded(delivery, id).await,
        }
        self.settle(delivery, self.dead(delivery, reason, None, error)).await;
        self.measure_dead(delivery, &misfit.task, Some(reason));
    }

    /// Puts a message back whose job cannot be taken for so long.
    async fn come_again(&self, delivery: &Delivery, wait: Duration) {
        let delay = wait.saturating_add(Duration::from_millis(10));
        self.settle(delivery, Settlement::Requeue { delay }).await;
    }

    /// Ends a message in whose place an edit has put another.
    async fn drop_superseded(&self, delivery: &Delivery, id: JobId) {
        tracing::info!(job.id = %id, queue = delivery.queue, "the job was edited; this message of before is dropped");
        self.settle(delivery, Settlement::Ack).await;
    }

    /// Ends a message whose job has ended.
    async fn end(&self, delivery: &Delivery, id: JobId, status: JobStatus) {
        if status == JobStatus::Failed && delivery.redelivered {
            self.bury(delivery, id).await;
        } else {
            self.settle(delivery, Settlement::Ack).await;
        }
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
        match (buried, job) {
            (None, Some(mut job)) if job.generation == delivery.message.generation() => {
                let used_up = job.attempt >= job.max_attempts;
                let reason = if used_up { Reason::AttemptsUsedUp } else { Reason::Permanent };
                let error = job.error.take().unwrap_or_else(|| reason.as_str().to_owned());
                // The last entry is the failure itself, which `error` tells.
                job.timeline.pop();
                self.settle(delivery, self.dead(delivery, reason, Some(&job), &error)).await;
                self.measure_dead(delivery, &job.task, Some(reason));
            }
            _ => self.settle(delivery, Settlement::Ack).await,
        }
    }
}

/// The task's policy with what the job itself asked for.
fn retry_policy(policy: &RetryPolicy, delivery: &Delivery, job: &Job) -> RetryPolicy {
    let policy = policy.max_attempts(job.max_attempts);
    match delivery.message.header_u64(message::FIRST_DELAY_MS) {
        Some(ms) => policy.first_delay(Duration::from_millis(ms)),
        None => policy,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
