//! The channel of a consumer, and the acknowledgements that go through it.

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

use super::acks::Acks;
use crate::{backend::rabbitmq::connection::Held, error::chain};

/// A channel with the connection it needs. Lives as long as something delivered through it is unsettled.
pub(super) struct Line {
    pub(super) channel: Channel,
    _connection: Arc<Held>,
    settling: Mutex<Settling>,
    /// So many acknowledgements do not wait for more: a share of the deliveries that the broker has in flight at most,
    /// so that it does not run dry meanwhile.
    pub(super) enough: usize,
    pub(super) call_timeout: Duration,
}

#[derive(Default)]
pub(super) struct Settling {
    pub(super) acks: Acks,
    /// Who waits for the acknowledgements that wait.
    pub(super) waiting: Vec<oneshot::Sender<()>>,
}

impl Line {
    pub(super) fn new(
        channel: Channel,
        connection: Arc<Held>,
        enough: usize,
        call_timeout: Duration,
    ) -> Self {
        Self { channel, _connection: connection, settling: Mutex::default(), enough, call_timeout }
    }

    pub(super) fn settling(&self) -> MutexGuard<'_, Settling> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the acknowledgements that wait, and returns when the connection has them. Those that cannot be sent any more
    /// let their messages come again. Has no limit of its own: what was not sent yet may still be, so its tags are held,
    /// and the end of the channel ends it.
    pub(super) async fn send_acks(self: Arc<Self>) {
        let (acks, waiting) = {
            let mut settling = self.settling();
            (settling.acks.take(), mem::take(&mut settling.waiting))
        };
        let sending = acks.into_iter().map(async |ack| {
            let options = BasicAckOptions { multiple: ack.multiple };
            self.channel.basic_ack(ack.tag, options).await?;
            self.settling().acks.sent(ack);
            lapin::Result::Ok(())
        });
        if let Some(error) = join_all(sending).await.into_iter().find_map(Result::err) {
            tracing::debug!(
                error = chain(&error),
                "the channel was lost before deliveries were acknowledged; they come again"
            );
        }
        for waiting in waiting {
            // Who has given up does not listen.
            let _ = waiting.send(());
        }
    }

    /// Gives a delivery back.
    pub(super) async fn give_back(self: Arc<Self>, acker: Acker, tag: u64) {
        match acker.nack(BasicNackOptions { requeue: true, multiple: false }).await {
            Ok(_) => self.settling().acks.given_back(tag),
            Err(error) => tracing::debug!(
                error = chain(&error),
                "the connection was lost before a delivery was given back; it comes again"
            ),
        }
    }
}
