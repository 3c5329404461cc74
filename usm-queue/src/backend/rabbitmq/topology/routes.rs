//! What this process has declared: who gets what, and which exchanges are known to exist.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use crate::{
    message::Message,
    topology::{Overflow, Topology},
};

/// The declared topologies together.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    topologies: RwLock<Vec<Arc<Topology>>>,
    existing: RwLock<BTreeSet<String>>,
}

impl Routes {
    /// Adds a topology that the broker has.
    pub(crate) fn add(&self, topology: &Topology) {
        let mut known = self.topologies.write().unwrap_or_else(PoisonError::into_inner);
        if !known.iter().any(|one| **one == *topology) {
            known.push(Arc::new(topology.clone()));
        }
        drop(known);
        topology.exchanges().for_each(|(name, _)| self.exists(name));
    }

    pub(crate) fn topologies(&self) -> RwLockReadGuard<'_, Vec<Arc<Topology>>> {
        self.topologies.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The topologies an exchange is declared in.
    pub(crate) fn declaring(&self, exchange: &str) -> Vec<Arc<Topology>> {
        let declares = |topology: &&Arc<Topology>| topology.exchanges().any(|(name, _)| name == exchange);
        self.topologies().iter().filter(declares).cloned().collect()
    }

    /// The queues that get a message; `None` when the exchange is not among what was declared here.
    pub(crate) fn reached(&self, exchange: &str, routing_key: &str) -> Option<Vec<String>> {
        let declaring = self.declaring(exchange);
        if declaring.is_empty() {
            return None;
        }
        let mut queues = Vec::new();
        for topology in &declaring {
            for queue in topology.route_from(exchange, routing_key) {
                if !queues.iter().any(|known| known == queue) {
                    queues.push(queue.to_owned());
                }
            }
        }
        Some(queues)
    }

    /// Whether a message gets into a queue by what was declared here.
    pub(crate) fn reaches_a_queue(&self, message: &Message) -> bool {
        self.reached(&message.exchange, &message.routing_key).is_some_and(|queues| !queues.is_empty())
    }

    /// Whether a message that is due may be handed to the queue by the broker alone: it is bound for that, and does not
    /// refuse when it is full.
    pub(crate) fn takes_delayed(&self, queue: &str) -> bool {
        let topologies = self.topologies();
        let mut specs = topologies.iter().filter_map(|topology| topology.queue(queue)).peekable();
        specs.peek().is_some() && specs.all(|spec| spec.overflow == Overflow::DropHead)
    }

    /// Whether a queue is known to refuse when it is full.
    pub(crate) fn refuses_when_full(&self, queue: &str) -> bool {
        let topologies = self.topologies();
        let mut specs = topologies.iter().filter_map(|topology| topology.queue(queue));
        specs.any(|spec| spec.overflow == Overflow::RejectPublish)
    }

    /// Remembers that an exchange exists.
    pub(crate) fn exists(&self, exchange: &str) {
        self.existing.write().unwrap_or_else(PoisonError::into_inner).insert(exchange.to_owned());
    }

    /// Whether an exchange existed when it was looked for.
    pub(crate) fn is_known(&self, exchange: &str) -> bool {
        exchange.is_empty() || self.existing.read().unwrap_or_else(PoisonError::into_inner).contains(exchange)
    }

    /// Something that existed is gone.
    pub(crate) fn forget_existing(&self) {
        self.existing.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
