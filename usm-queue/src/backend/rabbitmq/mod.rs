//! The broker on RabbitMQ, 3.10 or newer.
//!
//! One connection publishes and manages, another consumes, as a broker that is short of memory or disk stops reading from
//! those that publish; on request one does both. Nothing is recovered behind our back: whoever finds a connection or channel
//! dead drops it, and the next caller makes a new one, on its own runtime.

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
mod surplus;
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
use tokio::task::AbortHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::options::RabbitMqOptions;
use self::{
    connection::{Connector, Held, Role, Slot},
    consumer::Line,
    declare::Declaring,
    delay::Ladder,
    layout::Layout,
    publisher::Publisher,
    routes::Routes,
};
use super::{
    Accepted, Broker, Consumer, Delivery, JobStore, JobUpdate, Lease, NewJob, QueueDepth, Settlement,
    Updated, two_phase,
};
use crate::{
    error::{Error, ErrorKind, Result},
    message::Message,
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
        let broker = Self::lazy(options)?;
        broker.inner.publisher.connection().await?;
        broker.inner.deferring.store(false, Ordering::SeqCst);
        tracing::info!(place = %broker.inner.connector.place(), "connected");
        Ok(broker)
    }

    pub(crate) fn lazy(options: RabbitMqOptions) -> Result<Self> {
        let connector = Arc::new(Connector::new(&options)?);
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner {
            publisher: Publisher::new(connector.clone(), &options),
            connector,
            consuming: (!options.share_connection).then(Slot::default),
            lines: Mutex::default(),
            routes: Routes::default(),
            delays: options.ladder(),
            ladder: tokio::sync::Mutex::new(false),
            hopping: Mutex::default(),
            browsing: tokio::sync::Mutex::new(()),
            deferring: AtomicBool::new(true),
            deferred: tokio::sync::Mutex::default(),
            stop: stop.clone(),
        });
        Ok(Self { inner, settle_within: options.consumer_timeout, _stop: stop.drop_guard() })
    }

    /// Has due messages moved on, once a topology is declared: anew where the runtime has ended that this was begun on.
    fn keep_hopping(&self) {
        let mut hopping = self.inner.hopping.lock().unwrap_or_else(PoisonError::into_inner);
        if hopping.as_ref().is_none_or(AbortHandle::is_finished) && !self.inner.routes.topologies().is_empty()
        {
            let (stop, moving) = (self.inner.stop.clone(), hop::run(self.inner.clone()));
            *hopping = Some(tokio::spawn(stop.run_until_cancelled_owned(moving)).abort_handle());
        }
    }

    /// Declares what was put off until the broker is needed.
    async fn ready(&self) -> Result<()> {
        self.inner.open()?;
        if self.inner.deferring.load(Ordering::SeqCst) {
            let mut deferred = self.inner.deferred.lock().await;
            while let Some(topology) = deferred.last() {
                self.inner.declare_all(topology).await?;
                deferred.pop();
            }
            self.inner.deferring.store(false, Ordering::SeqCst);
        }
        self.keep_hopping();
        Ok(())
    }

    /// Removes everything that was declared here, with what is in it. Others may use the ladder of the usual name.
    #[cfg(feature = "testing")]
    pub(crate) async fn remove_declared(&self) -> Result<()> {
        if let Some(hopping) = &*self.inner.hopping.lock().unwrap_or_else(PoisonError::into_inner) {
            hopping.abort();
        }
        let delays = &self.inner.delays;
        let topologies = self.inner.routes.topologies().clone();
        let mut layouts: Vec<_> = topologies.iter().map(|topology| Layout::of(topology, delays)).collect();
        if !delays.is_shared() {
            layouts.push(Layout::of_ladder(delays));
        }
        let connection = self.inner.publisher.connection().await?;
        let mut declaring = Declaring::new(&self.inner.connector, &connection);
        for layout in &layouts {
            declaring.remove(layout).await?;
        }
        declaring.end().await;
        Ok(())
    }
}

/// What the broker's tasks share.
#[derive(Debug)]
struct Inner {
    connector: Arc<Connector>,
    publisher: Publisher,
    /// `None` where the publishing connection serves.
    consuming: Option<Slot<Held>>,
    /// Those that may have acknowledgements to send.
    lines: Mutex<Vec<Weak<Line>>>,
    routes: Routes,
    /// How deep the delay ladder is, and how it is called.
    delays: Ladder,
    /// Whether it was declared.
    ladder: tokio::sync::Mutex<bool>,
    /// The task that moves due messages.
    hopping: Mutex<Option<AbortHandle>>,
    browsing: tokio::sync::Mutex<()>,
    /// Whether declarations wait until the broker is needed.
    deferring: AtomicBool,
    deferred: tokio::sync::Mutex<Vec<Topology>>,
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
            self.declare_layout(&Layout::of_ladder(&self.delays)).await?;
            self.delays.levels().for_each(|level| self.routes.exists(&level.name));
            *declared = true;
        }
        Ok(())
    }

    async fn declare_layout(&self, layout: &Layout) -> Result<()> {
        let connection = self.publisher.connection().await?;
        let mut declaring = Declaring::new(&self.connector, &connection);
        declaring.layout(layout).await?;
        declaring.end().await;
        Ok(())
    }

    async fn forget_ladder(&self) {
        *self.ladder.lock().await = false;
    }

    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.declare_layout(&Layout::of(topology, &self.delays)).await?;
        self.routes.add(topology);
        Ok(())
    }

    async fn declare_all(&self, topology: &Topology) -> Result<()> {
        self.ladder().await?;
        self.declare(topology).await
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
        if self.inner.deferring.load(Ordering::SeqCst) {
            self.inner.deferred.lock().await.push(topology.clone());
            return Ok(());
        }
        self.inner.declare_all(topology).await?;
        self.keep_hopping();
        Ok(())
    }

    async fn plan(&self, topology: &Topology) -> Result<TopologyPlan> {
        self.inner.open()?;
        let connection = self.inner.publisher.connection().await?;
        let mut declaring = Declaring::new(&self.inner.connector, &connection);
        let (mut plan, delays) = (TopologyPlan::default(), &self.inner.delays);
        for layout in [Layout::of_ladder(delays), Layout::of(topology, delays)] {
            declare::plan(&mut declaring, &layout, &mut plan).await?;
        }
        declare::plan_removal(&mut declaring, delays.surplus(), &mut plan).await?;
        declaring.end().await;
        Ok(plan)
    }

    async fn apply(&self, topology: &Topology) -> Result<TopologyPlan> {
        let plan = self.plan(topology).await?;
        self.ready().await?;
        self.declare(topology).await?;
        self.inner.remove_surplus_levels().await?;
        Ok(plan)
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<()> {
        self.publish_each(messages).await.into_iter().collect()
    }

    async fn publish_each(&self, messages: Vec<Message>) -> Vec<Result<()>> {
        if let Err(error) = self.ready().await {
            return messages.iter().map(|_| Err(error.clone())).collect();
        }
        self.inner.publish(&messages).await
    }

    async fn consume(&self, queue: &str, prefetch: usize) -> Result<Consumer> {
        self.ready().await?;
        let inner = &self.inner;
        let connection = match &inner.consuming {
            Some(slot) => slot.get(Held::is_alive, inner.connector.connect(Role::Consume)).await?,
            None => inner.publisher.connection().await?,
        };
        let (deliveries, line) = consumer::consume(&inner.connector, connection, queue, prefetch).await?;
        let mut lines = inner.lines();
        lines.retain(|line| line.strong_count() > 0);
        lines.push(line);
        Ok(Consumer::new(deliveries))
    }

    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        self.inner.settle(delivery, settlement).await
    }

    async fn accept(&self, store: &dyn JobStore, jobs: Vec<(NewJob, Message)>) -> Vec<Result<Accepted>> {
        two_phase::accept(self, store, jobs).await
    }

    async fn finish(
        &self,
        store: &dyn JobStore,
        delivery: &Delivery,
        lease: Lease,
        update: JobUpdate,
        settlement: Settlement,
    ) -> Result<Updated> {
        two_phase::finish(self, store, delivery, lease, update, settlement).await
    }

    async fn depth(&self, queue: &str) -> Result<QueueDepth> {
        self.ready().await?;
        self.inner.depth(queue).await
    }

    async fn browse(&self, queue: &str, skip: usize, limit: usize) -> Result<Vec<Message>> {
        self.ready().await?;
        self.inner.browse(queue, skip, limit).await
    }

    async fn find(&self, queue: &str, id: &str) -> Result<Option<Message>> {
        self.ready().await?;
        self.inner.find(queue, id).await
    }

    async fn remove(&self, queue: &str, id: &str) -> Result<bool> {
        self.ready().await?;
        self.inner.remove(queue, id).await
    }

    async fn purge(&self, queue: &str) -> Result<u64> {
        self.ready().await?;
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
        if let Some(connection) = self.inner.consuming.as_ref().and_then(Slot::take) {
            connection.close(self.inner.connector.call_timeout()).await;
        }
        self.inner.publisher.close().await;
    }
}
