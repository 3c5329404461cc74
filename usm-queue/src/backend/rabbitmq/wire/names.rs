//! Names of headers, and names as AMQP carries them.

use lapin::types::ShortString;

use crate::{
    backend::rabbitmq::delay::DELIVER_TO,
    error::{Error, Result},
    message::{Message, TASK},
};

/// Header: microseconds of the timestamp, whose property has seconds only.
pub(super) const MICROS: &str = "x-usm-timestamp-us";
/// Header: names of headers that are JSON text, as AMQP has no such value.
pub(super) const AS_JSON: &str = "x-usm-json";
/// Headers on messages that were published by another way than their own: exchange and routing key.
pub(super) const EXCHANGE: &str = "x-usm-exchange";
pub(super) const ROUTING_KEY: &str = "x-usm-routing-key";
/// Header: it had been delivered before it was put back.
pub(super) const REDELIVERED: &str = "x-usm-redelivered";
/// Headers on messages that go by the hop queue: where to, what is left of the delay and the time to live then.
pub(super) const THEN: &str = "x-usm-then";
pub(super) const REST_MS: &str = "x-usm-rest-ms";
pub(super) const TTL_MS: &str = "x-usm-ttl-ms";
/// Header: how often it was due and its queue did not exist.
pub(super) const MISSES: &str = "x-usm-misses";
/// Headers that keep why and where a message died by the broker, over a delay.
pub(super) const DIED_OF: &str = "x-usm-died-of";
pub(super) const DIED_IN: &str = "x-usm-died-in";
/// The broker's record of where a message died.
pub(super) const X_DEATH: &str = "x-death";

/// What never reaches a program, and is written anew for every way.
pub(super) const OF_THE_WAY: [&str; 12] = [
    MICROS,
    AS_JSON,
    EXCHANGE,
    ROUTING_KEY,
    REDELIVERED,
    THEN,
    REST_MS,
    TTL_MS,
    MISSES,
    DIED_OF,
    DIED_IN,
    DELIVER_TO,
];

/// What a message of ours has as correlation id on the wire where it has none: as the guide shows it, its own id.
pub(super) fn own_correlation<'a>(message: &Message, id: &'a String) -> Option<&'a String> {
    (message.headers.contains_key(TASK) && !id.is_empty()).then_some(id)
}

/// The broker writes these itself, and reads some of them to find cycles.
pub(super) fn is_broker_s(name: &str) -> bool {
    name == X_DEATH || name.starts_with("x-first-death-") || name.starts_with("x-last-death-")
}

/// A name as AMQP carries it.
pub(crate) fn short(what: &str, text: impl Into<String>) -> Result<ShortString> {
    ShortString::try_new(text).map_err(|error| {
        Error::invalid(format!("a {what} is longer than the 255 bytes that AMQP carries")).with_source(error)
    })
}
