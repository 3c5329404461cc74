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
    delay::{self, DELIVER_EXCHANGE, DELIVER_TO, HOP_QUEUE},
    wire::short,
};
use crate::{
    broker::mismatch,
    error::{Error, ErrorKind, Result},
    topology::{ExchangeKind, QueueSpec, Topology},
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

    /// Everything of a topology. The ladder is there already.
    pub(super) async fn topology(&self, topology: &Topology) -> Result<()> {
        for (name, kind) in topology.exchanges() {
            self.exchange(name, kind_of(kind)).await?;
        }
        for queue in topology.queues() {
            self.queue(queue.name(), arguments(queue)?).await?;
            for (exchange, key) in &queue.bindings {
                self.bind(queue.name(), exchange, key, FieldTable::default()).await?;
            }
            self.deliver_to(queue.name()).await?;
        }
        Ok(())
    }

    /// The queues and exchanges of the delay ladder.
    pub(super) async fn ladder(&self) -> Result<()> {
        self.exchange(DELIVER_EXCHANGE, AmqpKind::Headers).await?;
        for level in delay::levels() {
            self.exchange(&level.name, AmqpKind::Topic).await?;
            let ttl = i64::try_from(level.ttl.as_millis()).unwrap_or(i64::MAX);
            let mut arguments = FieldTable::default();
            arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(ttl));
            arguments
                .insert("x-dead-letter-exchange".into(), AMQPValue::LongString(level.next.as_str().into()));
            self.queue(&level.name, arguments).await?;
            self.bind(&level.name, &level.name, &level.waits, FieldTable::default()).await?;
            let pass = self.channel.exchange_bind(
                short("exchange name", level.next.as_str())?,
                short("exchange name", level.name.as_str())?,
                short("binding key", level.passes.as_str())?,
                ExchangeBindOptions::default(),
                FieldTable::default(),
            );
            self.connector.call("bind the levels of the delay ladder", pass).await?;
        }
        self.queue(HOP_QUEUE, FieldTable::default()).await?;
        self.deliver_to(HOP_QUEUE).await
    }

    /// Lets delayed messages for this queue reach it.
    async fn deliver_to(&self, queue: &str) -> Result<()> {
        let mut arguments = FieldTable::default();
        arguments.insert("x-match".into(), AMQPValue::LongString("all".into()));
        arguments.insert(DELIVER_TO.into(), AMQPValue::LongString(queue.into()));
        self.bind(queue, DELIVER_EXCHANGE, "", arguments).await
    }

    async fn exchange(&self, name: &str, kind: AmqpKind) -> Result<()> {
        let wanted = match &kind {
            AmqpKind::Topic => "topic",
            AmqpKind::Direct => "direct",
            AmqpKind::Fanout => "fanout",
            _ => "headers",
        };
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declare = self.channel.exchange_declare(
            short("exchange name", name)?,
            kind,
            options,
            FieldTable::default(),
        );
        self.declared("exchange", name, Some(wanted), declare).await
    }

    async fn queue(&self, name: &str, arguments: FieldTable) -> Result<()> {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let declare = self.channel.queue_declare(short("queue name", name)?, options, arguments);
        self.declared("queue", name, None, declare).await
    }

    async fn declared<T>(
        &self,
        what: &str,
        name: &str,
        wanted: Option<&str>,
        declare: impl Future<Output = lapin::Result<T>>,
    ) -> Result<()> {
        let doing = format!("declare {what} `{name}`");
        match tokio::time::timeout(self.connector.call_timeout(), declare).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let differs = protocol_error(&error).and_then(|(_, text)| inequivalent(&text));
                Err(match differs {
                    Some(differs) => {
                        let (have, want) = (differs.found.as_deref(), differs.wanted.as_deref().or(wanted));
                        mismatch(what, name, &differs.argument, want, have).with_source(error)
                    }
                    None => failed(&doing, error),
                })
            }
            Err(_) => Err(timed_out(&doing, self.connector.call_timeout())),
        }
    }

    async fn bind(&self, queue: &str, exchange: &str, key: &str, arguments: FieldTable) -> Result<()> {
        let bind = self.channel.queue_bind(
            short("queue name", queue)?,
            short("exchange name", exchange)?,
            short("binding key", key)?,
            QueueBindOptions::default(),
            arguments,
        );
        self.connector.call(&format!("bind queue `{queue}` to exchange `{exchange}`"), bind).await
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
        match tokio::time::timeout(self.connector.call_timeout(), declare).await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(error)) if is_not_found(&error) => Ok(false),
            Ok(Err(error)) => Err(failed(&format!("say whether exchange `{name}` exists"), error)),
            Err(_) => Err(timed_out(
                &format!("say whether exchange `{name}` exists"),
                self.connector.call_timeout(),
            )),
        }
    }
}

fn kind_of(kind: ExchangeKind) -> AmqpKind {
    match kind {
        ExchangeKind::Topic => AmqpKind::Topic,
        ExchangeKind::Direct => AmqpKind::Direct,
        ExchangeKind::Fanout => AmqpKind::Fanout,
    }
}

/// The arguments of a queue: numbers as numbers.
fn arguments(queue: &QueueSpec) -> Result<FieldTable> {
    let mut table = FieldTable::default();
    for (name, value) in queue.arguments() {
        let numeric = ["x-message-ttl", "x-max-priority", "x-max-length", "x-delivery-limit"].contains(&name);
        let value = if numeric {
            let number = value.parse().map_err(|error: std::num::ParseIntError| {
                let text = format!("{name} of queue `{}` is no number", queue.name());
                Error::new(ErrorKind::InvalidTopology, text).with_source(error)
            })?;
            AMQPValue::LongLongInt(number)
        } else {
            AMQPValue::LongString(value.into())
        };
        table.insert(name.into(), value);
    }
    Ok(table)
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
