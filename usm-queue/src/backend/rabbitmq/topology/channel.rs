//! A channel on which exchanges, queues and bindings are declared, looked for and deleted.

use lapin::{
    Channel, ExchangeKind as AmqpKind,
    options::{
        BasicGetOptions, ExchangeBindOptions, ExchangeDeclareOptions, ExchangeDeleteOptions,
        QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};

use super::{
    drift::{Difference, inequivalent},
    layout::{Argument, Arguments, Binding, Exchange, Layout},
};
use crate::{
    backend::rabbitmq::{
        connection::{Connector, Held, failed, is_denied, is_not_found, protocol_error, timed_out},
        delay::Level,
        wire::short,
    },
    error::{Error, ErrorKind, Result, chain},
    topology::{TopologyDrift, TopologyPart},
};

/// Declares on a channel of its own, for a refusal closes that and nothing else; the next call opens another.
pub(crate) struct Declaring<'a> {
    connector: &'a Connector,
    connection: &'a Held,
    channel: Option<Channel>,
}

impl<'a> Declaring<'a> {
    pub(crate) fn new(connector: &'a Connector, connection: &'a Held) -> Self {
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
    pub(crate) async fn end(mut self) {
        if let Some(channel) = self.channel.take().filter(|channel| channel.status().connected()) {
            let close = channel.close(200, "done".into());
            if let Err(error) = self.connector.call("close a channel", close).await {
                tracing::debug!(error = chain(&error), "a channel closes with its connection");
            }
        }
    }

    pub(crate) async fn layout(&mut self, layout: &Layout) -> Result<()> {
        for exchange in &layout.exchanges {
            self.exchange(exchange).await?;
        }
        for (name, arguments) in &layout.queues {
            self.queue(name, arguments).await?;
        }
        for binding in &layout.bindings {
            self.bind(binding).await?;
        }
        Ok(())
    }

    pub(super) async fn exchange(&mut self, exchange: &Exchange) -> Result<()> {
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

    pub(super) async fn queue(&mut self, name: &str, arguments: &Arguments) -> Result<()> {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let channel = self.channel().await?;
        let declare = channel.queue_declare(short("queue name", name)?, options, table(arguments));
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
    pub(crate) async fn queue_exists(&mut self, name: &str) -> Result<bool> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let channel = self.channel().await?;
        let declare = channel.queue_declare(short("queue name", name)?, options, FieldTable::default());
        self.exists(&format!("queue `{name}`"), declare).await
    }

    /// Cuts a level off from what is published to its exchange; whoever still does is told that it reaches no queue.
    pub(crate) async fn unbind(&mut self, level: &Level) -> Result<()> {
        let name = short("queue name", level.name.as_str())?;
        let waits = short("binding key", level.waits.as_str())?;
        let channel = self.channel().await?;
        let unbind = channel.queue_unbind(name.clone(), name, waits, FieldTable::default());
        self.connector.call(&format!("unbind queue `{}`", level.name), unbind).await
    }

    pub(crate) async fn delete_queue(&mut self, name: &str) -> Result<()> {
        let channel = self.channel().await?;
        let delete = channel.queue_delete(short("queue name", name)?, QueueDeleteOptions::default());
        self.connector.call(&format!("delete queue `{name}`"), delete).await.map(drop)
    }

    pub(crate) async fn delete_exchange(&mut self, name: &str) -> Result<()> {
        let channel = self.channel().await?;
        let delete = channel.exchange_delete(short("exchange name", name)?, ExchangeDeleteOptions::default());
        self.connector.call(&format!("delete exchange `{name}`"), delete).await
    }

    /// The oldest message of a queue, to be acknowledged.
    pub(crate) async fn first(&mut self, queue: &str) -> Result<Option<lapin::message::Delivery>> {
        let channel = self.channel().await?;
        let get = channel.basic_get(short("queue name", queue)?, BasicGetOptions::default());
        let got = self.connector.call(&format!("show a message of queue `{queue}`"), get).await?;
        Ok(got.map(|got| got.delivery))
    }

    /// Removes queues and exchanges with everything in them.
    #[cfg(feature = "testing")]
    pub(crate) async fn remove(&mut self, layout: &Layout) -> Result<()> {
        for (name, _) in &layout.queues {
            self.delete_queue(name).await?;
        }
        for exchange in &layout.exchanges {
            self.delete_exchange(&exchange.name).await?;
        }
        Ok(())
    }

    /// Whether an exchange exists.
    pub(crate) async fn exchange_exists(&mut self, name: &str) -> Result<bool> {
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
