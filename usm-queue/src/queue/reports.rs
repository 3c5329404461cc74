//! What the broker itself dead-letters: its jobs fail.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use crate::{
    backend::{
        Broker, Delivery, JobStore, Settlement,
        recovering::{Happened, Recovering},
    },
    clock,
    error::{Error, ErrorKind, Result, chain},
    message::{self, DeadLetter},
    metrics::Metrics,
    topology::{QueueSpec, Topology},
};

/// Fails the jobs of messages that the broker itself dead-lettered, for as long as it is polled.
pub(super) async fn read(
    broker: Arc<dyn Broker>,
    store: Arc<dyn JobStore>,
    topology: Topology,
    metrics: Arc<Metrics>,
) {
    let mut notices = Recovering::new(broker.as_ref(), topology.notice_queue(), 16);
    let mut lost = false;
    loop {
        let happened = match notices.next().await {
            Ok(Happened::Delivered(delivery)) => {
                match take_notice(broker.as_ref(), store.as_ref(), &topology, &metrics, &delivery).await {
                    Ok(()) => continue,
                    Err(error) => notices.lose(error),
                }
            }
            other => other,
        };
        match happened {
            Ok(Happened::Lost(error)) => {
                if !std::mem::replace(&mut lost, true) {
                    tell_loss(&topology, &error);
                }
                // Until the queue is there again nobody hears of what the broker dead-letters.
                if error.kind() == ErrorKind::NotFound
                    && let Err(error) = broker.declare(&topology).await
                {
                    tracing::debug!(error = chain(&error), "the topology cannot be declared again now");
                }
            }
            Ok(_) => {
                if std::mem::take(&mut lost) {
                    tracing::info!(queue = topology.notice_queue(), "dead-letter notices are read again");
                }
            }
            Err(_closed) => return,
        }
    }
}

fn tell_loss(topology: &Topology, error: &Error) {
    tracing::warn!(
        queue = topology.notice_queue(),
        error = chain(error),
        "dead-letter notices cannot be read; trying again"
    );
}

async fn take_notice(
    broker: &dyn Broker,
    store: &dyn JobStore,
    topology: &Topology,
    metrics: &Metrics,
    delivery: &Delivery,
) -> Result<()> {
    let message = &delivery.message;
    // A worker that dead-letters has told the store itself.
    let by_broker = message.header_str(message::REASON).is_none();
    if let (true, Some(id)) = (by_broker, message.job_id()) {
        let letter = DeadLetter::from_message(message);
        let task = letter.task.unwrap_or_else(|| letter.routing_key.clone());
        let mut record = message::record(message, id, &task, 1, delivery.redelivered);
        record.queue = Some(letter.queue.clone()).filter(|queue| !queue.is_empty());
        let failed =
            store.fail_unclaimed(record.into(), broker_reason(&letter.reason, &letter.queue)).await?;
        if failed {
            let queue = topology.queue(&letter.queue).map(QueueSpec::name);
            let outcome = if letter.reason == "expired" { "expired" } else { "failed" };
            metrics.finished(queue, &task, outcome);
            metrics.dead_letter(queue, &task, &letter.reason);
        }
        if !failed && let Some(running) = store.get(id).await?.filter(|job| !job.status.is_final()) {
            // Some worker holds the job, and no message is left to bring it back if that worker dies.
            let delay = until(running.lease_until);
            return broker.settle(delivery, Settlement::Requeue { delay }).await;
        }
    }
    broker.settle(delivery, Settlement::Ack).await
}

/// How long a lease still lasts, and a little more.
fn until(lease_until: Option<DateTime<Utc>>) -> Duration {
    let left = lease_until.and_then(|until| (until - clock::now()).to_std().ok());
    left.unwrap_or_default() + Duration::from_millis(10)
}

fn broker_reason(reason: &str, queue: &str) -> String {
    match reason {
        "expired" => format!("expired: no worker took it from queue `{queue}` within its time to live"),
        "maxlen" => format!("dropped: queue `{queue}` was at its length limit"),
        other => format!("dead-lettered by the broker from queue `{queue}`: {other}"),
    }
}
