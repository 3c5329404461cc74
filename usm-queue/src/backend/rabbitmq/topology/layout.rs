//! The exchanges, queues and bindings that a topology and the delay levels consist of. Pure.

use std::collections::BTreeMap;

use crate::{
    backend::rabbitmq::delay_levels::{DELIVER_TO, DelayLevels},
    topology::{QueueSpec, Topology, TopologyPart},
};

/// An argument of a queue or binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Argument {
    Number(i64),
    Text(String),
}

impl Argument {
    pub(crate) fn as_text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

pub(crate) type Arguments = BTreeMap<&'static str, Argument>;

/// An exchange with its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) arguments: Arguments,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) source: String,
    pub(crate) to: TopologyPart,
    pub(crate) destination: String,
    pub(crate) key: String,
    pub(crate) arguments: Arguments,
}

/// Everything durable, in the order it can be declared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Layout {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) queues: Vec<(String, Arguments)>,
    pub(crate) bindings: Vec<Binding>,
}

impl Layout {
    /// A topology; it needs the delay levels as well.
    pub(crate) fn of(topology: &Topology, levels: &DelayLevels) -> Self {
        let mut layout = Self::default();
        for (name, kind) in topology.exchanges() {
            layout.exchange(name, kind.as_str(), Arguments::new());
        }
        for queue in topology.queues() {
            layout.queues.push((queue.name().to_owned(), arguments(queue)));
            for (exchange, key) in &queue.bindings {
                layout.bind(exchange, queue.name(), key, Arguments::new());
            }
            layout.deliver_to(levels, queue.name());
        }
        layout
    }

    /// The delay levels and the relay queue, which all topologies of a virtual host share under one prefix.
    pub(crate) fn of_delay_levels(levels: &DelayLevels) -> Self {
        let mut layout = Self::default();
        let (undelivered, relay_queue) = (levels.undelivered_exchange(), levels.relay_queue());
        layout.exchange(&undelivered, "fanout", Arguments::new());
        let alternate = Argument::Text(undelivered.clone());
        let arguments = Arguments::from([("alternate-exchange", alternate)]);
        layout.exchange(&levels.deliver_exchange(), "headers", arguments);
        for level in levels.levels() {
            layout.exchange(&level.name, "topic", Arguments::new());
            let ttl = i64::try_from(level.ttl.as_millis()).unwrap_or(i64::MAX);
            let arguments = Arguments::from([
                ("x-message-ttl", Argument::Number(ttl)),
                ("x-dead-letter-exchange", Argument::Text(level.next.clone())),
                // A classic queue deletes a message as soon as it has passed it on, so a broker that is killed then loses
                // it. A quorum queue with this strategy waits for the confirmation (RabbitMQ 3.10 or later).
                ("x-queue-type", Argument::Text("quorum".to_owned())),
                ("x-dead-letter-strategy", Argument::Text("at-least-once".to_owned())),
                ("x-overflow", Argument::Text("reject-publish".to_owned())),
            ]);
            layout.queues.push((level.name.clone(), arguments));
            layout.bind(&level.name, &level.name, &level.wait_key, Arguments::new());
            layout.bindings.push(Binding {
                source: level.name,
                to: TopologyPart::Exchange,
                destination: level.next,
                key: level.pass_key,
                arguments: Arguments::new(),
            });
        }
        layout.queues.push((relay_queue.clone(), Arguments::from([classic()])));
        layout.bind(&undelivered, &relay_queue, "", Arguments::new());
        layout.deliver_to(levels, &relay_queue);
        layout
    }

    fn exchange(&mut self, name: &str, kind: &'static str, arguments: Arguments) {
        self.exchanges.push(Exchange { name: name.to_owned(), kind, arguments });
    }

    fn bind(&mut self, source: &str, queue: &str, key: &str, arguments: Arguments) {
        self.bindings.push(Binding {
            source: source.to_owned(),
            to: TopologyPart::Queue,
            destination: queue.to_owned(),
            key: key.to_owned(),
            arguments,
        });
    }

    /// Binds a queue so that its delayed messages reach it.
    fn deliver_to(&mut self, levels: &DelayLevels, queue: &str) {
        let arguments = Arguments::from([
            ("x-match", Argument::Text("all".to_owned())),
            (DELIVER_TO, Argument::Text(queue.to_owned())),
        ]);
        self.bind(&levels.deliver_exchange(), queue, "", arguments);
    }
}

fn arguments(queue: &QueueSpec) -> Arguments {
    let read = |(name, text): (&'static str, String)| {
        let numeric = ["x-message-ttl", "x-max-priority", "x-max-length", "x-delivery-limit"].contains(&name);
        let value = match text.parse() {
            Ok(number) if numeric => Argument::Number(number),
            _ => Argument::Text(text),
        };
        (name, value)
    };
    // The arguments of the queue itself come last and win.
    [classic()].into_iter().chain(queue.arguments().into_iter().map(read)).collect()
}

/// The queue type, set explicitly because a virtual host may have another default: one without priorities, or one that drops
/// messages that are requeued too often. To the broker it is the same as a classic queue declared without a type.
fn classic() -> (&'static str, Argument) {
    ("x-queue-type", Argument::Text("classic".to_owned()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::backend::rabbitmq::options::RabbitMqOptions;

    /// Including those that exist only for a while.
    #[test]
    fn a_topology_of_three_queues_takes_twenty_of_the_broker() {
        let queue = |name: &str| QueueSpec::new(name).bind("tasks", name).dead_letter_exchange("dead");
        let topology = ["a", "b", "c"]
            .into_iter()
            .fold(Topology::builder("tasks").dead_letters("dead", "failed"), |all, name| {
                all.queue(queue(name))
            })
            .build()
            .unwrap();
        let levels = RabbitMqOptions::new("").levels();

        let durable =
            Layout::of(&topology, &levels).queues.len() + Layout::of_delay_levels(&levels).queues.len();

        assert_eq!(durable + [levels.lock_queue("ai.tasks.failed")].len(), 20);
    }
}
