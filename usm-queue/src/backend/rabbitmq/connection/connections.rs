//! The connections of one broker: those that publish, and the one that consumes.

use std::{ops::Deref, sync::Arc};

use super::{
    connector::{Connector, Role},
    open::Held,
    slot::Slot,
};
use crate::{backend::rabbitmq::options::RabbitMqOptions, error::Result};

/// Each is opened when it is first needed, and again after it broke.
#[derive(Debug)]
pub(crate) struct Connections {
    connector: Connector,
    publishing: Vec<Slot<Held>>,
    /// `None` where the first publishing connection consumes, too.
    consuming: Option<Slot<Held>>,
}

impl Connections {
    pub(crate) fn new(options: &RabbitMqOptions) -> Result<Self> {
        Ok(Self {
            connector: Connector::new(options)?,
            publishing: (0..options.connections).map(|_| Slot::default()).collect(),
            consuming: (!options.share_connection).then(Slot::default),
        })
    }

    pub(crate) async fn publishing(&self, number: usize) -> Result<Arc<Held>> {
        let role = if self.consuming.is_some() { Role::Publish } else { Role::Both };
        self.publishing[number].get(Held::is_alive, self.connector.connect(role)).await
    }

    /// Serves everything but publishing and, unless it is shared, consuming.
    pub(crate) async fn management(&self) -> Result<Arc<Held>> {
        self.publishing(0).await
    }

    pub(crate) async fn consuming(&self) -> Result<Arc<Held>> {
        match &self.consuming {
            Some(slot) => slot.get(Held::is_alive, self.connector.connect(Role::Consume)).await,
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

    async fn close(&self, slot: &Slot<Held>) {
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
