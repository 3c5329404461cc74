//! A topology beside the broker it is declared on.

use std::ops::Deref;

use super::TaskQueue;
use crate::{
    backend::Broker,
    error::Result,
    topology::{Topology, TopologyPlan},
};

impl TaskQueue {
    /// The topology this queue was opened with, and what the broker has of it.
    pub fn topology(&self) -> LiveTopology<'_> {
        LiveTopology { topology: &self.inner.topology, broker: self.broker() }
    }
}

/// A [`Topology`] beside the broker it is declared on.
#[derive(Debug, Clone, Copy)]
pub struct LiveTopology<'a> {
    topology: &'a Topology,
    broker: &'a dyn Broker,
}

impl LiveTopology<'_> {
    /// What is missing on the broker and what conflicts; changes nothing. For a broker that refuses the topology as it is,
    /// ask [`Broker::plan`] before opening a queue.
    ///
    /// # Errors
    ///
    /// As [`Broker::plan`].
    pub async fn plan(&self) -> Result<TopologyPlan> {
        self.broker.plan(self.topology).await
    }

    /// Creates what is missing, and removes levels of the delay ladder that are no longer wanted
    /// (`RabbitMqOptions::delay_levels`): a message that waits in one waits that
    /// level's time again at most, and is not lost. Do that when no process uses the deeper ladder any more. Returns what was
    /// missing or too much.
    ///
    /// # Errors
    ///
    /// As [`Broker::apply`].
    pub async fn apply(&self) -> Result<TopologyPlan> {
        self.broker.apply(self.topology).await
    }
}

impl Deref for LiveTopology<'_> {
    type Target = Topology;

    fn deref(&self) -> &Topology {
        self.topology
    }
}
