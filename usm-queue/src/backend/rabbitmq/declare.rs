//! Declaring exchanges, queues, bindings and the delay ladder, and saying what differs from what exists.

use lapin::{
    Channel, ExchangeKind as AmqpKind,
    options::{
        BasicGetOptions, ExchangeBindOptions, ExchangeDeclareOptions, ExchangeDeleteOptions,
        QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};

use super::{
    connection::{Connector, Held, failed, is_denied, is_not_found, protocol_error, timed_out},
    delay::Level,
    layout::{Argument, Arguments, Binding, Exchange, Layout},
    wire::short,
};
use crate::{
    error::{Error, ErrorKind, Result, chain},
    topology::{TopologyDrift, TopologyPart, TopologyPlan},
};

/// Declares on a channel of its own, for a refusal closes that and nothing else; the next call opens another.
pub(super) struct Declaring<'a> {
    connector: &'a Connector,
    connection: &'a Held,
    channel: Option<Channel>,
}

impl<'a> Declaring<'a> {
    pub(super) fn new(connector: &'a Connector, connection: &'a Held) -> Self {
        Self { connector, connection, channel: None }
    }

    async fn channel(&mut self) -> Result<Channel> {
        if let Some(open) = self.channel.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(open.clone());
        }
        let open = || self.connector.call("open a channel", self.connection.create_channel());
        let opened = match open().await {
            // Not this one's: lapin 4.12.3 keeps a refusal under the number of its channel, for the next one that gets it.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Backend) => open().await?,
            opened => opened?,
        };
        Ok(self.channel.insert(opened).clone())
    }

    /// Gives the channel's number back before anybody needs the next one.
    pub(super) async fn end(mut self) {
        if let Some(channel) = self.channel.take().filter(|channel| channel.status().connected()) {
            let close = channel.close(200, "done".into());
            if let Err(error) = self.connector.call("close a channel", close).await {
                tracing::debug!(error = chain(&error), "a channel closes with its connection");
            }
        }
    }

    pub(super) async fn layout(&mut self, layout: &Layout) -> Result<()> {
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

    async fn exchange(&mut self, exchange: &Exchange) -> Result<()> {
        let Exchange { name, kind, arguments } = exchange;
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let channel = self.channel().await?;
        let declare = channel.exchange_declare(
            short("exchange name", name.as_str())?,
            AmqpKind::Custom((*kind).to_owned()),
            options,
            table(arguments),
        );
        match self.declared(TopologyPart::Exchange, name, Some(kind), declare).await? {
            Some(denied) if !self.exchange_exists(name).await? => {
                Err(may_not_create(TopologyPart::Exchange, name, denied))
            }
            _ => Ok(()),
        }
    }

    async fn queue(&mut self, name: &str, arguments: FieldTable) -> Result<()> {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let channel = self.channel().await?;
        let declare = channel.queue_declare(short("queue name", name)?, options, arguments);
        match self.declared(TopologyPart::Queue, name, None, declare).await? {
            Some(denied) if !self.queue_exists(name).await? => {
                Err(may_not_create(TopologyPart::Queue, name, denied))
            }
            _ => Ok(()),
        }
    }

    /// Returns the broker's refusal where the user may not declare: an administrator may have made it.
    async fn declared<T>(
        &self,
        part: TopologyPart,
        name: &str,
        wanted: Option<&str>,
        declare: impl Future<Output = lapin::Result<T>>,
    ) -> Result<Option<lapin::Error>> {
        let doing = format!("declare {part} `{name}`");
        match tokio::time::timeout(self.connector.call_timeout(), declare).await {
            Ok(Ok(_)) => Ok(None),
            Ok(Err(error)) if is_denied(&error) => Ok(Some(error)),
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

    async fn bind(&mut self, binding: &Binding) -> Result<()> {
        let (source, destination) = (binding.source.as_str(), binding.destination.as_str());
        let doing = format!("bind {} `{destination}` to exchange `{source}`", binding.to);
        let source = short("exchange name", source)?;
        let key = short("binding key", binding.key.as_str())?;
        let arguments = table(&binding.arguments);
        let channel = self.channel().await?;
        let bound = match binding.to {
            TopologyPart::Queue => {
                let queue = short("queue name", destination)?;
                let bind = channel.queue_bind(queue, source, key, QueueBindOptions::default(), arguments);
                tokio::time::timeout(self.connector.call_timeout(), bind).await
            }
            TopologyPart::Exchange => {
                let exchange = short("exchange name", destination)?;
                let options = ExchangeBindOptions::default();
                let bind = channel.exchange_bind(exchange, source, key, options, arguments);
                tokio::time::timeout(self.connector.call_timeout(), bind).await
            }
        };
        match bound {
            Ok(Ok(())) => Ok(()),
            // Nobody can ask whether it exists.
            Ok(Err(error)) if is_denied(&error) => {
                self.connector.may_not_bind(&doing, &error);
                Ok(())
            }
            Ok(Err(error)) => Err(failed(&doing, error)),
            Err(_) => Err(timed_out(&doing, self.connector.call_timeout())),
        }
    }

    /// Whether a queue exists.
    pub(super) async fn queue_exists(&mut self, name: &str) -> Result<bool> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let channel = self.channel().await?;
        let declare = channel.queue_declare(short("queue name", name)?, options, FieldTable::default());
        self.exists(&format!("queue `{name}`"), declare).await
    }

    /// Cuts a level off from what is published to its exchange; whoever still does is told that it reaches no queue.
    pub(super) async fn unbind(&mut self, level: &Level) -> Result<()> {
        let name = short("queue name", level.name.as_str())?;
        let waits = short("binding key", level.waits.as_str())?;
        let channel = self.channel().await?;
        let unbind = channel.queue_unbind(name.clone(), name, waits, FieldTable::default());
        self.connector.call(&format!("unbind queue `{}`", level.name), unbind).await
    }

    pub(super) async fn delete_queue(&mut self, name: &str) -> Result<()> {
        let channel = self.channel().await?;
        let delete = channel.queue_delete(short("queue name", name)?, QueueDeleteOptions::default());
        self.connector.call(&format!("delete queue `{name}`"), delete).await.map(drop)
    }

    pub(super) async fn delete_exchange(&mut self, name: &str) -> Result<()> {
        let channel = self.channel().await?;
        let delete = channel.exchange_delete(short("exchange name", name)?, ExchangeDeleteOptions::default());
        self.connector.call(&format!("delete exchange `{name}`"), delete).await
    }

    /// The oldest message of a queue, to be acknowledged.
    pub(super) async fn first(&mut self, queue: &str) -> Result<Option<lapin::message::Delivery>> {
        let channel = self.channel().await?;
        let get = channel.basic_get(short("queue name", queue)?, BasicGetOptions::default());
        let got = self.connector.call(&format!("show a message of queue `{queue}`"), get).await?;
        Ok(got.map(|got| got.delivery))
    }

    /// Removes queues and exchanges with everything in them.
    #[cfg(feature = "testing")]
    pub(super) async fn remove(&mut self, layout: &Layout) -> Result<()> {
        for (name, _) in &layout.queues {
            self.delete_queue(name).await?;
        }
        for exchange in &layout.exchanges {
            self.delete_exchange(&exchange.name).await?;
        }
        Ok(())
    }

    /// Whether an exchange exists.
    pub(super) async fn exchange_exists(&mut self, name: &str) -> Result<bool> {
        let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let channel = self.channel().await?;
        let declare = channel.exchange_declare(
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
    declaring: &mut Declaring<'_>,
    layout: &Layout,
    plan: &mut TopologyPlan,
) -> Result<()> {
    let refused = |plan: &mut TopologyPlan, declared: Result<()>| match declared {
        Ok(()) => Ok(()),
        Err(error) => match error.cause::<TopologyDrift>() {
            Some(drift) => {
                plan.conflict(drift.clone());
                Ok(())
            }
            None => Err(error),
        },
    };
    for exchange in &layout.exchanges {
        let Exchange { name, kind, .. } = exchange;
        if declaring.exchange_exists(name).await? {
            refused(plan, declaring.exchange(exchange).await)?;
        } else {
            plan.create(TopologyPart::Exchange, name, vec![("kind".to_owned(), (*kind).to_owned())]);
        }
    }
    for (name, arguments) in &layout.queues {
        if declaring.queue_exists(name).await? {
            refused(plan, declaring.queue(name, table(arguments)).await)?;
        } else {
            let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.as_text()));
            plan.create(TopologyPart::Queue, name, arguments.collect());
        }
    }
    Ok(())
}

/// Which of these levels there are, to be removed.
pub(super) async fn plan_removal(
    declaring: &mut Declaring<'_>,
    levels: impl Iterator<Item = Level>,
    plan: &mut TopologyPlan,
) -> Result<()> {
    for level in levels {
        if declaring.queue_exists(&level.name).await? {
            plan.remove(TopologyPart::Queue, &level.name);
        }
        if declaring.exchange_exists(&level.name).await? {
            plan.remove(TopologyPart::Exchange, &level.name);
        }
    }
    Ok(())
}

fn may_not_create(part: TopologyPart, name: &str, denied: lapin::Error) -> Error {
    let text = format!(
        "{part} `{name}` does not exist, and the user may not create it; have an administrator create the topology (its definitions can be exported), or grant the right to configure `{name}`"
    );
    Error::new(ErrorKind::Backend, text).with_source(denied)
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
