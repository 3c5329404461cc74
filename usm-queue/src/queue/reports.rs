//! What the broker itself dead-letters: its jobs fail.

use std::{sync::Arc, time::Duration};

use crate::{
    backend::{
        Broker, Delivery, FailOutcome, JobStore, Message, Settlement,
        recovering::{Happened, Recovering},
    },
    clock,
    error::{Error, ErrorKind, Result, chain},
    message::{self, DeadLetter},
    metrics::Metrics,
    retry::later,
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
        let task = letter.task.clone().unwrap_or_else(|| letter.routing_key.clone());
        let mut record = message::record(message, id, &task, 1, delivery.redelivered);
        record.queue = Some(letter.queue.clone()).filter(|queue| !queue.is_empty());
        let reason = broker_reason(&letter.reason, &letter.queue);
        match store.fail_unclaimed(record.into(), reason).await? {
            FailOutcome::Failed => {
                let queue = topology.queue(&letter.queue).map(QueueSpec::name);
                let outcome = if letter.reason == "expired" { "expired" } else { "failed" };
                metrics.finished(queue, &task, outcome);
                metrics.dead_letter(queue, &task, &letter.reason);
            }
            FailOutcome::Held(wait) => {
                // No message is left to bring the job back if its worker dies.
                let delay = wait.saturating_add(Duration::from_millis(10));
                return broker.settle(delivery, Settlement::Requeue { delay }).await;
            }
            FailOutcome::NotDue(wait) => {
                return come_again(broker, topology, delivery, &letter, wait).await;
            }
            FailOutcome::AlreadyFinal(_) => {
                let job = store.get(id).await?;
                if job.is_some_and(|job| job.generation != message.generation()) {
                    forget_letter(broker, topology, message).await;
                }
            }
            FailOutcome::Superseded => {
                tracing::info!(job.id = %id, queue = letter.queue, reason = letter.reason, "the job was edited; its message of before is no dead letter");
                forget_letter(broker, topology, message).await;
            }
        }
    }
    broker.settle(delivery, Settlement::Ack).await
}

/// Publishes a message again whose job was rescheduled to a later time than its message could wait for.
async fn come_again(
    broker: &dyn Broker,
    topology: &Topology,
    delivery: &Delivery,
    letter: &DeadLetter,
    wait: Duration,
) -> Result<()> {
    let mut message = delivery.message.clone();
    topology.task_exchange().clone_into(&mut message.exchange);
    message.routing_key.clone_from(&letter.routing_key);
    message.headers.retain(|name, _| name != message::BROKER_REASON && name != message::BROKER_QUEUE);
    message.not_before = Some(later(clock::now(), wait));
    broker.publish(vec![message]).await?;
    forget_letter(broker, topology, &delivery.message).await;
    broker.settle(delivery, Settlement::Ack).await
}

/// Takes a message off the dead letters that is none: its job goes on, or has ended, with another one. Both may have its id.
async fn forget_letter(broker: &dyn Broker, topology: &Topology, message: &Message) {
    let (queue, id) = (topology.failed_queue(), message.message_id.as_str());
    let forget = async {
        let found = broker.find(queue, id).await?;
        match found.filter(|found| found.generation() == message.generation()) {
            Some(_) => broker.remove(queue, id).await.map(drop),
            None => Ok(()),
        }
    };
    if let Err(error) = forget.await {
        tracing::warn!(
            message.id = id,
            error = chain(&error),
            "a message stays among the dead letters that an edit has superseded; remove it there"
        );
    }
}

fn broker_reason(reason: &str, queue: &str) -> String {
    match reason {
        "expired" => format!("expired: no worker took it from queue `{queue}` within its time to live"),
        "maxlen" => format!("dropped: queue `{queue}` was at its length limit"),
        other => format!("dead-lettered by the broker from queue `{queue}`: {other}"),
    }
}
