//! Messages on their way to the broker: checked and published, once more where a connection was lost.

use std::{collections::BTreeSet, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    channels::Channels,
    confirms::{Outcome, unknown},
};
use crate::{
    backend::rabbitmq::{
        options::RabbitMqOptions,
        topology::Declarations,
        wire::{Parcel, Way},
    },
    error::{Error, ErrorKind, Result},
    message::Message,
};

/// Publishes what the broker has a way for.
#[derive(Debug)]
pub(crate) struct Publisher {
    channels: Channels,
    pub(crate) declarations: Arc<Declarations>,
    /// Cancelled when the broker is closed or dropped.
    stop: CancellationToken,
}

impl Publisher {
    pub(crate) fn new(
        declarations: Arc<Declarations>,
        options: &RabbitMqOptions,
        stop: CancellationToken,
    ) -> Self {
        Self { channels: Channels::new(declarations.connections.clone(), options), declarations, stop }
    }

    pub(crate) async fn close(&self) {
        self.channels.close().await;
    }

    /// Publishing to an exchange that does not exist costs the channel and everybody's confirmations on it, so that is
    /// asked before.
    async fn must_exist(&self, exchange: &str, parcel: &Parcel<'_>) -> Result<()> {
        if self.declarations.routes.is_known(exchange) || self.declarations.redeclare(exchange).await? {
            return Ok(());
        }
        if !self.declarations.exchange_exists(exchange).await? {
            return Err(parcel.message.unroutable());
        }
        self.declarations.routes.exists(exchange);
        Ok(())
    }

    async fn all_must_exist(&self, parcels: &[Parcel<'_>]) -> Result<()> {
        let mut asked = BTreeSet::new();
        for parcel in parcels {
            if matches!(parcel.way, Way::After { .. }) {
                self.declarations.ladder().await?;
            }
            let exchange = parcel.exchange();
            if !asked.contains(&exchange) {
                self.must_exist(&exchange, parcel).await?;
                asked.insert(exchange);
            }
        }
        Ok(())
    }

    /// Publishes parcels, confirmed. Where a connection is lost first, or the way was gone that they take by all that was
    /// declared here, once more under the same ids.
    pub(super) async fn ship(&self, parcels: &[Parcel<'_>]) -> Vec<Result<Outcome>> {
        let mut outcomes = vec![None; parcels.len()];
        let failed = self.try_ship(parcels, &mut outcomes).await.err();
        let answer = |outcome| match (outcome, &failed) {
            (Some(Outcome::Lost(_)), Some(error)) => Err(error.clone().in_doubt()),
            (Some(Outcome::Lost(loss)), None) => Err(unknown(&loss.why).in_doubt()),
            (Some(outcome), _) => Ok(outcome),
            (None, Some(error)) => Err(error.clone()),
            (None, None) => Err(Error::closed()),
        };
        outcomes.into_iter().map(answer).collect()
    }

    async fn try_ship(&self, parcels: &[Parcel<'_>], outcomes: &mut [Option<Outcome>]) -> Result<()> {
        if self.stop.is_cancelled() {
            return Err(Error::closed());
        }
        self.all_must_exist(parcels).await?;
        self.publish_twice(parcels, outcomes).await?;
        if self.mend_ways(parcels, outcomes).await? {
            self.publish_twice(parcels, outcomes).await?;
        }
        Ok(())
    }

    /// Publishes the parcels that have no outcome yet.
    async fn publish_twice(&self, parcels: &[Parcel<'_>], outcomes: &mut [Option<Outcome>]) -> Result<()> {
        let Some(loss) = self.channels.publish(parcels, outcomes).await? else { return Ok(()) };
        if loss.not_found {
            self.declarations.forget_ladder().await;
            self.declarations.routes.forget_existing();
        }
        self.all_must_exist(parcels).await?;
        self.channels.publish_again(parcels, outcomes, &loss).await
    }

    /// Takes back the outcome of the parcels that were returned though what was declared here has a queue for them, after
    /// declaring it again: it was deleted, or somebody else is just declaring it. Returns whether there were any.
    async fn mend_ways(&self, parcels: &[Parcel<'_>], outcomes: &mut [Option<Outcome>]) -> Result<bool> {
        let (mut ladder, mut exchanges) = (false, BTreeSet::new());
        for (parcel, outcome) in parcels.iter().zip(outcomes) {
            if *outcome != Some(Outcome::Returned) {
                continue;
            }
            match parcel.way {
                Way::After { .. } => ladder = true,
                Way::Routed if self.declarations.routes.reaches_a_queue(parcel.message) => {
                    exchanges.insert(parcel.message.exchange.as_str());
                }
                Way::Routed | Way::Into(_) => continue,
            }
            *outcome = None;
        }
        if ladder {
            tracing::warn!("a queue of the delay ladder is gone; declaring it again");
            self.declarations.forget_ladder().await;
            self.declarations.ladder().await?;
        }
        for exchange in &exchanges {
            self.declarations.redeclare(exchange).await?;
        }
        Ok(ladder || !exchanges.is_empty())
    }

    pub(crate) async fn ship_one(&self, parcel: Parcel<'_>) -> Result<Outcome> {
        self.ship(&[parcel]).await.pop().unwrap_or_else(|| Err(Error::closed()))
    }

    /// The outcome of a publish as its caller wants it.
    pub(crate) fn accepted(&self, message: &Message, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Confirmed => Ok(()),
            Outcome::Returned => Err(message.unroutable()),
            Outcome::Refused => Err(self.refused(message)),
            Outcome::Lost(loss) => Err(Error::new(ErrorKind::Unavailable, loss.why)),
        }
    }

    /// The broker did not take it: a queue is full, or in trouble.
    pub(super) fn refused(&self, message: &Message) -> Error {
        let (exchange, key) = (&message.exchange, &message.routing_key);
        let reached = self.declarations.routes.reached(exchange, key).unwrap_or_default();
        match reached.iter().find(|queue| self.declarations.routes.refuses_when_full(queue)) {
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
