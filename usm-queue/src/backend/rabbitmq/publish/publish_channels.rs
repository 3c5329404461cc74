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
    confirm_channel::ConfirmChannel,
    confirmation::{ChannelLoss, Confirmation},
    in_flight::Caller,
    publish_wait::PublishWait,
};
use crate::{
    backend::rabbitmq::{
        connection::{ConnectionSlot, Connections},
        options::RabbitMqOptions,
        wire::Outgoing,
    },
    error::{Error, ErrorKind, Result},
};

/// Publishes over one or more connections, with a channel on each.
pub(super) struct PublishChannels {
    connections: Arc<Connections>,
    producer: String,
    channels: Vec<ConnectionSlot<ConfirmChannel>>,
    turn: AtomicUsize,
    window: usize,
    blocked_wait: Duration,
}

impl PublishChannels {
    pub(super) fn new(connections: Arc<Connections>, options: &RabbitMqOptions) -> Self {
        Self {
            connections,
            producer: options.producer.clone(),
            channels: (0..options.connections).map(|_| ConnectionSlot::new("publish_channel")).collect(),
            turn: AtomicUsize::new(0),
            window: options.publish_window,
            blocked_wait: options.blocked_wait,
        }
    }

    async fn open_channel(&self, number: usize) -> Result<Arc<ConfirmChannel>> {
        let slot = &self.channels[number];
        if let Some(channel) = slot.current().filter(|channel| channel.is_alive()) {
            return Ok(channel);
        }
        let connection = self.connections.publishing(number).await?;
        slot.get(ConfirmChannel::is_alive, ConfirmChannel::open(&self.connections, connection, self.window))
            .await
    }

    /// Publishes what has no confirmation yet, pipelined and in this order, and waits for every confirmation. Returns why
    /// the channel was lost, if it was: those messages may or may not have arrived.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the broker does not answer or refuses publishes. What was sent by then may arrive: its
    /// confirmation is [`Confirmation::Lost`].
    pub(super) async fn publish(
        &self,
        outgoing: &[Outgoing<'_>],
        confirmations: &mut [Option<Confirmation>],
    ) -> Result<Option<ChannelLoss>> {
        let channel = self.open_channel(self.next()).await?;
        self.attempt(&channel, outgoing, confirmations).await
    }

    /// The same again after a loss; waits for a new channel for as long as one call may take.
    pub(super) async fn publish_again(
        &self,
        outgoing: &[Outgoing<'_>],
        confirmations: &mut [Option<Confirmation>],
        loss: &ChannelLoss,
    ) -> Result<Option<ChannelLoss>> {
        let deadline = Instant::now() + self.connections.call_timeout();
        let channel = self.reopen_channel(self.next(), deadline, loss).await?;
        self.attempt(&channel, outgoing, confirmations).await
    }

    fn next(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed) % self.channels.len()
    }

    async fn reopen_channel(
        &self,
        number: usize,
        deadline: Instant,
        loss: &ChannelLoss,
    ) -> Result<Arc<ConfirmChannel>> {
        loop {
            match self.open_channel(number).await {
                Ok(channel) => return Ok(channel),
                Err(error) if error.kind() != ErrorKind::Unavailable => return Err(error),
                Err(error) if Instant::now() >= deadline => return Err(loss.as_error().with_source(error)),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Publishes what has no confirmation or was lost; returns why the channel was lost, if it was.
    async fn attempt(
        &self,
        channel: &ConfirmChannel,
        outgoing: &[Outgoing<'_>],
        confirmations: &mut [Option<Confirmation>],
    ) -> Result<Option<ChannelLoss>> {
        let mut wait = pin!(PublishWait::new(channel, self.blocked_wait, self.connections.call_timeout()));
        wait.as_mut().until_unblocked().await?;
        let mut answers = Vec::with_capacity(outgoing.len());
        for (index, message) in outgoing.iter().enumerate() {
            if !matches!(confirmations[index], None | Some(Confirmation::Lost(_))) {
                continue;
            }
            let encoded = message.encode(&self.producer)?;
            let permit = match channel.window.clone().try_acquire_owned() {
                Ok(permit) => permit,
                Err(_) => wait
                    .as_mut()
                    .on(channel.window.clone().acquire_owned())
                    .await?
                    .map_err(|_| Error::closed())?,
            };
            let (answer, answered) = oneshot::channel();
            // If the task has ended, the sender is dropped with the message, and the receiver notices.
            let _ = channel.publish.send((encoded, Caller { answer, _permit: permit }));
            // Until it is answered.
            confirmations[index] =
                Some(Confirmation::Lost(ChannelLoss::new("the broker did not confirm in time")));
            answers.push((index, answered));
        }
        let mut lost = None;
        for (index, mut answered) in answers {
            let confirmation = match answered.try_recv() {
                Ok(confirmation) => confirmation,
                // The task that owns the channel has ended, perhaps with its runtime.
                Err(TryRecvError::Closed) => Confirmation::Lost(ChannelLoss::new("the channel was closed")),
                Err(TryRecvError::Empty) => wait
                    .as_mut()
                    .on(answered)
                    .await?
                    .unwrap_or_else(|_| Confirmation::Lost(ChannelLoss::new("the channel was closed"))),
            };
            if let Confirmation::Lost(loss) = &confirmation {
                channel.given_up.store(true, Ordering::Relaxed);
                if loss.is_denied_to(&outgoing[index].exchange()) {
                    confirmations[index] = None;
                    let text = format!(
                        "the broker did not take a message ({}); grant the user that right",
                        loss.why
                    );
                    return Err(Error::new(ErrorKind::Backend, text));
                }
                lost = Some(loss.clone());
            }
            confirmations[index] = Some(confirmation);
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

impl fmt::Debug for PublishChannels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishChannels").field("connections", &self.channels.len()).finish_non_exhaustive()
    }
}
