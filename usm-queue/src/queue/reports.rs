//! What the broker itself dead-letters: its jobs fail.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use crate::{
    backend::{Broker, Delivery, JobStore, Settlement},
    error::{Error, ErrorKind, Result, chain},
    message::{self, DeadLetter},
    topology::Topology,
};

/// How long notices must have been read after a loss before that is over.
const PROOF: Duration = Duration::from_secs(1);

/// Fails the jobs of messages that the broker itself dead-lettered, for as long as it is polled.
pub(super) async fn read(broker: Arc<dyn Broker>, store: Arc<dyn JobStore>, topology: Topology) {
    let mut reading = Reading { queue: topology.notice_queue().to_owned(), lost: false };
    loop {
        if let Err(error) = read_notices(broker.as_ref(), store.as_ref(), &mut reading).await {
            if error.kind() == ErrorKind::Closed {
                return;
            }
            reading.fails(&error);
            // Until the queue is there again nobody hears of what the broker dead-letters.
            if error.kind() == ErrorKind::NotFound
                && let Err(error) = broker.declare(&topology).await
            {
                tracing::debug!(error = chain(&error), "the topology cannot be declared again now");
            }
        }
        tokio::time::sleep(Duration::from_secs(1).mul_f64(0.5 + fastrand::f64())).await;
    }
}

/// Whether notices can be read; says so in the log when it changes.
struct Reading {
    queue: String,
    lost: bool,
}

impl Reading {
    fn fails(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.lost, true) {
            tracing::warn!(
                queue = self.queue,
                error = chain(error),
                "dead-letter notices cannot be read; trying again"
            );
        }
    }

    fn works(&mut self) {
        if std::mem::take(&mut self.lost) {
            tracing::info!(queue = self.queue, "dead-letter notices are read again");
        }
    }
}

async fn read_notices(broker: &dyn Broker, store: &dyn JobStore, reading: &mut Reading) -> Result<()> {
    let mut consumer = broker.consume(&reading.queue, 16).await?;
    // One that fails at once has not recovered.
    let mut proof = std::pin::pin!(tokio::time::sleep(PROOF));
    loop {
        let next = tokio::select! {
            next = consumer.next() => next,
            () = proof.as_mut(), if reading.lost => {
                reading.works();
                continue;
            }
        };
        let Some(delivery) = next else { return Ok(()) };
        take_notice(broker, store, &delivery?).await?;
        reading.works();
    }
}

async fn take_notice(broker: &dyn Broker, store: &dyn JobStore, delivery: &Delivery) -> Result<()> {
    let message = &delivery.message;
    // A worker that dead-letters has told the store itself.
    let by_broker = message.header_str(message::REASON).is_none();
    if let (true, Some(id)) = (by_broker, message.job_id()) {
        let letter = DeadLetter::from_message(message);
        let task = letter.task.unwrap_or_else(|| letter.routing_key.clone());
        let record = message::record(message, id, &task, 1, delivery.redelivered);
        let failed =
            store.fail_unclaimed(record.into(), broker_reason(&letter.reason, &letter.queue)).await?;
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
    let left = lease_until.and_then(|until| (until - Utc::now()).to_std().ok());
    left.unwrap_or_default() + Duration::from_millis(10)
}

fn broker_reason(reason: &str, queue: &str) -> String {
    match reason {
        "expired" => format!("expired: no worker took it from queue `{queue}` within its time to live"),
        "maxlen" => format!("dropped: queue `{queue}` was at its length limit"),
        other => format!("dead-lettered by the broker from queue `{queue}`: {other}"),
    }
}
