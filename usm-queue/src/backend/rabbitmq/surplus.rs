//! Removing levels of the delay ladder that are no longer wanted, without losing what waits in them.

use std::time::Duration;

use lapin::{message::Delivery, options::BasicAckOptions};

use super::{
    Inner,
    declare::Declaring,
    delay::{Ladder, Level},
    wire::{Hop, Incoming, Parcel, Way, incoming},
};
use crate::error::Result;

/// How long the broker may take to hand a message that is due on to the next queue.
const HANDED_ON: Duration = Duration::from_secs(1);

impl Inner {
    /// Removes the levels below which this ladder ends, the longest first, so that nothing comes from above.
    pub(super) async fn remove_surplus_levels(&self) -> Result<()> {
        let connection = self.publisher.connection().await?;
        let mut declaring = Declaring::new(&self.connector, &connection);
        for level in self.delays.surplus() {
            if declaring.queue_exists(&level.name).await? {
                declaring.unbind(&level).await?;
                while let Some(delivery) = declaring.first(&level.name).await? {
                    let acker = delivery.acker.clone();
                    self.restart(&level, delivery).await?;
                    let ack = acker.ack(BasicAckOptions::default());
                    self.connector.call("take an acknowledgement", ack).await?;
                }
                // What became due just now is on its way to the next level.
                tokio::time::sleep(HANDED_ON).await;
                declaring.delete_queue(&level.name).await?;
                tracing::info!(queue = level.name, "removed a level of the delay ladder");
            }
            if declaring.exchange_exists(&level.name).await? {
                declaring.delete_exchange(&level.name).await?;
            }
        }
        declaring.end().await;
        Ok(())
    }

    /// Has a message wait again from this level on, confirmed: the broker does not tell how long it has waited, and too late
    /// is better than too early.
    async fn restart(&self, level: &Level, delivery: Delivery) -> Result<()> {
        let left = Ladder::waits(level, delivery.routing_key.as_str());
        let Incoming { message, returned, hop, .. } = incoming(delivery);
        let Some(Hop { queue, rest, misses }) = hop else {
            return self.bury_undeliverable(message, &level.name, "it names no queue").await;
        };
        let Some(pass) = self.delays.pass(left.saturating_add(rest)) else { return Ok(()) };
        let way = Way::After { pass, queue: &queue, by_hop: !self.routes.takes_delayed(&queue) };
        let outcome = self.ship_one(Parcel { message: &message, way, returned, misses }).await?;
        self.accepted(&message, outcome)
    }
}
