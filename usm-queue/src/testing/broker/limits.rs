//! Time to live and length: what a queue does not keep becomes a dead letter.

use std::time::Duration;

use super::line::{Line, depth, depth_becomes, next, nothing};
use crate::{
    backend::{Broker, Settlement},
    error::ErrorKind,
    message::{BROKER_QUEUE, BROKER_REASON, Message},
    retry::later,
    testing::QUIET,
    topology::Overflow,
};

const HOUR: Duration = Duration::from_secs(3600);

fn died(message: &Message, line: &Line<'_>, reason: &str) {
    assert_eq!(message.headers.get(BROKER_REASON), Some(&reason.into()), "the reason is told");
    assert_eq!(message.headers.get(BROKER_QUEUE), Some(&line.queue.as_str().into()), "the queue is told");
}

/// With its body, headers and routing key, and the reason `expired`.
pub async fn a_message_that_waited_too_long_is_dead_lettered(broker: &dyn Broker) {
    let line = Line::with(broker, |queue| queue.message_ttl(QUIET)).await;
    let mut message = Message::new(&line.exchange, "work.it", "old", vec![0, 255, 10]);
    message.headers.insert("x-kept".to_owned(), "as it was".into());

    broker.publish(vec![message]).await.unwrap();
    let dead = line.drain(&line.failed, 1).await.remove(0);

    died(&dead, &line, "expired");
    assert_eq!(
        (dead.message_id.as_str(), dead.routing_key.as_str(), dead.body.as_slice()),
        ("old", "work.it", &[0, 255, 10][..])
    );
    assert_eq!(dead.headers["x-kept"], "as it was");
    nothing(&mut line.consume(1).await).await;
    line.depth_becomes(0, 0, 0).await;
}

/// Whether it is the message's or the queue's.
pub async fn the_shorter_time_to_live_counts(broker: &dyn Broker) {
    for (queue_ttl, message_ttl) in [(Some(HOUR), QUIET), (None, QUIET), (Some(QUIET), HOUR)] {
        let line = Line::with(broker, |queue| match queue_ttl {
            Some(ttl) => queue.message_ttl(ttl),
            None => queue,
        })
        .await;

        let message = Message { ttl: Some(message_ttl), ..line.message("old") };
        broker.publish(vec![message]).await.unwrap();

        died(&line.drain(&line.failed, 1).await[0], &line, "expired");
        line.depth_becomes(0, 0, 0).await;
    }
}

/// A delay longer than the time to live is no death sentence.
pub async fn the_time_to_live_of_a_delayed_message_counts_from_when_it_is_due(broker: &dyn Broker) {
    let line = Line::with(broker, |queue| queue.message_ttl(HOUR)).await;
    let not_before = Some(later(chrono::Utc::now(), Duration::from_secs(1)));
    let delayed = Message { ttl: Some(Duration::from_millis(700)), not_before, ..line.message("delayed") };
    let mut consumer = line.consume(1).await;

    broker.publish(vec![delayed]).await.unwrap();

    assert_eq!(next(&mut consumer).await.message.message_id, "delayed");
}

/// However many there are at once.
pub async fn many_messages_expire_and_none_is_delivered_late(broker: &dyn Broker) {
    const MESSAGES: u64 = 1500;
    let line = Line::with(broker, |queue| queue.message_ttl(Duration::from_millis(400))).await;
    let batch = (0..MESSAGES).map(|number| line.message(&number.to_string())).collect();
    broker.publish(batch).await.unwrap();
    // Their time, counted from when the broker had them all.
    tokio::time::sleep(Duration::from_millis(450)).await;

    let mut consumer = line.consume(10).await;

    nothing(&mut consumer).await;
    depth_becomes(broker, &line.failed, depth(MESSAGES, 0, 0)).await;
    line.depth_becomes(0, 0, 0).await;
}

/// To make room for the new one; the reason is `maxlen`.
pub async fn a_queue_at_its_limit_dead_letters_its_head(broker: &dyn Broker) {
    let line = Line::with(broker, |queue| queue.max_length(2)).await;

    line.publish(&["1", "2", "3"]).await;
    line.publish(&["4"]).await;

    let dead = line.drain(&line.failed, 2).await;
    dead.iter().for_each(|dead| died(dead, &line, "maxlen"));
    assert_eq!(dead.iter().map(|dead| dead.message_id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(line.drain_ids(2).await, ["3", "4"]);
}

/// The caller knows, and nothing is stored.
pub async fn a_full_queue_refuses_when_told_to(broker: &dyn Broker) {
    let line = Line::with(broker, |queue| queue.max_length(2).overflow(Overflow::RejectPublish)).await;
    line.publish(&["1"]).await;
    line.publish(&["2"]).await;

    let refused = broker.publish(vec![line.message("3")]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::QueueFull, "{refused}");
    line.depth_becomes(2, 0, 0).await;

    let first = line.take().await;
    line.settle(&first, Settlement::Ack).await;
    line.depth_becomes(1, 0, 0).await;
    line.publish(&["4"]).await;
    assert_eq!(line.drain_ids(2).await, ["2", "4"]);
    depth_becomes(broker, &line.failed, depth(0, 0, 0)).await;
}

/// Only what waits counts.
pub async fn delivered_and_delayed_messages_do_not_fill_a_queue(broker: &dyn Broker) {
    let line = Line::with(broker, |queue| queue.max_length(1).overflow(Overflow::RejectPublish)).await;
    let delayed = |id| Message { not_before: Some(later(chrono::Utc::now(), HOUR)), ..line.message(id) };
    line.publish(&["held"]).await;
    let _held = line.take().await;

    broker.publish(vec![delayed("later"), delayed("later still")]).await.unwrap();
    line.publish(&["waits"]).await;
    broker.publish(vec![delayed("even later")]).await.unwrap();

    line.depth_becomes(1, 3, 1).await;
    assert_eq!(
        broker.publish(vec![line.message("too many")]).await.unwrap_err().kind(),
        ErrorKind::QueueFull
    );
}
