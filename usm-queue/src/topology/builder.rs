//! Collects a topology and checks it.

use super::{ExchangeKind, QueueSpec, Topology, check::invalid};
use crate::error::Result;

/// Collects a [`Topology`]; [`build`](Self::build) checks it.
#[derive(Debug, Clone)]
pub struct TopologyBuilder {
    task_exchange: String,
    exchanges: Vec<(String, ExchangeKind)>,
    queues: Vec<QueueSpec>,
    dead_letters: Option<(String, String)>,
}

impl Topology {
    /// Starts a topology whose tasks are published to the topic exchange `task_exchange`.
    pub fn builder(task_exchange: impl Into<String>) -> TopologyBuilder {
        let task_exchange = task_exchange.into();
        TopologyBuilder {
            exchanges: vec![(task_exchange.clone(), ExchangeKind::Topic)],
            task_exchange,
            queues: Vec::new(),
            dead_letters: None,
        }
    }

    /// One queue, `name`, that takes every task: priorities 0 to 10, no time to live, failed jobs in
    /// `{name}.failed`.
    pub fn single(name: &str) -> Result<Self> {
        let (exchange, dead) = (format!("{name}.tasks"), format!("{name}.dead"));
        Self::builder(&exchange)
            .dead_letters(&dead, format!("{name}.failed"))
            .queue(QueueSpec::new(name).bind(&exchange, "#").max_priority(10).dead_letter_exchange(&dead))
            .build()
    }
}

impl TopologyBuilder {
    /// Adds an exchange.
    pub fn exchange(mut self, name: impl Into<String>, kind: ExchangeKind) -> Self {
        self.exchanges.push((name.into(), kind));
        self
    }

    /// Adds the fan-out exchange for dead letters and the queue that keeps them.
    pub fn dead_letters(mut self, exchange: impl Into<String>, failed_queue: impl Into<String>) -> Self {
        self.dead_letters = Some((exchange.into(), failed_queue.into()));
        self
    }

    /// Adds a queue.
    pub fn queue(mut self, queue: QueueSpec) -> Self {
        self.queues.push(queue);
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    ///
    /// [`InvalidTopology`](crate::ErrorKind::InvalidTopology), naming the thing and the reason: a name used twice or empty or longer than
    /// 255 bytes, no dead letters, a queue bound to an unknown exchange or without binding or without dead-letter
    /// exchange, a dead-letter exchange that is unknown or may drop messages or leads back to the queue it serves,
    /// a maximum priority of 0 or above 255 or on a quorum queue, a lazy quorum queue, a maximum length of 0, a time to live of 0 or above 49 days.
    pub fn build(mut self) -> Result<Topology> {
        let Some((dead_exchange, failed_queue)) = self.dead_letters.take() else {
            return Err(invalid(
                "the topology keeps no dead letters; name an exchange and a queue with `dead_letters`, so that failed jobs are not lost",
            ));
        };
        let notice_queue = format!("usm.{dead_exchange}.notices");
        self.exchanges.push((dead_exchange.clone(), ExchangeKind::Fanout));
        self.queues.push(QueueSpec::new(&failed_queue).bind(&dead_exchange, "").lazy());
        self.queues.push(QueueSpec::new(&notice_queue).bind(&dead_exchange, ""));
        let topology = Topology {
            task_exchange: self.task_exchange,
            exchanges: self.exchanges,
            queues: self.queues,
            failed_queue,
            notice_queue,
        };
        topology.check()?;
        Ok(topology)
    }
}
