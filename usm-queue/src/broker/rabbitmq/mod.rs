//! The broker on RabbitMQ, 3.10 or newer.
//!
//! One connection publishes and manages, another consumes, as a broker that is short of memory or disk stops reading from
//! those that publish. Nothing is recovered behind our back: whoever finds a connection or channel dead drops it, and the
//! next caller makes a new one.

mod confirms;
mod connection;
mod consumer;
mod declare;
mod delay;
mod hop;
mod inspect;
mod layout;
mod options;
mod publisher;
mod routes;
mod settle;
mod wire;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::Utc;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::options::RabbitMqOptions;
use self::{
    confirms::Outcome,
    connection::{Connector, Held, Role, Slot},
    declare::Declaring,
    delay::Pass,
    layout::Layout,
    publisher::Publisher,
    routes::Routes,
    wire::{Parcel, Way},
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

    /// Declares again what an exchange belongs to; `false` when that was not declared here.
    async fn redeclare(&self, exchange: &str) -> Result<bool> {
        let topologies = self.routes.declaring(exchange);
        for topology in &topologies {
            tracing::warn!(exchange, "something of the topology is gone; declaring it again");
            self.declare(topology).await?;
        }
        Ok(!topologies.is_empty())
    }

    /// Publishing to an exchange that does not exist costs the channel and everybody's confirmations on it, so that is
    /// asked before.
    async fn must_exist(&self, exchange: &str, parcel: &Parcel<'_>) -> Result<()> {
        if self.routes.is_known(exchange) || self.redeclare(exchange).await? {
            return Ok(());
        }
        let connection = self.publisher.connection().await?;
        let declaring = Declaring::open(&self.connector, &connection).await?;
        if !declaring.exchange_exists(exchange).await? {
            return Err(parcel.message.unroutable());
        }
        self.routes.exists(exchange);
        Ok(())
    }

    async fn all_must_exist(&self, parcels: &[Parcel<'_>]) -> Result<()> {
        let mut asked = BTreeSet::new();
        for parcel in parcels {
            if matches!(parcel.way, Way::After { .. }) {
                self.ladder().await?;
            }
            let exchange = parcel.exchange();
            if !asked.contains(&exchange) {
                self.must_exist(&exchange, parcel).await?;
                asked.insert(exchange);
            }
        }
        Ok(())
    }

    /// Publishes parcels, confirmed. Where a connection is lost first, once more under the same ids.
    async fn ship(&self, parcels: &[Parcel<'_>]) -> Result<Vec<Outcome>> {
        self.open()?;
        self.all_must_exist(parcels).await?;
        let mut outcomes = self.publish_twice(parcels).await?;
        let fell = |(parcel, outcome): (&Parcel<'_>, &Outcome)| {
            matches!(parcel.way, Way::After { .. }) && *outcome == Outcome::Returned
        };
        if parcels.iter().zip(&outcomes).any(fell) {
            tracing::warn!("a queue of the delay ladder is gone; declaring it again");
            self.forget_ladder().await;
            self.ladder().await?;
            for (parcel, outcome) in parcels.iter().zip(&mut outcomes) {
                if fell((parcel, &*outcome)) {
                    let again = self.publish_twice(std::slice::from_ref(parcel)).await?;
                    *outcome = again.into_iter().next().unwrap_or(Outcome::Returned);
                }
            }
        }
        Ok(outcomes)
    }

    async fn publish_twice(&self, parcels: &[Parcel<'_>]) -> Result<Vec<Outcome>> {
        let mut outcomes = vec![None; parcels.len()];
        if let Some(loss) = self.publisher.publish(parcels, &mut outcomes).await? {
            if loss.not_found {
                self.forget_ladder().await;
                self.routes.forget_existing();
            }
            self.all_must_exist(parcels).await?;
            self.publisher.publish_again(parcels, &mut outcomes, &loss).await?;
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    async fn ship_one(&self, parcel: Parcel<'_>) -> Result<Outcome> {
        let outcomes = self.ship(&[parcel]).await?;
        outcomes.into_iter().next().ok_or_else(Error::closed)
    }

    async fn publish(&self, messages: &[Message]) -> Result<()> {
        self.open()?;
        let now = Utc::now();
        let delay = |message: &Message| {
            let wait = message.not_before.and_then(|due| (due - now).to_std().ok());
            wait.and_then(Pass::new)
        };
        // A queue for each message that waits, and none for one that the broker routes.
        let mut plan = Vec::with_capacity(messages.len());
        for message in messages {
            let pass = delay(message);
            if pass.is_none() && messages.len() == 1 {
                plan.push((message, None));
                continue;
            }
            let reached = self.routes.reached(&message.exchange, &message.routing_key);
            match (pass, reached) {
                (_, Some(reached)) if reached.is_empty() => return Err(message.unroutable()),
                // Only the broker knows.
                (None, _) => plan.push((message, None)),
                (Some(pass), Some(reached)) => plan.extend(reached.into_iter().map(|queue| {
                    let by_hop = !self.routes.takes_delayed(&queue);
                    (message, Some((pass, queue, by_hop)))
                })),
                (Some(_), None) => {
                    return Err(Error::new(
                        ErrorKind::Unroutable,
                        format!(
                            "routing key `{}` on exchange `{}` cannot be delayed: the exchange is in no topology that was declared here",
                            message.routing_key, message.exchange
                        ),
                    ));
                }
            }
        }
        let parcels: Vec<Parcel<'_>> = plan
            .iter()
            .map(|(message, wait)| match wait {
                None => Parcel::new(message, Way::Routed),
                Some((pass, queue, by_hop)) => {
                    Parcel::new(message, Way::After { pass: *pass, queue, by_hop: *by_hop })
                }
            })
            .collect();
        let outcomes = self.ship(&parcels).await?;
        parcels.iter().zip(outcomes).try_for_each(|(parcel, outcome)| self.accepted(parcel.message, outcome))
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
        self.inner.publish(&messages).await
    }

    async fn consume(&self, queue: &str, prefetch: usize) -> Result<Consumer> {
        let inner = &self.inner;
        inner.open()?;
        let connect = inner.connector.connect(Role::Consume);
        let connection = inner.consuming.get(Held::is_alive, connect).await?;
        Ok(Consumer::new(consumer::consume(&inner.connector, connection, queue, prefetch).await?))
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
        if let Some(connection) = self.inner.consuming.take() {
            connection.close(self.inner.connector.call_timeout()).await;
        }
        self.inner.publisher.close().await;
    }
}
