//! The channels that publish: long-lived, in confirm mode, with a bounded number of messages in flight on each.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    time::Instant,
};

use super::{
    confirm_channel::Live,
    confirms::{Loss, Outcome, unknown},
    in_flight::{Caller, Publish},
    wait::Wait,
};
use crate::{
    backend::rabbitmq::{
        connection::{Connections, Slot},
        options::RabbitMqOptions,
        wire::Parcel,
    },
    error::{Error, ErrorKind, Result},
};

/// Publishes over one or more connections, with a channel on each.
pub(super) struct Channels {
    connections: Arc<Connections>,
    producer: String,
    channels: Vec<Slot<Live>>,
    turn: AtomicUsize,
    window: usize,
    blocked_wait: Duration,
}

impl Channels {
    pub(super) fn new(connections: Arc<Connections>, options: &RabbitMqOptions) -> Self {
        Self {
            connections,
            producer: options.producer.clone(),
            channels: (0..options.connections).map(|_| Slot::default()).collect(),
            turn: AtomicUsize::new(0),
            window: options.publish_window,
            blocked_wait: options.blocked_wait,
        }
    }

    async fn live(&self, number: usize) -> Result<Arc<Live>> {
        let slot = &self.channels[number];
        if let Some(live) = slot.current().filter(|live| live.is_alive()) {
            return Ok(live);
        }
        let connection = self.connections.publishing(number).await?;
        slot.get(Live::is_alive, Live::open(&self.connections, connection, self.window)).await
    }

    /// Publishes the parcels that have no outcome yet, pipelined and in this order, and waits for every outcome. Returns
    /// why the channel was lost, where it was lost first; those parcels may have arrived or not.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the broker does not answer or refuses publishes. What was sent by then may arrive: its outcome is
    /// [`Outcome::Lost`].
    pub(super) async fn publish(
        &self,
        parcels: &[Parcel<'_>],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Option<Loss>> {
        let live = self.live(self.next()).await?;
        self.attempt(&live, parcels, outcomes).await
    }

    /// The same after a loss: waits for a new channel for as long as one call may take.
    pub(super) async fn publish_again(
        &self,
        parcels: &[Parcel<'_>],
        outcomes: &mut [Option<Outcome>],
        loss: &Loss,
    ) -> Result<()> {
        let deadline = Instant::now() + self.connections.call_timeout();
        let live = self.live_again(self.next(), deadline, loss).await?;
        match self.attempt(&live, parcels, outcomes).await? {
            None => Ok(()),
            Some(loss) => Err(unknown(&loss.why)),
        }
    }

    fn next(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed) % self.channels.len()
    }

    /// A channel within the time, however often it takes.
    async fn live_again(&self, number: usize, deadline: Instant, loss: &Loss) -> Result<Arc<Live>> {
        loop {
            match self.live(number).await {
                Ok(live) => return Ok(live),
                Err(error) if error.kind() != ErrorKind::Unavailable => return Err(error),
                Err(error) if Instant::now() >= deadline => return Err(unknown(&loss.why).with_source(error)),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Publishes the parcels without an outcome, and those that were lost; returns why the channel was lost, if it was.
    async fn attempt(
        &self,
        live: &Live,
        parcels: &[Parcel<'_>],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Option<Loss>> {
        let mut wait = pin!(Wait::new(live, self.blocked_wait, self.connections.call_timeout()));
        wait.as_mut().until_unblocked().await?;
        let mut answers = Vec::with_capacity(parcels.len());
        for (index, parcel) in parcels.iter().enumerate() {
            if !matches!(outcomes[index], None | Some(Outcome::Lost(_))) {
                continue;
            }
            let outgoing = parcel.outgoing(&self.producer)?;
            let place = match live.window.clone().try_acquire_owned() {
                Ok(place) => place,
                Err(_) => wait
                    .as_mut()
                    .on(live.window.clone().acquire_owned())
                    .await?
                    .map_err(|_| Error::closed())?,
            };
            let (answer, answered) = oneshot::channel();
            // If the task has ended the answer's sender is dropped with the publish.
            let _ = live.publish.send(Publish { outgoing, caller: Caller { answer, _place: place } });
            // Until there is an answer.
            outcomes[index] = Some(Outcome::Lost(Loss::new("the broker did not confirm in time")));
            answers.push((index, answered));
        }
        let mut lost = None;
        for (index, mut answered) in answers {
            let outcome = match answered.try_recv() {
                Ok(outcome) => outcome,
                // It was dropped: the task that owns the channel has ended, perhaps with its runtime.
                Err(TryRecvError::Closed) => Outcome::Lost(Loss::new("the channel was closed")),
                Err(TryRecvError::Empty) => wait
                    .as_mut()
                    .on(answered)
                    .await?
                    .unwrap_or_else(|_| Outcome::Lost(Loss::new("the channel was closed"))),
            };
            if let Outcome::Lost(loss) = &outcome {
                live.given_up.store(true, Ordering::Relaxed);
                if loss.is_denied_to(&parcels[index].exchange()) {
                    outcomes[index] = None;
                    let text = format!(
                        "the broker did not take a message ({}); grant the user that right",
                        loss.why
                    );
                    return Err(Error::new(ErrorKind::Backend, text));
                }
                lost = Some(loss.clone());
            }
            outcomes[index] = Some(outcome);
        }
        Ok(lost)
    }

    pub(super) async fn close(&self) {
        for (number, channel) in self.channels.iter().enumerate() {
            drop(channel.take());
            self.connections.close_publishing(number).await;
        }
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").field("connections", &self.channels.len()).finish_non_exhaustive()
    }
}
