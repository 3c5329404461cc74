//! Removing levels of the delay ladder that are no longer wanted, without losing what waits in them.

use std::time::Duration;

use lapin::{message::Delivery, options::BasicAckOptions};

use crate::{
    backend::rabbitmq::{
        delay::{Ladder, Level},
        publish::Publisher,
        topology::Declaring,
        wire::{Hop, Incoming, Parcel, Way, incoming},
    },
    error::Result,
};

/// How long the broker may take to hand a message that is due on to the next queue.
const HANDED_ON: Duration = Duration::from_secs(1);

/// Removes the levels below which this ladder ends, the longest first, so that nothing comes from above.
pub(crate) async fn remove_surplus_levels(publisher: &Publisher) -> Result<()> {
    let declarations = &publisher.declarations;
    let connections = &declarations.connections;
    let connection = connections.management().await?;
    let mut declaring = Declaring::new(connections, &connection);
    for level in declarations.delays.surplus() {
        if declaring.queue_exists(&level.name).await? {
            declaring.unbind(&level).await?;
            while let Some(delivery) = declaring.first(&level.name).await? {
                let acker = delivery.acker.clone();
                restart(publisher, &level, delivery).await?;
                let ack = acker.ack(BasicAckOptions::default());
                connections.call("take an acknowledgement", ack).await?;
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
async fn restart(publisher: &Publisher, level: &Level, delivery: Delivery) -> Result<()> {
    let left = Ladder::waits(level, delivery.routing_key.as_str());
    let Incoming { message, returned, hop, .. } = incoming(delivery);
    let Some(Hop { queue, rest, misses }) = hop else {
        return publisher.bury_undeliverable(message, &level.name, "it names no queue").await;
    };
    let Some(pass) = publisher.declarations.delays.pass(left.saturating_add(rest)) else { return Ok(()) };
    let way =
        Way::After { pass, queue: &queue, by_hop: !publisher.declarations.routes.takes_delayed(&queue) };
    let outcome = publisher.ship_one(Parcel { message: &message, way, returned, misses }).await?;
    publisher.accepted(&message, outcome)
}
