//! Who holds a message: deliveries, settlements, consumers that go away.

use std::collections::BTreeSet;

use futures_util::FutureExt;

use super::line::{Line, depth, depth_becomes, next, nothing};
use crate::{
    backend::{Broker, Delivery, Settlement},
    message::Message,
    testing::{soon, unique},
    topology::{ExchangeKind, QueueSpec, Topology},
};

/// Also for a consumer that comes later.
pub async fn an_acknowledged_message_is_gone(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["done"]).await;
    let delivery = line.take().await;

    line.settle(&delivery, Settlement::Ack).await;
    drop(delivery);

    line.depth_becomes(0, 0, 0).await;
    nothing(&mut line.consume(1).await).await;
}

/// The broker gives an id no meaning: each copy is delivered and settled by itself.
pub async fn messages_with_the_same_id_are_separate(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let copy = |body: &str| Message::new(&line.exchange, "k", "same", body.as_bytes().to_vec());
    broker.publish(vec![copy("one"), copy("two"), copy("three")]).await.unwrap();
    let mut consumer = line.consume(3).await;

    let first = next(&mut consumer).await;
    line.settle(&first, Settlement::Ack).await;
    let (second, third) = (next(&mut consumer).await, next(&mut consumer).await);

    assert_eq!(second.message.body, b"two");
    assert_eq!(third.message.body, b"three");
    line.depth_becomes(0, 0, 2).await;
}

/// Between them nothing is lost and nothing comes twice.
pub async fn two_consumers_share_a_queue_and_each_message_comes_once(broker: &dyn Broker) {
    const MESSAGES: usize = 200;
    let line = Line::new(broker).await;
    let ids: Vec<String> = (0..MESSAGES).map(|number| format!("m{number}")).collect();
    line.publish(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (mut one, mut other) = (line.consume(5).await, line.consume(5).await);

    let mut seen = BTreeSet::new();
    while seen.len() < MESSAGES {
        let delivery = soon("a message is delivered to either consumer", async {
            tokio::select! { delivery = one.next() => delivery, delivery = other.next() => delivery }
        })
        .await
        .expect("the consumers go on")
        .expect("the consumers do not fail");
        line.settle(&delivery, Settlement::Ack).await;
        assert!(!delivery.redelivered);
        assert!(seen.insert(delivery.message.message_id.clone()), "{delivery:?} came twice");
    }
    line.depth_becomes(0, 0, 0).await;
}

fn dead_letter(line: &Line<'_>, delivery: &Delivery) -> Settlement {
    let mut message = delivery.message.clone();
    message.exchange.clone_from(&line.dead_exchange);
    Settlement::DeadLetter { message: Box::new(message) }
}

/// The first settlement counts.
pub async fn settling_twice_does_nothing(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["done", "again"]).await;
    let mut consumer = line.consume(2).await;
    let (done, again) = (next(&mut consumer).await, next(&mut consumer).await);

    line.settle(&done, Settlement::Ack).await;
    line.settle(&done, dead_letter(&line, &done)).await;
    line.settle(&done, Settlement::Requeue { delay: std::time::Duration::ZERO }).await;
    line.settle(&again, Settlement::Requeue { delay: std::time::Duration::ZERO }).await;
    line.settle(&again, Settlement::Ack).await;
    drop((done, again));

    let again = next(&mut consumer).await;
    assert_eq!(again.message.message_id, "again");
    nothing(&mut consumer).await;
    depth_becomes(broker, &line.failed, depth(0, 0, 0)).await;
}

/// A handler that is dropped settles nothing.
pub async fn a_dropped_delivery_comes_back_marked(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["held", "next"]).await;
    let mut consumer = line.consume(1).await;

    let held = next(&mut consumer).await;
    assert!(!held.redelivered);
    drop(held);

    let mut came = vec![next(&mut consumer).await];
    // The free place may be seen before the message is back.
    if came[0].message.message_id == "next" {
        line.settle(&came[0], Settlement::Ack).await;
        came.clear();
        came.push(next(&mut consumer).await);
    }
    assert_eq!((came[0].message.message_id.as_str(), came[0].redelivered), ("held", true));
}

/// What it had handed out stays with its holder.
pub async fn a_dropped_consumer_gives_back_what_it_had_not_handed_out(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["1", "2", "3", "4", "5"]).await;
    let mut consumer = line.consume(10).await;
    let held = next(&mut consumer).await;

    drop(consumer);

    line.depth_becomes(4, 0, 1).await;
    assert_eq!(line.drain_ids(4).await, ["2", "3", "4", "5"]);
    line.settle(&held, Settlement::Ack).await;
    line.depth_becomes(0, 0, 0).await;
}

/// It has asked for messages and goes away before they arrive.
pub async fn a_consumer_dropped_while_it_fetches_loses_nothing(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let ids: Vec<String> = (0..20).map(|number| format!("m{number:02}")).collect();
    line.publish(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;

    for _ in 0..20 {
        let mut consumer = line.consume(3).await;
        // Polled once: the request is on its way, the answer has nobody to go to.
        drop(consumer.next().now_or_never());
        drop(consumer);
    }

    line.depth_becomes(20, 0, 0).await;
    let mut came = line.drain_ids(20).await;
    came.sort();
    assert_eq!(came, ids);
}

/// A worker that shuts down stops consuming first and settles what runs later.
pub async fn a_delivery_outlives_its_consumer(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["running"]).await;
    let mut consumer = line.consume(1).await;
    let running = next(&mut consumer).await;
    drop(consumer);
    nothing(&mut line.consume(1).await).await;

    line.settle(&running, dead_letter(&line, &running)).await;

    assert_eq!(line.drain(&line.failed, 1).await[0].message_id, "running");
    line.depth_becomes(0, 0, 0).await;
}

/// Body byte for byte, headers kept, new ones added.
pub async fn a_dead_letter_reaches_every_queue_of_its_exchange_unchanged(broker: &dyn Broker) {
    let name = unique("dead");
    let (exchange, dead, failed, second) =
        (format!("{name}.tasks"), format!("{name}.dead"), format!("{name}.failed"), format!("{name}.second"));
    let topology = Topology::builder(&exchange)
        .dead_letters(&dead, &failed)
        .exchange(format!("{name}.other"), ExchangeKind::Fanout)
        .queue(QueueSpec::new(&name).bind(&exchange, "#").dead_letter_exchange(&dead))
        .queue(QueueSpec::new(&second).bind(&dead, ""))
        .build()
        .unwrap();
    broker.declare(&topology).await.unwrap();
    let body: Vec<u8> = (0..=255).rev().collect();
    let mut message = Message::new(&exchange, "work.it", "bad", body.clone());
    message.headers.insert("x-kept".to_owned(), "as it was".into());
    broker.publish(vec![message]).await.unwrap();

    let delivery = next(&mut broker.consume(&name, 1).await.unwrap()).await;
    let mut letter = delivery.message.clone();
    letter.exchange.clone_from(&dead);
    letter.headers.insert("x-usm-reason".to_owned(), "no use".into());
    broker.settle(&delivery, Settlement::DeadLetter { message: Box::new(letter) }).await.unwrap();

    for queue in [failed.as_str(), &second, topology.notice_queue()] {
        let got = next(&mut broker.consume(queue, 1).await.unwrap()).await.message;
        assert_eq!((&got.body, got.message_id.as_str(), got.routing_key.as_str()), (&body, "bad", "work.it"));
        assert_eq!(got.headers["x-kept"], "as it was");
        assert_eq!(got.headers["x-usm-reason"], "no use");
    }
    depth_becomes(broker, &name, depth(0, 0, 0)).await;
}
