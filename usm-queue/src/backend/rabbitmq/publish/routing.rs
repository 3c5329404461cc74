//! Publishes new messages by their routes: one that the broker resolves, or one to each queue of a delayed message.

use chrono::Utc;

use super::publisher::Publisher;
use crate::{
    backend::rabbitmq::{delay_levels::DelayPath, wire::Outgoing},
    error::{Error, ErrorKind, Result},
    message::Message,
};

impl Publisher {
    /// Publishes all messages, or none if it is known beforehand that one reaches no queue. One answer for each.
    pub(crate) async fn publish(&self, messages: &[Message]) -> Vec<Result<()>> {
        let all = match self.route_all(messages) {
            Ok(all) => all,
            Err(error) => return messages.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut confirmations = self.send_all(&all).await.into_iter();
        let mut outgoing = all.iter().peekable();
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages {
            let mut answer = Ok(());
            // A delayed message was sent once for each of its queues.
            while outgoing.next_if(|outgoing| std::ptr::eq(outgoing.message, message)).is_some() {
                let confirmation = confirmations.next().unwrap_or_else(|| Err(Error::closed()));
                answer = answer.and(confirmation.and_then(|answer| self.accepted(message, answer)));
            }
            answers.push(answer);
        }
        answers
    }

    fn route_all<'a>(&'a self, messages: &'a [Message]) -> Result<Vec<Outgoing<'a>>> {
        let now = Utc::now();
        let mut outgoing = Vec::with_capacity(messages.len());
        for message in messages {
            let wait = message.not_before.and_then(|due| (due - now).to_std().ok());
            let path = wait.and_then(|wait| self.declarer.delay_levels.path(wait));
            self.route(message, path, messages.len() > 1, &mut outgoing)?;
        }
        Ok(outgoing)
    }

    fn route<'a>(
        &'a self,
        message: &'a Message,
        path: Option<DelayPath<'a>>,
        in_batch: bool,
        outgoing: &mut Vec<Outgoing<'a>>,
    ) -> Result<()> {
        if path.is_none() && !in_batch {
            outgoing.push(Outgoing::new(message));
            return Ok(());
        }
        match (path, self.declarer.declared.queues_reached(&message.exchange, &message.routing_key)) {
            (_, Some(reached)) if reached.is_empty() => return Err(message.unroutable()),
            // If the exchange was not declared here, only the broker knows.
            (None, _) => outgoing.push(Outgoing::new(message)),
            (Some(path), Some(reached)) => outgoing.extend(reached.into_iter().map(|queue| {
                let by_relay = !self.declarer.declared.takes_delayed(&queue);
                Outgoing::delayed(message, path, queue, by_relay)
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
