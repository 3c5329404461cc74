//! Headers so large that what is added to them may not fit: a message is settled all the same.

use std::time::Duration;

use super::line::Line;
use crate::{
    backend::{Broker, Settlement},
    message::Message,
};

/// A broker may leave headers out where they do not fit, and never the body.
pub async fn a_message_with_large_headers_is_settled_in_every_way(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let mut message = line.message("large");
    message.headers.insert("x-theirs".to_owned(), "h".repeat(94 << 10).into());
    broker.publish(vec![message]).await.unwrap();
    let and_more = |message: &Message| {
        let mut message = message.clone();
        message.headers.insert("x-ours".to_owned(), "o".repeat(60 << 10).into());
        Box::new(message)
    };

    let delivery = line.take().await;
    line.settle(&delivery, Settlement::Requeue { delay: Duration::from_millis(1) }).await;
    for delay in [Duration::ZERO, Duration::from_millis(1)] {
        let delivery = line.take().await;
        line.settle(&delivery, Settlement::Retry { message: and_more(&delivery.message), delay }).await;
    }
    let delivery = line.take().await;
    let mut dead = and_more(&delivery.message);
    dead.exchange.clone_from(&line.dead_exchange);
    line.settle(&delivery, Settlement::DeadLetter { message: dead }).await;

    let dead = line.drain(&line.failed, 1).await.remove(0);
    assert_eq!((dead.message_id.as_str(), dead.body.as_slice()), ("large", &b"large"[..]));
    line.depth_becomes(0, 0, 0).await;
}
