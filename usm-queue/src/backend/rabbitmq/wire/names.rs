//! Names of headers, and names as AMQP carries them.

use lapin::types::ShortString;

use crate::{
    backend::rabbitmq::delay_levels::DELIVER_TO,
    error::{Error, Result},
    message::{Message, TASK},
};

/// Header: microseconds of the timestamp, whose property has seconds only.
pub(super) const MICROS: &str = "x-usm-timestamp-us";
/// Header: names of headers that are JSON text, because AMQP has no such value.
pub(super) const AS_JSON: &str = "x-usm-json";
/// Headers of messages on another route than their own: exchange and routing key.
pub(super) const EXCHANGE: &str = "x-usm-exchange";
pub(super) const ROUTING_KEY: &str = "x-usm-routing-key";
/// Header: the message had been delivered before it was put back.
pub(super) const REDELIVERED: &str = "x-usm-redelivered";
/// Headers of messages for the relay: the queue to move it to, the remaining delay, and the time to live after it.
pub(super) const RELAY_TO: &str = "x-usm-then";
pub(super) const REMAINING_MS: &str = "x-usm-rest-ms";
pub(super) const TTL_MS: &str = "x-usm-ttl-ms";
/// Header: how often the message was due and its queue did not exist.
pub(super) const MISSES: &str = "x-usm-misses";
/// Headers that keep, over a delay, why and where the broker dead-lettered a message.
pub(super) const DEATH_REASON: &str = "x-usm-died-of";
pub(super) const DEATH_QUEUE: &str = "x-usm-died-in";
/// The broker's record of where it dead-lettered a message.
pub(super) const X_DEATH: &str = "x-death";

/// Headers of one route: never handed to the application, and written anew for every route.
pub(super) const ROUTE_HEADERS: [&str; 12] = [
    MICROS,
    AS_JSON,
    EXCHANGE,
    ROUTING_KEY,
    REDELIVERED,
    RELAY_TO,
    REMAINING_MS,
    TTL_MS,
    MISSES,
    DEATH_REASON,
    DEATH_QUEUE,
    DELIVER_TO,
];

/// The correlation id of a message of ours that has none: its own id, as the guide shows it.
pub(super) fn default_correlation_id<'a>(message: &Message, id: &'a String) -> Option<&'a String> {
    (message.headers.contains_key(TASK) && !id.is_empty()).then_some(id)
}

/// Headers that the broker writes, and partly reads to detect cycles.
pub(super) fn is_set_by_broker(name: &str) -> bool {
    name == X_DEATH || name.starts_with("x-first-death-") || name.starts_with("x-last-death-")
}

/// A name as AMQP carries it; `what` says which name is too long.
pub(crate) fn short(what: &str, text: impl Into<String>) -> Result<ShortString> {
    ShortString::try_new(text).map_err(|error| {
        Error::invalid(format!("a {what} is longer than the 255 bytes that AMQP carries")).with_source(error)
    })
}
