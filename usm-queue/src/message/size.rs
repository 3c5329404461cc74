//! How much the headers of a message take where the broker limits them, and what is accepted of it.

use serde_json::Value;

use super::Message;
use crate::error::{Error, Result};

/// The most that the headers of a new message take, in bytes. What a retry, a delay, a dead letter or a replay adds has
/// room beside it in a frame.
const MAX_NEW_HEADERS: usize = 48 << 10;
/// The most that values are nested in each other in the headers of a new message.
const MAX_DEPTH: usize = 64;
/// The longest name that AMQP carries, in bytes.
pub(crate) const MAX_NAME: usize = 255;

/// Refuses a new message that a later form of it could not carry, whatever the broker.
pub(crate) fn check_headers(message: &Message) -> Result<()> {
    let size = headers_size(message);
    if size > MAX_NEW_HEADERS {
        return Err(Error::invalid(format!(
            "metadata and owner take {size} bytes in the headers of a message, and {MAX_NEW_HEADERS} is the most; keep metadata small and put the rest in the payload"
        )));
    }
    if message.headers.values().any(|value| !is_flat(value, MAX_DEPTH)) {
        return Err(Error::invalid(format!(
            "metadata are nested deeper than {MAX_DEPTH} levels; put them in the payload"
        )));
    }
    let id = message.correlation_id.as_deref().unwrap_or_default();
    for (what, text) in [("correlation id", id), ("routing key", message.routing_key.as_str())] {
        if text.len() > MAX_NAME {
            return Err(Error::invalid(format!(
                "a {what} is longer than the {MAX_NAME} bytes that AMQP carries"
            )));
        }
    }
    Ok(())
}

/// All headers together, in bytes, as AMQP carries them.
pub(crate) fn headers_size(message: &Message) -> usize {
    message.headers.iter().map(|(name, value)| header_size(name, value)).sum()
}

/// One header, in bytes; never less than AMQP takes.
pub(crate) fn header_size(name: &str, value: &Value) -> usize {
    // As text where AMQP has no such value; its name is then told in another header.
    let value = if amqp_has(value) { value_size(value) } else { value.to_string().len() + name.len() + 32 };
    name.len() + 16 + value
}

/// Whether AMQP carries this value as itself.
pub(crate) fn amqp_has(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => number.is_i64() || number.is_f64(),
        Value::Array(values) => values.iter().all(amqp_has),
        Value::Object(fields) => fields.iter().all(|(name, value)| name.len() <= MAX_NAME && amqp_has(value)),
    }
}

fn value_size(value: &Value) -> usize {
    9 + match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(value_size).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + value_size(value)).sum(),
    }
}

/// Whether values are nested no deeper than this.
fn is_flat(value: &Value, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match value {
        Value::Array(values) => values.iter().all(|value| is_flat(value, deeper)),
        Value::Object(fields) => fields.values().all(|value| is_flat(value, deeper)),
        _ => true,
    }
}
