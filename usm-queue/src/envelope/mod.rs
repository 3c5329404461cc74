//! A job on its way: the payload as body, everything of ours in headers; and, where other services read along, as one flat
//! JSON object.

#[cfg(any(test, feature = "rabbitmq"))]
mod flat;
mod size;

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(any(test, feature = "rabbitmq"))]
pub(crate) use self::flat::flat_body;
pub(crate) use self::size::check_headers;
#[cfg(feature = "rabbitmq")]
pub(crate) use self::size::{MAX_NAME, amqp_has, header_size, headers_size};
use crate::{
    error::{Error, ErrorKind, Result},
    job::{Job, JobId, Owner},
    json,
};

/// Header: name of the task.
pub(crate) const TASK: &str = "x-usm-task";
/// Header: attempts begun when the message was published; lets a lost record be rebuilt.
pub(crate) const ATTEMPT: &str = "x-usm-attempt";
/// Header: attempts in all.
pub(crate) const MAX_ATTEMPTS: &str = "x-usm-max-attempts";
/// Header: first retry delay in milliseconds.
pub(crate) const FIRST_DELAY_MS: &str = "x-usm-first-delay-ms";
/// Header: for how many milliseconds the message has waited since a worker first met it that cannot run it.
pub(crate) const UNKNOWN_MS: &str = "x-usm-unknown-ms";
/// Header: how many milliseconds after its first attempt began the message is due; outlives a lost record.
pub(crate) const TRIED_MS: &str = "x-usm-tried-ms";
/// Header: whose job it is.
pub(crate) const OWNER: &str = "x-usm-owner";
/// Header: what the caller attached.
pub(crate) const METADATA: &str = "x-usm-metadata";
/// Header: the names [`flat_body`] added to the body, so that exactly these are taken off again. Where `payload` is among
/// them, that field is the payload.
pub(crate) const ADDED: &str = "x-usm-added";
/// Header: stays the same over retries and replays of one piece of work.
pub(crate) const IDEMPOTENCY_KEY: &str = "x-usm-idempotency-key";
/// Header: the job. On messages of others only where they are dead letters that named no job, or replays.
pub(crate) const JOB_ID: &str = "x-usm-job-id";
/// Header: how often this piece of work was replayed from the dead letters.
pub(crate) const REPLAYS: &str = "x-usm-replays";
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
/// Header on dead letters: when it failed first, RFC 3339.
pub(crate) const FIRST_FAILED_AT: &str = "x-usm-first-failed-at";
/// Header a broker sets when it dead-letters by itself: `expired`, `maxlen` or `rejected`.
pub(crate) const BROKER_REASON: &str = "x-first-death-reason";
/// Header a broker sets when it dead-letters by itself: the queue.
pub(crate) const BROKER_QUEUE: &str = "x-first-death-queue";

/// Header on messages that the broker's client could not have read as they were: why.
pub(crate) const UNREADABLE: &str = "x-usm-unreadable";
/// Header beside [`UNREADABLE`]: the properties as they came, hexadecimal.
pub(crate) const RAW_PROPERTIES: &str = "x-usm-raw-properties";
/// Header beside [`UNREADABLE`] where one of them was at fault: exchange and routing key as they came, hexadecimal.
pub(crate) const RAW_NAMES: &str = "x-usm-raw-names";

/// Room for a payload of the usual size, so that most are written without moving them.
const USUAL_BODY: usize = 512;

/// The field of the body that carries a payload which is no object.
const WRAPPED: &str = "payload";

/// What is no payload in the body of a message without our headers. Of the fields of others a payload may want the user.
pub(crate) const OTHERS_FIELDS: [&str; 3] = ["_metadata", "job_id", "created_at"];

/// A message: properties, headers and body, as AMQP 0-9-1 has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Where it is published.
    pub exchange: String,
    /// What the exchange routes by.
    pub routing_key: String,
    /// Identifies the message. A new one of this library has its job's id; on RabbitMQ, where others read it, it gets an id of
    /// its own and names the job in a header.
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
    /// The body: for messages of this library the payload as JSON. Not necessarily JSON: it may come from anybody.
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

    /// The job this message belongs to: what our headers tell, else what services without them write in the body, else one by
    /// the message's own id; `None` when it has none.
    pub fn job_id(&self) -> Option<JobId> {
        if let Some(id) = self.header_str(JOB_ID) {
            return id.parse().ok();
        }
        let told = self.id_in_body().and_then(|id| id.parse().ok());
        let by_message = || self.message_id.parse().unwrap_or_else(|_| JobId::derived(&self.message_id));
        told.or_else(|| (!self.message_id.is_empty()).then(by_message))
    }

    /// What the service that sent this message calls its job, where that is not the text of [`job_id`](Self::job_id).
    pub fn job_alias(&self) -> Option<String> {
        let by_message = || {
            let is_named = self.headers.contains_key(TASK) || self.headers.contains_key(JOB_ID);
            (!is_named).then(|| self.message_id.clone()).filter(|id| id.parse::<JobId>().is_ok())
        };
        let alias = self.id_in_body().or_else(by_message)?;
        (alias != self.job_id()?.to_string()).then_some(alias)
    }

    /// Whether it is called so: by its own id, or its job's, ours or the sender's.
    pub fn has_id(&self, id: &str) -> bool {
        self.message_id == id
            || id.parse().is_ok_and(|job| self.job_id() == Some(job))
            || self.job_alias().is_some_and(|alias| alias == id)
    }

    /// The id of its job where that is the only id it has: of a new message of ours, or one of an earlier version.
    #[cfg(any(test, feature = "rabbitmq"))]
    pub(crate) fn only_id(&self) -> Option<&str> {
        let names_job = !self.headers.contains_key(TASK) || self.headers.contains_key(JOB_ID);
        (!names_job && self.message_id.parse::<JobId>().is_ok()).then_some(&self.message_id)
    }

    /// What services without our headers write in the body, where it can be an id.
    fn id_in_body(&self) -> Option<String> {
        if self.headers.contains_key(TASK) {
            return None;
        }
        let body: BodyIds = serde_json::from_slice(&self.body).ok()?;
        let id = match body.job_id? {
            Value::String(text) => text,
            Value::Number(number) if !number.is_f64() => number.to_string(),
            _ => return None,
        };
        id.parse::<JobId>().is_ok().then_some(id)
    }
}

#[derive(Deserialize)]
struct BodyIds {
    job_id: Option<Value>,
}

/// The message of a job.
pub(crate) fn message<T: Serialize + ?Sized>(
    exchange: &str,
    routing_key: &str,
    payload: &T,
    job: &Job,
) -> Result<Message> {
    let mut body = Vec::with_capacity(USUAL_BODY);
    json::write(payload, &mut body).map_err(|error| {
        Error::invalid(format!("a payload of task `{}` cannot be written as JSON", job.task))
            .with_source(error)
    })?;
    let mut message = Message {
        exchange: exchange.to_owned(),
        routing_key: routing_key.to_owned(),
        message_id: job.id.to_string(),
        correlation_id: job.correlation_id.clone(),
        priority: job.priority,
        ttl: None,
        not_before: job.next_attempt_at,
        timestamp: job.created_at,
        headers: BTreeMap::new(),
        body,
    };
    message.headers.insert(TASK.to_owned(), Value::String(job.task.clone()));
    message.headers.insert(MAX_ATTEMPTS.to_owned(), job.max_attempts.into());
    if let Some(owner) = &job.owner {
        message.headers.insert(OWNER.to_owned(), serde_json::json!(owner));
    }
    if !job.metadata.is_empty() {
        message.headers.insert(METADATA.to_owned(), Value::Object(job.metadata.clone()));
    }
    Ok(message)
}

/// Tells a payload from others, whatever the order of its fields. The same on every machine and in every version.
pub(crate) fn digest(payload: &[u8]) -> u64 {
    // A JSON object as a value has its fields in order.
    let canonical = serde_json::from_slice(payload).map(|value: Value| value.to_string().into_bytes());
    let bytes = canonical.as_deref().unwrap_or(payload);
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, bytes).as_u64_pair().1
}

/// The payload in a message body: without what [`flat_body`] added.
///
/// A message without our headers keeps every field but `_metadata`, `job_id` and `created_at`.
pub(crate) fn payload(message: &Message) -> Result<Value> {
    let body: Value = serde_json::from_slice(&message.body)
        .map_err(|error| Error::invalid("the message body is not JSON").with_source(error))?;
    let added: Vec<&str> = match message.header_str(ADDED) {
        Some(added) => added.split(',').collect(),
        None if message.headers.contains_key(TASK) => return Ok(body),
        None => OTHERS_FIELDS.to_vec(),
    };
    let Value::Object(mut fields) = body else {
        return Err(Error::invalid("the message body is JSON, but not an object"));
    };
    if added.contains(&WRAPPED) {
        return Ok(fields.remove(WRAPPED).unwrap_or_default());
    }
    added.into_iter().for_each(|name| drop(fields.remove(name)));
    Ok(Value::Object(fields))
}

/// [`payload`] as a task wants it.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(message: &Message) -> Result<T> {
    // As this library stores it: the body is the payload.
    let task = if message.headers.contains_key(TASK) && !message.headers.contains_key(ADDED) {
        serde_json::from_slice(&message.body)
    } else {
        T::deserialize(payload(message)?)
    };
    task.map_err(|error| undecodable(&error))
}

/// Whether the body is JSON at all, as far as any version of this library reads it.
pub(crate) fn is_json(message: &Message) -> bool {
    serde_json::from_slice::<Value>(&message.body).is_ok()
}

fn undecodable(error: &serde_json::Error) -> Error {
    Error::invalid(format!("the payload does not fit the task: {error}"))
}

/// Two digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
        text
    })
}

/// The job record as far as the message tells it, for a store that lost or never had it. `task` is the name the
/// registry found; `max_attempts` counts where the message names none; `redelivered` is a message that a worker may have had
/// before.
pub(crate) fn record(message: &Message, id: JobId, task: &str, max_attempts: u32, redelivered: bool) -> Job {
    let mut job = Job::new(id, task, message.timestamp);
    job.alias = message.job_alias();
    let owner = message.headers.get(OWNER).cloned().or_else(|| {
        let others = !message.headers.contains_key(TASK);
        let body: Value = others.then(|| serde_json::from_slice(&message.body).ok()).flatten()?;
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
    if !redelivered && job.attempt == 0 && !message.headers.contains_key(UNKNOWN_MS) {
        // Nothing has happened yet that the record would not tell, and it may be only on its way.
        return job;
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

    use serde_json::json;

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

    /// As it arrives on the other side of a broker that others read.
    fn over_the_wire(message: &Message) -> Message {
        let (body, added) = flat_body(message, "message-1", "shop");
        let mut arrived = Message { body: body.into_owned(), ..message.clone() };
        arrived.headers.extend(added.map(|names| (ADDED.to_owned(), Value::String(names.into_owned()))));
        arrived
    }

    #[test]
    fn the_body_on_the_wire_is_the_flat_object_of_the_guide() {
        let job = job();

        let message =
            message("ai.tasks", "ai.task.map.generation", &json!({"requirements_text": "…"}), &job).unwrap();

        let body: Value = serde_json::from_slice(&over_the_wire(&message).body).unwrap();
        assert_eq!(body["requirements_text"], "…");
        assert_eq!(body["job_id"], json!(job.id));
        assert_eq!(body["user_id"], 42);
        assert_eq!(body["_metadata"]["routing_key"], "ai.task.map.generation");
        assert_eq!(body["_metadata"]["message_id"], "message-1");
        assert_eq!(body["_metadata"]["producer"], "shop");
        assert!(body["created_at"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_message_that_comes_back_from_the_wire_is_not_changed_again() {
        let message = message("e", "k", &json!({"a": 1}), &job()).unwrap();
        let arrived = over_the_wire(&message);

        let (again, added) = flat_body(&arrived, "message-1", "shop");

        assert_eq!((again.as_ref(), added), (arrived.body.as_slice(), None));
    }

    #[test]
    fn any_payload_comes_back_as_it_was() {
        for payload in [
            json!({}),
            json!({"text": "x"}),
            json!({"job_id": 1, "user_id": [2], "created_at": null, "_metadata": {"a": 1}}),
            json!({"text": "the words _metadata and user_id"}),
            json!({"payload": 3}),
            json!([1, 2]),
            json!("text"),
            json!(null),
        ] {
            for owner in [None, Some(Owner::Id(42))] {
                let job = Job { owner: owner.clone(), ..job() };
                let message = message("e", "k", &payload, &job).unwrap();
                let arrived = over_the_wire(&message);

                for message in [message, arrived] {
                    assert_eq!(decode::<Value>(&message).unwrap(), payload);
                    assert_eq!(super::payload(&message).unwrap(), payload);
                    assert_eq!(record(&message, job.id, "strict", 3, false).owner, owner);
                }
            }
        }
    }

    #[test]
    fn a_task_that_knows_no_other_fields_is_read_from_the_wire() {
        let task = Strict { user_id: 7, text: "x".into() };

        let message = over_the_wire(&message("e", "k", &task, &job()).unwrap());

        assert_eq!(decode::<Strict>(&message).unwrap(), task);
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
        assert_eq!(record(&message, id, "ai_map_generation", 3, false).owner, Some(Owner::Id(5)));
    }

    #[test]
    fn garbage_is_an_error_not_a_panic() {
        for body in [&b""[..], b"\xff\xfe", b"[1", b"null", b"3"] {
            let message = Message::new("e", "k", "", body.to_vec());
            assert!(payload(&message).is_err());
            assert_eq!((message.job_id(), message.job_alias()), (None, None));
        }
    }

    #[test]
    fn a_message_of_another_service_tells_its_job_by_any_id() {
        let of = |id: &str, body: &str| {
            let message = Message::new("e", "k", id, body.as_bytes().to_vec());
            (message.job_id(), message.job_alias())
        };
        let known = |id: &str| (Some(id.parse().unwrap()), Some(id.to_owned()));
        let uuid = JobId::new();

        assert_eq!(of("m", r#"{"job_id": "test-job-123"}"#), known("test-job-123"));
        assert_eq!(of("m", r#"{"job_id": 123}"#), known("123"));
        assert_eq!(of("m", r#"{"job_id": null}"#), known("m"));
        assert_eq!(of("m", r#"{"job_id": ""}"#), known("m"));
        assert_eq!(of("m", "{}"), known("m"));
        assert_eq!(of(&uuid.to_string(), "{}"), (Some(uuid), None));
        assert_eq!(of("", "{}"), (None, None));
        let long = "x".repeat(255);
        assert_eq!(of(&long, "{}"), (Some(JobId::derived(&long)), None));
        let upper = uuid.to_string().to_uppercase();
        assert_eq!(of("m", &json!({ "job_id": upper }).to_string()), (Some(uuid), Some(upper)));
    }
}
