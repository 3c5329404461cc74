//! What we write can be read, and so can what others write.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, time::Duration};

use lapin::{
    BasicProperties,
    types::{AMQPValue, DecimalValue, FieldTable},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    headers::MAX_HEADERS,
    incoming::{Incoming, RelayTo, incoming},
    outgoing::{Encoded, Outgoing},
};
use crate::{
    backend::rabbitmq::delay_levels::DelayLevels,
    job::{Job, JobId},
    message::{self, BROKER_QUEUE, BROKER_REASON, JOB_ID, Message, TASK},
};

/// As the broker hands over what was published.
fn carried(encoded: Encoded) -> lapin::message::Delivery {
    let mut delivery =
        lapin::message::Delivery::mock(1, encoded.exchange, encoded.routing_key, false, encoded.body);
    delivery.properties = encoded.properties;
    delivery
}

fn foreign(properties: BasicProperties, body: &[u8]) -> Incoming {
    let mut delivery = lapin::message::Delivery::mock(1, "theirs".into(), "key".into(), false, body.to_vec());
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
    fn headers_come_back_unchanged_by_every_route(value in any_json(), route in 0..3_usize) {
        let mut message = Message::new("e", "k.x", "m", b"{}".to_vec());
        message.headers.insert("x-any".to_owned(), value.clone());
        message.correlation_id = Some("c".to_owned());
        message.priority = 3;
        let levels = DelayLevels::new("usm", 13);
        let path = levels.path(Duration::from_secs(3)).unwrap();
        let outgoing = [
            Outgoing::new(&message),
            Outgoing::to_queue(&message, "q"),
            Outgoing::delayed(&message, path, "q", false),
        ];

        let got = incoming(carried(outgoing[route].encode("shop").unwrap())).message;

        prop_assert_eq!(got.timestamp.timestamp_micros(), message.timestamp.timestamp_micros());
        prop_assert_eq!(Message { timestamp: message.timestamp, ..got }, message);
    }
}

#[test]
fn a_message_of_ours_without_correlation_has_its_own_id_on_the_wire() {
    let mut message = Message::new("ai.tasks", "ai.task.map.generation", "id", b"{}".to_vec());
    let correlation = |message: &Message| {
        let outgoing = Outgoing::new(message).encode("shop").unwrap();
        let sent = outgoing.properties.correlation_id().as_ref().map(ToString::to_string);
        (sent, incoming(carried(outgoing)).message.correlation_id)
    };
    assert_eq!(correlation(&message), (None, None), "what others send stays as it is");

    message.headers.extend([(TASK.to_owned(), "map".into()), (JOB_ID.to_owned(), "job".into())]);
    assert_eq!(correlation(&message), (Some("id".to_owned()), None));
    message.correlation_id = Some("trace".to_owned());
    assert_eq!(correlation(&message), (Some("trace".to_owned()), Some("trace".to_owned())));
}

#[test]
fn the_properties_are_those_of_the_guide() {
    let mut message = Message::new("ai.tasks", "ai.task.map.generation", "id", b"{}".to_vec());
    message.ttl = Some(Duration::from_millis(1500));
    message.priority = 7;

    let outgoing = Outgoing::new(&message).encode("shop").unwrap();

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
    assert!(bare.message.headers.is_empty() && !bare.redelivered && bare.relay.is_none());

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
fn the_first_dead_lettering_outside_the_delay_levels_is_reported_and_no_other_header_of_the_broker() {
    let death = |queue: &str, reason: &str| {
        let mut table = FieldTable::default();
        table.insert("queue".into(), AMQPValue::LongString(queue.into()));
        table.insert("reason".into(), AMQPValue::LongString(reason.into()));
        AMQPValue::FieldTable(table)
    };
    let mut table = FieldTable::default();
    let deaths = vec![death("failed", "maxlen"), death("work", "expired"), death("usm.delay.250", "expired")];
    table.insert("x-death".into(), AMQPValue::FieldArray(deaths.into()));
    table.insert("x-first-death-queue".into(), AMQPValue::LongString("usm.delay.250".into()));
    table.insert("x-first-death-exchange".into(), AMQPValue::LongString("usm.delay.250".into()));

    let got = foreign(BasicProperties::default().with_headers(table), b"").message;

    assert_eq!(json!(got.headers), json!({BROKER_REASON: "expired", BROKER_QUEUE: "work"}));
    let again = Outgoing { was_delivered: true, ..Outgoing::to_queue(&got, "notices") };
    let put_back = incoming(carried(again.encode("shop").unwrap()));
    assert_eq!((put_back.message.headers, put_back.redelivered), (got.headers.clone(), true));
    let republished = Outgoing::new(&got).encode("shop").unwrap();
    assert!(incoming(carried(republished)).message.headers.is_empty());
}

#[test]
fn what_amqp_cannot_carry_is_refused_before_it_costs_the_connection() {
    let long = "x".repeat(256);
    let refused = |message: &Message| Outgoing::new(message).encode("shop").unwrap_err().to_string();

    assert!(refused(&Message::new("e", &long, "m", vec![])).contains("routing key"));
    assert!(refused(&Message::new("e", "k", &long, vec![])).contains("message id"));
    let mut message = Message::new("e", "k", "m", vec![]);
    message.headers.insert("big".to_owned(), "x".repeat(MAX_HEADERS).into());
    assert!(refused(&message).contains("headers"));
    message.headers = [(long, json!(1))].into();
    assert!(refused(&message).contains("header name"));
}

#[test]
fn a_delayed_message_with_a_time_to_live_goes_by_the_relay() {
    let mut message = Message::new("e", "k", "m", vec![]);
    message.ttl = Some(Duration::from_secs(9));
    let levels = DelayLevels::new("usm", 13);
    let path = levels.path(Duration::from_secs(100_000)).unwrap();

    let outgoing = Outgoing::delayed(&message, path, "q", false).encode("shop").unwrap();

    assert_eq!(outgoing.properties.expiration(), &None, "it would leave the delay levels too early");
    let got = incoming(carried(outgoing));
    assert_eq!(got.relay, Some(RelayTo { queue: "q".to_owned(), remaining: path.remaining, misses: 0 }));
    assert_eq!(got.message.ttl, message.ttl);
}

#[test]
fn a_new_message_of_ours_gets_an_id_of_its_own_and_is_found_by_either() {
    let job = Job::new(JobId::new(), "t", chrono::Utc::now());
    let new = message::message("e", "k", &json!({"job_id": "x"}), &job).unwrap();

    let got = incoming(carried(Outgoing::new(&new).encode("shop").unwrap())).message;

    assert_eq!((got.job_id(), got.job_alias(), got.only_id()), (Some(job.id), None, None));
    assert_ne!(got.message_id, job.id.to_string());
    assert!(got.has_id(&got.message_id) && got.has_id(&job.id.to_string()) && !got.has_id("x"));
    // It keeps both from then on, as one of an earlier version does, whose only id is its job's.
    let headers =
        FieldTable::from(BTreeMap::from([("x-usm-task".into(), AMQPValue::LongString("t".into()))]));
    let properties = BasicProperties::default().with_headers(headers);
    let earlier = foreign(properties.with_message_id(job.id.to_string().into()), b"{}").message;
    for known in [got, earlier] {
        let again = incoming(carried(Outgoing::to_queue(&known, "q").encode("shop").unwrap())).message;
        assert_eq!((&again.message_id, again.job_id()), (&known.message_id, Some(job.id)));
    }
}
