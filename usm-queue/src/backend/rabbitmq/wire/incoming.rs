//! Messages that come, of anybody.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use lapin::types::AMQPValue;
use serde_json::{Map, Value};

use super::{
    headers::{json, restore_json},
    names::{
        DIED_IN, DIED_OF, EXCHANGE, MICROS, MISSES, OF_THE_WAY, REDELIVERED, REST_MS, ROUTING_KEY, THEN,
        TTL_MS, X_DEATH, is_broker_s, own_correlation,
    },
};
use crate::{
    backend::rabbitmq::delay::{self, DELIVER_TO},
    message::{BROKER_QUEUE, BROKER_REASON, JOB_ID, Message, RAW_NAMES, RAW_PROPERTIES, hex},
};

/// A message that came.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) message: Message,
    /// By the broker, or before it was put back by us.
    pub(crate) redelivered: bool,
    /// It was put back by us.
    pub(crate) returned: bool,
    /// Where the hop queue sends it.
    pub(crate) hop: Option<Hop>,
}

/// What the hop queue has still to do for a message; its time to live is in the message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) queue: String,
    pub(crate) rest: Duration,
    /// How often it was due and its queue did not exist.
    pub(crate) misses: u32,
}

/// Reads what came. Time to live and due time are used up.
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
        OF_THE_WAY.iter().filter_map(|name| headers.remove_entry(*name)).collect();
    let text = |name: &str| taken.get(name).and_then(Value::as_str).map(str::to_owned);
    let duration = |name: &str| taken.get(name).and_then(Value::as_u64).map(Duration::from_millis);
    let death = first_death(headers.get(X_DEATH));
    headers.retain(|name, _| !is_broker_s(name));
    let died_by_itself = death.is_some();
    if let Some((reason, queue)) = death.or_else(|| text(DIED_OF).zip(text(DIED_IN))) {
        headers.insert(BROKER_REASON.to_owned(), reason.into());
        headers.insert(BROKER_QUEUE.to_owned(), queue.into());
    }
    // After a delay the exchange is the ladder's; after a death it is the dead-letter exchange, and that is the truth.
    let exchange =
        text(EXCHANGE).filter(|_| !died_by_itself).unwrap_or_else(|| delivery.exchange.to_string());
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
    if message.correlation_id.as_ref() == own_correlation(&message, &message.message_id) {
        message.correlation_id = None;
    }
    // As earlier versions name their jobs: it keeps its id, and says so from now on.
    if let Some(job) = message.only_id().map(str::to_owned) {
        message.headers.insert(JOB_ID.to_owned(), job.into());
    }
    let returned = taken.get(REDELIVERED) == Some(&Value::Bool(true));
    Incoming {
        message,
        redelivered: delivery.redelivered || returned,
        returned,
        // Without a queue of its own to go to then, the deliver exchange could not deliver it.
        hop: text(THEN).or_else(|| text(DELIVER_TO)).map(|queue| Hop {
            queue,
            rest: duration(REST_MS).unwrap_or_default(),
            misses: taken
                .get(MISSES)
                .and_then(Value::as_u64)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(0),
        }),
    }
}

/// What the filter of frames kept of a message that could not be read.
fn raw(name: &str, value: &AMQPValue) -> Option<Value> {
    let AMQPValue::ByteArray(bytes) = value else { return None };
    [RAW_PROPERTIES, RAW_NAMES].contains(&name).then(|| hex(bytes.as_slice()).into())
}

/// Why and where the broker dead-lettered a message first, the ways down the ladder apart. The broker writes the latest
/// death first.
fn first_death(deaths: Option<&Value>) -> Option<(String, String)> {
    let text = |death: &Value, name: &str| death.get(name).and_then(Value::as_str).map(str::to_owned);
    let deaths = deaths?.as_array()?.iter();
    deaths
        .rev()
        .filter_map(|death| text(death, "reason").zip(text(death, "queue")))
        .find(|(_, queue)| !delay::is_ladder(queue))
}

fn timestamp(micros: Option<i64>, seconds: Option<i64>) -> DateTime<Utc> {
    let precise = micros.and_then(DateTime::from_timestamp_micros);
    // Another service may have copied our headers and set its own time.
    let precise = precise.filter(|at| seconds.is_none_or(|seconds| at.timestamp() == seconds));
    precise
        .or_else(|| seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
        .unwrap_or_else(Utc::now)
}
