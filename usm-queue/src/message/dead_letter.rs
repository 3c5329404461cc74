//! A message that will not be tried again, as people read it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    Message, headers,
    payload::{hex, payload},
};
use crate::job::JobId;

/// A message that will not be tried again, with its reason and history.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Identity: the message's id; the letter is found by its job's, too, ours or another service's. One made of the content
    /// where the message has none; messages without ids that are equal in everything share it, and whatever is done by it
    /// is done to one of them.
    pub id: String,
    /// The job it belonged to, where the message tells.
    pub job_id: Option<JobId>,
    /// Name of the task, where the message tells.
    pub task: Option<String>,
    /// Why it died: `attempts used up`, `permanent error`, `too old to try again`, `undecodable`, `unknown task`; or the
    /// broker's own `expired`, `maxlen`, `rejected`.
    pub reason: String,
    /// Errors of the attempts, oldest first, each 2000 bytes at most. Of more than 16 the first 5 and the last 10 are kept,
    /// with a line between that tells how many are left out.
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
    /// The message's properties as AMQP encodes them, hexadecimal, where they could not be read: the first 24 KiB of them.
    pub raw_properties: Option<String>,
}

/// What identities begin with that are made of the content.
pub(crate) const UNNAMED: &str = "unnamed-";

/// The message's id, or one made of everything in it that stays the same.
pub(crate) fn identity(message: &Message) -> String {
    if !message.message_id.is_empty() {
        return message.message_id.clone();
    }
    let headers = serde_json::to_vec(&message.headers).unwrap_or_default();
    let parts = [message.exchange.as_bytes(), message.routing_key.as_bytes(), &headers, &message.body];
    let content = parts.map(|part| [&part.len().to_be_bytes(), part].concat()).concat();
    format!("{UNNAMED}{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, &content))
}

/// Text where it is UTF-8, else hexadecimal behind `hex:`.
fn as_text<S: serde::Serializer>(raw: &[u8], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match std::str::from_utf8(raw) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => serializer.serialize_str(&format!("hex:{}", hex(raw))),
    }
}

impl DeadLetter {
    pub(crate) fn from_message(message: &Message) -> Self {
        let text = |name| message.header_str(name).map(str::to_owned);
        let moment = |name| message.header_str(name).and_then(|at| at.parse().ok());
        Self {
            id: identity(message),
            job_id: message.job_id(),
            task: text(headers::TASK),
            reason: text(headers::REASON)
                .or_else(|| text(headers::BROKER_REASON))
                .unwrap_or_else(|| "unknown".to_owned()),
            errors: message
                .headers
                .get(headers::ERRORS)
                .and_then(Value::as_array)
                .map(|errors| errors.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default(),
            attempts: message.header_u64(headers::ATTEMPT).unwrap_or(0),
            replays: message.header_u64(headers::REPLAYS).unwrap_or(0),
            queue: text(headers::SOURCE_QUEUE).or_else(|| text(headers::BROKER_QUEUE)).unwrap_or_default(),
            routing_key: text(headers::SOURCE_ROUTING_KEY).unwrap_or_else(|| message.routing_key.clone()),
            enqueued_at: message.timestamp,
            first_failed_at: moment(headers::FIRST_FAILED_AT),
            died_at: moment(headers::DIED_AT),
            payload: payload(message).ok(),
            raw: message.body.clone(),
            raw_properties: text(headers::RAW_PROPERTIES),
        }
    }
}
