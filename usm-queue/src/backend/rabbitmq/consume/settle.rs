//! The end of a delivery: what takes its place is published and confirmed before it is acknowledged.

use std::borrow::Cow;

use super::receipt::Receipt;
use crate::{
    backend::{
        Delivery, Settlement,
        rabbitmq::{publish::Publisher, wire::fitting},
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
        && publisher.declarations.delays.pass(*delay).is_none()
    {
        return receipt.give_back().await;
    }
    let (queue, message) = (delivery.queue.as_str(), &delivery.message);
    if let Err(error) = replace(publisher, queue, message, &settlement).await {
        // What cannot be written now cannot be written ever, and its place would be taken for as long.
        let smaller = smaller(message, &settlement).filter(|_| error.kind() == ErrorKind::InvalidInput);
        let Some((message, settlement)) = smaller else { return Err(error) };
        tracing::warn!(
            message.id = delivery.message.message_id,
            queue,
            error = chain(&error),
            "headers of a message are left out"
        );
        replace(publisher, queue, &message, &settlement).await?;
    }
    receipt.ack().await;
    Ok(())
}

/// Publishes what takes the place of a message.
async fn replace(
    publisher: &Publisher,
    queue: &str,
    message: &Message,
    settlement: &Settlement,
) -> Result<()> {
    match settlement {
        Settlement::Ack => Ok(()),
        Settlement::Requeue { delay } => match publisher.declarations.delays.pass(*delay) {
            Some(pass) => publisher.put_back(queue, message, pass, true).await,
            None => Ok(()),
        },
        Settlement::Retry { message, delay } => match publisher.declarations.delays.pass(*delay) {
            Some(pass) => publisher.put_back(queue, message, pass, false).await,
            None => publisher.put_back_now(queue, message).await,
        },
        Settlement::DeadLetter { message } => {
            publisher.declarations.keep_dead_letters(&message.exchange).await?;
            publisher.bury(message).await
        }
    }
}

/// A message and its settlement as they can be written; `None` where they could be before.
fn smaller<'a>(message: &'a Message, settlement: &Settlement) -> Option<(Cow<'a, Message>, Settlement)> {
    let same = Cow::Borrowed(message);
    Some(match settlement {
        Settlement::Ack => return None,
        Settlement::Requeue { .. } => (Cow::Owned(fitting(message)?), settlement.clone()),
        Settlement::Retry { message, delay } => {
            (same, Settlement::Retry { message: Box::new(fitting(message)?), delay: *delay })
        }
        Settlement::DeadLetter { message } => {
            (same, Settlement::DeadLetter { message: Box::new(fitting(message)?) })
        }
    })
}
