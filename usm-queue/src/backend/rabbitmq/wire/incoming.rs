//! Reads delivered messages, whoever published them.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use lapin::types::AMQPValue;
use serde_json::{Map, Value};

use super::{
    headers::{json, restore_json},
    names::{
        DEATH_QUEUE, DEATH_REASON, EXCHANGE, MICROS, MISSES, REDELIVERED, RELAY_TO, REMAINING_MS,
        ROUTE_HEADERS, ROUTING_KEY, TTL_MS, X_DEATH, default_correlation_id, is_set_by_broker,
    },
};
use crate::{
    backend::rabbitmq::delay_levels::{DELIVER_TO, is_delay_level},
    message::{BROKER_QUEUE, BROKER_REASON, JOB_ID, Message, RAW_NAMES, RAW_PROPERTIES, hex},
};

/// A delivered message.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) message: Message,
    /// Redelivered by the broker, or delivered before we put it back.
    pub(crate) redelivered: bool,
    /// It was delivered before we put it back.
    pub(crate) was_delivered: bool,
    /// Where the relay moves it.
    pub(crate) relay: Option<RelayTo>,
}

/// What the relay has to do for a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RelayTo {
    pub(crate) queue: String,
    /// The remaining delay. The time to live after it is in the message.
    pub(crate) remaining: Duration,
    /// How often it was due and its queue did not exist.
    pub(crate) misses: u32,
}

/// The due time has passed, and a time to live is set only if it counts from now.
pub(crate) fn incoming(delivery: lapin::message::Delivery) -> Incoming {
    let properties = delivery.properties;
    let mut headers: BTreeMap<String, Value> = properties
        .headers()
        .iter()
        .flatten()
        .map(|(name, value)| (name.to_string(), raw(name.as_str(), value).unwrap_or_else(|| json(value))))
        .collect();
    restore_json(&mut headers);
    let taken: Map<String, Value> =
        ROUTE_HEADERS.iter().filter_map(|name| headers.remove_entry(*name)).collect();
    let text = |name: &str| taken.get(name).and_then(Value::as_str).map(str::to_owned);
    let duration = |name: &str| taken.get(name).and_then(Value::as_u64).map(Duration::from_millis);
    let death = first_death(headers.get(X_DEATH));
    headers.retain(|name, _| !is_set_by_broker(name));
    let dead_lettered = death.is_some();
    if let Some((reason, queue)) = death.or_else(|| text(DEATH_REASON).zip(text(DEATH_QUEUE))) {
        headers.insert(BROKER_REASON.to_owned(), reason.into());
        headers.insert(BROKER_QUEUE.to_owned(), queue.into());
    }
    // After a delay, the delivery names an exchange of the delay levels instead of the message's own. After dead-lettering, it
    // names the dead-letter exchange, which is right.
    let exchange = text(EXCHANGE).filter(|_| !dead_lettered).unwrap_or_else(|| delivery.exchange.to_string());
    let seconds = properties.timestamp().and_then(|seconds| i64::try_from(seconds).ok());
    let mut message = Message {
        exchange,
        routing_key: text(ROUTING_KEY).unwrap_or_else(|| delivery.routing_key.to_string()),
        message_id: properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default(),
        correlation_id: properties.correlation_id().as_ref().map(ToString::to_string),
        priority: properties.priority().unwrap_or_default(),
        ttl: duration(TTL_MS),
        not_before: None,
        timestamp: timestamp(taken.get(MICROS).and_then(Value::as_i64), seconds),
        headers,
        body: delivery.data,
    };
    if message.correlation_id.as_ref() == default_correlation_id(&message, &message.message_id) {
        message.correlation_id = None;
    }
    // A message of an earlier version, whose id is its job's: it keeps the id, and names the job in a header from now on.
    if let Some(job) = message.only_id().map(str::to_owned) {
        message.headers.insert(JOB_ID.to_owned(), job.into());
    }
    let was_delivered = taken.get(REDELIVERED) == Some(&Value::Bool(true));
    Incoming {
        message,
        redelivered: delivery.redelivered || was_delivered,
        was_delivered,
        // Without a header for the relay, the deliver exchange could not deliver it.
        relay: text(RELAY_TO).or_else(|| text(DELIVER_TO)).map(|queue| RelayTo {
            queue,
            remaining: duration(REMAINING_MS).unwrap_or_default(),
            misses: taken
                .get(MISSES)
                .and_then(Value::as_u64)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(0),
        }),
    }
}

/// What the frame filter kept of a message that could not be read.
fn raw(name: &str, value: &AMQPValue) -> Option<Value> {
    let AMQPValue::ByteArray(bytes) = value else { return None };
    [RAW_PROPERTIES, RAW_NAMES].contains(&name).then(|| hex(bytes.as_slice()).into())
}

/// Why and where the broker first dead-lettered a message, not counting delay levels. The broker lists the latest first.
fn first_death(deaths: Option<&Value>) -> Option<(String, String)> {
    let text = |death: &Value, name: &str| death.get(name).and_then(Value::as_str).map(str::to_owned);
    let deaths = deaths?.as_array()?.iter();
    deaths
        .rev()
        .filter_map(|death| text(death, "reason").zip(text(death, "queue")))
        .find(|(_, queue)| !is_delay_level(queue))
}

fn timestamp(micros: Option<i64>, seconds: Option<i64>) -> DateTime<Utc> {
    let precise = micros.and_then(DateTime::from_timestamp_micros);
    // Another service may have copied our headers but set its own timestamp.
    let precise = precise.filter(|at| seconds.is_none_or(|seconds| at.timestamp() == seconds));
    precise
        .or_else(|| seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
        .unwrap_or_else(Utc::now)
}
