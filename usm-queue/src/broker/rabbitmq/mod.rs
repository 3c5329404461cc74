//! The broker on RabbitMQ, 3.10 or newer.
//!
//! One connection publishes and manages, another consumes, as a broker that is short of memory or disk stops reading from
//! those that publish. Nothing is recovered behind our back: whoever finds a connection or channel dead drops it, and the
//! next caller makes a new one.

mod acks;
mod confirms;
mod connection;
mod consumer;
mod declare;
mod delay;
mod frames;
mod hop;
mod in_flight;
mod inspect;
mod layout;
mod options;
mod publisher;
mod routes;
mod settle;
mod shipping;
mod wire;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::options::RabbitMqOptions;
use self::{
    connection::{Connector, Held, Role, Slot},
    consumer::Line,
    declare::Declaring,
    layout::Layout,
    publisher::Publisher,
    routes::Routes,
};
use super::{Broker, Consumer, Delivery, QueueDepth, Settlement};
use crate::{
    envelope::Message,
    error::{Error, ErrorKind, Result},
    topology::{Topology, TopologyPlan},
};

/// Messages on RabbitMQ.
#[derive(Debug)]
pub(crate) struct RabbitMqBroker {
    inner: Arc<Inner>,
    settle_within: Option<Duration>,
    _stop: DropGuard,
}

impl RabbitMqBroker {
    pub(crate) async fn connect(options: RabbitMqOptions) -> Result<Self> {
        let connector = Arc::new(Connector::new(&options)?);
        let publisher = Publisher::new(
            connector.clone(),
            options.connections,
            options.publish_window,
            options.blocked_wait,
        );
        publisher.connection().await?;
        tracing::info!(place = %connector.place(), "connected");
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner {
            connector,
            publisher,
            consuming: Slot::default(),
            lines: Mutex::default(),
            routes: Routes::default(),
            ladder: tokio::sync::Mutex::new(false),
            hopping: AtomicBool::new(false),
            browsing: tokio::sync::Mutex::new(()),
            stop: stop.clone(),
        });
        Ok(Self { inner, settle_within: options.consumer_timeout, _stop: stop.drop_guard() })
    }

    /// Removes everything that was declared here, with what is in it.
    #[cfg(feature = "testing")]
    pub(crate) async fn remove_declared(&self) -> Result<()> {
        let topologies = self.inner.routes.topologies().clone();
        let connection = self.inner.publisher.connection().await?;
        let declaring = Declaring::open(&self.inner.connector, &connection).await?;
        for topology in &topologies {
            declaring.remove(topology).await?;
        }
        Ok(())
    }
}

/// What the broker's tasks share.
#[derive(Debug)]
struct Inner {
    connector: Arc<Connector>,
    publisher: Publisher,
    consuming: Slot<Held>,
    /// Those that may have acknowledgements to send.
    lines: Mutex<Vec<Weak<Line>>>,
    routes: Routes,
    /// Whether the delay ladder was declared.
    ladder: tokio::sync::Mutex<bool>,
    /// Whether the task that moves due messages runs.
    hopping: AtomicBool,
    browsing: tokio::sync::Mutex<()>,
    /// Cancelled when the broker is closed or dropped.
    stop: CancellationToken,
}

impl Inner {
    fn open(&self) -> Result<()> {
        if self.stop.is_cancelled() { Err(Error::closed()) } else { Ok(()) }
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Weak<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Declares the delay ladder, once.
    async fn ladder(&self) -> Result<()> {
        let mut declared = self.ladder.lock().await;
        if !*declared {
            let connection = self.publisher.connection().await?;
            Declaring::open(&self.connector, &connection).await?.layout(&Layout::of_ladder()).await?;
            delay::levels().for_each(|level| self.routes.exists(&level.name));
            *declared = true;
        }
        Ok(())
    }

    async fn forget_ladder(&self) {
        *self.ladder.lock().await = false;
    }

    async fn declare(&self, topology: &Topology) -> Result<()> {
        let connection = self.publisher.connection().await?;
        Declaring::open(&self.connector, &connection).await?.layout(&Layout::of(topology)).await?;
        self.routes.add(topology);
        Ok(())
    }

    /// Declares the queue of dead letters again where that alone was deleted: the other queues of its exchange would take
    /// a dead letter without it, and nobody would hear of it.
    async fn keep_dead_letters(&self, exchange: &str) -> Result<()> {
        for topology in self.routes.declaring(exchange) {
            match self.depth(topology.failed_queue()).await {
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
    async fn redeclare(&self, exchange: &str) -> Result<bool> {
        let topologies = self.routes.declaring(exchange);
        for topology in &topologies {
            tracing::warn!(exchange, "something of the topology is gone; declaring it again");
            self.declare(topology).await?;
        }
        Ok(!topologies.is_empty())
    }
}

#[async_trait]
impl Broker for RabbitMqBroker {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.inner.open()?;
        self.inner.ladder().await?;
        self.inner.declare(topology).await?;
        if !self.inner.hopping.swap(true, Ordering::SeqCst) {
            let (stop, moving) = (self.inner.stop.clone(), hop::run(self.inner.clone()));
            tokio::spawn(stop.run_until_cancelled_owned(moving));
        }
        Ok(())
    }

    async fn plan(&self, topology: &Topology) -> Result<TopologyPlan> {
        self.inner.open()?;
        let connection = self.inner.publisher.connection().await?;
        let mut plan = TopologyPlan::default();
        for layout in [Layout::of_ladder(), Layout::of(topology)] {
            declare::plan(&self.inner.connector, &connection, &layout, &mut plan).await?;
        }
        Ok(plan)
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<()> {
        self.inner.publish(&messages).await.into_iter().collect()
    }

    async fn publish_each(&self, messages: Vec<Message>) -> Vec<Result<()>> {
        self.inner.publish(&messages).await
    }

    async fn consume(&self, queue: &str, prefetch: usize) -> Result<Consumer> {
        let inner = &self.inner;
        inner.open()?;
        let connect = inner.connector.connect(Role::Consume);
        let connection = inner.consuming.get(Held::is_alive, connect).await?;
        let (deliveries, line) = consumer::consume(&inner.connector, connection, queue, prefetch).await?;
        let mut lines = inner.lines();
        lines.retain(|line| line.strong_count() > 0);
        lines.push(line);
        Ok(Consumer::new(deliveries))
    }

    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        self.inner.settle(delivery, settlement).await
    }

    async fn depth(&self, queue: &str) -> Result<QueueDepth> {
        self.inner.open()?;
        self.inner.depth(queue).await
    }

    async fn browse(&self, queue: &str, skip: usize, limit: usize) -> Result<Vec<Message>> {
        self.inner.open()?;
        self.inner.browse(queue, skip, limit).await
    }

    async fn find(&self, queue: &str, message_id: &str) -> Result<Option<Message>> {
        self.inner.open()?;
        self.inner.find(queue, message_id).await
    }

    async fn remove(&self, queue: &str, message_id: &str) -> Result<bool> {
        self.inner.open()?;
        self.inner.remove(queue, message_id).await
    }

    async fn purge(&self, queue: &str) -> Result<u64> {
        self.inner.open()?;
        self.inner.purge(queue).await
    }

    fn settle_within(&self) -> Option<Duration> {
        self.settle_within
    }

    async fn close(&self) {
        self.inner.stop.cancel();
        let lines: Vec<_> = self.inner.lines().drain(..).filter_map(|line| line.upgrade()).collect();
        let acknowledging = join_all(lines.into_iter().map(Line::send_acks));
        if tokio::time::timeout(self.inner.connector.call_timeout(), acknowledging).await.is_err() {
            tracing::debug!("acknowledgements are not sent in time; the deliveries may come again");
        }
        if let Some(connection) = self.inner.consuming.take() {
            connection.close(self.inner.connector.call_timeout()).await;
        }
        self.inner.publisher.close().await;
    }
}
