//! The hop queue: where messages are due that the broker cannot deliver by itself, because their delay is longer than the
//! ladder, they have a time to live that counts from now, or their queue may refuse them.

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
        publish::{FULL_PAUSE, Outcome, Publisher},
        wire::{Hop, Incoming, Parcel, Way, incoming, short},
    },
    error::{Result, chain},
};

/// How many messages are moved at a time.
const AT_ONCE: u16 = 32;
/// How long a message waits first whose queue does not exist; twice as long every further time, up to an hour.
const FIRST_MISS: Duration = Duration::from_secs(15);
/// After how many misses a message becomes a dead letter: about a day.
const MAX_MISSES: u32 = 30;

/// Moves due messages for ever, anew after every loss.
pub(crate) async fn run(publisher: Arc<Publisher>) {
    let mut failures = 0_u32;
    loop {
        if let Err(error) = consume(&publisher, &mut failures).await {
            failures = failures.saturating_add(1);
            // Once per loss, not for every attempt.
            if failures == 1 {
                tracing::warn!(
                    queue = publisher.declarations.delays.hop_queue(),
                    error = chain(&error),
                    "delayed messages wait; trying again"
                );
            }
        }
        let pause = Duration::from_millis(100).saturating_mul(1 << failures.min(6));
        tokio::time::sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
    }
}

/// Returns when the consumer ends.
async fn consume(publisher: &Publisher, failures: &mut u32) -> Result<()> {
    // The publishing connection: nothing can be moved while that is blocked.
    let declarations = &publisher.declarations;
    let connector: &Connector = &declarations.connections;
    let connection = declarations.connections.management().await?;
    let channel = connector.call("open a channel", connection.create_channel()).await?;
    let qos = channel.basic_qos(AT_ONCE, BasicQosOptions { global: false });
    connector.call("limit what it delivers at a time", qos).await?;
    let hop_queue = declarations.delays.hop_queue();
    let consume = channel.basic_consume(
        short("queue name", hop_queue.as_str())?,
        "".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    let deliveries = match connector.call("deliver what is due", consume).await {
        Ok(deliveries) => deliveries,
        Err(error) => {
            // Somebody deleted it.
            declarations.forget_ladder().await;
            declarations.ladder().await?;
            return Err(error);
        }
    };
    if std::mem::take(failures) > 0 {
        tracing::info!(queue = hop_queue, "delayed messages are moved again");
    }
    deliveries
        .for_each_concurrent(usize::from(AT_ONCE), |delivery| async move {
            let Ok(delivery) = delivery else { return };
            let acker = delivery.acker.clone();
            let moved = move_on(publisher, incoming(delivery)).await;
            settle(connector, &acker, moved).await;
        })
        .await;
    Ok(())
}

async fn settle(connector: &Connector, acker: &Acker, moved: Result<()>) {
    let told = match moved {
        Ok(()) => connector.call("take an acknowledgement", acker.ack(BasicAckOptions::default())).await,
        Err(error) => {
            tracing::warn!(error = chain(&error), "a delayed message cannot be moved on now; trying again");
            tokio::time::sleep(FULL_PAUSE).await;
            let back = acker.nack(BasicNackOptions { requeue: true, multiple: false });
            connector.call("take a message back", back).await
        }
    };
    if let Err(error) = told {
        tracing::debug!(error = chain(&error), "a delayed message comes again");
    }
}

/// Publishes a message where it goes next, confirmed.
async fn move_on(publisher: &Publisher, came: Incoming) -> Result<()> {
    let delays = &publisher.declarations.delays;
    let Incoming { message, returned, hop, .. } = came;
    let Some(Hop { queue, rest, misses }) = hop else {
        return publisher.bury_undeliverable(message, &delays.hop_queue(), "it names no queue").await;
    };
    if let Some(pass) = delays.pass(rest) {
        return publisher.put_back(&queue, &message, pass, returned).await;
    }
    let into = Parcel { returned, ..Parcel::new(&message, Way::Into(&queue)) };
    let (pause, misses) = match publisher.ship_one(into).await? {
        Outcome::Refused => (FULL_PAUSE, 0),
        Outcome::Returned if misses >= MAX_MISSES => {
            return publisher.bury_undeliverable(message, &queue, "its queue is gone").await;
        }
        Outcome::Returned => {
            let pause = miss_pause(misses);
            tracing::warn!(
                message.id = message.message_id,
                job.id = message.job_id().map(tracing::field::display),
                queue,
                "a delayed message is due, but its queue does not exist; trying again in {pause:?}"
            );
            (pause, misses + 1)
        }
        outcome => return publisher.accepted(&message, outcome),
    };
    let Some(pass) = delays.pass(pause) else { return Ok(()) };
    let way = Way::After { pass, queue: &queue, by_hop: true };
    let outcome = publisher.ship_one(Parcel { message: &message, way, returned, misses }).await?;
    publisher.accepted(&message, outcome)
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
