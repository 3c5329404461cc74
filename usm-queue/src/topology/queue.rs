//! A queue, its bindings and its arguments.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What happens to a message that finds its queue at [`QueueSpec::max_length`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// The message at the head is dead-lettered (reason `maxlen`) to make room. RabbitMQ's default.
    #[default]
    DropHead,
    /// The new message is refused: the caller gets [`QueueFull`](crate::ErrorKind::QueueFull).
    RejectPublish,
}

/// Deliveries of one message before a quorum queue gives it up, where none is said: RabbitMQ 4's own default.
pub(crate) const DEFAULT_DELIVERY_LIMIT: u32 = 20;

/// A queue and its bindings. Durable.
///
/// What a queue promises depends on its kind and on the version of RabbitMQ; SQLite behaves as a classic queue.
///
/// | | classic (default) | quorum |
/// | --- | --- | --- |
/// | priorities | 3.10 to 4.3: 0 to [`max_priority`](Self::max_priority), strict | to 3.13 none, 4.0 to 4.2 two classes, from 4.3 always 0 to 31; [refused][build] here, as the version is not known when a topology is built |
/// | delivery limit | none, 3.10 to 4.3; this library counts attempts itself | 3.10 to 3.13 only where set, from 4.0 it defaults to 20; set explicitly here. Up to 4.2 every return counts, also by a worker that shuts down and by looking at the queue; from 4.3 only failures do |
/// | how long a delivery may stay unsettled | 3.10 to 4.2: 30 minutes by default, then the broker closes the channel and the message comes again; from 4.3 for ever | the same; from 4.3 only the consumer that is late is cancelled |
/// | when its node is lost | the messages are back when the node is | a majority of nodes keeps them |
///
/// Per queue the time for a delivery can be set by policy (`consumer-timeout`) from 3.12, before that only in
/// `rabbitmq.conf` (`consumer_timeout`); it must exceed the longest task with its grace period.
///
/// [build]: crate::topology::TopologyBuilder::build
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSpec {
    pub(crate) name: String,
    pub(crate) bindings: Vec<(String, String)>,
    pub(crate) message_ttl: Option<Duration>,
    pub(crate) max_priority: Option<u16>,
    pub(crate) dead_letter_exchange: Option<String>,
    pub(crate) max_length: Option<u32>,
    pub(crate) overflow: Overflow,
    #[serde(default)]
    pub(crate) lazy: bool,
    /// The delivery limit of a quorum queue.
    #[serde(default)]
    pub(crate) quorum: Option<u32>,
}

impl QueueSpec {
    /// A queue without bindings, time to live, priorities, limit or dead-letter exchange.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            bindings: Vec::new(),
            message_ttl: None,
            max_priority: None,
            dead_letter_exchange: None,
            max_length: None,
            overflow: Overflow::DropHead,
            lazy: false,
            quorum: None,
        }
    }

    /// Binds it to `exchange`; a fan-out exchange ignores `key`.
    pub fn bind(mut self, exchange: impl Into<String>, key: impl Into<String>) -> Self {
        self.bindings.push((exchange.into(), key.into()));
        self
    }

    /// A message that waited this long is dead-lettered (reason `expired`) instead of delivered. Default: never.
    pub fn message_ttl(mut self, ttl: Duration) -> Self {
        self.message_ttl = Some(ttl);
        self
    }

    /// Turns priorities on: 0 (lowest) to `max`, 255 at most; RabbitMQ advises 10 or fewer. Default: none, all
    /// messages are equal.
    pub fn max_priority(mut self, max: u16) -> Self {
        self.max_priority = Some(max);
        self
    }

    /// Where rejected, expired and failed messages go. Every queue that work is delivered from needs one.
    pub fn dead_letter_exchange(mut self, exchange: impl Into<String>) -> Self {
        self.dead_letter_exchange = Some(exchange.into());
        self
    }

    /// At most this many messages wait; delivered and delayed ones do not count. Default: unbounded.
    pub fn max_length(mut self, messages: u32) -> Self {
        self.max_length = Some(messages);
        self
    }

    /// What happens at the limit.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Keeps its messages on disk rather than in memory (`x-queue-mode` `lazy`), for queues that grow long. RabbitMQ
    /// from 3.12 does so anyway and ignores it, as SQLite does. Not for quorum queues.
    pub fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }

    /// Keeps its messages on a majority of the cluster's nodes (`x-queue-type` `quorum`), RabbitMQ 3.10 or newer. A
    /// message that came back `delivery_limit` times is dead-lettered (reason `delivery_limit`); default 20. The limit
    /// is always declared, so that it is the same on every version. No priorities. SQLite has no use for it and only
    /// compares it. Default: a classic queue.
    pub fn quorum(mut self, delivery_limit: Option<u32>) -> Self {
        self.quorum = Some(delivery_limit.unwrap_or(DEFAULT_DELIVERY_LIMIT));
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `priority` as this queue understands it: 0 without priorities, else at most the maximum.
    pub fn effective_priority(&self, priority: u8) -> u8 {
        let max = self.max_priority.unwrap_or(0).min(u16::from(u8::MAX));
        priority.min(u8::try_from(max).unwrap_or(u8::MAX))
    }

    /// The arguments RabbitMQ knows this queue by, for comparing with what exists.
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "rabbitmq")),
        expect(dead_code, reason = "only backends compare")
    )]
    pub(crate) fn arguments(&self) -> Vec<(&'static str, String)> {
        let mut arguments = Vec::new();
        if let Some(ttl) = self.message_ttl {
            arguments.push(("x-message-ttl", ttl.as_millis().to_string()));
        }
        if let Some(max) = self.max_priority {
            arguments.push(("x-max-priority", max.to_string()));
        }
        if let Some(exchange) = &self.dead_letter_exchange {
            arguments.push(("x-dead-letter-exchange", exchange.clone()));
        }
        if let Some(max) = self.max_length {
            arguments.push(("x-max-length", max.to_string()));
        }
        if self.overflow == Overflow::RejectPublish {
            arguments.push(("x-overflow", "reject-publish".to_owned()));
        }
        if self.lazy {
            arguments.push(("x-queue-mode", "lazy".to_owned()));
        }
        if let Some(limit) = self.quorum {
            arguments.push(("x-queue-type", "quorum".to_owned()));
            arguments.push(("x-delivery-limit", limit.to_string()));
        }
        arguments
    }
}
