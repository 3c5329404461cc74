//! Messages that go back into a queue, or to the dead letters.

use std::time::Duration;

use super::{confirms::Outcome, publisher::Publisher};
use crate::{
    backend::rabbitmq::{
        delay::Pass,
        wire::{Parcel, Way},
    },
    error::{Error, ErrorKind, Result},
    message::{BROKER_QUEUE, BROKER_REASON, Message},
};

/// How long a message waits that its own queue has refused.
pub(crate) const FULL_PAUSE: Duration = Duration::from_millis(500);

impl Publisher {
    /// Into its queue, at its end.
    pub(crate) async fn put_back_now(&self, queue: &str, message: &Message) -> Result<()> {
        match self.ship_one(Parcel::new(message, Way::Into(queue))).await? {
            Outcome::Confirmed => Ok(()),
            Outcome::Returned => Err(Error::not_found(format!("queue `{queue}`"))),
            Outcome::Refused => match self.declarations.delays.pass(FULL_PAUSE) {
                Some(pass) => self.put_back(queue, message, pass, false).await,
                None => Err(self.refused(message)),
            },
            Outcome::Lost(loss) => Err(Error::new(ErrorKind::Unavailable, loss.why)),
        }
    }

    /// Into its queue, after a delay.
    pub(crate) async fn put_back(
        &self,
        queue: &str,
        message: &Message,
        pass: Pass<'_>,
        returned: bool,
    ) -> Result<()> {
        let by_hop = !self.declarations.routes.takes_delayed(queue);
        let way = Way::After { pass, queue, by_hop };
        let outcome = self.ship_one(Parcel { returned, ..Parcel::new(message, way) }).await?;
        self.accepted(message, outcome)
    }

    /// To the dead-letter exchange. Without a queue behind it the message would be lost, so it must reach one.
    pub(crate) async fn bury(&self, message: &Message) -> Result<()> {
        let outcome = self.ship_one(Parcel::new(message, Way::Routed)).await?;
        self.accepted(message, outcome)
    }

    /// Keeps what cannot be delivered as a dead letter of this process's own topology, and has its job failed, as if the
    /// broker had dead-lettered it.
    pub(crate) async fn bury_undeliverable(
        &self,
        mut message: Message,
        queue: &str,
        why: &str,
    ) -> Result<()> {
        let Some(topology) = self.declarations.routes.topologies().first().cloned() else {
            return Err(Error::closed());
        };
        tracing::error!(id = message.message_id, queue, why, "a delayed message becomes a dead letter");
        for (name, value) in [(BROKER_REASON, why), (BROKER_QUEUE, queue)] {
            message.headers.insert(name.to_owned(), value.into());
        }
        // Those two queues may be gone as well.
        self.declarations.declare(&topology).await?;
        for target in [topology.failed_queue(), topology.notice_queue()] {
            let parcel = Parcel { returned: true, ..Parcel::new(&message, Way::Into(target)) };
            let outcome = self.ship_one(parcel).await?;
            self.accepted(&message, outcome)?;
        }
        Ok(())
    }
}
