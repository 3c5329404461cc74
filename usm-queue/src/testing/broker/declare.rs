//! Declaring a topology, again and otherwise.

use std::time::Duration;

use super::line::Line;
use crate::{
    backend::Broker,
    error::{Error, ErrorKind},
    testing::{soon, unique},
    topology::{ExchangeKind, QueueSpec, Topology},
};

/// As several processes do that start together.
pub async fn declaring_again_and_at_once_is_fine(broker: &dyn Broker) {
    let topology = Topology::single(&unique("again")).unwrap();

    let at_once = futures_util::future::join_all((0..5).map(|_| broker.declare(&topology)));
    for declared in soon("the topology is declared", at_once).await {
        declared.unwrap();
    }
    broker.declare(&topology).await.unwrap();
}

fn names(refused: &Error, all: &[&str]) {
    assert_eq!(refused.kind(), ErrorKind::TopologyMismatch, "{refused}");
    for part in all {
        assert!(refused.to_string().contains(part), "`{part}` is named: {refused}");
    }
}

/// The queue, the argument and both values are told, and the queue is as before.
pub async fn a_queue_with_other_arguments_is_refused_naming_both(broker: &dyn Broker) {
    let name = unique("drift");
    let (exchange, dead) = (format!("{name}.tasks"), format!("{name}.dead"));
    let topology = |arrange: &dyn Fn(QueueSpec) -> QueueSpec| {
        let queue = QueueSpec::new(&name).bind(&exchange, "#").dead_letter_exchange(&dead);
        Topology::builder(&exchange)
            .dead_letters(&dead, format!("{name}.failed"))
            .queue(arrange(queue))
            .build()
            .unwrap()
    };
    let first = topology(&|queue| queue.max_priority(7).message_ttl(Duration::from_millis(61_000)));
    broker.declare(&first).await.unwrap();

    let priority = topology(&|queue| queue.max_priority(9).message_ttl(Duration::from_millis(61_000)));
    let refused = broker.declare(&priority).await.unwrap_err();
    names(&refused, &[&name, "x-max-priority", "7", "9"]);

    let ttl = topology(&|queue| queue.max_priority(7).message_ttl(Duration::from_millis(62_000)));
    let refused = broker.declare(&ttl).await.unwrap_err();
    names(&refused, &[&name, "x-message-ttl", "61000", "62000"]);

    let without = topology(&|queue| queue.message_ttl(Duration::from_millis(61_000)));
    let refused = broker.declare(&without).await.unwrap_err();
    names(&refused, &[&name, "x-max-priority", "7", "none"]);

    broker.declare(&first).await.unwrap();
}

/// The exchange and both kinds are told.
pub async fn an_exchange_of_another_kind_is_refused_naming_both(broker: &dyn Broker) {
    let name = unique("kind");
    let (exchange, dead) = (format!("{name}.extra"), format!("{name}.dead"));
    let topology = |kind| {
        Topology::builder(format!("{name}.tasks"))
            .dead_letters(&dead, format!("{name}.failed"))
            .exchange(&exchange, kind)
            .queue(QueueSpec::new(&name).bind(&exchange, "k").dead_letter_exchange(&dead))
            .build()
            .unwrap()
    };
    broker.declare(&topology(ExchangeKind::Direct)).await.unwrap();

    let refused = broker.declare(&topology(ExchangeKind::Fanout)).await.unwrap_err();

    names(&refused, &[&exchange, "direct", "fanout"]);
}

/// Whatever is asked of it.
pub async fn an_undeclared_queue_is_not_found(broker: &dyn Broker) {
    let _known = Line::new(broker).await;
    let queue = unique("unknown");

    let consumed = match broker.consume(&queue, 1).await {
        Ok(mut consumer) => soon("the consumer answers", consumer.next()).await.map(|next| next.map(drop)),
        Err(error) => Some(Err(error)),
    };
    assert_eq!(consumed.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(broker.depth(&queue).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(broker.browse(&queue, 0, 1).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(broker.purge(&queue).await.unwrap_err().kind(), ErrorKind::NotFound);
}
