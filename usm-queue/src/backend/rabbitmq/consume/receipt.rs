//! What settles a delivery.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lapin::Acker;
use tokio::{runtime::Handle, sync::oneshot};

use super::{acks::Next, channel::Line};
use crate::{backend::rabbitmq::connection::timed_out, error::Result};

/// How long an acknowledgement waits for others.
const GATHER: Duration = Duration::from_millis(1);

/// Dropped before the delivery is settled, it gives the message back.
pub(super) struct Receipt {
    pub(super) acker: Acker,
    pub(super) line: Arc<Line>,
    pub(super) tag: u64,
    pub(super) settled: AtomicBool,
    pub(super) runtime: Handle,
}

impl Receipt {
    /// Whether there is nothing left to settle: it was, or the broker has taken the message back.
    pub(super) fn is_over(&self) -> bool {
        self.settled.load(Ordering::SeqCst) || !self.acker.usable()
    }

    /// Whether the caller is the one to settle it.
    fn begin(&self) -> bool {
        !self.settled.swap(true, Ordering::SeqCst)
    }

    /// Ends the delivery; the message is gone. Where that cannot be told the broker any more, it comes again.
    pub(super) async fn ack(&self) {
        if !self.begin() {
            return;
        }
        let (tell, told) = oneshot::channel();
        let next = {
            let mut settling = self.line.settling();
            settling.waiting.push(tell);
            settling.acks.add(self.tag, self.line.enough)
        };
        let line = self.line.clone();
        match next {
            Next::Send => drop(self.runtime.spawn(line.send_acks())),
            Next::Gather => drop(self.runtime.spawn(async move {
                tokio::time::sleep(GATHER).await;
                line.send_acks().await;
            })),
            Next::Nothing => {}
        }
        if tokio::time::timeout(self.line.call_timeout, told).await.is_err() {
            tracing::debug!("an acknowledgement is not sent in time; the delivery may come again");
        }
    }

    /// Gives the message back to the place it had.
    pub(super) async fn give_back(&self) -> Result<()> {
        if !self.begin() {
            return Ok(());
        }
        let giving = self.runtime.spawn(self.line.clone().give_back(self.acker.clone(), self.tag));
        match tokio::time::timeout(self.line.call_timeout, giving).await {
            Ok(_) => Ok(()),
            Err(_) => Err(timed_out("take a message back", self.line.call_timeout)),
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.is_over() {
            // The channel must outlive this; closing it would give back what others hold.
            self.runtime.spawn(self.line.clone().give_back(self.acker.clone(), self.tag));
        }
    }
}
