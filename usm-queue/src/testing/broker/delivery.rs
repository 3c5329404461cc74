//! What is delivered, and in which order.

use chrono::Utc;
use serde_json::{Value, json};

use super::line::{Line, next, nothing};
use crate::{
    backend::{Broker, Settlement},
    job::{Job, JobId},
    message::{self, Message},
    testing::{
        QUIET, soon,
        values::{assert_same, values},
    },
};

/// Everything but its time to live and due time, which are used up, and the precision of its time stamp.
pub async fn a_message_arrives_as_it_was_published(broker: &dyn Broker) {
    let line = Line::with(broker, |queue| queue.max_priority(10)).await;
    let mut message = Message::new(&line.exchange, "work.привет.now", "id-1", b"{\"a\": 1}".to_vec());
    message.correlation_id = Some("request-7".to_owned());
    message.priority = 4;
    message.headers = [
        ("x-text", json!("Привет, \"мир\"\n")),
        ("x-empty", json!("")),
        ("x-number", json!(4_000_000_000_u64)),
        ("x-flag", json!(true)),
        ("x-list", json!(["one", "two"])),
        ("x-object", json!({"owner": 42, "nested": {"deep": ["x"]}})),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();

    broker.publish(vec![message.clone()]).await.unwrap();
    let delivery = line.take().await;

    assert_eq!(delivery.queue, line.queue);
    assert!(!delivery.redelivered);
    let got = &delivery.message;
    assert_eq!(
        (&got.exchange, &got.routing_key, &got.message_id, &got.correlation_id, got.priority, &got.body),
        (
            &message.exchange,
            &message.routing_key,
            &message.message_id,
            &message.correlation_id,
            4,
            &message.body
        )
    );
    for (name, value) in &message.headers {
        assert_eq!(got.headers.get(name), Some(value), "header {name}");
    }
    assert_eq!(got.timestamp.timestamp(), message.timestamp.timestamp());
}

/// As header, which carries the metadata, and as payload of a task, to the last bit.
pub async fn any_json_value_arrives_as_it_was_sent(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let mut sent = Vec::new();
    for value in values() {
        let job = Job::new(JobId::new(), "any", Utc::now());
        // Also where the names of the fields that are added for other services occur, and in an object of its own.
        for payload in
            [value.clone(), json!({ "user_id": value, "text": "_metadata" }), json!({ "a": value })]
        {
            let mut message = message::message(&line.exchange, "k", &payload, &job).unwrap();
            if value.to_string().len() < 1000 {
                message.headers.insert("x-value".to_owned(), value.clone());
            }
            sent.push((message, payload));
        }
    }
    broker.publish(sent.iter().map(|(message, _)| message.clone()).collect()).await.unwrap();

    for (got, (message, payload)) in line.drain(&line.queue, sent.len()).await.iter().zip(&sent) {
        assert_same(&message::payload(got).unwrap(), payload);
        assert_same(&message::decode::<Value>(got).unwrap(), payload);
        if let Some(value) = message.headers.get("x-value") {
            assert_same(&got.headers["x-value"], value);
        }
    }
}

/// Bodies are bytes, not text.
pub async fn any_bytes_survive(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let bodies = [(0..=255).collect::<Vec<u8>>(), vec![], vec![0; 3], b"\xff\xfe not UTF-8".to_vec()];

    let messages = bodies.iter().map(|body| Message::new(&line.exchange, "k", "m", body.clone()));
    broker.publish(messages.collect()).await.unwrap();

    let got: Vec<_> = line.drain(&line.queue, 4).await.into_iter().map(|message| message.body).collect();
    assert_eq!(got, bodies);
}

/// As large a body as a long requirements text makes.
pub async fn a_body_of_one_mebibyte_survives(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let body: Vec<u8> = (0..1_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();

    broker.publish(vec![Message::new(&line.exchange, "k", "big", body.clone())]).await.unwrap();

    assert!(line.take().await.message.body == body, "the body arrives byte for byte");
}

/// One by one or in a batch.
pub async fn messages_come_in_the_order_they_were_published(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let ids: Vec<String> = (0..50).map(|number| format!("m{number}")).collect();

    for id in &ids[..10] {
        line.publish(&[id]).await;
    }
    line.publish(&ids[10..].iter().map(String::as_str).collect::<Vec<_>>()).await;

    assert_eq!(line.drain_ids(50).await, ids);
}

async fn publish_with_priorities(line: &Line<'_>, messages: &[(&str, u8)]) {
    let with_priority = |(id, priority): &(&str, u8)| {
        let mut message = line.message(id);
        message.priority = *priority;
        message
    };
    line.broker.publish(messages.iter().map(with_priority).collect()).await.unwrap();
}

/// First in, first out within one priority.
pub async fn the_highest_priority_comes_first_and_equals_in_order(broker: &dyn Broker) {
    let line = Line::with(broker, |queue| queue.max_priority(10)).await;

    publish_with_priorities(
        &line,
        &[("a0", 0), ("a5", 5), ("a9", 9), ("b5", 5), ("b0", 0), ("b9", 9), ("a10", 10)],
    )
    .await;

    assert_eq!(line.drain_ids(7).await, ["a10", "a9", "b9", "a5", "b5", "a0", "b0"]);
}

/// First in, first out.
pub async fn a_queue_without_priorities_ignores_them(broker: &dyn Broker) {
    let line = Line::new(broker).await;

    publish_with_priorities(&line, &[("low", 0), ("high", 9), ("middle", 5)]).await;

    assert_eq!(line.drain_ids(3).await, ["low", "high", "middle"]);
}

/// It is no better than the maximum.
pub async fn a_priority_above_the_maximum_counts_as_the_maximum(broker: &dyn Broker) {
    let line = Line::with(broker, |queue| queue.max_priority(5)).await;

    publish_with_priorities(&line, &[("four", 4), ("five", 5), ("two hundred", 200), ("five again", 5)])
        .await;

    assert_eq!(line.drain_ids(4).await, ["five", "two hundred", "five again", "four"]);
}

/// However the delivery ends.
pub async fn prefetch_bounds_unsettled_deliveries_and_settling_frees_a_place(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["1", "2", "3", "4"]).await;
    let mut consumer = line.consume(2).await;
    let (first, second) = (next(&mut consumer).await, next(&mut consumer).await);

    nothing(&mut consumer).await;
    line.depth_becomes(2, 0, 2).await;

    line.settle(&second, Settlement::Ack).await;
    drop(second);
    let third = next(&mut consumer).await;
    assert_eq!(third.message.message_id, "3");
    nothing(&mut consumer).await;

    let mut dead = first.message.clone();
    dead.exchange.clone_from(&line.dead_exchange);
    line.settle(&first, Settlement::DeadLetter { message: Box::new(dead) }).await;
    drop(first);
    assert_eq!(next(&mut consumer).await.message.message_id, "4");
}

/// A broker may deliver the next one once the job of a delivery has ended, but holds no more than twice as many.
pub async fn free_places_let_no_more_than_twice_the_prefetch_out(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let ids = ["1", "2", "3", "4", "5"];
    line.publish(&ids).await;
    let mut consumer = line.consume(2).await;

    let mut unsettled = Vec::new();
    while let Ok(Some(delivery)) = tokio::time::timeout(QUIET, consumer.next()).await {
        let delivery = delivery.unwrap();
        broker.free_place(&delivery);
        unsettled.push(delivery);
    }
    assert!(matches!(unsettled.len(), 2..=4), "{unsettled:?}");

    let mut come: Vec<_> = unsettled.iter().map(|delivery| delivery.message.message_id.clone()).collect();
    for delivery in unsettled {
        line.settle(&delivery, Settlement::Ack).await;
    }
    while come.len() < ids.len() {
        let delivery = next(&mut consumer).await;
        line.settle(&delivery, Settlement::Ack).await;
        come.push(delivery.message.message_id);
    }
    assert_eq!(come, ids);
}

/// Nobody has to ask again.
pub async fn a_waiting_consumer_gets_what_is_published_later(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let mut consumer = line.consume(1).await;
    nothing(&mut consumer).await;

    let (delivery, ()) = soon("the message is delivered", async {
        tokio::join!(next(&mut consumer), line.publish(&["later"]))
    })
    .await;

    assert_eq!(delivery.message.message_id, "later");
}
