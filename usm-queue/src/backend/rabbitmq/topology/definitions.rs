//! RabbitMQ's `definitions.json` of a topology.

use serde_json::{Value, json};

use super::layout::{Argument, Arguments, Exchange, Layout};
use crate::{backend::rabbitmq::options::RabbitMqOptions, topology::Topology};

impl RabbitMqOptions {
    /// RabbitMQ's `definitions.json` with everything this library declares for a topology in a virtual host, for
    /// `rabbitmqctl import_definitions` and the import of the management page. Importing it twice changes nothing.
    pub fn definitions(&self, topology: &Topology, vhost: &str) -> String {
        let levels = self.levels();
        let (mut exchanges, mut queues, mut bindings) = Layout::of_delay_levels(&levels).definitions(vhost);
        let own = Layout::of(topology, &levels).definitions(vhost);
        exchanges.extend(own.0);
        queues.extend(own.1);
        bindings.extend(own.2);
        let all = json!({"vhosts": [{"name": vhost}], "exchanges": exchanges, "queues": queues, "bindings": bindings});
        format!("{all:#}")
    }
}

impl Argument {
    fn as_json(&self) -> Value {
        match self {
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
        }
    }
}

impl Layout {
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn definitions_name_every_queue_with_its_arguments_and_bindings() {
        let topology = Topology::single("work").unwrap();
        let options = RabbitMqOptions::new("").name_prefix("own").delay_levels(2);

        let all: Value = serde_json::from_str(&options.definitions(&topology, "shop")).unwrap();

        let work = all["queues"].as_array().unwrap().iter().find(|queue| queue["name"] == "work").unwrap();
        assert_eq!(work["vhost"], "shop");
        let arguments =
            json!({"x-max-priority": 10, "x-dead-letter-exchange": "work.dead", "x-queue-type": "classic"});
        assert_eq!(work["arguments"], arguments);
        let bound = |source: &str| {
            let bindings = all["bindings"].as_array().unwrap();
            bindings.iter().any(|binding| binding["source"] == source && binding["destination"] == "work")
        };
        assert!(bound("work.tasks") && bound("own.delay.deliver"));
        let names: Vec<_> = all["queues"].as_array().unwrap().iter().map(|queue| &queue["name"]).collect();
        assert_eq!(names[..3], ["own.delay.250", "own.delay.500", "own.delay.due"]);
    }
}
