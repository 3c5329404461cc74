//! Calls about one queue: how deep it is, and emptying it.

use lapin::{
    Channel,
    options::{QueueDeclareOptions, QueuePurgeOptions},
    types::FieldTable,
};

use super::{
    connections::Connections,
    errors::{failed, is_not_found, timed_out},
};
use crate::{
    backend::{QueueDepth, rabbitmq::wire::short},
    error::{Error, Result},
};

impl Connections {
    pub(crate) async fn depth(&self, queue: &str) -> Result<QueueDepth> {
        let channel = self.short_lived_channel().await?;
        let ready = self.ready_messages(&channel, queue).await?;
        Ok(QueueDepth { ready, delayed: None, unsettled: None })
    }

    pub(crate) async fn purge(&self, queue: &str) -> Result<u64> {
        let channel = self.short_lived_channel().await?;
        let purge = channel.queue_purge(short("queue name", queue)?, QueuePurgeOptions::default());
        self.queue_call(queue, "empty", purge).await.map(u64::from)
    }

    /// A channel for a few calls.
    pub(crate) async fn short_lived_channel(&self) -> Result<Channel> {
        let connection = self.management().await?;
        self.call("open a channel", connection.create_channel()).await
    }

    pub(crate) async fn ready_messages(&self, channel: &Channel, queue: &str) -> Result<u64> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let declare = channel.queue_declare(short("queue name", queue)?, options, FieldTable::default());
        let declared = self.queue_call(queue, "report the depth of", declare).await?;
        Ok(u64::from(declared.message_count()))
    }

    /// A call about a queue; `what` completes "the broker did not …".
    pub(crate) async fn queue_call<T>(
        &self,
        queue: &str,
        what: &str,
        call: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T> {
        let what = || format!("{what} queue `{queue}`");
        match tokio::time::timeout(self.call_timeout(), call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if is_not_found(&error) => {
                Err(Error::not_found(format!("queue `{queue}`")).with_source(error))
            }
            Ok(Err(error)) => Err(failed(&what(), error)),
            Err(_) => Err(timed_out(&what(), self.call_timeout())),
        }
    }
}
