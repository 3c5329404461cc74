//! Dead letters taken one after the other, and given back by being dropped.

use std::time::Duration;

use crate::{
    backend::{Broker, Consumer, Delivery},
    error::{Error, ErrorKind, Result},
};

/// How long nothing comes before it is asked whether there is more.
const IDLE: Duration = Duration::from_millis(500);
/// So often, one after the other.
const MAX_IDLE: u32 = 40;

/// The messages that a queue has when this begins.
pub(super) struct Walk<'a> {
    broker: &'a dyn Broker,
    queue: &'a str,
    messages: Option<Consumer>,
    left: u64,
}

impl<'a> Walk<'a> {
    pub(super) async fn begin(broker: &'a dyn Broker, queue: &'a str) -> Result<Self> {
        let left = broker.depth(queue).await?.ready;
        let messages = match usize::try_from(left) {
            Ok(0) => None,
            // All of them are held until the end, so that each comes once.
            prefetch => Some(broker.consume(queue, prefetch.unwrap_or(usize::MAX)).await?),
        };
        Ok(Self { broker, queue, messages, left })
    }

    /// The next message, held until it is settled or dropped.
    pub(super) async fn next(&mut self) -> Result<Option<Delivery>> {
        let Some(messages) = self.messages.as_mut().filter(|_| self.left > 0) else { return Ok(None) };
        let mut empty = false;
        for _ in 0..MAX_IDLE {
            match tokio::time::timeout(IDLE, messages.next()).await {
                Ok(Some(delivery)) => {
                    self.left -= 1;
                    return delivery.map(Some);
                }
                Ok(None) => return Err(self.ended("the consumer ended")),
                Err(_) => {
                    // Somebody else may have taken some since they were counted. Twice, as the last may be on its way.
                    let was_empty =
                        std::mem::replace(&mut empty, self.broker.depth(self.queue).await?.ready == 0);
                    if was_empty && empty {
                        self.left = 0;
                        return Ok(None);
                    }
                }
            }
        }
        Err(self.ended("nothing more comes"))
    }

    /// No more than so many.
    pub(super) fn at_most(mut self, count: u64) -> Self {
        self.left = self.left.min(count);
        self
    }

    /// How many did not come yet; they go back with the walk.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    fn ended(&self, why: &str) -> Error {
        let text =
            format!("queue `{}` was not read to its end ({} left): {why}; try again", self.queue, self.left);
        Error::new(ErrorKind::Unavailable, text)
    }
}
