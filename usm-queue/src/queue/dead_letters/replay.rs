//! Dead letters enqueued again. Each is removed when its new job is certain to run, and not before.

use std::{num::NonZeroU32, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, Interval};
use uuid::Uuid;

use super::{DeadLetterFilter, DeadLetters, walk::Walk};
use crate::{
    backend::{Accepted, Delivery, Settlement},
    clock,
    error::{Error, ErrorKind, Result},
    job::{JobEvent, JobId, JobStatus},
    message::{self, DeadLetter, Message, UNNAMED},
    topology::QueueSpec,
};

/// So long a replay holds dead letters at a time: brokers take back what is held for too long, and others want to look.
const HOLD: Duration = if cfg!(test) { Duration::from_millis(60) } else { Duration::from_secs(60) };

/// How a part of a replay ended.
enum End {
    All,
    /// There is more.
    Pause,
}

/// What a replay of many dead letters did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Replayed {
    /// The new jobs, in the order of their dead letters.
    pub jobs: Vec<JobId>,
    /// Those that could not be replayed; they are still dead letters.
    pub stayed: Vec<NotReplayed>,
    /// Why it ended before it had seen all: the backend does not answer. Repeating it replays the rest.
    pub interrupted: Option<Error>,
}

/// A dead letter that could not be replayed.
#[derive(Debug)]
#[non_exhaustive]
pub struct NotReplayed {
    /// Which.
    pub id: String,
    /// Why.
    pub error: Error,
}

impl DeadLetters {
    /// Enqueues the payload again as a new job, whose id is returned; then removes the dead letter. The failed job stays
    /// failed. The new job keeps owner, metadata, priority and idempotency key, has all its attempts again, and its
    /// metadata name the old job as `replay_of`.
    ///
    /// A letter of another service is sent again as it came, so that a worker of that service finds the job it knows; its id is
    /// the new job's [`alias`](crate::Job::alias).
    ///
    /// A crash in between leaves both; replaying again then enqueues nothing twice, unless the message has no id.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Unroutable`, `Unavailable`, `InvalidInput` when the body is no JSON object; the dead letter is then
    /// still there.
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

    /// Replays every dead letter that matches, no more than are there when the call begins. Each is removed when its new job
    /// is accepted; one that cannot be replayed stays and holds up no other. All are out of everybody's sight until the
    /// call ends.
    ///
    /// # Errors
    ///
    /// `Unavailable` when it could not begin; what stops it later is in the answer.
    pub async fn replay_all(&self, filter: &DeadLetterFilter) -> Result<Replayed> {
        self.replay_each(filter, Duration::ZERO).await
    }

    /// As [`replay_all`](Self::replay_all), `per_second` of them at most, so that what failed for an overloaded service
    /// does not overload it again.
    ///
    /// # Errors
    ///
    /// As [`replay_all`](Self::replay_all).
    pub async fn replay_all_at(&self, filter: &DeadLetterFilter, per_second: NonZeroU32) -> Result<Replayed> {
        self.replay_each(filter, Duration::from_secs(1) / per_second.get()).await
    }

    async fn replay_each(&self, filter: &DeadLetterFilter, pause: Duration) -> Result<Replayed> {
        let mut tick = tokio::time::interval(pause.max(Duration::from_nanos(1)));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut replayed = Replayed::default();
        let mut walk = Walk::begin(self.queue.broker(), self.failed_queue()).await?;
        let there = walk.left();
        loop {
            let mut held = Vec::new();
            let ended = self.replay_some(&mut walk, filter, &mut tick, &mut held, &mut replayed).await;
            let given_back = self.give_back(walk, held).await;
            let again = match ended {
                Ok(End::Pause) => given_back.and(Walk::begin(self.queue.broker(), self.failed_queue()).await),
                Ok(End::All) => {
                    replayed.interrupted = given_back.err();
                    return Ok(replayed);
                }
                Err(error) => Err(error),
            };
            match again {
                // What has come since is behind those that were there, and no part of this.
                Ok(begun) => walk = begun.at_most(there.saturating_sub(replayed.jobs.len() as u64)),
                Err(error) => {
                    replayed.interrupted = Some(error);
                    return Ok(replayed);
                }
            }
        }
    }

    /// Replays what matches, for a while. What stays is in `held`, to be given back to its place.
    async fn replay_some(
        &self,
        walk: &mut Walk<'_>,
        filter: &DeadLetterFilter,
        tick: &mut Interval,
        held: &mut Vec<Delivery>,
        replayed: &mut Replayed,
    ) -> Result<End> {
        let begun = Instant::now();
        while let Some(delivery) = walk.next().await? {
            let letter = DeadLetter::from_message(&delivery.message);
            let tried = replayed.stayed.iter().any(|stayed| stayed.id == letter.id);
            if tried || !filter.matches(&letter) {
                held.push(delivery);
                continue;
            }
            if begun.elapsed() >= HOLD {
                held.push(delivery);
                return Ok(End::Pause);
            }
            tick.tick().await;
            match self.enqueue_again(&delivery.message, None).await {
                Ok(job) => {
                    replayed.jobs.push(job);
                    // It comes again where this fails; replaying it again enqueues nothing twice.
                    self.queue.broker().settle(&delivery, Settlement::Ack).await?;
                }
                Err(error) => {
                    held.push(delivery);
                    let gone = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Closed);
                    let same = error.clone();
                    replayed.stayed.push(NotReplayed { id: letter.id, error });
                    if gone {
                        return Err(same);
                    }
                }
            }
        }
        Ok(End::All)
    }

    async fn replay_one(&self, id: &str, payload: Option<Value>) -> Result<JobId> {
        if id.starts_with(UNNAMED) {
            let held = self.take(id).await?;
            let job = self.enqueue_again(&held.message, payload).await?;
            self.queue.broker().settle(&held, Settlement::Ack).await?;
            return Ok(job);
        }
        let dead = self.message(id).await?;
        let job = self.enqueue_again(&dead, payload).await?;
        self.remove(id).await?;
        Ok(job)
    }

    /// Enqueues what a dead letter carries; when it returns, the new job is certain to run, or ran.
    async fn enqueue_again(&self, dead: &Message, payload: Option<Value>) -> Result<JobId> {
        let letter = DeadLetter::from_message(dead);
        let old_id = letter.job_id;
        let id = replay_id(dead);
        let is_foreign = letter.task.is_none();
        let task = match (letter.task, old_id) {
            (Some(task), _) => Some(task),
            (None, Some(old_id)) => self.queue.store().get(old_id).await?.map(|job| job.task),
            (None, None) => None,
        };
        let task = task.filter(|task| !task.is_empty()).unwrap_or_else(|| letter.routing_key.clone());
        let max_attempts =
            dead.header_u64(message::MAX_ATTEMPTS).and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        let mut job = message::record(dead, id, &task, max_attempts, false);
        let now = clock::now();
        (job.attempt, job.generation, job.created_at, job.updated_at) = (0, 0, now, now);
        for entry in &mut job.timeline {
            (entry.event, entry.attempt, entry.at) = (JobEvent::Enqueued, 0, now);
        }
        let replay_of = dead.job_alias().or_else(|| old_id.map(|id| id.to_string()));
        job.metadata.insert("replay_of".to_owned(), json!(replay_of.unwrap_or_else(|| letter.id.clone())));
        let is_edited = payload.is_some();
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
            message::message(self.queue.wanted().task_exchange(), &letter.routing_key, &payload, &job)?;
        if is_foreign {
            message.headers.remove(message::TASK);
            message.headers.insert(message::JOB_ID.to_owned(), json!(id));
            message.message_id = Uuid::now_v7().to_string();
            // Another service may be the one that works it: it finds its own job's id.
            message.body = if is_edited { edited_body(&dead.body, payload) } else { dead.body.clone() };
            job.alias = message.job_alias();
        }
        let key = dead.headers.get(message::IDEMPOTENCY_KEY).cloned().or_else(|| old_id.map(|id| json!(id)));
        if let Some(key) = key {
            message.headers.insert(message::IDEMPOTENCY_KEY.to_owned(), key);
        }
        let replays = dead.header_u64(message::REPLAYS).unwrap_or(0) + 1;
        message.headers.insert(message::REPLAYS.to_owned(), replays.into());
        if let Some(delay) = dead.headers.get(message::FIRST_DELAY_MS) {
            message.headers.insert(message::FIRST_DELAY_MS.to_owned(), delay.clone());
        }
        let new = self.queue.checked(job, &message)?.digest(Some(message::digest(&message.body)));
        if self.queue.accept_one(new, message).await? == Accepted::New {
            let queue = self.queue.wanted().queue(&letter.queue).map(QueueSpec::name);
            self.queue.metrics().replayed(queue, &task, &letter.reason);
            return Ok(id);
        }
        // An earlier replay of it may have failed or been cancelled before any worker had it: then it never runs.
        let known = self.queue.store().get(id).await?.filter(|job| job.attempt == 0 && job.status.is_final());
        match known {
            Some(job) if job.status != JobStatus::Completed => Err(Error::new(
                ErrorKind::Backend,
                format!(
                    "dead letter `{}` was replayed before as job {id}, which ended before it ran: {}; enqueue its payload anew or remove it",
                    letter.id,
                    job.error.as_deref().unwrap_or("it was cancelled")
                ),
            )),
            _ => Ok(id),
        }
    }
}

/// The body of another service's message with another payload.
fn edited_body(body: &[u8], payload: Value) -> Vec<u8> {
    let edited = match (serde_json::from_slice(body), payload) {
        (Ok(Value::Object(mut old)), Value::Object(mut edited)) => {
            let kept = message::OTHERS_FIELDS.iter().filter_map(|name| old.remove_entry(*name));
            edited.extend(kept);
            Value::Object(edited)
        }
        (_, payload) => payload,
    };
    edited.to_string().into_bytes()
}

/// The same dead letter always becomes the same job, so a repeated replay is absorbed; another never does.
fn replay_id(dead: &Message) -> JobId {
    if dead.message_id.is_empty() {
        // Others may be equal to it in everything.
        return JobId::new();
    }
    let mut name = format!("replay of {}", dead.message_id).into_bytes();
    if dead.header_str(message::TASK).is_none() {
        // Nobody knows whether the ids of others are unique.
        let died_at = dead.header_str(message::DIED_AT).unwrap_or_default();
        for part in [died_at.as_bytes(), dead.routing_key.as_bytes(), &dead.body] {
            name.push(0);
            name.extend_from_slice(part);
        }
    }
    JobId(Uuid::new_v5(&Uuid::NAMESPACE_OID, &name))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::{SqliteOptions, TaskQueue, Topology, testing};

    #[tokio::test]
    async fn a_replay_that_gives_back_now_and_then_takes_each_letter_once_and_none_that_came_since() {
        let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
        let queue = TaskQueue::new(broker.clone(), store, Topology::single("work").unwrap()).await.unwrap();
        let letter =
            |id: &str, body: &str| Message::new("work.dead", "work.note", id, body.as_bytes().to_vec());
        let mut letters: Vec<_> = (0..8).map(|number| letter(&number.to_string(), "{}")).collect();
        letters.insert(3, letter("garbage", "no JSON"));
        broker.publish(letters).await.unwrap();
        let (dead, any) = (queue.dead_letters(), DeadLetterFilter::default());

        let adding = async {
            tokio::time::sleep(HOLD).await;
            broker.publish(vec![letter("later", "{}")]).await.unwrap();
        };
        let rate = NonZeroU32::new(40).unwrap();
        let (replayed, ()) = futures_util::join!(dead.replay_all_at(&any, rate), adding);

        let replayed = replayed.unwrap();
        assert!(replayed.interrupted.is_none(), "{:?}", replayed.interrupted);
        assert_eq!((replayed.jobs.len(), replayed.stayed.len()), (8, 1));
        let left = dead.list(&any, 0, 9).await.unwrap();
        assert_eq!(left.iter().map(|letter| letter.id.as_str()).collect::<Vec<_>>(), ["garbage", "later"]);
    }
}
