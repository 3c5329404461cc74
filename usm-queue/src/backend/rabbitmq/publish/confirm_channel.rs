//! One channel in confirm mode.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use lapin::{Channel, options::ConfirmSelectOptions};
use tokio::sync::{Semaphore, mpsc};

use super::in_flight::{Publish, run};
use crate::{
    backend::rabbitmq::connection::{Connector, Held},
    error::Result,
};

/// A channel in confirm mode and the way to the task that owns it.
pub(super) struct Live {
    pub(super) connection: Arc<Held>,
    channel: Channel,
    pub(super) publish: mpsc::UnboundedSender<Publish>,
    pub(super) window: Arc<Semaphore>,
    pub(super) given_up: AtomicBool,
}

impl Live {
    /// Opens one on this connection.
    pub(super) async fn open(connector: &Connector, connection: Arc<Held>, window: usize) -> Result<Self> {
        let channel = connector.call("open a channel", connection.create_channel()).await?;
        let confirm = channel.confirm_select(ConfirmSelectOptions::default());
        connector.call("switch a channel to confirmations", confirm).await?;
        let (publish, publishes) = mpsc::unbounded_channel();
        tokio::spawn(run(channel.clone(), publishes));
        let window = Arc::new(Semaphore::new(window));
        Ok(Self { connection, channel, publish, window, given_up: AtomicBool::new(false) })
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.given_up.load(Ordering::Relaxed)
            && !self.publish.is_closed()
            && self.channel.status().connected()
            && self.connection.is_alive()
    }
}
