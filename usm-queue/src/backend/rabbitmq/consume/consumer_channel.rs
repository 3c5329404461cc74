//! The channel of one consumer, and its acknowledgements.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use lapin::{
    Acker, Channel,
    options::{BasicAckOptions, BasicNackOptions},
};
use tokio::sync::oneshot;

use super::pending_acks::PendingAcks;
use crate::{backend::rabbitmq::connection::OpenConnection, error::chain};

/// Lives as long as one of its deliveries is unsettled.
pub(super) struct ConsumerChannel {
    pub(super) channel: Channel,
    _connection: Arc<OpenConnection>,
    acks: Mutex<AckState>,
    /// This many acknowledgements are sent without waiting for more: a share of the prefetch, so that the consumer does not
    /// run dry meanwhile.
    pub(super) ack_batch: usize,
    pub(super) call_timeout: Duration,
}

#[derive(Default)]
pub(super) struct AckState {
    pub(super) pending: PendingAcks,
    /// Callers who wait until their acknowledgement is sent.
    pub(super) waiting: Vec<oneshot::Sender<()>>,
}

impl ConsumerChannel {
    pub(super) fn new(
        channel: Channel,
        connection: Arc<OpenConnection>,
        ack_batch: usize,
        call_timeout: Duration,
    ) -> Self {
        Self { channel, _connection: connection, acks: Mutex::default(), ack_batch, call_timeout }
    }

    pub(super) fn acks(&self) -> MutexGuard<'_, AckState> {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the waiting acknowledgements, and returns when the connection has them. Deliveries whose acknowledgement can no
    /// longer be sent are redelivered. Has no timeout: a late acknowledgement may still be sent, so its tag stays unsettled
    /// until then. It ends with the channel at the latest.
    pub(super) async fn send_acks(self: Arc<Self>) {
        let (acks, waiting) = {
            let mut acks = self.acks();
            (acks.pending.take(), mem::take(&mut acks.waiting))
        };
        let sending = acks.into_iter().map(async |ack| {
            let options = BasicAckOptions { multiple: ack.multiple };
            self.channel.basic_ack(ack.tag, options).await?;
            self.acks().pending.sent(ack);
            lapin::Result::Ok(())
        });
        if let Some(error) = join_all(sending).await.into_iter().find_map(Result::err) {
            tracing::debug!(
                error = chain(&error),
                "the channel was lost before deliveries were acknowledged; they will be redelivered"
            );
        }
        for waiting in waiting {
            // Fails if the caller gave up waiting.
            let _ = waiting.send(());
        }
    }

    pub(super) async fn give_back(self: Arc<Self>, acker: Acker, tag: u64) {
        match acker.nack(BasicNackOptions { requeue: true, multiple: false }).await {
            Ok(_) => self.acks().pending.given_back(tag),
            Err(error) => tracing::debug!(
                error = chain(&error),
                "the connection was lost before a delivery was given back; it will be redelivered"
            ),
        }
    }
}
