//! One channel in confirm mode, and the way to the task that owns it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use lapin::{Channel, options::ConfirmSelectOptions};
use tokio::sync::{Semaphore, mpsc};

use super::in_flight::{Caller, run};
use crate::{
    backend::rabbitmq::{
        connection::{Connector, OpenConnection},
        wire::Encoded,
    },
    error::Result,
};

pub(super) struct ConfirmChannel {
    pub(super) connection: Arc<OpenConnection>,
    channel: Channel,
    pub(super) publish: mpsc::UnboundedSender<(Encoded, Caller)>,
    pub(super) window: Arc<Semaphore>,
    /// It did not answer in time, or was lost: not to be used again.
    pub(super) given_up: AtomicBool,
}

impl ConfirmChannel {
    pub(super) async fn open(
        connector: &Connector,
        connection: Arc<OpenConnection>,
        window: usize,
    ) -> Result<Self> {
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
