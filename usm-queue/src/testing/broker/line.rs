//! One queue with its exchange and dead letters, as most broker contracts need it.

use std::time::{Duration, Instant};

use crate::{
    backend::{Broker, Consumer, Delivery, QueueDepth, Settlement},
    message::Message,
    testing::{PATIENCE, QUIET, soon, unique},
    topology::{QueueSpec, Topology},
};

/// One work queue and everything around it, under names of its own.
pub(super) struct Line<'a> {
    pub(super) broker: &'a dyn Broker,
    pub(super) exchange: String,
    pub(super) queue: String,
    pub(super) dead_exchange: String,
    pub(super) failed: String,
}

impl<'a> Line<'a> {
    /// A queue without priorities, time to live or limit.
    pub(super) async fn new(broker: &'a dyn Broker) -> Self {
        Self::with(broker, |queue| queue).await
    }

    /// A queue as `arrange` wants it.
    pub(super) async fn with(broker: &'a dyn Broker, arrange: impl FnOnce(QueueSpec) -> QueueSpec) -> Self {
        let queue = unique("contract");
        let (exchange, dead, failed) =
            (format!("{queue}.tasks"), format!("{queue}.dead"), format!("{queue}.failed"));
        let spec = arrange(QueueSpec::new(&queue).bind(&exchange, "#").dead_letter_exchange(&dead));
        let topology = Topology::builder(&exchange).dead_letters(&dead, &failed).queue(spec).build().unwrap();
        broker.declare(&topology).await.unwrap();
        Self { broker, exchange, queue, dead_exchange: dead, failed }
    }

    /// A message for the queue, with its id as body.
    pub(super) fn message(&self, id: &str) -> Message {
        Message::new(&self.exchange, "work.it", id, id.as_bytes().to_vec())
    }

    pub(super) async fn publish(&self, ids: &[&str]) {
        self.broker.publish(ids.iter().map(|id| self.message(id)).collect()).await.unwrap();
    }

    pub(super) async fn consume(&self, prefetch: usize) -> Consumer {
        self.broker.consume(&self.queue, prefetch).await.unwrap()
    }

    /// Takes one message with a consumer of its own.
    pub(super) async fn take(&self) -> Delivery {
        next(&mut self.consume(1).await).await
    }

    pub(super) async fn settle(&self, delivery: &Delivery, settlement: Settlement) {
        self.broker.settle(delivery, settlement).await.unwrap();
    }

    /// Takes and acknowledges `count` messages of `queue`; returns them in the order they came.
    pub(super) async fn drain(&self, queue: &str, count: usize) -> Vec<Message> {
        let mut consumer = self.broker.consume(queue, 1).await.unwrap();
        let mut messages = Vec::with_capacity(count);
        while messages.len() < count {
            let delivery = next(&mut consumer).await;
            self.settle(&delivery, Settlement::Ack).await;
            messages.push(delivery.message);
        }
        messages
    }

    /// As [`drain`](Self::drain) of the work queue, the ids only.
    pub(super) async fn drain_ids(&self, count: usize) -> Vec<String> {
        self.drain(&self.queue, count).await.into_iter().map(|message| message.message_id).collect()
    }

    pub(super) async fn depth_becomes(&self, ready: u64, delayed: u64, unsettled: u64) {
        depth_becomes(self.broker, &self.queue, depth(ready, delayed, unsettled)).await;
    }
}

/// What a broker that knows everything tells.
pub(super) fn depth(ready: u64, delayed: u64, unsettled: u64) -> QueueDepth {
    QueueDepth { ready, delayed: Some(delayed), unsettled: Some(unsettled) }
}

/// What a broker does not tell, it need not tell right.
fn agrees(told: QueueDepth, expected: QueueDepth) -> bool {
    told.ready == expected.ready
        && told.delayed.is_none_or(|told| Some(told) == expected.delayed)
        && told.unsettled.is_none_or(|told| Some(told) == expected.unsettled)
}

/// A retry of `delivery` with its message as it is.
pub(super) fn retry(delivery: &Delivery, delay: Duration) -> Settlement {
    Settlement::Retry { message: Box::new(delivery.message.clone()), delay }
}

/// The next delivery, within patience.
pub(super) async fn next(consumer: &mut Consumer) -> Delivery {
    let delivery = soon("a message is delivered", consumer.next()).await;
    delivery.expect("the consumer goes on").expect("the consumer does not fail")
}

/// Nothing is delivered for a while.
pub(super) async fn nothing(consumer: &mut Consumer) {
    if let Ok(delivery) = tokio::time::timeout(QUIET, consumer.next()).await {
        panic!("nothing should be delivered now, but {delivery:?} was");
    }
}

/// The depth is `expected`, within patience: a broker may count a moment later.
pub(super) async fn depth_becomes(broker: &dyn Broker, queue: &str, expected: QueueDepth) {
    let begun = Instant::now();
    loop {
        let depth = broker.depth(queue).await.unwrap();
        if agrees(depth, expected) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "queue {queue} has {depth:?}, not {expected:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
