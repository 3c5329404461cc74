//! What has to be on the broker: the exchanges, queues and bindings of a topology and of the delay ladder. Pure.

use std::collections::BTreeMap;

use crate::{
    backend::rabbitmq::delay::{DELIVER_TO, Ladder},
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

/// A way from an exchange to a queue or another exchange.
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
    /// A topology; the ladder is needed too.
    pub(crate) fn of(topology: &Topology, ladder: &Ladder) -> Self {
        let mut layout = Self::default();
        for (name, kind) in topology.exchanges() {
            layout.exchange(name, kind.as_str(), Arguments::new());
        }
        for queue in topology.queues() {
            layout.queues.push((queue.name().to_owned(), arguments(queue)));
            for (exchange, key) in &queue.bindings {
                layout.bind(exchange, queue.name(), key, Arguments::new());
            }
            layout.deliver_to(ladder, queue.name());
        }
        layout
    }

    /// The delay ladder and the hop queue, which all topologies of a virtual host share under one prefix.
    pub(crate) fn of_ladder(ladder: &Ladder) -> Self {
        let mut layout = Self::default();
        let (undelivered, hop_queue) = (ladder.undelivered_exchange(), ladder.hop_queue());
        layout.exchange(&undelivered, "fanout", Arguments::new());
        let otherwise = Argument::Text(undelivered.clone());
        let arguments = Arguments::from([("alternate-exchange", otherwise)]);
        layout.exchange(&ladder.deliver_exchange(), "headers", arguments);
        for level in ladder.levels() {
            layout.exchange(&level.name, "topic", Arguments::new());
            let ttl = i64::try_from(level.ttl.as_millis()).unwrap_or(i64::MAX);
            let arguments = Arguments::from([
                ("x-message-ttl", Argument::Number(ttl)),
                ("x-dead-letter-exchange", Argument::Text(level.next.clone())),
                // A classic queue forgets a message as soon as it has passed it on, confirmed or not: a broker that is
                // killed then loses it. This way it waits for the confirmation (RabbitMQ 3.10 or later).
                ("x-queue-type", Argument::Text("quorum".to_owned())),
                ("x-dead-letter-strategy", Argument::Text("at-least-once".to_owned())),
                ("x-overflow", Argument::Text("reject-publish".to_owned())),
            ]);
            layout.queues.push((level.name.clone(), arguments));
            layout.bind(&level.name, &level.name, &level.waits, Arguments::new());
            layout.bindings.push(Binding {
                source: level.name,
                to: TopologyPart::Exchange,
                destination: level.next,
                key: level.passes,
                arguments: Arguments::new(),
            });
        }
        layout.queues.push((hop_queue.clone(), Arguments::from([classic()])));
        layout.bind(&undelivered, &hop_queue, "", Arguments::new());
        layout.deliver_to(ladder, &hop_queue);
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

    /// Lets delayed messages for this queue reach it.
    fn deliver_to(&mut self, ladder: &Ladder, queue: &str) {
        let arguments = Arguments::from([
            ("x-match", Argument::Text("all".to_owned())),
            (DELIVER_TO, Argument::Text(queue.to_owned())),
        ]);
        self.bind(&ladder.deliver_exchange(), queue, "", arguments);
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
    // What the queue names itself comes last and counts.
    [classic()].into_iter().chain(queue.arguments().into_iter().map(read)).collect()
}

/// The queue type, named because a virtual host may have another default: one without priorities, or one that drops what is
/// given back too often. To the broker it equals a classic queue that was declared without it.
fn classic() -> (&'static str, Argument) {
    ("x-queue-type", Argument::Text("classic".to_owned()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::backend::rabbitmq::options::RabbitMqOptions;

    /// Those that exist only for a while included.
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
        let ladder = RabbitMqOptions::new("").ladder();

        let durable = Layout::of(&topology, &ladder).queues.len() + Layout::of_ladder(&ladder).queues.len();

        assert_eq!(durable + [ladder.lock_queue("ai.tasks.failed")].len(), 20);
    }
}
