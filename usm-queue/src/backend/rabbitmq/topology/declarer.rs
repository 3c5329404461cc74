//! Declares topologies and delay levels, and declares them again when they are gone.

use std::sync::Arc;

use super::{declared::DeclaredTopologies, layout::Layout, topology_channel::TopologyChannel};
use crate::{
    backend::rabbitmq::{connection::Connections, delay_levels::DelayLevels},
    error::{ErrorKind, Result},
    topology::Topology,
};

#[derive(Debug)]
pub(crate) struct Declarer {
    pub(crate) connections: Arc<Connections>,
    pub(crate) declared: DeclaredTopologies,
    pub(crate) delay_levels: DelayLevels,
    /// Whether the delay levels were declared.
    levels_declared: tokio::sync::Mutex<bool>,
}

impl Declarer {
    pub(crate) fn new(connections: Arc<Connections>, delay_levels: DelayLevels) -> Self {
        Self {
            connections,
            declared: DeclaredTopologies::default(),
            delay_levels,
            levels_declared: tokio::sync::Mutex::new(false),
        }
    }

    /// Declares the delay levels, once.
    pub(crate) async fn declare_delay_levels(&self) -> Result<()> {
        let mut declared = self.levels_declared.lock().await;
        if !*declared {
            self.declare_layout(&Layout::of_delay_levels(&self.delay_levels)).await?;
            self.delay_levels.levels().for_each(|level| self.declared.remember_exchange(&level.name));
            *declared = true;
        }
        Ok(())
    }

    async fn declare_layout(&self, layout: &Layout) -> Result<()> {
        let connection = self.connections.management().await?;
        let mut channel = TopologyChannel::new(&self.connections, &connection);
        channel.declare(layout).await?;
        channel.close().await;
        Ok(())
    }

    pub(crate) async fn forget_delay_levels(&self) {
        *self.levels_declared.lock().await = false;
    }

    pub(crate) async fn declare(&self, topology: &Topology) -> Result<()> {
        self.declare_layout(&Layout::of(topology, &self.delay_levels)).await?;
        self.declared.add(topology);
        Ok(())
    }

    pub(crate) async fn declare_with_levels(&self, topology: &Topology) -> Result<()> {
        self.declare_delay_levels().await?;
        self.declare(topology).await
    }

    /// Declares the failed queue again if it was deleted: other queues of its exchange would still accept a dead letter, and
    /// nobody would notice.
    pub(crate) async fn ensure_failed_queue(&self, exchange: &str) -> Result<()> {
        for topology in self.declared.with_exchange(exchange) {
            match self.connections.depth(topology.failed_queue()).await {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    tracing::warn!(
                        queue = topology.failed_queue(),
                        "the failed queue is gone; declaring it again"
                    );
                    self.declare(&topology).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Declares again the topologies of an exchange; `false` if there are none.
    pub(crate) async fn redeclare(&self, exchange: &str) -> Result<bool> {
        let topologies = self.declared.with_exchange(exchange);
        for topology in &topologies {
            tracing::warn!(exchange, "a part of the topology is gone; declaring it again");
            self.declare(topology).await?;
        }
        Ok(!topologies.is_empty())
    }

    pub(crate) async fn exchange_exists(&self, exchange: &str) -> Result<bool> {
        let connection = self.connections.management().await?;
        let mut channel = TopologyChannel::new(&self.connections, &connection);
        let exists = channel.exchange_exists(exchange).await?;
        channel.close().await;
        Ok(exists)
    }

    /// Removes everything that was declared here, with its messages. Delay levels of the default name stay: others may use
    /// them.
    #[cfg(feature = "testing")]
    pub(crate) async fn remove_all(&self) -> Result<()> {
        let topologies = self.declared.topologies().clone();
        let mut layouts: Vec<_> =
            topologies.iter().map(|topology| Layout::of(topology, &self.delay_levels)).collect();
        if !self.delay_levels.is_shared() {
            layouts.push(Layout::of_delay_levels(&self.delay_levels));
        }
        let connection = self.connections.management().await?;
        let mut channel = TopologyChannel::new(&self.connections, &connection);
        for layout in &layouts {
            channel.remove(layout).await?;
        }
        channel.close().await;
        Ok(())
    }
}
