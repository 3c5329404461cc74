//! The body as other services read it: one flat JSON object with the four fields of the guide.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Message,
    headers::{ADDED, JOB_ID, OWNER, TASK},
    payload::WRAPPED,
};

/// What [`flat_body`] adds to a body, where the payload has no such field itself.
const FIELDS: [&str; 4] = ["job_id", "user_id", "created_at", "_metadata"];
const ALL_FIELDS: &str = "job_id,user_id,created_at,_metadata";
const FIELDS_WITHOUT_OWNER: &str = "job_id,created_at,_metadata";

/// A body, and the names of the fields added to it.
pub(crate) type Flat<'a> = (Cow<'a, [u8]>, Option<Cow<'static, str>>);

/// The body as other services read it, for brokers that carry messages between services: for a message of ours the
/// payload's own fields, then those of [`FIELDS`] that the payload does not have itself. Returns the body and, where it
/// added fields, their names for the header [`ADDED`]; a body that has them already, or is not ours, or no JSON in spite of
/// its headers, stays as it is. `message_id` is the id it goes by, `producer` who sends it.
///
/// A payload that is not a JSON object is carried in a field `payload`.
pub(crate) fn flat_body<'a>(message: &'a Message, message_id: &str, producer: &str) -> Flat<'a> {
    let as_it_is = (Cow::Borrowed(message.body.as_slice()), None);
    if !message.headers.contains_key(TASK) || message.headers.contains_key(ADDED) {
        return as_it_is;
    }
    with_fields(message, message_id, producer).unwrap_or(as_it_is)
}

fn with_fields<'a>(message: &'a Message, message_id: &str, producer: &str) -> Option<Flat<'a>> {
    let created_at = message.timestamp.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let added = Added {
        job_id: message.header_str(JOB_ID).unwrap_or(&message.message_id),
        user_id: message.headers.get(OWNER),
        created_at: &created_at,
        metadata: AddedMetadata {
            message_id,
            timestamp: &created_at,
            producer,
            routing_key: &message.routing_key,
        },
    };
    let text = std::str::from_utf8(&message.body).ok()?;
    // Rarely needed, and only where one of the names occurs somewhere.
    if !text.starts_with('{') || FIELDS.iter().any(|name| text.contains(name)) {
        let (body, names) = merge(text, &added).ok()?;
        return Some((Cow::Owned(body), Some(names.into())));
    }
    let added = serde_json::to_vec(&added).ok()?;
    let mut body = Vec::with_capacity(text.len() + added.len());
    body.extend_from_slice(&message.body[..text.len() - 1]);
    if body.len() > 1 {
        body.push(b',');
    }
    body.extend_from_slice(&added[1..]);
    let names = if message.headers.contains_key(OWNER) { ALL_FIELDS } else { FIELDS_WITHOUT_OWNER };
    Some((Cow::Owned(body), Some(names.into())))
}

#[derive(Serialize)]
struct Added<'a> {
    job_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a Value>,
    created_at: &'a str,
    #[serde(rename = "_metadata")]
    metadata: AddedMetadata<'a>,
}

#[derive(Serialize)]
struct AddedMetadata<'a> {
    message_id: &'a str,
    timestamp: &'a str,
    producer: &'a str,
    routing_key: &'a str,
}

/// For payloads that may have fields of the same names, or are no objects: the body and the names added.
fn merge(payload: &str, added: &Added<'_>) -> serde_json::Result<(Vec<u8>, String)> {
    let mut names = Vec::with_capacity(FIELDS.len() + 1);
    let mut body = match serde_json::from_str(payload)? {
        Value::Object(fields) => fields,
        other => {
            names.push(WRAPPED.to_owned());
            Map::from_iter([(WRAPPED.to_owned(), other)])
        }
    };
    if let Value::Object(fields) = serde_json::to_value(added)? {
        for (name, value) in fields {
            if let serde_json::map::Entry::Vacant(entry) = body.entry(name) {
                names.push(entry.key().clone());
                entry.insert(value);
            }
        }
    }
    Ok((serde_json::to_vec(&body)?, names.join(",")))
}
