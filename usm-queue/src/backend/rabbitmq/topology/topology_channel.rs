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
        connection::{Connector, OpenConnection, failed, is_denied, is_not_found, protocol_error, timed_out},
        delay_levels::DelayLevel,
        wire::short,
    },
    error::{Error, ErrorKind, Result, chain},
    topology::{TopologyDrift, TopologyPart},
};

/// The broker closes a channel when it refuses something; then the next call opens another.
pub(crate) struct TopologyChannel<'a> {
    connector: &'a Connector,
    connection: &'a OpenConnection,
    channel: Option<Channel>,
}

impl<'a> TopologyChannel<'a> {
    pub(crate) fn new(connector: &'a Connector, connection: &'a OpenConnection) -> Self {
        Self { connector, connection, channel: None }
    }

    async fn channel(&mut self) -> Result<Channel> {
        if let Some(open) = self.channel.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(open.clone());
        }
        let open = || self.connector.call("open a channel", self.connection.create_channel());
        let opened = match open().await {
            // The error is another channel's: lapin 4.12.3 keeps a refusal for the next channel with the same number.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Backend) => open().await?,
            opened => opened?,
        };
        Ok(self.channel.insert(opened).clone())
    }

    /// Waits for the answer, so that the channel's number is free before anybody needs one.
    pub(crate) async fn close(mut self) {
        if let Some(channel) = self.channel.take().filter(|channel| channel.status().connected()) {
            let close = channel.close(200, "done".into());
            if let Err(error) = self.connector.call("close a channel", close).await {
                tracing::debug!(error = chain(&error), "a channel closes with its connection");
            }
        }
    }

    pub(crate) async fn declare(&mut self, layout: &Layout) -> Result<()> {
        for exchange in &layout.exchanges {
            self.declare_exchange(exchange).await?;
        }
        for (name, arguments) in &layout.queues {
            self.declare_queue(name, arguments).await?;
        }
        for binding in &layout.bindings {
            self.bind(binding).await?;
        }
        Ok(())
    }

    pub(super) async fn declare_exchange(&mut self, exchange: &Exchange) -> Result<()> {
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

    pub(super) async fn declare_queue(&mut self, name: &str, arguments: &Arguments) -> Result<()> {
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

    /// Returns the broker's refusal if the user may not declare: an administrator may have created the part.
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
                    Some(Difference { argument, wanted: declared, found }) => {
                        let wanted = declared.or_else(|| wanted.map(str::to_owned));
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
            // AMQP cannot query whether it exists.
            Ok(Err(error)) if is_denied(&error) => {
                self.connector.may_not_bind(&doing, &error);
                Ok(())
            }
            Ok(Err(error)) => Err(failed(&doing, error)),
            Err(_) => Err(timed_out(&doing, self.connector.call_timeout())),
        }
    }

    pub(crate) async fn queue_exists(&mut self, name: &str) -> Result<bool> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let channel = self.channel().await?;
        let declare = channel.queue_declare(short("queue name", name)?, options, FieldTable::default());
        self.exists(&format!("queue `{name}`"), declare).await
    }

    /// Lets a delay level take no more messages; who still publishes to it gets them returned.
    pub(crate) async fn unbind_level(&mut self, level: &DelayLevel) -> Result<()> {
        let name = short("queue name", level.name.as_str())?;
        let key = short("binding key", level.wait_key.as_str())?;
        let channel = self.channel().await?;
        let unbind = channel.queue_unbind(name.clone(), name, key, FieldTable::default());
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

    /// The oldest message of a queue; the caller acknowledges it.
    pub(crate) async fn first(&mut self, queue: &str) -> Result<Option<lapin::message::Delivery>> {
        let channel = self.channel().await?;
        let get = channel.basic_get(short("queue name", queue)?, BasicGetOptions::default());
        let got = self.connector.call(&format!("show a message of queue `{queue}`"), get).await?;
        Ok(got.map(|got| got.delivery))
    }

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
