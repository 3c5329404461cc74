//! Messages that will not be tried again: listed, shown, replayed, removed.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    broker::{Broker, Delivery, Settlement},
    envelope::{self, Message},
    error::{Error, ErrorKind, Result, chain},
    job::{Job, JobEvent, JobId},
    lifecycle::Reason,
    queue::TaskQueue,
    store::JobStore,
    topology::Topology,
};

/// How many messages are read at first when all are walked.
const PAGE: usize = 200;
/// How long a replay of all waits for the next dead letter before it believes that there is none.
const NO_MORE: Duration = Duration::from_secs(2);
/// How long notices must have been read after a loss before that is over.
const PROOF: Duration = Duration::from_secs(1);

/// A message that will not be tried again, with its reason and history.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Identity: the message's id, which for jobs of this library is the job's.
    pub id: String,
    /// The job it belonged to, where the message tells.
    pub job_id: Option<JobId>,
    /// Name of the task, where the message tells.
    pub task: Option<String>,
    /// Why it died: `attempts used up`, `permanent error`, `too old to try again`, `undecodable`, `unknown task`; or the
    /// broker's own `expired`, `maxlen`, `rejected`.
    pub reason: String,
    /// Errors of the attempts, oldest first.
    pub errors: Vec<String>,
    /// Attempts made.
    pub attempts: u64,
    /// How often this piece of work was replayed before it died again.
    pub replays: u64,
    /// The queue it died in.
    pub queue: String,
    /// The routing key it was published with.
    pub routing_key: String,
    /// When it was enqueued.
    pub enqueued_at: DateTime<Utc>,
    /// When it failed first; unknown where the broker dead-lettered it.
    pub first_failed_at: Option<DateTime<Utc>>,
    /// When it failed last and died; unknown where the broker did it.
    pub died_at: Option<DateTime<Utc>>,
    /// The task's payload; `None` when the body does not read as one.
    pub payload: Option<Value>,
    /// The message body as it came, whatever it is.
    #[serde(serialize_with = "as_text")]
    pub raw: Vec<u8>,
}

/// Text where it is UTF-8, else hexadecimal behind `hex:`.
fn as_text<S: serde::Serializer>(raw: &[u8], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match std::str::from_utf8(raw) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => serializer
            .serialize_str(&raw.iter().fold("hex:".to_owned(), |text, byte| format!("{text}{byte:02x}"))),
    }
}

impl DeadLetter {
    fn from_message(message: &Message) -> Self {
        let text = |name| message.header_str(name).map(str::to_owned);
        let moment = |name| message.header_str(name).and_then(|at| at.parse().ok());
        Self {
            id: message.message_id.clone(),
            job_id: message.job_id(),
            task: text(envelope::TASK),
            reason: text(envelope::REASON)
                .or_else(|| text(envelope::BROKER_REASON))
                .unwrap_or_else(|| "unknown".to_owned()),
            errors: message
                .headers
                .get(envelope::ERRORS)
                .and_then(Value::as_array)
                .map(|errors| errors.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default(),
            attempts: message.header_u64(envelope::ATTEMPT).unwrap_or(0),
            replays: message.header_u64(envelope::REPLAYS).unwrap_or(0),
            queue: text(envelope::SOURCE_QUEUE).or_else(|| text(envelope::BROKER_QUEUE)).unwrap_or_default(),
            routing_key: text(envelope::SOURCE_ROUTING_KEY).unwrap_or_else(|| message.routing_key.clone()),
            enqueued_at: message.timestamp,
            first_failed_at: moment(envelope::FIRST_FAILED_AT),
            died_at: moment(envelope::DIED_AT),
            payload: envelope::payload(message).ok(),
            raw: message.body.clone(),
        }
    }
}

/// Which dead letters; the default is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeadLetterFilter {
    /// Only of this task.
    pub task: Option<String>,
    /// Only those whose reason contains this text.
    pub reason: Option<String>,
}

impl DeadLetterFilter {
    /// Only of this task.
    pub fn task(mut self, task: impl Into<String>) -> Self {
        self.task = Some(task.into());
        self
    }

    /// Only those whose reason contains this text.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    fn matches(&self, letter: &DeadLetter) -> bool {
        self.task.as_ref().is_none_or(|task| letter.task.as_ref() == Some(task))
            && self.reason.as_ref().is_none_or(|reason| letter.reason.contains(reason.as_str()))
    }
}

/// The dead letters of a queue's topology.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    queue: TaskQueue,
}

impl DeadLetters {
    pub(crate) fn new(queue: TaskQueue) -> Self {
        Self { queue }
    }

    /// Dead letters that match, oldest first: `limit` at most, after the first `skip` matches.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn list(
        &self,
        filter: &DeadLetterFilter,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<DeadLetter>> {
        let mut found = Vec::new();
        let mut read = 0;
        while found.len() < skip.saturating_add(limit) {
            // Some brokers read from the beginning each time, so every page is as long as all before.
            let page = self.queue.broker().browse(self.failed_queue(), read, read.max(PAGE)).await?;
            if page.is_empty() {
                break;
            }
            read += page.len();
            found.extend(page.iter().map(DeadLetter::from_message).filter(|letter| filter.matches(letter)));
        }
        Ok(found.into_iter().skip(skip).take(limit).collect())
    }

    /// One dead letter.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Unavailable`.
    pub async fn get(&self, id: &str) -> Result<DeadLetter> {
        Ok(DeadLetter::from_message(&self.message(id).await?))
    }

    /// Enqueues the payload again as a new job, whose id is returned; then removes the dead letter. The failed job stays
    /// failed. The new job keeps owner, metadata, priority and idempotency key, has all its attempts again, and its
    /// metadata name the old job as `replay_of`.
    ///
    /// A crash in between leaves both; replaying again then enqueues nothing twice.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Unroutable`, `Unavailable`; the dead letter is then still there.
    pub async fn replay(&self, id: &str) -> Result<JobId> {
        self.replay_one(id, None).await
    }

    /// As [`replay`](Self::replay), with another payload: the task's own JSON object.
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay).
    pub async fn replay_with(&self, id: &str, payload: Value) -> Result<JobId> {
        self.replay_one(id, Some(payload)).await
    }

    /// Replays every dead letter that matches, no more than are there when the call begins, and returns the new jobs in
    /// the old order. Each is removed when its new job is accepted.
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay); what was replayed before the error stays so.
    pub async fn replay_all(&self, filter: &DeadLetterFilter) -> Result<Vec<JobId>> {
        self.replay_each(filter, Duration::ZERO).await
    }

    /// As [`replay_all`](Self::replay_all), `per_second` of them at most, so that what failed for an overloaded service
    /// does not overload it again.
    ///
    /// # Errors
    ///
    /// As [`replay_all`](Self::replay_all).
    pub async fn replay_all_at(
        &self,
        filter: &DeadLetterFilter,
        per_second: NonZeroU32,
    ) -> Result<Vec<JobId>> {
        self.replay_each(filter, Duration::from_secs(1) / per_second.get()).await
    }

    async fn replay_each(&self, filter: &DeadLetterFilter, pause: Duration) -> Result<Vec<JobId>> {
        let broker = self.queue.broker();
        let there = usize::try_from(broker.depth(self.failed_queue()).await?.ready).unwrap_or(usize::MAX);
        let mut replayed = Vec::new();
        if there == 0 {
            return Ok(replayed);
        }
        // What does not match is held until the end, then given back to its place.
        let mut others = Vec::new();
        let mut letters = broker.consume(self.failed_queue(), there).await?;
        let mut tick = tokio::time::interval(pause.max(Duration::from_nanos(1)));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for _ in 0..there {
            // Somebody else may have taken some of them since they were counted.
            let Ok(Some(delivery)) = tokio::time::timeout(NO_MORE, letters.next()).await else { break };
            let delivery = delivery?;
            if !filter.matches(&DeadLetter::from_message(&delivery.message)) {
                others.push(delivery);
                continue;
            }
            if !pause.is_zero() {
                tick.tick().await;
            }
            replayed.push(self.enqueue_again(&delivery.message, None).await?);
            broker.settle(&delivery, Settlement::Ack).await?;
        }
        for other in others {
            broker.settle(&other, Settlement::Requeue { delay: Duration::ZERO }).await?;
        }
        Ok(replayed)
    }

    /// Removes one dead letter for good; `false` when it is not there.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn remove(&self, id: &str) -> Result<bool> {
        self.queue.broker().remove(self.failed_queue(), id).await
    }

    /// Removes every dead letter for good; returns how many.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn purge(&self) -> Result<u64> {
        self.queue.broker().purge(self.failed_queue()).await
    }

    fn failed_queue(&self) -> &str {
        self.queue.wanted().failed_queue()
    }

    async fn message(&self, id: &str) -> Result<Message> {
        let found = self.queue.broker().find(self.failed_queue(), id).await?;
        found.ok_or_else(|| Error::not_found(format!("dead letter `{}`", crate::job::short(id, 80))))
    }

    async fn replay_one(&self, id: &str, payload: Option<Value>) -> Result<JobId> {
        let dead = self.message(id).await?;
        let job = self.enqueue_again(&dead, payload).await?;
        self.remove(&dead.message_id).await?;
        Ok(job)
    }

    async fn enqueue_again(&self, dead: &Message, payload: Option<Value>) -> Result<JobId> {
        let letter = DeadLetter::from_message(dead);
        let old_id = letter.job_id;
        // The same dead letter always becomes the same job, so a repeated replay is absorbed.
        let id = JobId(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("replay of {}", letter.id).as_bytes()));
        let task = letter.task.unwrap_or_else(|| letter.routing_key.clone());
        let max_attempts =
            dead.header_u64(envelope::MAX_ATTEMPTS).and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        let mut job = envelope::rebuild(dead, id, &task, max_attempts);
        let now = Utc::now();
        (job.attempt, job.created_at, job.updated_at) = (0, now, now);
        for entry in &mut job.timeline {
            (entry.event, entry.attempt) = (JobEvent::Enqueued, 0);
        }
        job.metadata.insert("replay_of".to_owned(), json!(letter.id));
        let payload = match (payload, letter.payload) {
            (Some(edited), _) | (None, Some(edited)) => edited,
            (None, None) => {
                return Err(Error::invalid(format!(
                    "the body of dead letter `{}` is not a JSON object; replay it with a payload of your own",
                    letter.id
                )));
            }
        };
        let mut message =
            envelope::message(self.queue.wanted().task_exchange(), &letter.routing_key, &payload, &job)?;
        if dead.header_str(envelope::TASK).is_none() {
            message.headers.remove(envelope::TASK);
            message.headers.insert(envelope::JOB_ID.to_owned(), json!(id));
        }
        let key = dead.headers.get(envelope::IDEMPOTENCY_KEY).cloned().or_else(|| old_id.map(|id| json!(id)));
        if let Some(key) = key {
            message.headers.insert(envelope::IDEMPOTENCY_KEY.to_owned(), key);
        }
        let replays = dead.header_u64(envelope::REPLAYS).unwrap_or(0) + 1;
        message.headers.insert(envelope::REPLAYS.to_owned(), replays.into());
        if let Some(delay) = dead.headers.get(envelope::FIRST_DELAY_MS) {
            message.headers.insert(envelope::FIRST_DELAY_MS.to_owned(), delay.clone());
        }
        self.queue.check(&message)?;
        let digest = Some(envelope::digest(&message.body));
        let new = self.queue.as_told(job, &message).digest(digest);
        self.queue.accept_one(new, message).await?;
        Ok(id)
    }
}

/// The dead letter a delivery becomes: its body untouched, reason and history in headers.
pub(crate) fn dead_letter(
    delivery: &Delivery,
    exchange: &str,
    reason: Reason,
    job: Option<&Job>,
    error: &str,
) -> Message {
    let mut dead = delivery.message.clone();
    dead.exchange = exchange.to_owned();
    (dead.ttl, dead.not_before) = (None, None);
    if dead.message_id.is_empty() {
        dead.message_id = Uuid::now_v7().to_string();
    }
    let died_at = Utc::now();
    let timeline = job.map(|job| job.timeline.as_slice()).unwrap_or_default();
    let (mut errors, mut first_failed_at) = (Vec::new(), None);
    for entry in timeline {
        if let Some(error) = entry.error.as_deref() {
            errors.push(error);
            first_failed_at.get_or_insert(entry.at);
        }
    }
    errors.push(error);
    let headers = [
        (envelope::REASON, json!(reason.as_str())),
        (envelope::ERRORS, json!(errors)),
        (envelope::ATTEMPT, json!(job.map_or(0, |job| job.attempt))),
        (envelope::SOURCE_QUEUE, json!(delivery.queue)),
        (envelope::SOURCE_ROUTING_KEY, json!(dead.routing_key)),
        (envelope::FIRST_FAILED_AT, json!(first_failed_at.unwrap_or(died_at))),
        (envelope::DIED_AT, json!(died_at)),
    ];
    dead.headers.extend(headers.map(|(name, value)| (name.to_owned(), value)));
    // Where the message itself named no job, so that a replay keeps the idempotency key.
    if let (Some(job), None) = (job, dead.job_id()) {
        dead.headers.insert(envelope::JOB_ID.to_owned(), json!(job.id));
    }
    dead
}

/// Fails the jobs of messages that the broker itself dead-lettered, for as long as it is polled.
pub(crate) async fn watch_notices(broker: Arc<dyn Broker>, store: Arc<dyn JobStore>, topology: Topology) {
    let mut reading = Reading { queue: topology.notice_queue().to_owned(), lost: false };
    loop {
        if let Err(error) = read_notices(broker.as_ref(), store.as_ref(), &mut reading).await {
            if error.kind() == ErrorKind::Closed {
                return;
            }
            reading.fails(&error);
            // Until the queue is there again nobody hears of what the broker dead-letters.
            if error.kind() == ErrorKind::NotFound
                && let Err(error) = broker.declare(&topology).await
            {
                tracing::debug!(error = chain(&error), "the topology cannot be declared again now");
            }
        }
        tokio::time::sleep(Duration::from_secs(1).mul_f64(0.5 + fastrand::f64())).await;
    }
}

/// Whether notices can be read; says so in the log when it changes.
struct Reading {
    queue: String,
    lost: bool,
}

impl Reading {
    fn fails(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.lost, true) {
            tracing::warn!(
                queue = self.queue,
                error = chain(error),
                "dead-letter notices cannot be read; trying again"
            );
        }
    }

    fn works(&mut self) {
        if std::mem::take(&mut self.lost) {
            tracing::info!(queue = self.queue, "dead-letter notices are read again");
        }
    }
}

async fn read_notices(broker: &dyn Broker, store: &dyn JobStore, reading: &mut Reading) -> Result<()> {
    let mut consumer = broker.consume(&reading.queue, 16).await?;
    // One that fails at once has not recovered.
    let mut proof = std::pin::pin!(tokio::time::sleep(PROOF));
    loop {
        let next = tokio::select! {
            next = consumer.next() => next,
            () = proof.as_mut(), if reading.lost => {
                reading.works();
                continue;
            }
        };
        let Some(delivery) = next else { return Ok(()) };
        take_notice(broker, store, &delivery?).await?;
        reading.works();
    }
}

async fn take_notice(broker: &dyn Broker, store: &dyn JobStore, delivery: &Delivery) -> Result<()> {
    let message = &delivery.message;
    // A worker that dead-letters has told the store itself.
    let by_broker = message.header_str(envelope::REASON).is_none();
    if let (true, Some(id)) = (by_broker, message.job_id()) {
        let letter = DeadLetter::from_message(message);
        let task = letter.task.unwrap_or_else(|| letter.routing_key.clone());
        let record = envelope::rebuild(message, id, &task, 1);
        let failed =
            store.fail_unclaimed(record.into(), broker_reason(&letter.reason, &letter.queue)).await?;
        if !failed && let Some(running) = store.get(id).await?.filter(|job| !job.status.is_final()) {
            // Some worker holds the job, and no message is left to bring it back if that worker dies.
            let delay = until(running.lease_until);
            return broker.settle(delivery, Settlement::Requeue { delay }).await;
        }
    }
    broker.settle(delivery, Settlement::Ack).await
}

/// How long a lease still lasts, and a little more.
fn until(lease_until: Option<DateTime<Utc>>) -> Duration {
    let left = lease_until.and_then(|until| (until - Utc::now()).to_std().ok());
    left.unwrap_or_default() + Duration::from_millis(10)
}

fn broker_reason(reason: &str, queue: &str) -> String {
    match reason {
        "expired" => format!("expired: no worker took it from queue `{queue}` within its time to live"),
        "maxlen" => format!("dropped: queue `{queue}` was at its length limit"),
        other => format!("dead-lettered by the broker from queue `{queue}`: {other}"),
    }
}
