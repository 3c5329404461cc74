//! Publishes messages: makes sure that their exchanges exist, and publishes once more where a connection was lost.

use std::{collections::BTreeSet, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{confirmation::Confirmation, publish_channels::PublishChannels};
use crate::{
    backend::rabbitmq::{
        options::RabbitMqOptions,
        topology::Declarer,
        wire::{Outgoing, Route},
    },
    error::{Error, ErrorKind, Result},
    message::Message,
};

/// How often something is published again where exchanges turn out to be missing.
const MAX_RETRIES: usize = 5;

/// Publishes, and declares again what is missing.
#[derive(Debug)]
pub(crate) struct Publisher {
    channels: PublishChannels,
    pub(crate) declarer: Arc<Declarer>,
    /// Cancelled when the broker is closed or dropped.
    stop: CancellationToken,
}

impl Publisher {
    pub(crate) fn new(declarer: Arc<Declarer>, options: &RabbitMqOptions, stop: CancellationToken) -> Self {
        Self { channels: PublishChannels::new(declarer.connections.clone(), options), declarer, stop }
    }

    pub(crate) async fn close(&self) {
        self.channels.close().await;
    }

    pub(crate) async fn send(&self, outgoing: Outgoing<'_>) -> Result<Confirmation> {
        self.send_all(&[outgoing]).await.pop().unwrap_or_else(|| Err(Error::closed()))
    }

    /// Publishes all and waits for their confirmations. Publishes again, under the same ids, what a lost connection left
    /// in doubt, and what found no queue although one was declared here.
    pub(super) async fn send_all(&self, outgoing: &[Outgoing<'_>]) -> Vec<Result<Confirmation>> {
        let mut confirmations = vec![None; outgoing.len()];
        let failed = self.try_send_all(outgoing, &mut confirmations).await.err();
        let answer = |confirmation| match (confirmation, &failed) {
            (Some(Confirmation::Lost(_)), Some(error)) => Err(error.clone().in_doubt()),
            (Some(Confirmation::Lost(loss)), None) => Err(loss.as_error().in_doubt()),
            (Some(confirmation), _) => Ok(confirmation),
            (None, Some(error)) => Err(error.clone()),
            (None, None) => Err(Error::closed()),
        };
        confirmations.into_iter().map(answer).collect()
    }

    async fn try_send_all(
        &self,
        outgoing: &[Outgoing<'_>],
        confirmations: &mut [Option<Confirmation>],
    ) -> Result<()> {
        if self.stop.is_cancelled() {
            return Err(Error::closed());
        }
        self.ensure_exchanges(outgoing).await?;
        self.publish_with_retry(outgoing, confirmations).await?;
        if self.restore_routes(outgoing, confirmations).await? {
            self.publish_with_retry(outgoing, confirmations).await?;
        }
        Ok(())
    }

    async fn publish_with_retry(
        &self,
        outgoing: &[Outgoing<'_>],
        confirmations: &mut [Option<Confirmation>],
    ) -> Result<()> {
        let mut loss = self.channels.publish(outgoing, confirmations).await?;
        for _ in 0..MAX_RETRIES {
            let Some(lost) = loss else { return Ok(()) };
            if lost.not_found {
                self.declarer.forget_delay_levels().await;
                self.declarer.declared.forget_exchanges();
            }
            self.ensure_exchanges(outgoing).await?;
            loss = self.channels.publish_again(outgoing, confirmations, &lost).await?;
            // A publish that had not noticed yet that the exchange is gone may have cost this channel too.
            if loss.as_ref().is_some_and(|loss| !loss.not_found) {
                break;
            }
        }
        loss.map_or(Ok(()), |loss| Err(loss.as_error()))
    }

    async fn ensure_exchanges(&self, outgoing: &[Outgoing<'_>]) -> Result<()> {
        let mut checked = BTreeSet::new();
        for outgoing in outgoing {
            if matches!(outgoing.route, Route::Delayed { .. }) {
                self.declarer.declare_delay_levels().await?;
            }
            let exchange = outgoing.exchange();
            if !checked.contains(&exchange) {
                self.ensure_exchange(&exchange, outgoing.message).await?;
                checked.insert(exchange);
            }
        }
        Ok(())
    }

    /// Checked beforehand, because publishing to a missing exchange costs the channel and everybody's confirmations on
    /// it.
    async fn ensure_exchange(&self, exchange: &str, message: &Message) -> Result<()> {
        if self.declarer.declared.knows_exchange(exchange) || self.declarer.redeclare(exchange).await? {
            return Ok(());
        }
        if !self.declarer.exchange_exists(exchange).await? {
            return Err(message.unroutable());
        }
        self.declarer.declared.remember_exchange(exchange);
        Ok(())
    }

    /// Declares again the queues of messages that were returned although a queue for them was declared here: it was
    /// deleted, or another process is declaring it right now. Clears their confirmations; returns whether there were any.
    async fn restore_routes(
        &self,
        outgoing: &[Outgoing<'_>],
        confirmations: &mut [Option<Confirmation>],
    ) -> Result<bool> {
        let (mut delayed, mut exchanges) = (false, BTreeSet::new());
        for (outgoing, confirmation) in outgoing.iter().zip(confirmations) {
            if *confirmation != Some(Confirmation::Returned) {
                continue;
            }
            match outgoing.route {
                Route::Delayed { .. } => delayed = true,
                Route::Exchange if self.declarer.declared.reaches_a_queue(outgoing.message) => {
                    exchanges.insert(outgoing.message.exchange.as_str());
                }
                Route::Exchange | Route::Queue(_) => continue,
            }
            *confirmation = None;
        }
        if delayed {
            tracing::warn!("a queue of the delay levels is gone; declaring it again");
            self.declarer.forget_delay_levels().await;
            self.declarer.declare_delay_levels().await?;
        }
        for exchange in &exchanges {
            self.declarer.redeclare(exchange).await?;
        }
        Ok(delayed || !exchanges.is_empty())
    }

    /// Sends it; an error unless the broker accepted it.
    pub(crate) async fn deliver(&self, outgoing: Outgoing<'_>) -> Result<()> {
        let message = outgoing.message;
        let confirmation = self.send(outgoing).await?;
        self.accepted(message, confirmation)
    }

    /// An error unless the broker accepted the message.
    pub(crate) fn accepted(&self, message: &Message, confirmation: Confirmation) -> Result<()> {
        match confirmation {
            Confirmation::Accepted => Ok(()),
            Confirmation::Returned => Err(message.unroutable()),
            Confirmation::Refused => Err(self.refused(message)),
            Confirmation::Lost(loss) => Err(Error::new(ErrorKind::Unavailable, loss.why)),
        }
    }

    pub(super) fn refused(&self, message: &Message) -> Error {
        let (exchange, key) = (&message.exchange, &message.routing_key);
        let reached = self.declarer.declared.queues_reached(exchange, key).unwrap_or_default();
        match reached.iter().find(|queue| self.declarer.declared.refuses_when_full(queue)) {
            Some(queue) => {
                Error::new(ErrorKind::QueueFull, format!("queue `{queue}` is full; try again later"))
            }
            None => Error::new(
                ErrorKind::Unavailable,
                format!(
                    "the broker refused a message with routing key `{key}` on exchange `{exchange}`: a queue behind it is full or out of order; try again later"
                ),
            )
            .because("nacked"),
        }
    }
}
