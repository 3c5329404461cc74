//! The end of a delivery: what takes its place is published and confirmed before it is acknowledged.

use std::{borrow::Cow, time::Duration};

use super::{
    Inner,
    confirms::Outcome,
    consumer::Receipt,
    delay::Pass,
    wire::{Parcel, Way, fitting},
};
use crate::{
    backend::{Delivery, Settlement},
    error::{Error, ErrorKind, Result, chain},
    message::Message,
};

/// How long a message waits that its own queue has refused.
pub(super) const FULL_PAUSE: Duration = Duration::from_millis(500);

impl Inner {
    pub(super) async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        let receipt = delivery
            .receipt::<Receipt>()
            .ok_or_else(|| Error::invalid("the delivery belongs to another broker"))?;
        if receipt.is_over() {
            return Ok(());
        }
        if let Settlement::Requeue { delay } = &settlement
            && self.delays.pass(*delay).is_none()
        {
            return receipt.give_back().await;
        }
        let (queue, message) = (delivery.queue.as_str(), &delivery.message);
        if let Err(error) = self.replace(queue, message, &settlement).await {
            // What cannot be written now cannot be written ever, and its place would be taken for as long.
            let smaller = smaller(message, &settlement).filter(|_| error.kind() == ErrorKind::InvalidInput);
            let Some((message, settlement)) = smaller else { return Err(error) };
            tracing::warn!(
                message.id = delivery.message.message_id,
                queue,
                error = chain(&error),
                "headers of a message are left out"
            );
            self.replace(queue, &message, &settlement).await?;
        }
        receipt.ack().await;
        Ok(())
    }

    /// Publishes what takes the place of a message.
    async fn replace(&self, queue: &str, message: &Message, settlement: &Settlement) -> Result<()> {
        match settlement {
            Settlement::Ack => Ok(()),
            Settlement::Requeue { delay } => match self.delays.pass(*delay) {
                Some(pass) => self.put_back(queue, message, pass, true).await,
                None => Ok(()),
            },
            Settlement::Retry { message, delay } => match self.delays.pass(*delay) {
                Some(pass) => self.put_back(queue, message, pass, false).await,
                None => self.put_back_now(queue, message).await,
            },
            Settlement::DeadLetter { message } => {
                self.keep_dead_letters(&message.exchange).await?;
                self.bury(message).await
            }
        }
    }

    /// Into its queue, at its end.
    async fn put_back_now(&self, queue: &str, message: &Message) -> Result<()> {
        match self.ship_one(Parcel::new(message, Way::Into(queue))).await? {
            Outcome::Confirmed => Ok(()),
            Outcome::Returned => Err(Error::not_found(format!("queue `{queue}`"))),
            Outcome::Refused => match self.delays.pass(FULL_PAUSE) {
                Some(pass) => self.put_back(queue, message, pass, false).await,
                None => Err(self.refused(message)),
            },
            Outcome::Lost(loss) => Err(Error::new(ErrorKind::Unavailable, loss.why)),
        }
    }

    /// Into its queue, after a delay.
    pub(super) async fn put_back(
        &self,
        queue: &str,
        message: &Message,
        pass: Pass<'_>,
        returned: bool,
    ) -> Result<()> {
        let by_hop = !self.routes.takes_delayed(queue);
        let way = Way::After { pass, queue, by_hop };
        let outcome = self.ship_one(Parcel { returned, ..Parcel::new(message, way) }).await?;
        self.accepted(message, outcome)
    }

    /// To the dead-letter exchange. Without a queue behind it the message would be lost, so it must reach one.
    async fn bury(&self, message: &Message) -> Result<()> {
        let outcome = self.ship_one(Parcel::new(message, Way::Routed)).await?;
        self.accepted(message, outcome)
    }

    /// The outcome of a publish as its caller wants it.
    pub(super) fn accepted(&self, message: &Message, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Confirmed => Ok(()),
            Outcome::Returned => Err(message.unroutable()),
            Outcome::Refused => Err(self.refused(message)),
            Outcome::Lost(loss) => Err(Error::new(ErrorKind::Unavailable, loss.why)),
        }
    }

    /// The broker did not take it: a queue is full, or in trouble.
    fn refused(&self, message: &Message) -> Error {
        let (exchange, key) = (&message.exchange, &message.routing_key);
        let reached = self.routes.reached(exchange, key).unwrap_or_default();
        match reached.iter().find(|queue| self.routes.refuses_when_full(queue)) {
            Some(queue) => {
                Error::new(ErrorKind::QueueFull, format!("queue `{queue}` is full; try again later"))
            }
            None => Error::new(
                ErrorKind::Unavailable,
                format!(
                    "the broker refused a message with routing key `{key}` on exchange `{exchange}`: a queue behind it is full or out of order; try again later"
                ),
            ),
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
