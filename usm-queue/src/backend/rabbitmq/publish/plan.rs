//! The ways of new messages: one that the broker routes, or one to each queue of a message that waits first.

use chrono::Utc;

use super::publisher::Publisher;
use crate::{
    backend::rabbitmq::{
        delay::Pass,
        wire::{Parcel, Way},
    },
    error::{Error, ErrorKind, Result},
    message::Message,
};

impl Publisher {
    /// Publishes all messages, or none where that can be told before: each must reach a queue as far as the declared
    /// topologies tell. An answer for each.
    pub(crate) async fn publish(&self, messages: &[Message]) -> Vec<Result<()>> {
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
            let pass = wait.and_then(|wait| self.declarations.delays.pass(wait));
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
        match (pass, self.declarations.routes.reached(&message.exchange, &message.routing_key)) {
            (_, Some(reached)) if reached.is_empty() => return Err(message.unroutable()),
            // What nobody declared here only the broker knows.
            (None, _) => plan.push(Planned { message, waits: None }),
            (Some(pass), Some(reached)) => plan.extend(reached.into_iter().map(|queue| {
                let by_hop = !self.declarations.routes.takes_delayed(&queue);
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
