//! Messages as AMQP carries them, in both directions. Messages of anybody are understood.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldArray, FieldTable, ShortString},
};
use serde_json::{Map, Value};

use super::{
    confirms::Key,
    delay::{self, DELIVER_TO, HOP_QUEUE, Pass},
};
use crate::{
    envelope::{ADDED, BROKER_QUEUE, BROKER_REASON, Message, flat_body},
    error::{Error, Result},
};

/// Header: microseconds of the timestamp, whose property has seconds only.
const MICROS: &str = "x-usm-timestamp-us";
/// Header: names of headers that are JSON text, as AMQP has no such value.
const AS_JSON: &str = "x-usm-json";
/// Headers on messages that were published by another way than their own: exchange and routing key.
const EXCHANGE: &str = "x-usm-exchange";
const ROUTING_KEY: &str = "x-usm-routing-key";
/// Header: it had been delivered before it was put back.
const REDELIVERED: &str = "x-usm-redelivered";
/// Headers on messages that go by the hop queue: where to, what is left of the delay and the time to live then.
const THEN: &str = "x-usm-then";
const REST_MS: &str = "x-usm-rest-ms";
const TTL_MS: &str = "x-usm-ttl-ms";
/// Headers that keep why and where a message died by the broker, over a delay.
const DIED_OF: &str = "x-usm-died-of";
const DIED_IN: &str = "x-usm-died-in";
/// The broker's record of where a message died.
const X_DEATH: &str = "x-death";

/// What never reaches a program, and is written anew for every way.
const OF_THE_WAY: [&str; 11] = [
    MICROS,
    AS_JSON,
    EXCHANGE,
    ROUTING_KEY,
    REDELIVERED,
    THEN,
    REST_MS,
    TTL_MS,
    DIED_OF,
    DIED_IN,
    DELIVER_TO,
];

/// All headers together: a frame of 128 KiB carries them, and more would cost the connection.
const MAX_HEADERS: usize = 96 << 10;

/// One message on one way.
#[derive(Debug, Clone)]
pub(super) struct Parcel<'a> {
    pub(super) message: &'a Message,
    pub(super) way: Way<'a>,
    /// It has been delivered before, and if it died by the broker that is still to be told.
    pub(super) returned: bool,
}

/// How a message travels.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way<'a> {
    /// By its exchange and routing key.
    Routed,
    /// Into this queue alone, now.
    Into(&'a str),
    /// Into this queue alone, after a pass down the ladder; through the hop queue where the broker alone cannot do it.
    After { pass: Pass, queue: &'a str, by_hop: bool },
}

/// What is published.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Vec<u8>,
    pub(super) key: Key,
}

impl<'a> Parcel<'a> {
    pub(super) fn new(message: &'a Message, way: Way<'a>) -> Self {
        Self { message, way, returned: false }
    }

    /// The exchange it is published to.
    pub(super) fn exchange(&self) -> Cow<'a, str> {
        match self.way {
            Way::Routed => Cow::Borrowed(&self.message.exchange),
            Way::Into(_) => Cow::Borrowed(""),
            Way::After { pass, .. } => Cow::Owned(pass.exchange()),
        }
    }

    pub(super) fn outgoing(&self) -> Result<Outgoing> {
        let message = self.message;
        let (body, added) = flat_body(message)?;
        let mut headers = Headers::default();
        for (name, value) in &message.headers {
            if !is_broker_s(name) && !OF_THE_WAY.contains(&name.as_str()) {
                headers.put(name, value)?;
            }
        }
        if let Some(added) = added {
            headers.text(ADDED, &added)?;
        }
        headers.set(MICROS, AMQPValue::LongLongInt(message.timestamp.timestamp_micros()));
        if self.returned {
            headers.set(REDELIVERED, AMQPValue::Boolean(true));
            for (kept, broker_s) in [(DIED_OF, BROKER_REASON), (DIED_IN, BROKER_QUEUE)] {
                if let Some(value) = message.headers.get(broker_s) {
                    headers.put(kept, value)?;
                }
            }
        }
        let mut ttl = message.ttl;
        let (exchange, routing_key) = match self.way {
            Way::Routed => (message.exchange.clone(), message.routing_key.clone()),
            Way::Into(queue) => {
                headers.origin(message)?;
                (String::new(), queue.to_owned())
            }
            Way::After { pass, queue, by_hop } => {
                headers.origin(message)?;
                if by_hop || !pass.rest.is_zero() || ttl.is_some() {
                    headers.text(DELIVER_TO, HOP_QUEUE)?;
                    headers.text(THEN, queue)?;
                    headers.set(REST_MS, millis(pass.rest));
                    // It counts from when the message is due.
                    if let Some(ttl) = ttl.take() {
                        headers.set(TTL_MS, millis(ttl));
                    }
                } else {
                    headers.text(DELIVER_TO, queue)?;
                }
                (pass.exchange(), pass.routing_key())
            }
        };
        let mut properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_priority(message.priority)
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into());
        if let Ok(seconds) = u64::try_from(message.timestamp.timestamp()) {
            properties = properties.with_timestamp(seconds);
        }
        if !message.message_id.is_empty() {
            properties = properties.with_message_id(short("message id", message.message_id.as_str())?);
        }
        if let Some(id) = &message.correlation_id {
            properties = properties.with_correlation_id(short("correlation id", id.as_str())?);
        }
        if let Some(ttl) = ttl {
            let ttl = ttl.as_millis().min(u128::from(u32::MAX));
            properties = properties.with_expiration(ttl.to_string().into());
        }
        let key = Key::new(&message.message_id, &exchange, &routing_key);
        Ok(Outgoing {
            exchange: short("exchange name", exchange)?,
            routing_key: short("routing key", routing_key)?,
            properties: properties.with_headers(headers.finish()?),
            body: body.into_owned(),
            key,
        })
    }
}

/// The broker writes these itself, and reads some of them to find cycles.
fn is_broker_s(name: &str) -> bool {
    name == X_DEATH || name.starts_with("x-first-death-") || name.starts_with("x-last-death-")
}

fn millis(duration: Duration) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// A name as AMQP carries it.
pub(super) fn short(what: &str, text: impl Into<String>) -> Result<ShortString> {
    ShortString::try_new(text).map_err(|error| {
        Error::invalid(format!("a {what} is longer than the 255 bytes that AMQP carries")).with_source(error)
    })
}

/// A header table as it grows.
#[derive(Default)]
struct Headers {
    table: BTreeMap<ShortString, AMQPValue>,
    size: usize,
    as_json: Vec<String>,
}

impl Headers {
    fn set(&mut self, name: &'static str, value: AMQPValue) {
        self.size += name.len() + 16;
        self.table.insert(name.into(), value);
    }

    fn text(&mut self, name: &'static str, text: &str) -> Result<()> {
        self.put(name, &Value::from(text))
    }

    /// Where a message came from that goes another way.
    fn origin(&mut self, message: &Message) -> Result<()> {
        self.text(EXCHANGE, &message.exchange)?;
        self.text(ROUTING_KEY, &message.routing_key)
    }

    fn put(&mut self, name: &str, value: &Value) -> Result<()> {
        let key = short("header name", name)?;
        let amqp = match amqp(value, &mut self.size) {
            Some(amqp) => amqp,
            None => {
                let text = value.to_string();
                self.size += text.len();
                self.as_json.push(name.to_owned());
                AMQPValue::LongString(text.into())
            }
        };
        self.size += name.len() + 8;
        self.table.insert(key, amqp);
        Ok(())
    }

    fn finish(mut self) -> Result<FieldTable> {
        if !self.as_json.is_empty() {
            let names = self.as_json.iter().map(|name| AMQPValue::LongString(name.as_str().into()));
            let names = AMQPValue::FieldArray(names.collect::<Vec<_>>().into());
            self.set(AS_JSON, names);
        }
        if self.size > MAX_HEADERS {
            return Err(Error::invalid(format!(
                "the headers of a message take {} bytes, and {MAX_HEADERS} is the most; keep metadata small and put the rest in the payload",
                self.size
            )));
        }
        Ok(self.table.into())
    }
}

/// A JSON value as AMQP has it; `None` where it has none that comes back the same.
fn amqp(value: &Value, size: &mut usize) -> Option<AMQPValue> {
    *size += 9;
    Some(match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(flag) => AMQPValue::Boolean(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => AMQPValue::LongLongInt(number),
            None if number.is_f64() => AMQPValue::Double(number.as_f64()?),
            None => return None,
        },
        Value::String(text) => {
            *size += text.len();
            AMQPValue::LongString(text.as_str().into())
        }
        Value::Array(values) => {
            let values: Option<Vec<AMQPValue>> = values.iter().map(|value| amqp(value, size)).collect();
            AMQPValue::FieldArray(values?.into())
        }
        Value::Object(fields) => {
            let mut table = BTreeMap::new();
            for (name, value) in fields {
                *size += name.len();
                table.insert(ShortString::try_new(name.as_str()).ok()?, amqp(value, size)?);
            }
            AMQPValue::FieldTable(table.into())
        }
    })
}

/// Any AMQP value as JSON; bytes that are no text become an array of numbers.
fn json(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(flag) => Value::Bool(*flag),
        AMQPValue::ShortShortInt(number) => (*number).into(),
        AMQPValue::ShortShortUInt(number) => (*number).into(),
        AMQPValue::ShortInt(number) => (*number).into(),
        AMQPValue::ShortUInt(number) => (*number).into(),
        AMQPValue::LongInt(number) => (*number).into(),
        AMQPValue::LongUInt(number) => (*number).into(),
        AMQPValue::LongLongInt(number) => (*number).into(),
        AMQPValue::Float(number) => (*number).into(),
        AMQPValue::Double(number) => (*number).into(),
        AMQPValue::DecimalValue(decimal) => {
            (f64::from(decimal.value) / 10_f64.powi(i32::from(decimal.scale))).into()
        }
        AMQPValue::ShortString(text) => text.as_str().into(),
        AMQPValue::LongString(text) => bytes(text.as_bytes()),
        AMQPValue::ByteArray(data) => bytes(data.as_slice()),
        AMQPValue::Timestamp(seconds) => (*seconds).into(),
        AMQPValue::FieldArray(values) => array(values),
        AMQPValue::FieldTable(table) => {
            Value::Object(table.into_iter().map(|(name, value)| (name.to_string(), json(value))).collect())
        }
        AMQPValue::Void => Value::Null,
    }
}

fn bytes(data: &[u8]) -> Value {
    std::str::from_utf8(data).map_or_else(|_| data.into(), Value::from)
}

fn array(values: &FieldArray) -> Value {
    values.as_slice().iter().map(json).collect()
}

/// A message that came.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) message: Message,
    /// By the broker, or before it was put back by us.
    pub(super) redelivered: bool,
    /// It was put back by us.
    pub(super) returned: bool,
    /// Where the hop queue sends it.
    pub(super) hop: Option<Hop>,
}

/// What the hop queue has still to do for a message; its time to live is in the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) queue: String,
    pub(super) rest: Duration,
}

/// Reads what came. Time to live and due time are used up.
pub(super) fn incoming(delivery: lapin::message::Delivery) -> Incoming {
    let properties = delivery.properties;
    let mut headers: BTreeMap<String, Value> =
        properties.headers().iter().flatten().map(|(name, value)| (name.to_string(), json(value))).collect();
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
    let message = Message {
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
    let returned = taken.get(REDELIVERED) == Some(&Value::Bool(true));
    Incoming {
        message,
        redelivered: delivery.redelivered || returned,
        returned,
        hop: text(THEN).map(|queue| Hop { queue, rest: duration(REST_MS).unwrap_or_default() }),
    }
}

fn restore_json(headers: &mut BTreeMap<String, Value>) {
    let Some(Value::Array(names)) = headers.get(AS_JSON).cloned() else { return };
    for name in names.iter().filter_map(Value::as_str) {
        if let Some(value) = headers.get_mut(name)
            && let Some(Ok(read)) = value.as_str().map(serde_json::from_str)
        {
            *value = read;
        }
    }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use lapin::types::DecimalValue;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// As the broker hands over what was published.
    fn carried(outgoing: Outgoing) -> lapin::message::Delivery {
        let mut delivery =
            lapin::message::Delivery::mock(1, outgoing.exchange, outgoing.routing_key, false, outgoing.body);
        delivery.properties = outgoing.properties;
        delivery
    }

    fn foreign(properties: BasicProperties, body: &[u8]) -> Incoming {
        let mut delivery =
            lapin::message::Delivery::mock(1, "theirs".into(), "key".into(), false, body.to_vec());
        delivery.properties = properties;
        incoming(delivery)
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i32>().prop_map(|halves| Value::from(f64::from(halves) / 2.0)),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,8}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn headers_come_back_as_they_were_by_every_way(value in any_json(), way in 0..3_usize) {
            let mut message = Message::new("e", "k.x", "m", b"{}".to_vec());
            message.headers.insert("x-any".to_owned(), value.clone());
            message.correlation_id = Some("c".to_owned());
            message.priority = 3;
            let pass = Pass::new(Duration::from_secs(3)).unwrap();
            let way = [Way::Routed, Way::Into("q"), Way::After { pass, queue: "q", by_hop: false }][way];

            let got = incoming(carried(Parcel::new(&message, way).outgoing().unwrap())).message;

            prop_assert_eq!(got.timestamp.timestamp_micros(), message.timestamp.timestamp_micros());
            prop_assert_eq!(Message { timestamp: message.timestamp, ..got }, message);
        }
    }

    #[test]
    fn the_properties_are_those_of_the_guide() {
        let mut message = Message::new("ai.tasks", "ai.task.map.generation", "id", b"{}".to_vec());
        message.ttl = Some(Duration::from_millis(1500));
        message.priority = 7;

        let outgoing = Parcel::new(&message, Way::Routed).outgoing().unwrap();

        let properties = &outgoing.properties;
        assert_eq!(properties.delivery_mode(), &Some(2));
        assert_eq!(properties.priority(), &Some(7));
        assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
        assert_eq!(properties.content_encoding().as_ref().unwrap().as_str(), "utf-8");
        assert_eq!(properties.timestamp(), &Some(u64::try_from(message.timestamp.timestamp()).unwrap()));
        assert_eq!(properties.expiration().as_ref().unwrap().as_str(), "1500");
        assert_eq!(
            (outgoing.exchange.as_str(), outgoing.routing_key.as_str()),
            ("ai.tasks", "ai.task.map.generation")
        );
    }

    #[test]
    fn a_message_of_anybody_is_understood() {
        let bare = foreign(BasicProperties::default(), b"\xff");
        assert_eq!((bare.message.message_id.as_str(), bare.message.body.as_slice()), ("", &b"\xff"[..]));
        assert!(bare.message.headers.is_empty() && !bare.redelivered && bare.hop.is_none());

        let mut table = FieldTable::default();
        table.insert("decimal".into(), AMQPValue::DecimalValue(DecimalValue { scale: 2, value: 275 }));
        table.insert("bytes".into(), AMQPValue::LongString(vec![255_u8, 0].into()));
        table.insert("at".into(), AMQPValue::Timestamp(5));
        table.insert("nan".into(), AMQPValue::Double(f64::NAN));
        table.insert("nothing".into(), AMQPValue::Void);
        let other = foreign(BasicProperties::default().with_headers(table).with_timestamp(u64::MAX), b"");
        assert_eq!(
            json!(other.message.headers),
            json!({"decimal": 2.75, "bytes": [255, 0], "at": 5, "nan": null, "nothing": null})
        );
    }

    #[test]
    fn the_first_death_outside_the_ladder_is_told_and_nothing_else_of_the_brokers() {
        let death = |queue: &str, reason: &str| {
            let mut table = FieldTable::default();
            table.insert("queue".into(), AMQPValue::LongString(queue.into()));
            table.insert("reason".into(), AMQPValue::LongString(reason.into()));
            AMQPValue::FieldTable(table)
        };
        let mut table = FieldTable::default();
        let deaths =
            vec![death("failed", "maxlen"), death("work", "expired"), death("usm.delay.250", "expired")];
        table.insert("x-death".into(), AMQPValue::FieldArray(deaths.into()));
        table.insert("x-first-death-queue".into(), AMQPValue::LongString("usm.delay.250".into()));
        table.insert("x-first-death-exchange".into(), AMQPValue::LongString("usm.delay.250".into()));

        let got = foreign(BasicProperties::default().with_headers(table), b"").message;

        assert_eq!(json!(got.headers), json!({BROKER_REASON: "expired", BROKER_QUEUE: "work"}));
        let again = Parcel { returned: true, ..Parcel::new(&got, Way::Into("notices")) };
        let put_back = incoming(carried(again.outgoing().unwrap()));
        assert_eq!((put_back.message.headers, put_back.redelivered), (got.headers.clone(), true));
        let republished = Parcel::new(&got, Way::Routed).outgoing().unwrap();
        assert!(incoming(carried(republished)).message.headers.is_empty());
    }

    #[test]
    fn what_amqp_cannot_carry_is_refused_before_it_costs_the_connection() {
        let long = "x".repeat(256);
        let refused =
            |message: &Message| Parcel::new(message, Way::Routed).outgoing().unwrap_err().to_string();

        assert!(refused(&Message::new("e", &long, "m", vec![])).contains("routing key"));
        assert!(refused(&Message::new("e", "k", &long, vec![])).contains("message id"));
        let mut message = Message::new("e", "k", "m", vec![]);
        message.headers.insert("big".to_owned(), "x".repeat(MAX_HEADERS).into());
        assert!(refused(&message).contains("headers"));
        message.headers = [(long, json!(1))].into();
        assert!(refused(&message).contains("header name"));
    }

    #[test]
    fn a_delayed_message_with_a_time_to_live_goes_by_the_hop_queue() {
        let mut message = Message::new("e", "k", "m", vec![]);
        message.ttl = Some(Duration::from_secs(9));
        let pass = Pass::new(Duration::from_secs(100_000)).unwrap();

        let outgoing =
            Parcel::new(&message, Way::After { pass, queue: "q", by_hop: false }).outgoing().unwrap();

        assert_eq!(outgoing.properties.expiration(), &None, "it would leave the ladder too early");
        let got = incoming(carried(outgoing));
        assert_eq!(got.hop, Some(Hop { queue: "q".to_owned(), rest: pass.rest }));
        assert_eq!(got.message.ttl, message.ttl);
    }
}
