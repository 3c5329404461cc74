//! Messages on their way to the broker: planned, checked and published, once more where a connection was lost.

use std::collections::BTreeSet;

use chrono::Utc;

use super::{
    Inner,
    confirms::Outcome,
    declare::Declaring,
    delay::Pass,
    publisher::unknown,
    wire::{Parcel, Way},
};
use crate::{
    error::{Error, ErrorKind, Result},
    message::Message,
};

impl Inner {
    /// Publishing to an exchange that does not exist costs the channel and everybody's confirmations on it, so that is
    /// asked before.
    async fn must_exist(&self, exchange: &str, parcel: &Parcel<'_>) -> Result<()> {
        if self.routes.is_known(exchange) || self.redeclare(exchange).await? {
            return Ok(());
        }
        let connection = self.publisher.connection().await?;
        let mut declaring = Declaring::new(&self.connector, &connection);
        let exists = declaring.exchange_exists(exchange).await?;
        declaring.end().await;
        if !exists {
            return Err(parcel.message.unroutable());
        }
        self.routes.exists(exchange);
        Ok(())
    }

    async fn all_must_exist(&self, parcels: &[Parcel<'_>]) -> Result<()> {
        let mut asked = BTreeSet::new();
        for parcel in parcels {
            if matches!(parcel.way, Way::After { .. }) {
                self.ladder().await?;
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
    async fn ship(&self, parcels: &[Parcel<'_>]) -> Vec<Result<Outcome>> {
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
        self.open()?;
        self.all_must_exist(parcels).await?;
        self.publish_twice(parcels, outcomes).await?;
        if self.mend_ways(parcels, outcomes).await? {
            self.publish_twice(parcels, outcomes).await?;
        }
        Ok(())
    }

    /// Publishes the parcels that have no outcome yet.
    async fn publish_twice(&self, parcels: &[Parcel<'_>], outcomes: &mut [Option<Outcome>]) -> Result<()> {
        let Some(loss) = self.publisher.publish(parcels, outcomes).await? else { return Ok(()) };
        if loss.not_found {
            self.forget_ladder().await;
            self.routes.forget_existing();
        }
        self.all_must_exist(parcels).await?;
        self.publisher.publish_again(parcels, outcomes, &loss).await
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
                Way::Routed if self.routes.reaches_a_queue(parcel.message) => {
                    exchanges.insert(parcel.message.exchange.as_str());
                }
                Way::Routed | Way::Into(_) => continue,
            }
            *outcome = None;
        }
        if ladder {
            tracing::warn!("a queue of the delay ladder is gone; declaring it again");
            self.forget_ladder().await;
            self.ladder().await?;
        }
        for exchange in &exchanges {
            self.redeclare(exchange).await?;
        }
        Ok(ladder || !exchanges.is_empty())
    }

    pub(super) async fn ship_one(&self, parcel: Parcel<'_>) -> Result<Outcome> {
        self.ship(&[parcel]).await.pop().unwrap_or_else(|| Err(Error::closed()))
    }

    /// Publishes all messages, or none where that can be told before: each must reach a queue as far as the declared
    /// topologies tell. An answer for each.
    pub(super) async fn publish(&self, messages: &[Message]) -> Vec<Result<()>> {
        let plan = match self.plan_all(messages) {
            Ok(plan) => plan,
            Err(error) => return messages.iter().map(|_| Err(error.clone())).collect(),
        };
        let parcels: Vec<Parcel<'_>> = plan.iter().map(Planned::parcel).collect();
        let mut outcomes = self.ship(&parcels).await.into_iter();
        let mut ways = parcels.iter().peekable();
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages {
            let mut answer = Ok(());
            // One that waits has a way to each of its queues.
            while ways.next_if(|way| std::ptr::eq(way.message, message)).is_some() {
                let outcome = outcomes.next().unwrap_or_else(|| Err(Error::closed()));
                answer = answer.and(outcome.and_then(|outcome| self.accepted(message, outcome)));
            }
            answers.push(answer);
        }
        answers
    }

    fn plan_all<'a>(&'a self, messages: &'a [Message]) -> Result<Vec<Planned<'a>>> {
        let now = Utc::now();
        let mut plan = Vec::with_capacity(messages.len());
        for message in messages {
            let wait = message.not_before.and_then(|due| (due - now).to_std().ok());
            let pass = wait.and_then(|wait| self.delays.pass(wait));
            self.plan(message, pass, messages.len() > 1, &mut plan)?;
        }
        Ok(plan)
    }

    /// One way for a message that the broker routes; one for each of its queues when it waits first.
    fn plan<'a>(
        &'a self,
        message: &'a Message,
        pass: Option<Pass<'a>>,
        in_batch: bool,
        plan: &mut Vec<Planned<'a>>,
    ) -> Result<()> {
        if pass.is_none() && !in_batch {
            plan.push(Planned { message, waits: None });
            return Ok(());
        }
        match (pass, self.routes.reached(&message.exchange, &message.routing_key)) {
            (_, Some(reached)) if reached.is_empty() => return Err(message.unroutable()),
            // What nobody declared here only the broker knows.
            (None, _) => plan.push(Planned { message, waits: None }),
            (Some(pass), Some(reached)) => plan.extend(reached.into_iter().map(|queue| {
                let by_hop = !self.routes.takes_delayed(&queue);
                Planned { message, waits: Some(Waits { pass, queue, by_hop }) }
            })),
            (Some(_), None) => {
                return Err(Error::new(
                    ErrorKind::Unroutable,
                    format!(
                        "routing key `{}` on exchange `{}` cannot be delayed: the exchange is in no topology that was declared here",
                        message.routing_key, message.exchange
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// A message and the way it is to take.
struct Planned<'a> {
    message: &'a Message,
    waits: Option<Waits<'a>>,
}

struct Waits<'a> {
    pass: Pass<'a>,
    queue: String,
    by_hop: bool,
}

impl Planned<'_> {
    fn parcel(&self) -> Parcel<'_> {
        let way = match &self.waits {
            None => Way::Routed,
            Some(Waits { pass, queue, by_hop }) => Way::After { pass: *pass, queue, by_hop: *by_hop },
        };
        Parcel::new(self.message, way)
    }
}
