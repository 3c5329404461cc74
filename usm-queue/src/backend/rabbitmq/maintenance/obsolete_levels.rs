//! Removes delay levels that are no longer used, without losing the messages in them.

use std::time::Duration;

use lapin::{message::Delivery, options::BasicAckOptions};

use crate::{
    backend::rabbitmq::{
        delay_levels::{DelayLevel, DelayLevels},
        publish::Publisher,
        topology::TopologyChannel,
        wire::{Incoming, Outgoing, RelayTo, incoming},
    },
    error::Result,
};

/// How long the broker may take to pass an expired message on to the next queue.
const PASS_ON: Duration = Duration::from_secs(1);

/// The longest first, so that nothing arrives from a level above.
pub(crate) async fn remove_obsolete_levels(publisher: &Publisher) -> Result<()> {
    let declarer = &publisher.declarer;
    let connections = &declarer.connections;
    let connection = connections.management().await?;
    let mut channel = TopologyChannel::new(connections, &connection);
    for level in declarer.delay_levels.obsolete() {
        if channel.queue_exists(&level.name).await? {
            channel.unbind_level(&level).await?;
            while let Some(delivery) = channel.first(&level.name).await? {
                let acker = delivery.acker.clone();
                restart(publisher, &level, delivery).await?;
                let ack = acker.ack(BasicAckOptions::default());
                connections.call("take an acknowledgement", ack).await?;
            }
            // A message that expired just now is on its way to the next level.
            tokio::time::sleep(PASS_ON).await;
            channel.delete_queue(&level.name).await?;
            tracing::info!(queue = level.name, "removed a delay level");
        }
        if channel.exchange_exists(&level.name).await? {
            channel.delete_exchange(&level.name).await?;
        }
    }
    channel.close().await;
    Ok(())
}

/// Lets a message wait again from this level on: the broker does not say how long it has waited, and too late is better
/// than too early.
async fn restart(publisher: &Publisher, level: &DelayLevel, delivery: Delivery) -> Result<()> {
    let left = DelayLevels::waits(level, delivery.routing_key.as_str());
    let Incoming { message, was_delivered, relay, .. } = incoming(delivery);
    let Some(RelayTo { queue, remaining, misses }) = relay else {
        return publisher.dead_letter_undeliverable(message, &level.name, "it names no queue").await;
    };
    let Some(path) = publisher.declarer.delay_levels.path(left.saturating_add(remaining)) else {
        return Ok(());
    };
    let by_relay = !publisher.declarer.declared.takes_delayed(&queue);
    let outgoing = Outgoing::delayed(&message, path, &queue, by_relay);
    publisher.deliver(Outgoing { was_delivered, misses, ..outgoing }).await
}
