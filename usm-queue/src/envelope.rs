//! A job on the wire: one flat JSON object as body, everything of ours in headers.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    error::{Error, ErrorKind, Result},
    job::{Job, JobId, Owner},
};

/// Header: name of the task.
pub(crate) const TASK: &str = "x-usm-task";
/// Header: attempts begun when the message was published; lets a lost record be rebuilt.
pub(crate) const ATTEMPT: &str = "x-usm-attempt";
/// Header: attempts in all.
pub(crate) const MAX_ATTEMPTS: &str = "x-usm-max-attempts";
/// Header: first retry delay in milliseconds.
pub(crate) const FIRST_DELAY_MS: &str = "x-usm-first-delay-ms";
/// Header: whose job it is.
pub(crate) const OWNER: &str = "x-usm-owner";
/// Header: what the caller attached.
pub(crate) const METADATA: &str = "x-usm-metadata";
/// Header: the names the envelope added to the body, so that exactly these are taken off again; without it all of
/// [`FIELDS`].
pub(crate) const ADDED: &str = "x-usm-added";
/// Header: stays the same over retries and replays of one piece of work.
pub(crate) const IDEMPOTENCY_KEY: &str = "x-usm-idempotency-key";
/// Header on dead letters of messages that named no job: the job they were given.
pub(crate) const JOB_ID: &str = "x-usm-job-id";
/// Header on dead letters: why.
pub(crate) const REASON: &str = "x-usm-reason";
/// Header on dead letters: errors of the attempts, oldest first.
pub(crate) const ERRORS: &str = "x-usm-errors";
/// Header on dead letters: the queue it died in.
pub(crate) const SOURCE_QUEUE: &str = "x-usm-source-queue";
/// Header on dead letters: the routing key it was published with.
pub(crate) const SOURCE_ROUTING_KEY: &str = "x-usm-source-routing-key";
/// Header on dead letters: when it died, RFC 3339.
pub(crate) const DIED_AT: &str = "x-usm-died-at";
/// Header a broker sets when it dead-letters by itself: `expired`, `maxlen` or `rejected`.
pub(crate) const BROKER_REASON: &str = "x-first-death-reason";
/// Header a broker sets when it dead-letters by itself: the queue.
pub(crate) const BROKER_QUEUE: &str = "x-first-death-queue";

/// What the envelope adds to a body, where the payload has no such field itself.
const FIELDS: [&str; 4] = ["job_id", "user_id", "created_at", "_metadata"];
const PRODUCER: &str = "usm-queue";

/// A message: properties, headers and body, as AMQP 0-9-1 has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Where it is published.
    pub exchange: String,
    /// What the exchange routes by.
    pub routing_key: String,
    /// Unique; for messages of this library the job's id.
    pub message_id: String,
    /// Ties messages together across services.
    pub correlation_id: Option<String>,
    /// 0 is the lowest.
    pub priority: u8,
    /// Time to live in the queue, besides the queue's own; the shorter counts.
    pub ttl: Option<Duration>,
    /// Not delivered before this moment.
    pub not_before: Option<DateTime<Utc>>,
    /// When it was made.
    pub timestamp: DateTime<Utc>,
    /// Everything of ours that is not in the body.
    pub headers: BTreeMap<String, Value>,
    /// The body, not necessarily JSON: it may come from anybody.
    pub body: Vec<u8>,
}

impl Message {
    /// A message without headers, priority or limits.
    pub fn new(
        exchange: impl Into<String>,
        routing_key: impl Into<String>,
        message_id: impl Into<String>,
        body: Vec<u8>,
    ) -> Self {
        Self {
            exchange: exchange.into(),
            routing_key: routing_key.into(),
            message_id: message_id.into(),
            correlation_id: None,
            priority: 0,
            ttl: None,
            not_before: None,
            timestamp: Utc::now(),
            headers: BTreeMap::new(),
            body,
        }
    }

    /// The error for one that reaches no queue.
    pub(crate) fn unroutable(&self) -> Error {
        let text = format!(
            "routing key `{}` on exchange `{}` reaches no queue; bind one to it or mend the key",
            self.routing_key, self.exchange
        );
        Error::new(ErrorKind::Unroutable, text)
    }

    pub(crate) fn header_str(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(Value::as_str)
    }

    pub(crate) fn header_u64(&self, name: &str) -> Option<u64> {
        self.headers.get(name).and_then(Value::as_u64)
    }

    /// The job this message belongs to: the message's id for ours, else as services without our headers write it in the
    /// body.
    pub fn job_id(&self) -> Option<JobId> {
        if let Some(id) = self.header_str(JOB_ID) {
            return id.parse().ok();
        }
        if self.headers.contains_key(TASK) {
            return self.message_id.parse().ok();
        }
        let body: BodyIds = serde_json::from_slice(&self.body).ok()?;
        body.job_id?.parse().ok()
    }
}

#[derive(Deserialize)]
struct BodyIds {
    job_id: Option<String>,
}

/// Writes the body: the payload's own fields, then those of [`FIELDS`] that the payload does not have itself. Returns the
/// body, and the names it added when not all.
///
/// A payload that is not a JSON object is carried in a field `payload`.
fn encode<T: Serialize + ?Sized>(
    payload: &T,
    job: &Job,
    routing_key: &str,
) -> Result<(Vec<u8>, Option<String>)> {
    let unwritable = |error| {
        Error::invalid(format!("a payload of task `{}` cannot be written as JSON", job.task))
            .with_source(error)
    };
    let created_at = job.created_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let added = Added {
        job_id: job.id,
        user_id: job.owner.as_ref(),
        created_at: &created_at,
        metadata: AddedMetadata {
            message_id: job.id,
            timestamp: &created_at,
            producer: PRODUCER,
            routing_key,
        },
    };
    let mut body = serde_json::to_string(payload).map_err(unwritable)?;
    // Rarely needed, and only where one of the names occurs somewhere.
    if !body.starts_with('{') || FIELDS.iter().any(|name| body.contains(name)) {
        return merge(&body, &added).map_err(unwritable);
    }
    let added = serde_json::to_string(&added).map_err(unwritable)?;
    body.pop();
    if body.len() > 1 {
        body.push(',');
    }
    body.push_str(&added[1..]);
    Ok((body.into_bytes(), None))
}

#[derive(Serialize)]
struct Added<'a> {
    job_id: JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a Owner>,
    created_at: &'a str,
    #[serde(rename = "_metadata")]
    metadata: AddedMetadata<'a>,
}

#[derive(Serialize)]
struct AddedMetadata<'a> {
    message_id: JobId,
    timestamp: &'a str,
    producer: &'static str,
    routing_key: &'a str,
}

/// [`encode`] for payloads that may have fields of the same names, or are no objects.
fn merge(payload: &str, added: &Added<'_>) -> serde_json::Result<(Vec<u8>, Option<String>)> {
    let mut body = match serde_json::from_str(payload)? {
        Value::Object(fields) => fields,
        other => Map::from_iter([("payload".to_owned(), other)]),
    };
    let mut names = Vec::with_capacity(FIELDS.len());
    if let Value::Object(fields) = serde_json::to_value(added)? {
        for (name, value) in fields {
            if let serde_json::map::Entry::Vacant(entry) = body.entry(name) {
                names.push(entry.key().clone());
                entry.insert(value);
            }
        }
    }
    Ok((serde_json::to_vec(&body)?, Some(names.join(","))))
}

/// The message of a job.
pub(crate) fn message<T: Serialize + ?Sized>(
    exchange: &str,
    routing_key: &str,
    payload: &T,
    job: &Job,
) -> Result<Message> {
    let (body, added) = encode(payload, job, routing_key)?;
    let mut message = Message::new(exchange, routing_key, job.id.to_string(), body);
    message.correlation_id.clone_from(&job.correlation_id);
    message.priority = job.priority;
    message.timestamp = job.created_at;
    message.not_before = job.next_attempt_at;
    message.headers.insert(TASK.to_owned(), Value::String(job.task.clone()));
    message.headers.insert(MAX_ATTEMPTS.to_owned(), job.max_attempts.into());
    if let Some(added) = added {
        message.headers.insert(ADDED.to_owned(), added.into());
    }
    if let Some(owner) = &job.owner {
        message.headers.insert(OWNER.to_owned(), json!(owner));
    }
    if !job.metadata.is_empty() {
        message.headers.insert(METADATA.to_owned(), Value::Object(job.metadata.clone()));
    }
    Ok(message)
}

/// The payload in a message body: the object without what [`encode`] added.
///
/// A message without our headers keeps every field but `_metadata`, `job_id` and `created_at`.
pub(crate) fn payload(message: &Message) -> Result<Value> {
    let body: Value = serde_json::from_slice(&message.body)
        .map_err(|error| Error::invalid("the message body is not JSON").with_source(error))?;
    let Value::Object(mut fields) = body else {
        return Err(Error::invalid("the message body is JSON, but not an object"));
    };
    let added: Vec<&str> = match message.header_str(ADDED) {
        Some(added) => added.split(',').collect(),
        None if message.headers.contains_key(TASK) => FIELDS.to_vec(),
        // Of others' fields the payload may want the user.
        None => vec!["_metadata", "job_id", "created_at"],
    };
    added.into_iter().for_each(|name| drop(fields.remove(name)));
    Ok(Value::Object(fields))
}

/// `payload` as a task wants it: whole, or what the envelope wrapped because it was no object.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(message: &Message) -> Result<T> {
    let payload = payload(message)?;
    let wrapped = match &payload {
        Value::Object(fields) if fields.len() == 1 => fields.get("payload").cloned(),
        _ => None,
    };
    match (T::deserialize(payload), wrapped) {
        (Ok(task), _) => Ok(task),
        (Err(error), Some(inner)) => T::deserialize(inner).map_err(|_| undecodable(&error)),
        (Err(error), None) => Err(undecodable(&error)),
    }
}

fn undecodable(error: &serde_json::Error) -> Error {
    Error::invalid(format!("the payload does not fit the task: {error}"))
}

/// The job record as far as the message tells it, for a store that lost or never had it. `task` is the name the
/// registry found; `max_attempts` counts where the message names none.
pub(crate) fn rebuild(message: &Message, id: JobId, task: &str, max_attempts: u32) -> Job {
    let mut job = Job::new(id, task, message.timestamp);
    let owner = message.headers.get(OWNER).cloned().or_else(|| {
        let body: Value = serde_json::from_slice(&message.body).ok()?;
        body.get("user_id").filter(|value| !value.is_null()).cloned()
    });
    job.owner = owner.and_then(|owner| Owner::deserialize(owner).ok());
    job.priority = message.priority;
    job.attempt = message.header_u64(ATTEMPT).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    job.max_attempts =
        message.header_u64(MAX_ATTEMPTS).and_then(|n| u32::try_from(n).ok()).unwrap_or(max_attempts).max(1);
    job.correlation_id.clone_from(&message.correlation_id);
    if let Some(Value::Object(metadata)) = message.headers.get(METADATA) {
        job.metadata.clone_from(metadata);
    }
    for entry in &mut job.timeline {
        entry.event = crate::job::JobEvent::Rebuilt;
        entry.at = Utc::now();
        entry.attempt = job.attempt;
    }
    job
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        user_id: i64,
        text: String,
    }

    fn job() -> Job {
        let mut job = Job::new(JobId::new(), "strict", Utc::now());
        job.owner = Some(Owner::Id(42));
        job
    }

    #[test]
    fn the_body_is_the_flat_object_of_the_guide() {
        let job = job();

        let message =
            message("ai.tasks", "ai.task.map.generation", &json!({"requirements_text": "…"}), &job).unwrap();

        let body: Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(body["requirements_text"], "…");
        assert_eq!(body["job_id"], json!(job.id));
        assert_eq!(body["user_id"], 42);
        assert_eq!(body["_metadata"]["routing_key"], "ai.task.map.generation");
        assert!(body["created_at"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_payload_with_our_field_names_comes_back_as_it_was() {
        let task = Strict { user_id: 7, text: "x".into() };

        let message = message("e", "k", &task, &job()).unwrap();

        assert_eq!(decode::<Strict>(&message).unwrap(), task);
        assert_eq!(rebuild(&message, JobId::new(), "strict", 3).owner, Some(Owner::Id(42)));
    }

    #[test]
    fn a_payload_without_fields_comes_back_as_it_was() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Empty {}

        let message = message("e", "k", &Empty {}, &job()).unwrap();

        assert_eq!(decode::<Empty>(&message).unwrap(), Empty {});
    }

    #[test]
    fn a_payload_that_is_no_object_comes_back_as_it_was() {
        let message = message("e", "k", &[1, 2], &job()).unwrap();

        assert_eq!(decode::<Vec<u8>>(&message).unwrap(), [1, 2]);
    }

    #[test]
    fn a_message_without_our_headers_is_understood() {
        #[derive(Deserialize)]
        struct Map {
            requirements_text: String,
        }
        let id = JobId::new();
        let body = json!({"job_id": id, "user_id": 5, "requirements_text": "r", "created_at": "2025-12-01T10:00:00Z", "_metadata": {}});

        let message =
            Message::new("ai.tasks", "ai.task.map.generation", "m", serde_json::to_vec(&body).unwrap());

        assert_eq!(message.job_id(), Some(id));
        assert_eq!(decode::<Map>(&message).unwrap().requirements_text, "r");
        assert_eq!(rebuild(&message, id, "ai_map_generation", 3).owner, Some(Owner::Id(5)));
    }

    #[test]
    fn garbage_is_an_error_not_a_panic() {
        for body in [&b""[..], b"\xff\xfe", b"[1", b"null", b"3"] {
            let message = Message::new("e", "k", "m", body.to_vec());
            assert!(payload(&message).is_err());
            assert_eq!(message.job_id(), None);
        }
    }
}
