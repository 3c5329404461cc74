//! Every publish learns its own fate, whatever else is under way.

use std::time::Duration;

use lapin::options::BasicPublishOptions;
use usm_queue::{
    ErrorKind, QueueSpec, RabbitMqOptions, Topology,
    backend::{Message, Settlement},
    testing::{eventually, soon, unique},
    topology::{ExchangeKind, Overflow},
};

use super::{Line, next, open, open_with, raw, url};

/// The client library mixes returned messages up when many publishes are in flight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unroutable_message_among_thousands_is_told_to_its_own_publisher() {
    const MESSAGES: usize = 2000;
    let Some(broker) = open().await else { return };
    let name = unique("unroutable");
    let dead = format!("{name}.dead");
    let topology = Topology::builder(format!("{name}.tasks"))
        .dead_letters(&dead, format!("{name}.failed"))
        .exchange(format!("{name}.exchange"), ExchangeKind::Direct)
        .queue(QueueSpec::new(&name).bind(format!("{name}.exchange"), "good").dead_letter_exchange(&dead))
        .build()
        .unwrap();
    broker.declare(&topology).await.unwrap();

    for round in 0..6 {
        let publishes = (0..MESSAGES).map(|number| {
            let key = if number % 10 == round { "bad" } else { "good" };
            let message =
                Message::new(format!("{name}.exchange"), key, format!("{round}-{number}"), Vec::new());
            let broker = &broker;
            async move { (key, broker.publish(vec![message]).await) }
        });
        let outcomes = soon("all are answered", futures_util::future::join_all(publishes)).await;

        for (number, (key, outcome)) in outcomes.into_iter().enumerate() {
            let kind = outcome.as_ref().err().map(usm_queue::Error::kind);
            let expected = (key == "bad").then_some(ErrorKind::Unroutable);
            assert_eq!(kind, expected, "message {number} in round {round}: {outcome:?}");
        }
        eventually("the queue has the good ones and no others", async || {
            let ready = broker.depth(&name).await.unwrap().ready;
            (ready == (MESSAGES - MESSAGES / 10) as u64).then_some(())
        })
        .await;
        broker.purge(&name).await.unwrap();
    }
}

/// The place of a message in the window is free when it is confirmed, not when the whole batch is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_larger_than_the_window_is_published_in_order() {
    let Some(broker) = open_with(RabbitMqOptions::new(url()).publish_window(7)).await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let ids: Vec<String> = (0..500).map(|number| number.to_string()).collect();

    let batch = ids.iter().map(|id| line.message(id)).collect();
    soon("the batch is published", broker.publish(batch)).await.unwrap();

    let mut consumer = broker.consume(&line.name, 50).await.unwrap();
    for id in ids {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.message.message_id, id);
        broker.settle(&delivery, Settlement::Ack).await.unwrap();
    }
}

/// The same id on the same way: both reach the queue, or both do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_with_the_same_id_in_flight_share_one_fate() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;

    let publish = |exchange: &str| {
        let message = Message::new(exchange, "k", "twin", Vec::new());
        broker.publish(vec![message])
    };
    let good = line.topology.task_exchange();
    let fanout_without_queues = format!("{}.lonely", line.name);
    let lonely = Topology::builder(&fanout_without_queues)
        .dead_letters(line.dead_exchange(), line.topology.failed_queue())
        .build()
        .unwrap();
    broker.declare(&lonely).await.unwrap();
    let fates = futures_util::future::join_all(
        [good, &fanout_without_queues, good, &fanout_without_queues, &fanout_without_queues].map(publish),
    );

    let fates: Vec<bool> = soon("all are answered", fates).await.iter().map(Result::is_ok).collect();
    assert_eq!(fates, [true, false, true, false, false]);
}

/// By a publish each: what one caller does wrong costs no other its confirmation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declared_exchange_that_was_deleted_is_declared_again() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let (_connection, channel) = raw().await;
    broker.publish(vec![line.message("before")]).await.unwrap();

    channel
        .exchange_delete(
            line.topology.task_exchange().into(),
            lapin::options::ExchangeDeleteOptions::default(),
        )
        .await
        .unwrap();
    let publishes = (0..20).map(|number| broker.publish(vec![line.message(&number.to_string())]));
    for published in soon("all are answered", futures_util::future::join_all(publishes)).await {
        published.unwrap();
    }

    let mut consumer = broker.consume(&line.name, 100).await.unwrap();
    let mut came = std::collections::BTreeSet::new();
    while came.len() < 21 {
        came.insert(next(&mut consumer).await.message.message_id);
    }
}

/// As another process finds it that publishes while the first declares the topology again: the exchange is there, and its
/// queue is not bound yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declared_queue_that_was_deleted_is_declared_again_for_a_publish() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let (_connection, channel) = raw().await;
    let delete = lapin::options::QueueDeleteOptions::default();
    channel.queue_delete(line.name.as_str().into(), delete).await.unwrap();

    let batch = (0..3).map(|number| line.message(&number.to_string())).collect();
    soon("the batch is published", broker.publish(batch)).await.unwrap();

    let mut consumer = broker.consume(&line.name, 3).await.unwrap();
    for number in 0..3 {
        assert_eq!(next(&mut consumer).await.message.message_id, number.to_string());
    }
}

/// One that nobody declared here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_of_somebody_else_can_be_published_to() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let Some(other) = open().await else { return };

    other.publish(vec![line.message("from afar")]).await.unwrap();
    let delayed = {
        let mut message = line.message("later");
        message.not_before = Some(chrono::Utc::now() + chrono::Duration::seconds(5));
        message
    };
    let refused = other.publish(vec![delayed]).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::Unroutable);
    assert!(refused.to_string().contains("no topology"), "{refused}");
    let mut consumer = broker.consume(&line.name, 1).await.unwrap();
    assert_eq!(next(&mut consumer).await.message.message_id, "from afar");
}

/// Whatever wrote it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_without_any_property_is_delivered_retried_and_dead_lettered() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let (_connection, channel) = raw().await;
    let exchange = line.topology.task_exchange();
    channel
        .basic_publish(
            exchange.into(),
            "bare".into(),
            BasicPublishOptions::default(),
            b"\xfe",
            lapin::BasicProperties::default(),
        )
        .await
        .unwrap();
    let mut consumer = broker.consume(&line.name, 1).await.unwrap();

    let bare = next(&mut consumer).await;
    assert_eq!((bare.message.message_id.as_str(), bare.message.body.as_slice()), ("", &b"\xfe"[..]));
    broker.settle(&bare, super::retry(&bare, Duration::from_millis(1))).await.unwrap();
    let again = next(&mut consumer).await;
    assert_eq!((again.message.exchange.as_str(), again.message.routing_key.as_str()), (exchange, "bare"));
    let mut letter = again.message.clone();
    letter.exchange = line.dead_exchange();
    broker.settle(&again, Settlement::DeadLetter { message: Box::new(letter) }).await.unwrap();

    let mut failed = broker.consume(line.topology.failed_queue(), 1).await.unwrap();
    assert_eq!(next(&mut failed).await.message.body, b"\xfe");
}

/// What refuses is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_named() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue.max_length(1).overflow(Overflow::RejectPublish)).await;
    broker.publish(vec![line.message("fills")]).await.unwrap();

    let refused = broker.publish(vec![line.message("too many")]).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::QueueFull);
    assert!(refused.to_string().contains(&line.name), "{refused}");
}
