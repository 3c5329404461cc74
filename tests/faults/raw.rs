//! The broker as somebody else uses it: lapin, and nothing of ours.

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    message::BasicGetMessage,
    options::{
        BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeleteOptions,
        QueueDeclareOptions, QueueDeleteOptions,
    },
    types::FieldTable,
};

use crate::stage::Stage;

/// A connection past the proxies.
pub(crate) struct Raw {
    _connection: Connection,
    channel: Channel,
}

impl Raw {
    pub(crate) async fn connect(stage: &Stage) -> Self {
        let url = stage.rabbit.url(&stage.vhost);
        let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Self { _connection: connection, channel }
    }

    /// Publishes a persistent message, and waits until the broker has it.
    pub(crate) async fn publish(&self, exchange: &str, key: &str, body: &[u8], properties: BasicProperties) {
        let properties = properties.with_delivery_mode(2);
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let published =
            self.channel.basic_publish(exchange.into(), key.into(), options, body, properties).await.unwrap();
        let confirmation = published.await.unwrap();
        assert!(
            matches!(confirmation, lapin::Confirmation::Ack(None)),
            "published to {exchange} with {key}: {confirmation:?}"
        );
    }

    /// The next message of a queue, taken from it.
    pub(crate) async fn take(&self, queue: &str) -> Option<BasicGetMessage> {
        self.channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.unwrap()
    }

    pub(crate) async fn declare_queue(&self, name: &str, arguments: FieldTable) {
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        self.channel.queue_declare(name.into(), options, arguments).await.unwrap();
    }

    pub(crate) async fn delete_queue(&self, name: &str) {
        self.channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.unwrap();
    }

    pub(crate) async fn delete_exchange(&self, name: &str) {
        self.channel.exchange_delete(name.into(), ExchangeDeleteOptions::default()).await.unwrap();
    }
}
