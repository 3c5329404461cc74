//! The receipt of a delivery, with which it is acknowledged or given back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lapin::Acker;
use tokio::{runtime::Handle, sync::oneshot};

use super::{consumer_channel::ConsumerChannel, pending_acks::SendAcks};
use crate::{backend::rabbitmq::connection::timed_out, error::Result};

/// How long an acknowledgement waits for others.
const ACK_DELAY: Duration = Duration::from_millis(1);

/// Gives the message back when it is dropped before the delivery is settled.
pub(super) struct Receipt {
    pub(super) acker: Acker,
    pub(super) channel: Arc<ConsumerChannel>,
    pub(super) tag: u64,
    pub(super) settled: AtomicBool,
    pub(super) runtime: Handle,
}

impl Receipt {
    /// Whether there is nothing left to settle: it was settled, or the broker has requeued the message.
    pub(super) fn is_over(&self) -> bool {
        self.settled.load(Ordering::SeqCst) || !self.acker.usable()
    }

    /// Whether the caller is the one to settle it.
    fn begin(&self) -> bool {
        !self.settled.swap(true, Ordering::SeqCst)
    }

    /// Ends the delivery; the message is gone. If the acknowledgement can no longer be sent, the message is redelivered.
    pub(super) async fn ack(&self) {
        if !self.begin() {
            return;
        }
        let (sent, is_sent) = oneshot::channel();
        let send = {
            let mut acks = self.channel.acks();
            acks.waiting.push(sent);
            acks.pending.add(self.tag, self.channel.ack_batch)
        };
        let channel = self.channel.clone();
        match send {
            SendAcks::Now => drop(self.runtime.spawn(channel.send_acks())),
            SendAcks::Soon => drop(self.runtime.spawn(async move {
                tokio::time::sleep(ACK_DELAY).await;
                channel.send_acks().await;
            })),
            SendAcks::Scheduled => {}
        }
        if tokio::time::timeout(self.channel.call_timeout, is_sent).await.is_err() {
            tracing::debug!("an acknowledgement was not sent in time; the message may be redelivered");
        }
    }

    /// Gives the message back to its position in the queue.
    pub(super) async fn give_back(&self) -> Result<()> {
        if !self.begin() {
            return Ok(());
        }
        let giving = self.runtime.spawn(self.channel.clone().give_back(self.acker.clone(), self.tag));
        match tokio::time::timeout(self.channel.call_timeout, giving).await {
            Ok(_) => Ok(()),
            Err(_) => Err(timed_out("take a message back", self.channel.call_timeout)),
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.is_over() {
            // The task keeps the channel open; closing it would give back the deliveries of others.
            self.runtime.spawn(self.channel.clone().give_back(self.acker.clone(), self.tag));
        }
    }
}
