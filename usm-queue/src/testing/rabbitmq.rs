//! A broker on a RabbitMQ server for tests, which leaves nothing behind.

use std::ops::Deref;

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::{
    RabbitMqOptions, Result,
    backend::{Broker, rabbitmq::RabbitMqBroker},
};

/// A broker on RabbitMQ that removes the queues and exchanges it declared when it is dropped, on a runtime with several
/// threads. The delay levels (`usm.delay.*`) stay, because all brokers share them, unless it has a prefix of its own
/// ([`RabbitMqOptions::name_prefix`]).
#[derive(Debug)]
pub struct RabbitMq {
    broker: RabbitMqBroker,
}

impl RabbitMq {
    /// Connects.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the URL cannot be read, `Backend` when the broker refuses the user or the virtual host,
    /// `Unavailable` when it cannot be reached.
    pub async fn connect(options: RabbitMqOptions) -> Result<Self> {
        Ok(Self { broker: RabbitMqBroker::connect(options).await? })
    }
}

impl Deref for RabbitMq {
    type Target = dyn Broker;

    fn deref(&self) -> &Self::Target {
        &self.broker
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return;
        }
        let removed = tokio::task::block_in_place(|| runtime.block_on(self.broker.remove_declared()));
        if let Err(error) = removed {
            tracing::warn!(error = crate::error::chain(&error), "a test leaves queues behind");
        }
    }
}
