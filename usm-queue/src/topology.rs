//! Exchanges, queues and bindings, checked when they are built and never after.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

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

/// What happens to a message that finds its queue at [`QueueSpec::max_length`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// The message at the head is dead-lettered (reason `maxlen`) to make room. RabbitMQ's default.
    #[default]
    DropHead,
    /// The new message is refused: the caller gets [`ErrorKind::QueueFull`].
    RejectPublish,
}

/// A queue and its bindings. Durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSpec {
    pub(crate) name: String,
    pub(crate) bindings: Vec<(String, String)>,
    pub(crate) message_ttl: Option<Duration>,
    pub(crate) max_priority: Option<u16>,
    pub(crate) dead_letter_exchange: Option<String>,
    pub(crate) max_length: Option<u32>,
    pub(crate) overflow: Overflow,
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
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "only backends compare"))]
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
        arguments
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
        let Some((_, kind)) = self.exchanges.iter().find(|(name, _)| name == exchange) else {
            return Vec::new();
        };
        let reached = |queue: &&QueueSpec| {
            queue.bindings.iter().any(|(bound, key)| {
                bound == exchange
                    && match kind {
                        ExchangeKind::Topic => topic_matches(key, routing_key),
                        ExchangeKind::Direct => key == routing_key,
                        ExchangeKind::Fanout => true,
                    }
            })
        };
        self.queues.iter().filter(reached).map(|queue| queue.name.as_str()).collect()
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
    /// [`ErrorKind::InvalidTopology`], naming the thing and the reason: a name used twice or empty or longer than
    /// 255 bytes, no dead letters, a queue bound to an unknown exchange or without binding or without dead-letter
    /// exchange, a dead-letter exchange that is unknown or may drop messages or leads back to the queue it serves,
    /// a maximum priority of 0 or above 255, a maximum length of 0, a time to live of 0 or above 49 days.
    pub fn build(mut self) -> Result<Topology> {
        let Some((dead_exchange, failed_queue)) = self.dead_letters.take() else {
            return Err(invalid(
                "the topology keeps no dead letters; name an exchange and a queue with `dead_letters`, so that failed jobs are not lost",
            ));
        };
        let notice_queue = format!("usm.{dead_exchange}.notices");
        self.exchanges.push((dead_exchange.clone(), ExchangeKind::Fanout));
        self.queues.push(QueueSpec::new(&failed_queue).bind(&dead_exchange, ""));
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

impl Topology {
    fn check(&self) -> Result<()> {
        check_names("exchange", self.exchanges.iter().map(|(name, _)| name))?;
        check_names("queue", self.queues.iter().map(|queue| &queue.name))?;
        self.queues.iter().try_for_each(|queue| self.check_queue(queue))
    }

    fn check_queue(&self, queue: &QueueSpec) -> Result<()> {
        let name = &queue.name;
        if queue.bindings.is_empty() {
            return Err(invalid(format!(
                "queue `{name}` is bound to no exchange, so nothing reaches it; add `.bind(exchange, key)`"
            )));
        }
        for (exchange, _) in &queue.bindings {
            if !self.exchanges.iter().any(|(known, _)| known == exchange) {
                return Err(invalid(format!(
                    "queue `{name}` is bound to the unknown exchange `{exchange}`; declare it or mend the name"
                )));
            }
        }
        match queue.max_priority {
            Some(0) => {
                return Err(invalid(format!(
                    "queue `{name}` has a maximum priority of 0; leave it out for a queue without priorities"
                )));
            }
            Some(max) if max > 255 => {
                return Err(invalid(format!(
                    "queue `{name}` has a maximum priority of {max}; RabbitMQ allows 255 at most and advises 10 or fewer"
                )));
            }
            _ => {}
        }
        if queue.max_length == Some(0) {
            return Err(invalid(format!("queue `{name}` has a maximum length of 0 and would keep nothing")));
        }
        // RabbitMQ keeps the milliseconds in 32 bits.
        if queue.message_ttl.is_some_and(|ttl| ttl.is_zero() || ttl.as_millis() > u128::from(u32::MAX)) {
            return Err(invalid(format!(
                "queue `{name}` has a message time to live outside 1 ms to 49 days"
            )));
        }
        self.check_dead_letters(queue)
    }

    fn check_dead_letters(&self, queue: &QueueSpec) -> Result<()> {
        let name = &queue.name;
        let keeps_dead_letters = *name == self.failed_queue || *name == self.notice_queue;
        let Some(exchange) = &queue.dead_letter_exchange else {
            if keeps_dead_letters || self.takes_dead_letters(queue) {
                return Ok(());
            }
            return Err(invalid(format!(
                "queue `{name}` has no dead-letter exchange, so its failed jobs would be lost; add `.dead_letter_exchange(…)`"
            )));
        };
        match self.exchanges.iter().find(|(known, _)| known == exchange) {
            None => {
                return Err(invalid(format!(
                    "queue `{name}` names the unknown dead-letter exchange `{exchange}`"
                )));
            }
            Some((_, ExchangeKind::Direct)) => {
                return Err(invalid(format!(
                    "the dead-letter exchange `{exchange}` of queue `{name}` is direct and would drop messages with unbound keys; make it a fan-out"
                )));
            }
            Some((_, ExchangeKind::Topic)) if !self.bound_to(exchange).any(|(_, key)| key == "#") => {
                return Err(invalid(format!(
                    "the dead-letter exchange `{exchange}` of queue `{name}` is a topic exchange without a queue bound with `#` and would drop messages with unbound keys; bind one, or make it a fan-out"
                )));
            }
            Some(_) => {}
        }
        if let Some((target, _)) =
            self.bound_to(exchange).find(|(target, _)| target.overflow == Overflow::RejectPublish)
        {
            return Err(invalid(format!(
                "queue `{}` refuses messages when it is full, and a dead letter of queue `{name}` that is refused would be lost; let it drop its head instead",
                target.name
            )));
        }
        if self.bound_to(exchange).next().is_none() {
            return Err(invalid(format!(
                "the dead-letter exchange `{exchange}` of queue `{name}` reaches no queue"
            )));
        }
        if self.leads_to(name, exchange, &mut BTreeSet::new()) {
            return Err(invalid(format!(
                "the dead letters of queue `{name}` come back to it through `{exchange}`: a cycle"
            )));
        }
        Ok(())
    }

    /// The queues bound to an exchange, with their keys.
    fn bound_to<'a>(&'a self, exchange: &'a str) -> impl Iterator<Item = (&'a QueueSpec, &'a str)> {
        self.queues.iter().flat_map(move |queue| {
            let keys = queue.bindings.iter().filter(move |(bound, _)| bound == exchange);
            keys.map(move |(_, key)| (queue, key.as_str()))
        })
    }

    /// Whether it is bound to some queue's dead-letter exchange, and so is itself a place for dead letters.
    fn takes_dead_letters(&self, queue: &QueueSpec) -> bool {
        self.queues
            .iter()
            .filter_map(|other| other.dead_letter_exchange.as_ref())
            .any(|exchange| queue.bindings.iter().any(|(bound, _)| bound == exchange))
    }

    fn leads_to(&self, target: &str, exchange: &str, seen: &mut BTreeSet<String>) -> bool {
        self.queues.iter().filter(|queue| queue.bindings.iter().any(|(bound, _)| bound == exchange)).any(
            |queue| {
                queue.name == target
                    || (seen.insert(queue.name.clone())
                        && queue
                            .dead_letter_exchange
                            .as_ref()
                            .is_some_and(|next| self.leads_to(target, next, seen)))
            },
        )
    }
}

/// Whether a topic binding `pattern` takes `routing_key`.
///
/// ```
/// # use usm_queue::topic_matches;
/// assert!(topic_matches("ai.task.map.#", "ai.task.map"));
/// assert!(topic_matches("ai.*.map", "ai.task.map"));
/// assert!(!topic_matches("ai.*.map", "ai.map"));
/// ```
pub fn topic_matches(pattern: &str, routing_key: &str) -> bool {
    let pattern: Vec<&str> = words(pattern);
    let key: Vec<&str> = words(routing_key);
    // `reach[k]`: the pattern read so far can have consumed the first k words.
    let mut reach = vec![false; key.len() + 1];
    reach[0] = true;
    for word in pattern {
        let mut next = vec![false; key.len() + 1];
        for (consumed, _) in reach.iter().enumerate().filter(|(_, reached)| **reached) {
            if word == "#" {
                next[consumed..].fill(true);
                break;
            }
            if key.get(consumed).is_some_and(|have| word == "*" || word == *have) {
                next[consumed + 1] = true;
            }
        }
        reach = next;
    }
    reach[key.len()]
}

/// The empty key has no words, as in RabbitMQ.
fn words(key: &str) -> Vec<&str> {
    if key.is_empty() { Vec::new() } else { key.split('.').collect() }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidTopology, message)
}

fn check_names<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() || name.len() > 255 {
            return Err(invalid(format!(
                "{what} name `{}` is empty or longer than 255 bytes",
                crate::job::short(name, 60)
            )));
        }
        if !seen.insert(name) {
            return Err(invalid(format!("{what} `{name}` is declared twice")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use proptest::prelude::*;

    use super::*;

    fn naive(pattern: &[&str], key: &[&str]) -> bool {
        match (pattern.split_first(), key.split_first()) {
            (None, None) => true,
            (Some((&"#", rest)), _) => (0..=key.len()).any(|skip| naive(rest, &key[skip..])),
            (Some((word, rest)), Some((have, tail))) => (*word == "*" || word == have) && naive(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn topic_matching_agrees_with_a_naive_matcher(
            pattern in prop::collection::vec(prop::sample::select(vec!["a", "b", "*", "#"]), 0..7),
            key in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..7),
        ) {
            prop_assert_eq!(topic_matches(&pattern.join("."), &key.join(".")), naive(&pattern, &key));
        }
    }

    #[test]
    fn many_hashes_are_matched_in_time() {
        let pattern = vec!["#"; 100].join(".") + ".never";

        assert!(!topic_matches(&pattern, &vec!["a"; 100].join(".")));
    }

    fn refused(builder: TopologyBuilder) -> String {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidTopology);
        error.to_string()
    }

    fn builder() -> TopologyBuilder {
        Topology::builder("tasks").dead_letters("dead", "failed")
    }

    fn work_queue() -> QueueSpec {
        QueueSpec::new("work").bind("tasks", "#").dead_letter_exchange("dead")
    }

    #[test]
    fn a_queue_bound_to_an_unknown_exchange_is_refused() {
        assert!(refused(builder().queue(work_queue().bind("tsks", "#"))).contains("unknown exchange `tsks`"));
    }

    #[test]
    fn a_dead_letter_cycle_is_refused() {
        let topology = builder()
            .exchange("again", ExchangeKind::Fanout)
            .queue(QueueSpec::new("work").bind("tasks", "#").dead_letter_exchange("again"))
            .queue(QueueSpec::new("wait").bind("again", "").dead_letter_exchange("tasks"));

        assert!(refused(topology).contains("cycle"));
    }

    #[test]
    fn a_priority_above_the_maximum_is_refused() {
        assert!(refused(builder().queue(work_queue().max_priority(256))).contains("256"));
        assert!(refused(builder().queue(work_queue().max_priority(0))).contains("priority of 0"));
    }

    #[test]
    fn a_work_queue_that_would_lose_failed_jobs_is_refused() {
        assert!(
            refused(builder().queue(QueueSpec::new("work").bind("tasks", "#")))
                .contains("no dead-letter exchange")
        );
        assert!(refused(Topology::builder("tasks").queue(work_queue())).contains("keeps no dead letters"));
    }

    #[test]
    fn a_dead_letter_exchange_that_may_drop_messages_is_refused() {
        let with = |kind, keeps: QueueSpec| {
            builder()
                .exchange("second", kind)
                .queue(QueueSpec::new("work").bind("tasks", "#").dead_letter_exchange("second"))
                .queue(keeps)
        };
        let keeps = |key| QueueSpec::new("keeps").bind("second", key);

        assert!(refused(with(ExchangeKind::Direct, keeps("a"))).contains("is direct"));
        assert!(refused(with(ExchangeKind::Topic, keeps("a.#"))).contains("bound with `#`"));
        assert!(with(ExchangeKind::Topic, keeps("#")).build().is_ok());
        let full = keeps("").max_length(5);
        assert!(with(ExchangeKind::Fanout, full.clone()).build().is_ok());
        let refuses = full.overflow(Overflow::RejectPublish);
        assert!(refused(with(ExchangeKind::Fanout, refuses)).contains("`keeps` refuses"));
    }

    #[test]
    fn a_name_declared_twice_is_refused() {
        assert!(refused(builder().queue(work_queue()).queue(work_queue())).contains("declared twice"));
    }

    #[test]
    fn limits_of_zero_are_refused() {
        assert!(refused(builder().queue(work_queue().max_length(0))).contains("length of 0"));
        assert!(refused(builder().queue(work_queue().message_ttl(Duration::ZERO))).contains("time to live"));
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
