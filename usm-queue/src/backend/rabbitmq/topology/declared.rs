//! What this process has declared: which queue gets which message, and which exchanges are known to exist.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use crate::{
    message::Message,
    topology::{Overflow, Topology},
};

#[derive(Debug, Default)]
pub(crate) struct DeclaredTopologies {
    topologies: RwLock<Vec<Arc<Topology>>>,
    existing: RwLock<BTreeSet<String>>,
}

impl DeclaredTopologies {
    /// Adds a topology that exists on the broker.
    pub(crate) fn add(&self, topology: &Topology) {
        let mut known = self.topologies.write().unwrap_or_else(PoisonError::into_inner);
        if !known.iter().any(|one| **one == *topology) {
            known.push(Arc::new(topology.clone()));
        }
        drop(known);
        topology.exchanges().for_each(|(name, _)| self.remember_exchange(name));
    }

    pub(crate) fn topologies(&self) -> RwLockReadGuard<'_, Vec<Arc<Topology>>> {
        self.topologies.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The topologies that have this exchange.
    pub(crate) fn with_exchange(&self, exchange: &str) -> Vec<Arc<Topology>> {
        let declares = |topology: &&Arc<Topology>| topology.exchanges().any(|(name, _)| name == exchange);
        self.topologies().iter().filter(declares).cloned().collect()
    }

    /// The queues that get a message; `None` if the exchange was not declared here.
    pub(crate) fn queues_reached(&self, exchange: &str, routing_key: &str) -> Option<Vec<String>> {
        let topologies = self.with_exchange(exchange);
        if topologies.is_empty() {
            return None;
        }
        let mut queues = Vec::new();
        for topology in &topologies {
            for queue in topology.route_from(exchange, routing_key) {
                if !queues.iter().any(|known| known == queue) {
                    queues.push(queue.to_owned());
                }
            }
        }
        Some(queues)
    }

    pub(crate) fn reaches_a_queue(&self, message: &Message) -> bool {
        self.queues_reached(&message.exchange, &message.routing_key).is_some_and(|queues| !queues.is_empty())
    }

    /// Whether the broker alone can deliver a delayed message to the queue: it is bound to the deliver exchange, and never
    /// refuses a message.
    pub(crate) fn takes_delayed(&self, queue: &str) -> bool {
        let topologies = self.topologies();
        let mut specs = topologies.iter().filter_map(|topology| topology.queue(queue)).peekable();
        specs.peek().is_some() && specs.all(|spec| spec.overflow == Overflow::DropHead)
    }

    pub(crate) fn refuses_when_full(&self, queue: &str) -> bool {
        let topologies = self.topologies();
        let mut specs = topologies.iter().filter_map(|topology| topology.queue(queue));
        specs.any(|spec| spec.overflow == Overflow::RejectPublish)
    }

    pub(crate) fn remember_exchange(&self, exchange: &str) {
        self.existing.write().unwrap_or_else(PoisonError::into_inner).insert(exchange.to_owned());
    }

    pub(crate) fn knows_exchange(&self, exchange: &str) -> bool {
        exchange.is_empty() || self.existing.read().unwrap_or_else(PoisonError::into_inner).contains(exchange)
    }

    pub(crate) fn forget_exchanges(&self) {
        self.existing.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
