//! Declaring exchanges, queues, bindings and the delay ladder, and saying what differs from what exists.

use lapin::{
    Channel, ExchangeKind as AmqpKind,
    options::{ExchangeBindOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

#[cfg(feature = "testing")]
use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};

use super::{
    connection::{Connector, Held, failed, is_not_found, protocol_error, timed_out},
    layout::{Argument, Arguments, Binding, Exchange, Layout},
    wire::short,
};
#[cfg(feature = "testing")]
use crate::topology::Topology;
use crate::{
    error::Result,
    topology::{TopologyDrift, TopologyPart, TopologyPlan},
};

/// A channel for declarations: a refusal closes it, and nothing else.
pub(super) struct Declaring<'a> {
    connector: &'a Connector,
    channel: Channel,
}

impl<'a> Declaring<'a> {
    pub(super) async fn open(connector: &'a Connector, connection: &Held) -> Result<Self> {
        let channel = connector.call("open a channel", connection.create_channel()).await?;
        Ok(Self { connector, channel })
    }

    pub(super) async fn layout(&self, layout: &Layout) -> Result<()> {
        for exchange in &layout.exchanges {
            self.exchange(exchange).await?;
        }
        for (name, arguments) in &layout.queues {
            self.queue(name, table(arguments)).await?;
        }
        for binding in &layout.bindings {
            self.bind(binding).await?;
        }
        Ok(())
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<()> {
        let Exchange { name, kind, arguments } = exchange;
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declare = self.channel.exchange_declare(
            short("exchange name", name.as_str())?,
            AmqpKind::Custom((*kind).to_owned()),
            options,
            table(arguments),
        );
        self.declared(TopologyPart::Exchange, name, Some(kind), declare).await
    }

    async fn queue(&self, name: &str, arguments: FieldTable) -> Result<()> {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let declare = self.channel.queue_declare(short("queue name", name)?, options, arguments);
        self.declared(TopologyPart::Queue, name, None, declare).await
    }

    async fn declared<T>(
        &self,
        part: TopologyPart,
        name: &str,
        wanted: Option<&str>,
        declare: impl Future<Output = lapin::Result<T>>,
    ) -> Result<()> {
        let doing = format!("declare {part} `{name}`");
        match tokio::time::timeout(self.connector.call_timeout(), declare).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let differs = protocol_error(&error).and_then(|(_, text)| inequivalent(&text));
                Err(match differs {
                    Some(Difference { argument, wanted: told, found }) => {
                        let wanted = told.or_else(|| wanted.map(str::to_owned));
                        TopologyDrift::new(part, name, &argument, wanted, found).into_error()
                    }
                    None => failed(&doing, error),
                })
            }
            Err(_) => Err(timed_out(&doing, self.connector.call_timeout())),
        }
    }

    async fn bind(&self, binding: &Binding) -> Result<()> {
        let (source, destination) = (binding.source.as_str(), binding.destination.as_str());
        let doing = format!("bind {} `{destination}` to exchange `{source}`", binding.to);
        let source = short("exchange name", source)?;
        let key = short("binding key", binding.key.as_str())?;
        let arguments = table(&binding.arguments);
        match binding.to {
            TopologyPart::Queue => {
                let queue = short("queue name", destination)?;
                let bind =
                    self.channel.queue_bind(queue, source, key, QueueBindOptions::default(), arguments);
                self.connector.call(&doing, bind).await
            }
            TopologyPart::Exchange => {
                let exchange = short("exchange name", destination)?;
                let bind = self.channel.exchange_bind(
                    exchange,
                    source,
                    key,
                    ExchangeBindOptions::default(),
                    arguments,
                );
                self.connector.call(&doing, bind).await
            }
        }
    }

    /// Whether a queue exists. The channel is closed when it does not.
    async fn queue_exists(self, name: &str) -> Result<bool> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let declare = self.channel.queue_declare(short("queue name", name)?, options, FieldTable::default());
        self.exists(&format!("queue `{name}`"), declare).await
    }

    /// Removes the queues and exchanges of a topology with everything in them.
    #[cfg(feature = "testing")]
    pub(super) async fn remove(&self, topology: &Topology) -> Result<()> {
        for queue in topology.queues() {
            let delete =
                self.channel.queue_delete(short("queue name", queue.name())?, QueueDeleteOptions::default());
            self.connector.call("delete a queue", delete).await?;
        }
        for (name, _) in topology.exchanges() {
            let delete =
                self.channel.exchange_delete(short("exchange name", name)?, ExchangeDeleteOptions::default());
            self.connector.call("delete an exchange", delete).await?;
        }
        Ok(())
    }

    /// Whether an exchange exists. The channel is closed when it does not.
    pub(super) async fn exchange_exists(self, name: &str) -> Result<bool> {
        let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let declare = self.channel.exchange_declare(
            short("exchange name", name)?,
            AmqpKind::Topic,
            options,
            FieldTable::default(),
        );
        self.exists(&format!("exchange `{name}`"), declare).await
    }

    async fn exists<T>(&self, what: &str, declare: impl Future<Output = lapin::Result<T>>) -> Result<bool> {
        let doing = format!("say whether {what} exists");
        match tokio::time::timeout(self.connector.call_timeout(), declare).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) if is_not_found(&error) => Ok(false),
            Ok(Err(error)) => Err(failed(&doing, error)),
            Err(_) => Err(timed_out(&doing, self.connector.call_timeout())),
        }
    }
}

/// What declaring would create and what it would refuse. Declaring what exists changes nothing, and AMQP has no other way
/// to compare.
pub(super) async fn plan(
    connector: &Connector,
    connection: &Held,
    layout: &Layout,
    plan: &mut TopologyPlan,
) -> Result<()> {
    let refused = |plan: &mut TopologyPlan, declared: Result<()>| match declared {
        Ok(()) => Ok(()),
        Err(error) => match error.drift() {
            Some(drift) => {
                plan.conflict(drift.clone());
                Ok(())
            }
            None => Err(error),
        },
    };
    for exchange in &layout.exchanges {
        let Exchange { name, kind, .. } = exchange;
        if Declaring::open(connector, connection).await?.exchange_exists(name).await? {
            refused(plan, Declaring::open(connector, connection).await?.exchange(exchange).await)?;
        } else {
            plan.create(TopologyPart::Exchange, name, vec![("kind".to_owned(), (*kind).to_owned())]);
        }
    }
    for (name, arguments) in &layout.queues {
        if Declaring::open(connector, connection).await?.queue_exists(name).await? {
            let declaring = Declaring::open(connector, connection).await?;
            refused(plan, declaring.queue(name, table(arguments)).await)?;
        } else {
            let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.as_text()));
            plan.create(TopologyPart::Queue, name, arguments.collect());
        }
    }
    Ok(())
}

fn table(arguments: &Arguments) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        let value = match value {
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
            Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
        };
        table.insert((*name).into(), value);
    }
    table
}

/// What an existing queue or exchange has otherwise.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    argument: String,
    wanted: Option<String>,
    found: Option<String>,
}

/// Reads the broker's `inequivalent arg 'x' for queue 'q' in vhost '/': received … but current is …`. The text ends after
/// 255 bytes, perhaps within.
fn inequivalent(text: &str) -> Option<Difference> {
    let argument = text.split_once("inequivalent arg '")?.1.split_once('\'')?.0.to_owned();
    let values =
        text.rsplit_once(": received ").and_then(|(_, values)| values.split_once(" but current is "));
    let (wanted, found) = match values {
        Some((wanted, found)) => (value(wanted), value(found)),
        None => (Some("something else".to_owned()), Some("a value that the broker did not tell".to_owned())),
    };
    Some(Difference { argument, wanted, found })
}

/// `none`, `'fanout'` or `the value '7' of type 'signedint'`.
fn value(text: &str) -> Option<String> {
    if text.starts_with("none") {
        return None;
    }
    let quoted =
        text.split_once('\'').map(|(_, rest)| rest.split_once('\'').map_or(rest, |(value, _)| value));
    Some(quoted.unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brokers_words_about_a_difference_are_understood() {
        let read =
            |text: &str| inequivalent(text).map(|d| (d.argument, d.wanted, d.found)).unwrap_or_default();
        let some = |text: &str| Some(text.to_owned());

        let text = "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'q' in vhost '/': received the value '9' of type 'long' but current is the value '7' of type 'long'";
        assert_eq!(read(text), ("x-max-priority".to_owned(), some("9"), some("7")));
        let text = "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received none but current is the value '7' of type 'long'";
        assert_eq!(read(text), ("x-message-ttl".to_owned(), None, some("7")));
        let text = "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': received 'fanout' but current is 'direct'";
        assert_eq!(read(text), ("type".to_owned(), some("fanout"), some("direct")));
        assert_eq!(inequivalent("PRECONDITION_FAILED - invalid arg"), None);
        let cut = "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'qqqqq";
        assert_eq!(read(cut).0, "x-max-priority");
    }
}
