//! The message that takes the place of another when a waiting job is edited.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    Message,
    headers::{
        ATTEMPT, DELAY_MS, FIRST_DELAY_MS, GENERATION, IDEMPOTENCY_KEY, REPLAYS, TASK, TRIED_MS, UNKNOWN_MS,
    },
    payload::of_job,
};
use crate::{
    job::{Job, JobEvent},
    retry::later,
};

/// Headers that no field of the record tells.
const CARRIED: [&str; 3] = [FIRST_DELAY_MS, IDEMPOTENCY_KEY, REPLAYS];
/// No edit counts so far; a header may come from anybody, and some stores count in floating point numbers.
const MAX_GENERATION: u64 = 1 << 52;
/// The time to live in milliseconds, among what is [carried](Job::carried). No message has such a header.
const TTL_MS: &str = "ttl_ms";

/// What the record of a job has to keep of its message.
pub(crate) fn carried(message: &Message) -> BTreeMap<String, Value> {
    let ttl = message.ttl.map(|ttl| (TTL_MS.to_owned(), millis(ttl).into()));
    if !message.headers.contains_key(TASK) {
        return ttl.into_iter().collect();
    }
    let headers = CARRIED.iter().filter_map(|name| message.headers.get_key_value(*name));
    headers.map(|(name, value)| (name.clone(), value.clone())).chain(ttl).collect()
}

impl Message {
    /// Which of its job's messages it is: see [`Job::generation`].
    pub fn generation(&self) -> u64 {
        self.header_u64(GENERATION).unwrap_or(0).min(MAX_GENERATION)
    }
}

/// The message of a waiting job with another payload, due in `wait`.
pub(crate) fn with_payload(
    (exchange, routing_key): (&str, &str),
    body: Vec<u8>,
    job: &Job,
    generation: u64,
    wait: Duration,
    now: DateTime<Utc>,
) -> Message {
    let mut message = of_job(exchange, routing_key, body, job);
    let headers = CARRIED.iter().filter_map(|name| job.carried.get_key_value(*name));
    message.headers.extend(headers.map(|(name, value)| (name.clone(), value.clone())));
    if job.attempt > 0 {
        message.headers.insert(ATTEMPT.to_owned(), job.attempt.into());
    }
    if let Some(first) = job.timeline.iter().find(|entry| entry.event == JobEvent::Started) {
        let tried = (now - first.at).to_std().unwrap_or_default().saturating_add(wait);
        message.headers.insert(TRIED_MS.to_owned(), millis(tried).into());
    } else {
        // Once a worker has had it, it does not expire any more.
        message.ttl = time_to_live(job).map(|ttl| if wait.is_zero() { left(ttl, job, now) } else { ttl });
    }
    numbered(message, generation, wait, now)
}

/// The message of a waiting job, found among the delayed ones, due in `wait` instead.
pub(crate) fn due_in(
    found: &Message,
    job: &Job,
    generation: u64,
    wait: Duration,
    now: DateTime<Utc>,
) -> Message {
    let mut message = found.clone();
    message.headers.remove(UNKNOWN_MS);
    if message.headers.contains_key(DELAY_MS) {
        let delay = (later(now, wait) - message.timestamp).num_milliseconds().max(0);
        message.headers.insert(DELAY_MS.to_owned(), delay.into());
    }
    let was_tried = job.timeline.iter().any(|entry| entry.event == JobEvent::Started);
    message.ttl = time_to_live(job).filter(|_| !was_tried);
    numbered(message, generation, wait, now)
}

fn numbered(mut message: Message, generation: u64, wait: Duration, now: DateTime<Utc>) -> Message {
    message.headers.insert(GENERATION.to_owned(), generation.into());
    message.not_before = (!wait.is_zero()).then(|| later(now, wait));
    message
}

fn time_to_live(job: &Job) -> Option<Duration> {
    job.carried.get(TTL_MS).and_then(Value::as_u64).map(Duration::from_millis)
}

/// What is left of a time to live that counts from when the job was due.
fn left(ttl: Duration, job: &Job, now: DateTime<Utc>) -> Duration {
    let waited = (now - job.next_attempt_at.unwrap_or(job.created_at)).to_std().unwrap_or_default();
    ttl.saturating_sub(waited).max(Duration::from_millis(1))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::job::{JobId, TimelineEntry};

    const MINUTE: Duration = Duration::from_secs(60);

    fn job() -> Job {
        let mut job = Job::new(JobId::new(), "t", DateTime::UNIX_EPOCH);
        (job.priority, job.max_attempts) = (7, 5);
        job.carried = [(TTL_MS, json!(60_000)), (FIRST_DELAY_MS, json!(9)), (IDEMPOTENCY_KEY, json!("k"))]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        job
    }

    fn after(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_replacement_has_all_that_the_message_before_it_had() {
        let message = with_payload(("x", "k"), b"{}".to_vec(), &job(), 3, Duration::ZERO, after(20));

        assert_eq!((message.priority, message.not_before), (7, None));
        assert_eq!(message.ttl, Some(Duration::from_secs(40)), "what is left of it");
        assert_eq!(message.header_u64(GENERATION), Some(3));
        assert_eq!(message.header_u64(FIRST_DELAY_MS), Some(9));
        assert_eq!(message.header_str(IDEMPOTENCY_KEY), Some("k"));
        assert!(!message.headers.contains_key(TTL_MS));
        let kept = Message { ttl: Some(MINUTE), ..message };
        assert_eq!(carried(&kept), job().carried);
    }

    #[test]
    fn one_that_is_still_to_come_has_its_whole_time_to_live() {
        let message = with_payload(("x", "k"), b"{}".to_vec(), &job(), 1, MINUTE, after(20));

        assert_eq!((message.ttl, message.not_before), (Some(MINUTE), Some(after(80))));
    }

    #[test]
    fn that_of_a_job_that_was_tried_tells_so_and_does_not_expire() {
        let mut job = job();
        job.attempt = 2;
        job.timeline.push(TimelineEntry {
            at: after(10),
            event: JobEvent::Started,
            attempt: 1,
            version: 2,
            worker: None,
            error: None,
        });

        let message = with_payload(("x", "k"), b"{}".to_vec(), &job, 1, MINUTE, after(20));

        assert_eq!((message.header_u64(ATTEMPT), message.header_u64(TRIED_MS)), (Some(2), Some(70_000)));
        assert_eq!(message.ttl, None);
    }

    #[test]
    fn a_message_that_is_due_at_another_time_keeps_its_payload() {
        let mut found = Message::new("x", "k", "1", b"payload".to_vec());
        found.timestamp = after(0);
        found.headers.insert(DELAY_MS.to_owned(), json!(1));

        let message = due_in(&found, &job(), 2, MINUTE, after(20));

        assert_eq!(message.body, found.body);
        assert_eq!((message.header_u64(GENERATION), message.header_u64(DELAY_MS)), (Some(2), Some(80_000)));
        assert_eq!((message.ttl, message.not_before), (Some(MINUTE), Some(after(80))));
    }
}
