//! The payload in a message's body.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    Message,
    headers::{ADDED, DELAY_MS, MAX_ATTEMPTS, METADATA, OWNER, TAGS, TASK},
};
use crate::{
    error::{Error, Result},
    job::Job,
    json,
};

/// Room for a payload of the usual size, so that most are written without moving them.
const USUAL_BODY: usize = 512;

/// The field of the body that carries a payload which is no object.
pub(super) const WRAPPED: &str = "payload";

/// What is no payload in the body of a message without our headers. Of the fields of others a payload may want the user.
pub(crate) const OTHERS_FIELDS: [&str; 3] = ["_metadata", "job_id", "created_at"];

/// The message of a job.
pub(crate) fn message<T: Serialize + ?Sized>(
    exchange: &str,
    routing_key: &str,
    payload: &T,
    job: &Job,
) -> Result<Message> {
    Ok(of_job(exchange, routing_key, body(payload, &job.task)?, job))
}

/// The payload as JSON.
pub(crate) fn body<T: Serialize + ?Sized>(payload: &T, task: &str) -> Result<Vec<u8>> {
    let mut body = Vec::with_capacity(USUAL_BODY);
    json::write(payload, &mut body).map_err(|error| {
        Error::invalid(format!("a payload of task `{task}` cannot be written as JSON")).with_source(error)
    })?;
    Ok(body)
}

/// The message of a job with this body.
pub(super) fn of_job(exchange: &str, routing_key: &str, body: Vec<u8>, job: &Job) -> Message {
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
    if !job.tags.is_empty() {
        message.headers.insert(TAGS.to_owned(), serde_json::json!(job.tags));
    }
    if !job.metadata.is_empty() {
        message.headers.insert(METADATA.to_owned(), Value::Object(job.metadata.clone()));
    }
    if let Some(due) = job.next_attempt_at {
        let delay = (due - job.created_at).num_milliseconds().max(0);
        message.headers.insert(DELAY_MS.to_owned(), delay.into());
    }
    if let Some(trace) = &job.trace {
        message.set_trace(trace);
    }
    message
}

/// Tells a payload from others, whatever the order of its fields. The same on every machine and in every version.
pub(crate) fn digest(payload: &[u8]) -> u64 {
    // A JSON object as a value has its fields in order.
    let canonical = serde_json::from_slice(payload).map(|value: Value| value.to_string().into_bytes());
    let bytes = canonical.as_deref().unwrap_or(payload);
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, bytes).as_u64_pair().1
}

/// The payload in a message body: without what [`flat_body`](super::flat_body) added.
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
