//! What this process has declared, and declares again when it is gone.

use std::sync::Arc;

use super::{channel::Declaring, layout::Layout, routes::Routes};
use crate::{
    backend::rabbitmq::{connection::Connections, delay::Ladder},
    error::{ErrorKind, Result},
    topology::Topology,
};

/// Declares topologies and the delay ladder, and remembers them.
#[derive(Debug)]
pub(crate) struct Declarations {
    pub(crate) connections: Arc<Connections>,
    pub(crate) routes: Routes,
    pub(crate) delays: Ladder,
    /// Whether the ladder was declared.
    ladder: tokio::sync::Mutex<bool>,
}

impl Declarations {
    pub(crate) fn new(connections: Arc<Connections>, delays: Ladder) -> Self {
        Self { connections, routes: Routes::default(), delays, ladder: tokio::sync::Mutex::new(false) }
    }

    /// Declares the delay ladder, once.
    pub(crate) async fn ladder(&self) -> Result<()> {
        let mut declared = self.ladder.lock().await;
        if !*declared {
            self.declare_layout(&Layout::of_ladder(&self.delays)).await?;
            self.delays.levels().for_each(|level| self.routes.exists(&level.name));
            *declared = true;
        }
        Ok(())
    }

    async fn declare_layout(&self, layout: &Layout) -> Result<()> {
        let connection = self.connections.management().await?;
        let mut declaring = Declaring::new(&self.connections, &connection);
        declaring.layout(layout).await?;
        declaring.end().await;
        Ok(())
    }

    pub(crate) async fn forget_ladder(&self) {
        *self.ladder.lock().await = false;
    }

    pub(crate) async fn declare(&self, topology: &Topology) -> Result<()> {
        self.declare_layout(&Layout::of(topology, &self.delays)).await?;
        self.routes.add(topology);
        Ok(())
    }

    pub(crate) async fn declare_all(&self, topology: &Topology) -> Result<()> {
        self.ladder().await?;
        self.declare(topology).await
    }

    /// Declares the queue of dead letters again where that alone was deleted: the other queues of its exchange would take
    /// a dead letter without it, and nobody would hear of it.
    pub(crate) async fn keep_dead_letters(&self, exchange: &str) -> Result<()> {
        for topology in self.routes.declaring(exchange) {
            match self.connections.depth(topology.failed_queue()).await {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    tracing::warn!(queue = topology.failed_queue(), "it is gone; declaring it again");
                    self.declare(&topology).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Declares again what an exchange belongs to; `false` when that was not declared here.
    pub(crate) async fn redeclare(&self, exchange: &str) -> Result<bool> {
        let topologies = self.routes.declaring(exchange);
        for topology in &topologies {
            tracing::warn!(exchange, "something of the topology is gone; declaring it again");
            self.declare(topology).await?;
        }
        Ok(!topologies.is_empty())
    }

    /// Asks the broker.
    pub(crate) async fn exchange_exists(&self, exchange: &str) -> Result<bool> {
        let connection = self.connections.management().await?;
        let mut declaring = Declaring::new(&self.connections, &connection);
        let exists = declaring.exchange_exists(exchange).await?;
        declaring.end().await;
        Ok(exists)
    }

    /// Removes everything that was declared here, with what is in it. Others may use the ladder of the usual name.
    #[cfg(feature = "testing")]
    pub(crate) async fn remove_all(&self) -> Result<()> {
        let topologies = self.routes.topologies().clone();
        let mut layouts: Vec<_> =
            topologies.iter().map(|topology| Layout::of(topology, &self.delays)).collect();
        if !self.delays.is_shared() {
            layouts.push(Layout::of_ladder(&self.delays));
        }
        let connection = self.connections.management().await?;
        let mut declaring = Declaring::new(&self.connections, &connection);
        for layout in &layouts {
            declaring.remove(layout).await?;
        }
        declaring.end().await;
        Ok(())
    }
}
