//! Exchanges, queues and bindings, checked when they are built and never after.

mod builder;
mod check;
mod plan;
mod queue;
mod route;

use serde::{Deserialize, Serialize};

pub use self::{
    builder::TopologyBuilder,
    plan::{TopologyChange, TopologyDrift, TopologyPart, TopologyPlan},
    queue::{Overflow, QueueSpec},
    route::topic_matches,
};

/// How an exchange chooses queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExchangeKind {
    /// By pattern: words between dots, `*` stands for one word, `#` for any number of words.
    Topic,
    /// By equality of key and routing key.
    Direct,
    /// To every bound queue.
    Fanout,
}

impl ExchangeKind {
    /// The name on the wire.
    #[cfg(any(feature = "sqlite", feature = "rabbitmq"))]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Direct => "direct",
            Self::Fanout => "fanout",
        }
    }
}

/// A checked set of exchanges and queues. Tasks are published to its task exchange.
///
/// ```
/// # use std::time::Duration;
/// use usm_queue::{QueueSpec, Topology};
///
/// let topology = Topology::builder("shop.tasks")
///     .dead_letters("shop.dead", "shop.failed")
///     .queue(
///         QueueSpec::new("shop.mail")
///             .bind("shop.tasks", "mail.#")
///             .message_ttl(Duration::from_secs(3600))
///             .max_priority(10)
///             .dead_letter_exchange("shop.dead"),
///     )
///     .build()?;
/// assert_eq!(topology.route("mail.welcome"), ["shop.mail"]);
/// # Ok::<(), usm_queue::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    task_exchange: String,
    exchanges: Vec<(String, ExchangeKind)>,
    queues: Vec<QueueSpec>,
    failed_queue: String,
    notice_queue: String,
}

impl Topology {
    /// The exchange tasks are published to.
    pub fn task_exchange(&self) -> &str {
        &self.task_exchange
    }

    /// The queue that keeps dead letters.
    pub fn failed_queue(&self) -> &str {
        &self.failed_queue
    }

    /// The queue that tells this library which messages the broker itself dead-lettered, so that their jobs are
    /// marked failed.
    pub fn notice_queue(&self) -> &str {
        &self.notice_queue
    }

    /// Every exchange with its kind.
    pub fn exchanges(&self) -> impl Iterator<Item = (&str, ExchangeKind)> {
        self.exchanges.iter().map(|(name, kind)| (name.as_str(), *kind))
    }

    /// Every queue, the failed queue and the notice queue included.
    pub fn queues(&self) -> &[QueueSpec] {
        &self.queues
    }

    /// The queue of that name.
    pub fn queue(&self, name: &str) -> Option<&QueueSpec> {
        self.queues.iter().find(|queue| queue.name == name)
    }

    /// The queues a task with this routing key reaches, in declaration order.
    pub fn route(&self, routing_key: &str) -> Vec<&str> {
        self.route_from(&self.task_exchange, routing_key)
    }

    /// The queues a message published to `exchange` reaches; none when the exchange is unknown.
    pub fn route_from(&self, exchange: &str, routing_key: &str) -> Vec<&str> {
        self.reached(exchange, routing_key).map(QueueSpec::name).collect()
    }

    /// As [`route_from`](Self::route_from), the queues themselves.
    pub(crate) fn reached<'a>(
        &'a self,
        exchange: &str,
        routing_key: &str,
    ) -> impl Iterator<Item = &'a QueueSpec> {
        let kind = self.exchanges.iter().find(|(name, _)| name == exchange).map(|(_, kind)| *kind);
        self.queues.iter().filter(move |queue| {
            queue.bindings.iter().any(|(bound, key)| {
                bound == exchange
                    && match kind {
                        Some(ExchangeKind::Topic) => topic_matches(key, routing_key),
                        Some(ExchangeKind::Direct) => key == routing_key,
                        Some(ExchangeKind::Fanout) => true,
                        None => false,
                    }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn builder() -> TopologyBuilder {
        Topology::builder("tasks").dead_letters("dead", "failed")
    }

    fn work_queue() -> QueueSpec {
        QueueSpec::new("work").bind("tasks", "#").dead_letter_exchange("dead")
    }

    #[test]
    fn each_kind_of_exchange_routes_its_own_way() {
        let topology = builder()
            .exchange("direct", ExchangeKind::Direct)
            .exchange("fanout", ExchangeKind::Fanout)
            .queue(work_queue().bind("direct", "exact").bind("fanout", "ignored"))
            .build()
            .unwrap();

        assert_eq!(topology.route("any.key"), ["work"]);
        assert_eq!(topology.route_from("direct", "exact"), ["work"]);
        assert!(topology.route_from("direct", "exact.not").is_empty());
        assert_eq!(topology.route_from("fanout", "whatever"), ["work"]);
        assert!(topology.route_from("nowhere", "key").is_empty());
    }
}
