//! The connections of one broker: those that publish, and the one that consumes.

use std::{ops::Deref, sync::Arc};

use super::{
    connector::{Connector, Role},
    open_connection::OpenConnection,
    slot::ConnectionSlot,
};
use crate::{backend::rabbitmq::options::RabbitMqOptions, error::Result};

/// Each is opened when it is first needed, and reopened after a loss.
#[derive(Debug)]
pub(crate) struct Connections {
    connector: Connector,
    publishing: Vec<ConnectionSlot<OpenConnection>>,
    /// `None` if the first publishing connection also consumes.
    consuming: Option<ConnectionSlot<OpenConnection>>,
}

impl Connections {
    pub(crate) fn new(options: &RabbitMqOptions) -> Result<Self> {
        Ok(Self {
            connector: Connector::new(options)?,
            publishing: (0..options.connections).map(|_| ConnectionSlot::new("publish")).collect(),
            consuming: (!options.share_connection).then(|| ConnectionSlot::new("consume")),
        })
    }

    pub(crate) async fn publishing(&self, number: usize) -> Result<Arc<OpenConnection>> {
        let role = if self.consuming.is_some() { Role::Publish } else { Role::Both };
        self.publishing[number].get(OpenConnection::is_alive, self.connector.connect(role)).await
    }

    /// The connection for everything except publishing and consuming: the first of those that publish.
    pub(crate) async fn management(&self) -> Result<Arc<OpenConnection>> {
        self.publishing(0).await
    }

    pub(crate) async fn consuming(&self) -> Result<Arc<OpenConnection>> {
        match &self.consuming {
            Some(slot) => slot.get(OpenConnection::is_alive, self.connector.connect(Role::Consume)).await,
            None => self.management().await,
        }
    }

    pub(crate) async fn close_publishing(&self, number: usize) {
        self.close(&self.publishing[number]).await;
    }

    pub(crate) async fn close_consuming(&self) {
        if let Some(slot) = &self.consuming {
            self.close(slot).await;
        }
    }

    async fn close(&self, slot: &ConnectionSlot<OpenConnection>) {
        if let Some(connection) = slot.take() {
            connection.close(self.connector.call_timeout()).await;
        }
    }
}

impl Deref for Connections {
    type Target = Connector;

    fn deref(&self) -> &Connector {
        &self.connector
    }
}
