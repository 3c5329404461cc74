//! The delay ladder on a real broker.

use std::time::{Duration, Instant};

use chrono::Utc;
use usm_queue::{
    backend::Settlement,
    testing::{eventually, soon},
};

use super::{Line, next, open, raw, retry};

/// And in the order they are due, not the one they were published in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delays_of_any_length_are_never_too_short() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let mut consumer = broker.consume(&line.name, 10).await.unwrap();
    let delays = [5000_i64, 300, 1000, 2750];

    let begun = Utc::now();
    let delayed = |millis: i64| {
        let mut message = line.message(&millis.to_string());
        message.not_before = Some(begun + chrono::Duration::milliseconds(millis));
        message
    };
    broker.publish(delays.into_iter().map(delayed).collect()).await.unwrap();

    for millis in [300, 1000, 2750, 5000] {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.message.message_id, millis.to_string());
        let waited = Utc::now() - begun;
        assert!(waited >= chrono::Duration::milliseconds(millis), "{millis} ms took {waited}");
        println!("{millis} ms took {} ms", waited.num_milliseconds());
        assert_eq!(delivery.message.exchange, line.topology.task_exchange());
        broker.settle(&delivery, Settlement::Ack).await.unwrap();
    }
}

/// The broker drops a message that it has moved in a circle; ours never look so to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_retried_many_times() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue.max_priority(10)).await;
    let mut message = line.message("again and again");
    message.priority = 6;
    message.headers.insert("x-kept".to_owned(), "as it was".into());
    broker.publish(vec![message.clone()]).await.unwrap();
    let mut consumer = broker.consume(&line.name, 1).await.unwrap();

    let begun = Instant::now();
    for round in 0..40 {
        let delivery = next(&mut consumer).await;
        let got = &delivery.message;
        assert_eq!(
            (got.priority, got.headers.len(), &got.headers),
            (6, 1, &message.headers),
            "round {round}"
        );
        assert!(!delivery.redelivered, "a retry is a new message");
        let delay = if round % 4 == 0 { Duration::from_millis(100) } else { Duration::ZERO };
        broker.settle(&delivery, retry(&delivery, delay)).await.unwrap();
    }
    assert!(begun.elapsed() >= Duration::from_secs(1), "ten of them waited");
    let last = next(&mut consumer).await;
    broker.settle(&last, Settlement::Ack).await.unwrap();
    eventually("nothing is left", async || broker.depth(&line.name).await.unwrap().is_empty().then_some(()))
        .await;
}

/// Its time to live counts from when it is due; the ladder is no place to die in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delayed_message_that_expires_later_died_in_its_own_queue() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let mut message = line.message("dies");
    message.ttl = Some(Duration::from_millis(20));
    message.not_before = Some(Utc::now() + chrono::Duration::milliseconds(600));
    broker.publish(vec![message]).await.unwrap();

    let mut failed = broker.consume(line.topology.failed_queue(), 1).await.unwrap();
    let dead = next(&mut failed).await.message;

    assert_eq!(dead.headers["x-first-death-reason"], "expired");
    assert_eq!(dead.headers["x-first-death-queue"], line.name.as_str());
    assert_eq!((dead.routing_key.as_str(), dead.exchange), ("work.it", line.dead_exchange()));
}

/// As a dead-letter notice waits for a worker that may have died.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_that_is_put_back_still_tells_where_it_died() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue.max_length(1)).await;
    broker.publish(vec![line.message("pushed out"), line.message("stays")]).await.unwrap();
    let mut notices = broker.consume(line.topology.notice_queue(), 1).await.unwrap();
    let notice = next(&mut notices).await;
    assert_eq!(notice.message.headers["x-first-death-reason"], "maxlen");

    for _ in 0..2 {
        let delay = Duration::from_millis(200);
        broker.settle(&notice, Settlement::Requeue { delay }).await.unwrap();
    }
    drop(notice);
    let again = next(&mut notices).await;
    assert_eq!((again.message.message_id.as_str(), again.redelivered), ("pushed out", true));
    assert_eq!(again.message.headers["x-first-death-reason"], "maxlen");
    assert_eq!(again.message.headers["x-first-death-queue"], line.name.as_str());
}

/// Bindings to the ladder go with the queue; what is due then is not lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delayed_message_finds_its_queue_though_that_was_deleted_and_created_by_somebody_else() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let mut delayed = line.message("patient");
    delayed.not_before = Some(Utc::now() + chrono::Duration::seconds(1));
    broker.publish(vec![delayed]).await.unwrap();

    let (_connection, channel) = raw().await;
    let name = lapin::types::ShortString::from(line.name.as_str());
    channel.queue_delete(name.clone(), lapin::options::QueueDeleteOptions::default()).await.unwrap();
    let mut arguments = lapin::types::FieldTable::default();
    let dead = lapin::types::AMQPValue::LongString(line.dead_exchange().into());
    arguments.insert("x-dead-letter-exchange".into(), dead);
    let durable = lapin::options::QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare(name, durable, arguments).await.unwrap();

    let mut consumer = broker.consume(&line.name, 1).await.unwrap();
    let delivery = soon("it comes", consumer.next()).await.unwrap().unwrap();
    assert_eq!(delivery.message.message_id, "patient");
}
