//! The parts of this backend behind the trait `Broker`, and how to connect.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::task::AbortHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    browse::Browser,
    connection::Connections,
    consume::{self, QueueConsumers},
    maintenance,
    options::RabbitMqOptions,
    publish::Publisher,
    topology::Declarer,
};
use crate::{
    backend::{
        Accepted, BackendInfo, Broker, Consumer, Delivery, Edit, JobStore, JobUpdate, Lease, NewJob,
        NotEdited, QueueDepth, Settlement, Updated, two_phase,
    },
    error::{Error, Result},
    job::JobId,
    message::Message,
    topology::{Topology, TopologyPlan},
};

#[derive(Debug)]
pub(crate) struct RabbitMqBroker {
    connections: Arc<Connections>,
    declarer: Arc<Declarer>,
    publisher: Arc<Publisher>,
    consumers: QueueConsumers,
    browser: Arc<Browser>,
    /// The task that moves delayed messages on.
    relay: Mutex<Option<AbortHandle>>,
    /// Whether declarations are deferred until the broker is needed.
    deferring: AtomicBool,
    deferred: tokio::sync::Mutex<Vec<Topology>>,
    options: BackendInfo,
    settle_within: Option<Duration>,
    /// Cancelled when the broker is closed or dropped.
    stop: CancellationToken,
    _stop_when_dropped: DropGuard,
}

impl RabbitMqOptions {
    /// Connects.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the URL cannot be read, `Backend` when the broker refuses the user or the virtual host,
    /// `Unavailable` when it cannot be reached. Once connected, the broker survives any outage: calls fail as `Unavailable`
    /// while it lasts.
    pub async fn connect(self) -> Result<Arc<dyn Broker>> {
        Ok(Arc::new(RabbitMqBroker::connect(self).await?))
    }

    /// A broker that connects when it is first used, and then declares what it was asked to declare before.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the URL cannot be read. Everything else is reported by the first call that needs the broker.
    pub fn connect_lazily(self) -> Result<Arc<dyn Broker>> {
        Ok(Arc::new(RabbitMqBroker::lazy(self)?))
    }
}

impl RabbitMqBroker {
    pub(crate) async fn connect(options: RabbitMqOptions) -> Result<Self> {
        let broker = Self::lazy(options)?;
        broker.connections.management().await?;
        broker.deferring.store(false, Ordering::SeqCst);
        tracing::info!(server = %broker.connections.endpoint(), "connected");
        Ok(broker)
    }

    fn lazy(options: RabbitMqOptions) -> Result<Self> {
        let connections = Arc::new(Connections::new(&options)?);
        let declarer = Arc::new(Declarer::new(connections.clone(), options.levels()));
        let stop = CancellationToken::new();
        Ok(Self {
            publisher: Arc::new(Publisher::new(declarer.clone(), &options, stop.clone())),
            consumers: QueueConsumers::new(connections.clone()),
            browser: Arc::new(Browser::new(connections.clone(), options.levels())),
            connections,
            declarer,
            relay: Mutex::default(),
            deferring: AtomicBool::new(true),
            deferred: tokio::sync::Mutex::default(),
            options: options.describe(),
            settle_within: options.consumer_timeout,
            _stop_when_dropped: stop.clone().drop_guard(),
            stop,
        })
    }

    fn open(&self) -> Result<()> {
        if self.stop.is_cancelled() { Err(Error::closed()) } else { Ok(()) }
    }

    /// Starts the relay once a topology is declared, and again if the runtime has ended on which it was started.
    fn ensure_relay(&self) {
        let mut relay = self.relay.lock().unwrap_or_else(PoisonError::into_inner);
        if relay.as_ref().is_none_or(AbortHandle::is_finished)
            && !self.declarer.declared.topologies().is_empty()
        {
            let (stop, relaying) = (self.stop.clone(), maintenance::run_relay(self.publisher.clone()));
            *relay = Some(tokio::spawn(stop.run_until_cancelled_owned(relaying)).abort_handle());
        }
    }

    /// Declares what was deferred until the broker is needed.
    async fn ready(&self) -> Result<()> {
        self.open()?;
        if self.deferring.load(Ordering::SeqCst) {
            let mut deferred = self.deferred.lock().await;
            while let Some(topology) = deferred.last() {
                self.declarer.declare_with_levels(topology).await?;
                deferred.pop();
            }
            self.deferring.store(false, Ordering::SeqCst);
        }
        self.ensure_relay();
        Ok(())
    }

    /// Removes everything that was declared here, with its messages.
    #[cfg(feature = "testing")]
    pub(crate) async fn remove_declared(&self) -> Result<()> {
        if let Some(relay) = &*self.relay.lock().unwrap_or_else(PoisonError::into_inner) {
            relay.abort();
        }
        self.declarer.remove_all().await
    }
}

#[async_trait]
impl Broker for RabbitMqBroker {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.open()?;
        if self.deferring.load(Ordering::SeqCst) {
            self.deferred.lock().await.push(topology.clone());
            return Ok(());
        }
        self.declarer.declare_with_levels(topology).await?;
        self.ensure_relay();
        Ok(())
    }

    async fn plan(&self, topology: &Topology) -> Result<TopologyPlan> {
        self.open()?;
        self.declarer.plan(topology).await
    }

    async fn apply(&self, topology: &Topology) -> Result<TopologyPlan> {
        let plan = self.plan(topology).await?;
        self.ready().await?;
        self.declare(topology).await?;
        maintenance::remove_obsolete_levels(&self.publisher).await?;
        Ok(plan)
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<()> {
        self.publish_each(messages).await.into_iter().collect()
    }

    async fn publish_each(&self, messages: Vec<Message>) -> Vec<Result<()>> {
        if let Err(error) = self.ready().await {
            return messages.iter().map(|_| Err(error.clone())).collect();
        }
        self.publisher.publish(&messages).await
    }

    async fn consume(&self, queue: &str, prefetch: usize) -> Result<Consumer> {
        self.ready().await?;
        self.consumers.consume(queue, prefetch).await
    }

    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        consume::settle(&self.publisher, delivery, settlement).await
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

    async fn edit(&self, store: &dyn JobStore, id: JobId, edit: Edit) -> Result<Result<(), NotEdited>> {
        two_phase::edit(self, store, id, edit).await
    }

    async fn find_waiting(&self, queue: &str, id: JobId, generation: u64) -> Result<Option<Message>> {
        self.ready().await?;
        self.browser.find_waiting(queue, id, generation).await
    }

    async fn depth(&self, queue: &str) -> Result<QueueDepth> {
        self.ready().await?;
        self.connections.depth(queue).await
    }

    async fn browse(&self, queue: &str, skip: usize, limit: usize) -> Result<Vec<Message>> {
        self.ready().await?;
        self.browser.browse(queue, skip, limit).await
    }

    async fn browse_each(&self, queue: &str, look: Box<dyn FnMut(Message) -> bool + Send>) -> Result<()> {
        self.ready().await?;
        self.browser.browse_each(queue, look).await
    }

    async fn find(&self, queue: &str, id: &str) -> Result<Option<Message>> {
        self.ready().await?;
        self.browser.find(queue, id).await
    }

    async fn remove(&self, queue: &str, id: &str) -> Result<bool> {
        self.ready().await?;
        self.browser.remove(queue, id).await
    }

    async fn purge(&self, queue: &str) -> Result<u64> {
        self.ready().await?;
        self.connections.purge(queue).await
    }

    fn settle_within(&self) -> Option<Duration> {
        self.settle_within
    }

    fn describe(&self) -> BackendInfo {
        let version = self.connections.version();
        let quorum = version.as_deref().map_or("unknown", quorum_priorities);
        let info = self.options.clone().server(self.connections.endpoint().to_string()).version(version);
        info.setting("priorities", "classic queues").setting("quorum_priorities", quorum)
    }

    async fn close(&self) {
        self.stop.cancel();
        self.consumers.close().await;
        self.publisher.close().await;
    }
}

/// What quorum queues of this version of RabbitMQ make of priorities.
fn quorum_priorities(version: &str) -> &'static str {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    match (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) {
        (..4, _) => "none",
        (4, ..3) => "two classes",
        _ => "0 to 31",
    }
}
