//! The relay: moves on delayed messages that the broker cannot deliver by itself, because their delay is longer than the
//! delay levels can do at once, their time to live counts from when they are due, or their queue may refuse them.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use lapin::{
    Acker,
    options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::FieldTable,
};

use crate::{
    backend::rabbitmq::{
        connection::Connector,
        publish::{Confirmation, FULL_PAUSE, Publisher},
        wire::{Incoming, Outgoing, RelayTo, incoming, short},
    },
    backoff::Backoff,
    error::{Result, chain},
};

/// How many messages are moved at a time.
const PREFETCH: u16 = 32;
/// How long a message waits whose queue does not exist; twice as long every further time, up to an hour.
const FIRST_MISS: Duration = Duration::from_secs(15);
/// After how many misses a message becomes a dead letter: about a day.
const MAX_MISSES: u32 = 30;

/// Never returns; starts again after every loss.
pub(crate) async fn run_relay(publisher: Arc<Publisher>) {
    let mut backoff = Backoff::of_writes();
    let mut lost = false;
    loop {
        let consuming = || {
            backoff.reset();
            std::mem::take(&mut lost)
        };
        if let Err(error) = consume(&publisher, consuming).await {
            // Once per loss, not for every reconnect.
            if !std::mem::replace(&mut lost, true) {
                tracing::warn!(
                    queue = publisher.declarer.delay_levels.relay_queue(),
                    error = chain(&error),
                    "delayed messages are not moved on; trying again"
                );
            }
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}

/// Returns when the consumer ends.
///
/// `consuming` is called when it works, and tells whether it was lost before.
async fn consume(publisher: &Publisher, consuming: impl FnOnce() -> bool) -> Result<()> {
    // A connection that publishes: nothing can be moved on while it is blocked.
    let declarer = &publisher.declarer;
    let connector: &Connector = &declarer.connections;
    let connection = declarer.connections.management().await?;
    let channel = connector.call("open a channel", connection.create_channel()).await?;
    let qos = channel.basic_qos(PREFETCH, BasicQosOptions { global: false });
    connector.call("limit what it delivers at a time", qos).await?;
    let relay_queue = declarer.delay_levels.relay_queue();
    let consume = channel.basic_consume(
        short("queue name", relay_queue.as_str())?,
        "".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    let deliveries = match connector.call("deliver due messages", consume).await {
        Ok(deliveries) => deliveries,
        Err(error) => {
            // Somebody deleted the queue.
            declarer.forget_delay_levels().await;
            declarer.declare_delay_levels().await?;
            return Err(error);
        }
    };
    if consuming() {
        tracing::info!(queue = relay_queue, "delayed messages are moved on again");
    }
    deliveries
        .for_each_concurrent(usize::from(PREFETCH), |delivery| async move {
            let Ok(delivery) = delivery else { return };
            let acker = delivery.acker.clone();
            let moved = move_on(publisher, incoming(delivery)).await;
            settle(connector, &acker, moved).await;
        })
        .await;
    Ok(())
}

async fn settle(connector: &Connector, acker: &Acker, moved: Result<()>) {
    let settled = match moved {
        Ok(()) => connector.call("take an acknowledgement", acker.ack(BasicAckOptions::default())).await,
        Err(error) => {
            tracing::warn!(error = chain(&error), "a delayed message cannot be moved on now; trying again");
            tokio::time::sleep(FULL_PAUSE).await;
            let back = acker.nack(BasicNackOptions { requeue: true, multiple: false });
            connector.call("take a message back", back).await
        }
    };
    if let Err(error) = settled {
        tracing::debug!(error = chain(&error), "a delayed message will be redelivered");
    }
}

/// Publishes a message to where it goes next.
async fn move_on(publisher: &Publisher, incoming: Incoming) -> Result<()> {
    let levels = &publisher.declarer.delay_levels;
    let Incoming { message, was_delivered, relay, .. } = incoming;
    let Some(RelayTo { queue, remaining, misses }) = relay else {
        return publisher
            .dead_letter_undeliverable(message, &levels.relay_queue(), "it names no queue")
            .await;
    };
    if let Some(path) = levels.path(remaining) {
        return publisher.put_back(&queue, &message, path, was_delivered).await;
    }
    let outgoing = Outgoing { was_delivered, ..Outgoing::to_queue(&message, &queue) };
    let (pause, misses) = match publisher.send(outgoing).await? {
        Confirmation::Refused => (FULL_PAUSE, 0),
        Confirmation::Returned if misses >= MAX_MISSES => {
            return publisher.dead_letter_undeliverable(message, &queue, "its queue is gone").await;
        }
        Confirmation::Returned => {
            let pause = miss_pause(misses);
            tracing::warn!(
                message.id = message.message_id,
                job.id = message.job_id().map(tracing::field::display),
                queue,
                "a delayed message is due, but its queue does not exist; trying again in {pause:?}"
            );
            (pause, misses + 1)
        }
        confirmation => return publisher.accepted(&message, confirmation),
    };
    let Some(path) = levels.path(pause) else { return Ok(()) };
    let outgoing = Outgoing::delayed(&message, path, &queue, true);
    publisher.deliver(Outgoing { was_delivered, misses, ..outgoing }).await
}

fn miss_pause(misses: u32) -> Duration {
    FIRST_MISS.saturating_mul(1 << misses.min(8)).min(Duration::from_secs(3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_a_queue_waits_for_it_about_a_day() {
        let waited: Duration = (0..MAX_MISSES).map(miss_pause).sum();

        assert!(
            waited > Duration::from_secs(22 * 3600) && waited < Duration::from_secs(26 * 3600),
            "{waited:?}"
        );
    }
}
