//! Settles a delivery: what takes its place is published and confirmed before it is acknowledged.

use std::borrow::Cow;

use super::receipt::Receipt;
use crate::{
    backend::{
        Delivery, Settlement,
        rabbitmq::{
            publish::Publisher,
            wire::{Outgoing, with_fitting_headers},
        },
    },
    error::{Error, ErrorKind, Result, chain},
    message::Message,
};

pub(crate) async fn settle(publisher: &Publisher, delivery: &Delivery, settlement: Settlement) -> Result<()> {
    let receipt = delivery
        .receipt::<Receipt>()
        .ok_or_else(|| Error::invalid("the delivery belongs to another broker"))?;
    if receipt.is_over() {
        return Ok(());
    }
    if let Settlement::Requeue { delay } = &settlement
        && publisher.declarer.delay_levels.path(*delay).is_none()
    {
        return receipt.give_back().await;
    }
    let (queue, message) = (delivery.queue.as_str(), &delivery.message);
    if let Err(error) = replace(publisher, queue, message, &settlement).await {
        // What cannot be encoded now never can be, and the delivery would stay unsettled for ever.
        let reduced =
            without_large_headers(message, &settlement).filter(|_| error.kind() == ErrorKind::InvalidInput);
        let Some((message, settlement)) = reduced else { return Err(error) };
        tracing::warn!(
            message.id = delivery.message.message_id,
            queue,
            error = chain(&error),
            "headers that cannot be written are left out of a message"
        );
        replace(publisher, queue, &message, &settlement).await?;
    }
    receipt.ack().await;
    Ok(())
}

/// Publishes what takes the place of a delivery.
async fn replace(
    publisher: &Publisher,
    queue: &str,
    message: &Message,
    settlement: &Settlement,
) -> Result<()> {
    match settlement {
        Settlement::Ack => Ok(()),
        Settlement::Requeue { delay } => match publisher.declarer.delay_levels.path(*delay) {
            Some(path) => publisher.put_back(queue, message, path, true).await,
            None => Ok(()),
        },
        Settlement::Retry { message, delay } => match publisher.declarer.delay_levels.path(*delay) {
            Some(path) => publisher.put_back(queue, message, path, false).await,
            None => publisher.put_back_now(queue, message).await,
        },
        Settlement::DeadLetter { message } => {
            publisher.declarer.ensure_failed_queue(&message.exchange).await?;
            // By its exchange, not into the failed queue: the notice queue gets it, too.
            publisher.deliver(Outgoing::new(message)).await
        }
    }
}

/// A message and its settlement with headers that can be written; `None` if they already had.
fn without_large_headers<'a>(
    message: &'a Message,
    settlement: &Settlement,
) -> Option<(Cow<'a, Message>, Settlement)> {
    let same = Cow::Borrowed(message);
    Some(match settlement {
        Settlement::Ack => return None,
        Settlement::Requeue { .. } => (Cow::Owned(with_fitting_headers(message)?), settlement.clone()),
        Settlement::Retry { message, delay } => {
            (same, Settlement::Retry { message: Box::new(with_fitting_headers(message)?), delay: *delay })
        }
        Settlement::DeadLetter { message } => {
            (same, Settlement::DeadLetter { message: Box::new(with_fitting_headers(message)?) })
        }
    })
}
