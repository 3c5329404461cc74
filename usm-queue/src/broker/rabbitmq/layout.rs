//! What has to be on the broker: the exchanges, queues and bindings of a topology and of the delay ladder. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::delay::{self, DELIVER_EXCHANGE, DELIVER_TO, HOP_QUEUE, UNDELIVERED_EXCHANGE};
use crate::topology::{QueueSpec, Topology, TopologyPart};

/// An argument of a queue or binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    Number(i64),
    Text(String),
}

impl Argument {
    pub(super) fn as_text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    fn as_json(&self) -> Value {
        match self {
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
        }
    }
}

pub(super) type Arguments = BTreeMap<&'static str, Argument>;

/// An exchange with its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) arguments: Arguments,
}

/// A way from an exchange to a queue or another exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) source: String,
    pub(super) to: TopologyPart,
    pub(super) destination: String,
    pub(super) key: String,
    pub(super) arguments: Arguments,
}

/// Everything durable, in the order it can be declared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Layout {
    pub(super) exchanges: Vec<Exchange>,
    pub(super) queues: Vec<(String, Arguments)>,
    pub(super) bindings: Vec<Binding>,
}

impl Layout {
    /// A topology; the ladder is needed too.
    pub(super) fn of(topology: &Topology) -> Self {
        let mut layout = Self::default();
        for (name, kind) in topology.exchanges() {
            layout.exchange(name, kind.as_str(), Arguments::new());
        }
        for queue in topology.queues() {
            layout.queues.push((queue.name().to_owned(), arguments(queue)));
            for (exchange, key) in &queue.bindings {
                layout.bind(exchange, queue.name(), key, Arguments::new());
            }
            layout.deliver_to(queue.name());
        }
        layout
    }

    /// The delay ladder and the hop queue, which all topologies of a virtual host share.
    pub(super) fn of_ladder() -> Self {
        let mut layout = Self::default();
        layout.exchange(UNDELIVERED_EXCHANGE, "fanout", Arguments::new());
        let otherwise = Argument::Text(UNDELIVERED_EXCHANGE.to_owned());
        layout.exchange(DELIVER_EXCHANGE, "headers", Arguments::from([("alternate-exchange", otherwise)]));
        for level in delay::levels() {
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
        layout.queues.push((HOP_QUEUE.to_owned(), Arguments::new()));
        layout.bind(UNDELIVERED_EXCHANGE, HOP_QUEUE, "", Arguments::new());
        layout.deliver_to(HOP_QUEUE);
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
    fn deliver_to(&mut self, queue: &str) {
        let arguments = Arguments::from([
            ("x-match", Argument::Text("all".to_owned())),
            (DELIVER_TO, Argument::Text(queue.to_owned())),
        ]);
        self.bind(DELIVER_EXCHANGE, queue, "", arguments);
    }

    fn definitions(&self, vhost: &str) -> (Vec<Value>, Vec<Value>, Vec<Value>) {
        let json = |arguments: &Arguments| -> Value {
            arguments.iter().map(|(name, value)| ((*name).to_owned(), value.as_json())).collect()
        };
        let exchanges = self.exchanges.iter().map(|Exchange { name, kind, arguments }| {
            json!({"name": name, "vhost": vhost, "type": kind, "durable": true, "auto_delete": false, "internal": false, "arguments": json(arguments)})
        });
        let queues = self.queues.iter().map(|(name, arguments)| {
            json!({"name": name, "vhost": vhost, "durable": true, "auto_delete": false, "arguments": json(arguments)})
        });
        let bindings = self.bindings.iter().map(|binding| {
            json!({"source": binding.source, "vhost": vhost, "destination": binding.destination, "destination_type": binding.to.to_string(), "routing_key": binding.key, "arguments": json(&binding.arguments)})
        });
        (exchanges.collect(), queues.collect(), bindings.collect())
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
    queue.arguments().into_iter().map(read).collect()
}

impl Topology {
    /// RabbitMQ's `definitions.json` with everything this library declares for this topology in a virtual host, for
    /// `rabbitmqctl import_definitions` and the import of the management page. Importing it again changes nothing.
    pub fn definitions(&self, vhost: &str) -> String {
        let (mut exchanges, mut queues, mut bindings) = Layout::of_ladder().definitions(vhost);
        let own = Layout::of(self).definitions(vhost);
        exchanges.extend(own.0);
        queues.extend(own.1);
        bindings.extend(own.2);
        let all = json!({"vhosts": [{"name": vhost}], "exchanges": exchanges, "queues": queues, "bindings": bindings});
        format!("{all:#}")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn definitions_name_every_queue_with_its_arguments_and_bindings() {
        let topology = Topology::single("work").unwrap();

        let all: Value = serde_json::from_str(&topology.definitions("shop")).unwrap();

        let work = all["queues"].as_array().unwrap().iter().find(|queue| queue["name"] == "work").unwrap();
        assert_eq!(work["vhost"], "shop");
        assert_eq!(work["arguments"], json!({"x-max-priority": 10, "x-dead-letter-exchange": "work.dead"}));
        let bound = |source: &str| {
            let bindings = all["bindings"].as_array().unwrap();
            bindings.iter().any(|binding| binding["source"] == source && binding["destination"] == "work")
        };
        assert!(bound("work.tasks") && bound(DELIVER_EXCHANGE));
        assert!(all["queues"].as_array().unwrap().iter().any(|queue| queue["name"] == HOP_QUEUE));
    }
}
