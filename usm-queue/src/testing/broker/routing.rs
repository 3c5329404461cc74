//! Which queues a message reaches.

use super::line::{Line, depth, depth_becomes, next};
use crate::{
    backend::{Broker, Settlement},
    error::ErrorKind,
    message::Message,
    testing::unique,
    topology::{ExchangeKind, QueueSpec, Topology},
};

/// Declares `queues`, each with its bindings, on an exchange of `kind`; returns the exchange's and the queues' names.
async fn declare(broker: &dyn Broker, kind: ExchangeKind, queues: &[&[&str]]) -> (String, Vec<String>) {
    let name = unique("routing");
    let (exchange, dead) = (format!("{name}.exchange"), format!("{name}.dead"));
    let names: Vec<String> = (1..=queues.len()).map(|number| format!("{name}.{number}")).collect();
    let mut topology = Topology::builder(format!("{name}.tasks"))
        .exchange(&exchange, kind)
        .dead_letters(&dead, format!("{name}.failed"));
    for (name, keys) in names.iter().zip(queues) {
        let queue = QueueSpec::new(name).dead_letter_exchange(&dead);
        topology = topology.queue(keys.iter().fold(queue, |queue, key| queue.bind(&exchange, *key)));
    }
    broker.declare(&topology.build().unwrap()).await.unwrap();
    (exchange, names)
}

/// Publishes one message for each key, then reads which keys each queue got.
async fn reached(broker: &dyn Broker, exchange: &str, keys: &[&str], expected: &[(&String, &[&str])]) {
    for key in keys {
        let message = Message::new(exchange, *key, *key, key.as_bytes().to_vec());
        broker.publish(vec![message]).await.unwrap();
    }
    for (queue, expected) in expected {
        depth_becomes(broker, queue, depth(expected.len() as u64, 0, 0)).await;
        let mut consumer = broker.consume(queue, 1).await.unwrap();
        let mut got = Vec::new();
        while got.len() < expected.len() {
            let delivery = next(&mut consumer).await;
            broker.settle(&delivery, Settlement::Ack).await.unwrap();
            got.push(delivery.message.routing_key);
        }
        assert_eq!(&got, expected, "queue {queue}");
    }
}

/// Words between dots: `*` is one word, `#` any number of words, none included.
pub async fn a_topic_exchange_routes_by_pattern(broker: &dyn Broker) {
    let queues = [&["map.#"][..], &["*.map"], &["#"], &["map.*.done"]];
    let (exchange, names) = declare(broker, ExchangeKind::Topic, &queues).await;

    let keys = ["map", "map.new", "map.new.done", "old.map", "map.done", "other"];
    let expected: [(&String, &[&str]); 4] = [
        (&names[0], &["map", "map.new", "map.new.done", "map.done"]),
        (&names[1], &["old.map"]),
        (&names[2], &keys),
        (&names[3], &["map.new.done"]),
    ];
    reached(broker, &exchange, &keys, &expected).await;
}

/// Patterns mean nothing to it.
pub async fn a_direct_exchange_routes_by_equal_keys(broker: &dyn Broker) {
    let (exchange, names) = declare(broker, ExchangeKind::Direct, &[&["a.b"], &["a.*"], &["a.b"]]).await;

    reached(
        broker,
        &exchange,
        &["a.b", "a.*"],
        &[(&names[0], &["a.b"]), (&names[1], &["a.*"]), (&names[2], &["a.b"])],
    )
    .await;
}

/// Whatever the keys.
pub async fn a_fan_out_exchange_reaches_every_bound_queue(broker: &dyn Broker) {
    let (exchange, names) = declare(broker, ExchangeKind::Fanout, &[&["ignored"], &[""]]).await;

    reached(broker, &exchange, &["x", "y.z"], &[(&names[0], &["x", "y.z"]), (&names[1], &["x", "y.z"])])
        .await;
}

/// A copy each, and one only where two bindings of a queue match.
pub async fn a_message_reaches_each_of_its_queues_once(broker: &dyn Broker) {
    let (exchange, names) = declare(broker, ExchangeKind::Topic, &[&["a.#", "#.b", "a.b"], &["*.b"]]).await;

    reached(broker, &exchange, &["a.b"], &[(&names[0], &["a.b"]), (&names[1], &["a.b"])]).await;
}

/// No queue is bound so, or the exchange does not exist.
pub async fn an_unroutable_message_is_refused_and_nothing_is_stored(broker: &dyn Broker) {
    let (exchange, names) = declare(broker, ExchangeKind::Topic, &[&["a.*"]]).await;

    for (exchange, key) in [(exchange.as_str(), "b"), (exchange.as_str(), "a.b.c"), (&unique("no"), "a.b")] {
        let refused = broker.publish(vec![Message::new(exchange, key, "m", vec![])]).await.unwrap_err();

        assert_eq!(refused.kind(), ErrorKind::Unroutable, "{refused}");
        assert!(refused.to_string().contains(key), "the key is named: {refused}");
    }
    depth_becomes(broker, &names[0], depth(0, 0, 0)).await;
}

/// Whatever the place of the bad message in the batch.
pub async fn a_batch_with_an_unroutable_message_is_refused_whole(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let bad = Message::new(unique("no-exchange"), "work.it", "bad", vec![]);

    for place in 0..3 {
        let mut batch = vec![line.message("first"), line.message("second")];
        batch.insert(place, bad.clone());
        let refused = broker.publish(batch).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unroutable, "{refused}");
    }
    line.publish(&["after"]).await;

    line.depth_becomes(1, 0, 0).await;
    assert_eq!(line.drain_ids(1).await, ["after"]);
}
