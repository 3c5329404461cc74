//! The consumers of one broker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::future::join_all;

use super::{consumer, consumer_channel::ConsumerChannel};
use crate::{
    backend::{Consumer, rabbitmq::connection::Connections},
    error::Result,
};

/// Starts consumers, and keeps track of those that may have acknowledgements to send.
#[derive(Debug)]
pub(crate) struct QueueConsumers {
    connections: Arc<Connections>,
    channels: Mutex<Vec<Weak<ConsumerChannel>>>,
}

impl QueueConsumers {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections, channels: Mutex::default() }
    }

    pub(crate) async fn consume(&self, queue: &str, prefetch: usize) -> Result<Consumer> {
        let connection = self.connections.consuming().await?;
        let (deliveries, channel) = consumer::consume(&self.connections, connection, queue, prefetch).await?;
        let mut channels = self.channels();
        channels.retain(|channel| channel.strong_count() > 0);
        channels.push(channel);
        Ok(Consumer::new(deliveries))
    }

    /// Sends the acknowledgements that wait, then closes the connection.
    pub(crate) async fn close(&self) {
        let channels: Vec<_> = self.channels().drain(..).filter_map(|channel| channel.upgrade()).collect();
        let acknowledging = join_all(channels.into_iter().map(ConsumerChannel::send_acks));
        if tokio::time::timeout(self.connections.call_timeout(), acknowledging).await.is_err() {
            tracing::debug!("acknowledgements were not sent in time; messages may be redelivered");
        }
        self.connections.close_consuming().await;
    }

    fn channels(&self) -> MutexGuard<'_, Vec<Weak<ConsumerChannel>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
