//! Messages that wait for their time, outside the queue.

use std::time::{Duration, Instant};

use super::line::{Line, next, nothing, retry};
use crate::{
    backend::{Broker, Settlement},
    message::Message,
    retry::later,
    testing::{QUIET, unique},
    topology::{Overflow, QueueSpec, Topology},
};

/// Long against the scatter of a busy machine, and a step that a broker which rounds delays knows.
const STEP: Duration = Duration::from_secs(1);
/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3600);
/// A broker may keep time in milliseconds.
const ROUNDING: Duration = Duration::from_millis(2);

/// At once, without losing its place to what came after it.
pub async fn a_requeued_message_comes_back_marked(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["again"]).await;
    let delivery = line.take().await;

    line.settle(&delivery, Settlement::Requeue { delay: Duration::ZERO }).await;
    drop(delivery);

    let again = line.take().await;
    assert_eq!((again.message.body.as_slice(), again.redelivered), (&b"again"[..], true));
}

/// Meanwhile it counts as delayed.
pub async fn a_message_requeued_with_a_delay_comes_back_marked_and_not_too_soon(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["again"]).await;
    let delivery = line.take().await;

    let begun = Instant::now();
    line.settle(&delivery, Settlement::Requeue { delay: STEP }).await;
    drop(delivery);
    line.depth_becomes(0, 1, 0).await;

    let again = line.take().await;
    assert!(begun.elapsed() + ROUNDING >= STEP, "it came after {:?}", begun.elapsed());
    assert_eq!((again.message.body.as_slice(), again.redelivered), (&b"again"[..], true));
}

/// The new message comes once, the old one never again.
pub async fn a_retry_takes_the_place_of_its_message_after_the_delay(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["job"]).await;
    let mut consumer = line.consume(1).await;
    let delivery = next(&mut consumer).await;
    let mut message = delivery.message.clone();
    message.headers.insert("x-usm-attempt".to_owned(), 1.into());

    let begun = Instant::now();
    line.settle(&delivery, Settlement::Retry { message: Box::new(message), delay: STEP }).await;
    drop(delivery);
    let again = next(&mut consumer).await;

    assert!(begun.elapsed() + ROUNDING >= STEP, "it came after {:?}", begun.elapsed());
    assert_eq!(again.message.headers["x-usm-attempt"], 1);
    assert_eq!(
        (again.message.message_id.as_str(), again.message.routing_key.as_str(), &again.message.exchange),
        ("job", "work.it", &line.exchange)
    );
    line.settle(&again, Settlement::Ack).await;
    nothing(&mut consumer).await;
    line.depth_becomes(0, 0, 0).await;
}

/// Though its routing key leads to others too.
pub async fn a_retry_returns_to_its_own_queue_only(broker: &dyn Broker) {
    let name = unique("retry");
    let (exchange, dead, other) = (format!("{name}.tasks"), format!("{name}.dead"), format!("{name}.other"));
    let queue = |name: &str| QueueSpec::new(name).bind(&exchange, "#").dead_letter_exchange(&dead);
    let topology = Topology::builder(&exchange)
        .dead_letters(&dead, format!("{name}.failed"))
        .queue(queue(&name))
        .queue(queue(&other))
        .build()
        .unwrap();
    broker.declare(&topology).await.unwrap();
    broker.publish(vec![Message::new(&exchange, "k", "m", vec![])]).await.unwrap();
    let mut others = broker.consume(&other, 5).await.unwrap();
    let copy = next(&mut others).await;

    let mut consumer = broker.consume(&name, 1).await.unwrap();
    let delivery = next(&mut consumer).await;
    broker.settle(&delivery, retry(&delivery, Duration::from_millis(10))).await.unwrap();
    drop(delivery);

    assert_eq!(next(&mut consumer).await.message.message_id, "m");
    nothing(&mut others).await;
    broker.settle(&copy, Settlement::Ack).await.unwrap();
}

/// And a due time in the past is no delay.
pub async fn a_delayed_message_is_not_delivered_before_it_is_due(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let now = chrono::Utc::now();
    let due = |id, not_before| Message { not_before: Some(not_before), ..line.message(id) };

    let messages = vec![
        due("late", later(now, STEP)),
        due("past", now - chrono::Duration::hours(1)),
        line.message("now"),
    ];
    broker.publish(messages).await.unwrap();
    let mut consumer = line.consume(3).await;

    let first = [next(&mut consumer).await, next(&mut consumer).await];
    assert_eq!(first.each_ref().map(|delivery| delivery.message.message_id.as_str()), ["past", "now"]);
    assert_eq!(next(&mut consumer).await.message.message_id, "late");
    let early = later(chrono::Utc::now(), ROUNDING) < later(now, STEP);
    assert!(!early, "it came before it was due");
}

/// Not in the order they were published or retried: a long delay blocks no shorter one.
pub async fn messages_come_in_the_order_they_are_due(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["r3", "r1", "r2"]).await;
    let mut consumer = line.consume(3).await;
    // All are due at fixed moments, however long a busy machine takes to say so; between two of them is more than a broker
    // rounds.
    let (begun, base) = (Instant::now(), chrono::Utc::now());
    for steps in [6, 2, 4] {
        let delivery = next(&mut consumer).await;
        line.settle(&delivery, retry(&delivery, (STEP * steps).saturating_sub(begun.elapsed()))).await;
    }
    let due = |id, steps| Message { not_before: Some(later(base, STEP * steps)), ..line.message(id) };
    broker.publish(vec![due("p3", 7), due("p1", 3), due("p2", 5)]).await.unwrap();
    drop(consumer);

    assert_eq!(line.drain_ids(6).await, ["r1", "p1", "r2", "p2", "r3", "p3"]);
}

/// The worker's place is free and the queue's head as well.
pub async fn a_retry_blocks_nothing_while_it_waits(broker: &dyn Broker) {
    let line = Line::with(broker, |queue| queue.max_priority(10)).await;
    let first = Message { priority: 10, ..line.message("fails") };
    broker.publish(vec![first]).await.unwrap();
    let mut consumer = line.consume(1).await;
    let fails = next(&mut consumer).await;

    line.settle(&fails, retry(&fails, HOUR)).await;
    drop(fails);
    line.publish(&["1", "2", "3"]).await;

    for expected in ["1", "2", "3"] {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.message.message_id, expected);
        line.settle(&delivery, Settlement::Ack).await;
    }
    line.depth_becomes(0, 1, 0).await;
}

/// The one who drains the queue must be able to end its work.
pub async fn a_retry_is_not_refused_by_a_full_queue(broker: &dyn Broker) {
    for delay in [Duration::ZERO, QUIET] {
        let line = Line::with(broker, |queue| queue.max_length(1).overflow(Overflow::RejectPublish)).await;
        line.publish(&["fails"]).await;
        let fails = line.take().await;
        line.publish(&["fills"]).await;

        line.settle(&fails, retry(&fails, delay)).await;
        drop(fails);

        let mut came = line.drain_ids(2).await;
        came.sort();
        assert_eq!(came, ["fails", "fills"]);
    }
}
