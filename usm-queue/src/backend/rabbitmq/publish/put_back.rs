//! Publishes messages that were delivered before: back into their queue, or to the dead letters.

use std::time::Duration;

use super::{confirmation::Confirmation, publisher::Publisher};
use crate::{
    backend::rabbitmq::{delay_levels::DelayPath, wire::Outgoing},
    error::{Error, ErrorKind, Result},
    message::{BROKER_QUEUE, BROKER_REASON, Message},
};

/// How long a message waits after its own queue refused it.
pub(crate) const FULL_PAUSE: Duration = Duration::from_millis(500);

impl Publisher {
    /// Puts a message at the end of its queue.
    pub(crate) async fn put_back_now(&self, queue: &str, message: &Message) -> Result<()> {
        match self.send(Outgoing::to_queue(message, queue)).await? {
            Confirmation::Accepted => Ok(()),
            Confirmation::Returned => Err(Error::not_found(format!("queue `{queue}`"))),
            Confirmation::Refused => match self.declarer.delay_levels.path(FULL_PAUSE) {
                Some(path) => self.put_back(queue, message, path, false).await,
                None => Err(self.refused(message)),
            },
            Confirmation::Lost(loss) => Err(Error::new(ErrorKind::Unavailable, loss.why)),
        }
    }

    /// Puts a message into its queue after a delay.
    pub(crate) async fn put_back(
        &self,
        queue: &str,
        message: &Message,
        path: DelayPath<'_>,
        was_delivered: bool,
    ) -> Result<()> {
        let by_relay = !self.declarer.declared.takes_delayed(queue);
        let outgoing = Outgoing::delayed(message, path, queue, by_relay);
        self.deliver(Outgoing { was_delivered, ..outgoing }).await
    }

    /// Keeps an undeliverable message as a dead letter of the first topology declared here, and lets its job fail, as if
    /// the broker had dead-lettered it.
    pub(crate) async fn dead_letter_undeliverable(
        &self,
        mut message: Message,
        queue: &str,
        why: &str,
    ) -> Result<()> {
        let Some(topology) = self.declarer.declared.topologies().first().cloned() else {
            return Err(Error::closed());
        };
        tracing::error!(
            message.id = message.message_id,
            job.id = message.job_id().map(tracing::field::display),
            queue,
            reason = why,
            "a delayed message becomes a dead letter"
        );
        for (name, value) in [(BROKER_REASON, why), (BROKER_QUEUE, queue)] {
            message.headers.insert(name.to_owned(), value.into());
        }
        // Its two queues may be gone as well.
        self.declarer.declare(&topology).await?;
        for target in [topology.failed_queue(), topology.notice_queue()] {
            self.deliver(Outgoing { was_delivered: true, ..Outgoing::to_queue(&message, target) }).await?;
        }
        Ok(())
    }
}
