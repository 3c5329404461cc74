//! One consumer: a stream of deliveries from a queue. What was prefetched goes back when it is dropped.

use std::sync::{Arc, Weak, atomic::AtomicBool};

use futures_util::{StreamExt, stream::BoxStream};
use lapin::{
    options::{BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::runtime::Handle;

use super::{consumer_channel::ConsumerChannel, receipt::Receipt};
use crate::{
    backend::{
        Delivery,
        rabbitmq::{
            connection::{Connector, OpenConnection, failed, is_not_found, timed_out},
            wire::{incoming, short},
        },
    },
    error::{Error, ErrorKind, Result, chain},
};

struct RunningConsumer {
    /// Taken when it ends.
    stream: Option<lapin::Consumer>,
    channel: Arc<ConsumerChannel>,
    queue: String,
    runtime: Handle,
}

/// Starts a consumer; returns its deliveries, and its channel.
pub(super) async fn consume(
    connector: &Connector,
    connection: Arc<OpenConnection>,
    queue: &str,
    prefetch: usize,
) -> Result<(BoxStream<'static, Result<Delivery>>, Weak<ConsumerChannel>)> {
    let channel = connector.call("open a channel", connection.create_channel()).await?;
    // 0 means no limit: as close as AMQP gets to a prefetch above 65,535.
    let prefetch = u16::try_from(prefetch.max(1)).unwrap_or(0);
    let qos = channel.basic_qos(prefetch, BasicQosOptions { global: false });
    connector.call("limit what it delivers at a time", qos).await?;
    let consume = channel.basic_consume(
        short("queue name", queue)?,
        "".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    let what = format!("deliver from queue `{queue}`");
    let stream = match tokio::time::timeout(connector.call_timeout(), consume).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if is_not_found(&error) => {
            return Err(Error::not_found(format!("queue `{queue}`")).with_source(error));
        }
        Ok(Err(error)) => return Err(failed(&what, error)),
        Err(_) => return Err(timed_out(&what, connector.call_timeout())),
    };
    let ack_batch = usize::from(prefetch.checked_sub(1).unwrap_or(u16::MAX) / 4).max(1);
    let channel = Arc::new(ConsumerChannel::new(channel, connection, ack_batch, connector.call_timeout()));
    let weak = Arc::downgrade(&channel);
    let consuming = RunningConsumer {
        stream: Some(stream),
        channel,
        queue: queue.to_owned(),
        runtime: Handle::current(),
    };
    Ok((futures_util::stream::unfold(consuming, RunningConsumer::next).boxed(), weak))
}

impl RunningConsumer {
    async fn next(mut self) -> Option<(Result<Delivery>, Self)> {
        // Nothing follows after the end.
        let next = self.stream.as_mut()?.next().await;
        let delivery = match next {
            Some(Ok(delivery)) => Ok(self.delivery(delivery)),
            Some(Err(error)) => {
                self.stream = None;
                Err(failed(&format!("continue delivering from queue `{}`", self.queue), error))
            }
            None => {
                self.stream = None;
                let text = format!(
                    "the broker ended the consumer of queue `{}`: the queue was deleted or moved, or a delivery was held for too long",
                    self.queue
                );
                Err(Error::new(ErrorKind::Unavailable, text))
            }
        };
        Some((delivery, self))
    }

    fn delivery(&self, delivery: lapin::message::Delivery) -> Delivery {
        self.channel.acks().pending.delivered(delivery.delivery_tag);
        let receipt = Receipt {
            acker: delivery.acker.clone(),
            channel: self.channel.clone(),
            tag: delivery.delivery_tag,
            settled: AtomicBool::new(false),
            runtime: self.runtime.clone(),
        };
        let incoming = incoming(delivery);
        Delivery::new(incoming.message, self.queue.clone(), incoming.redelivered, receipt)
    }
}

impl Drop for RunningConsumer {
    /// Gives back what was prefetched but not handed out, each message to its position; what was handed out stays.
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        let (channel, timeout) = (self.channel.clone(), self.channel.call_timeout);
        self.runtime.spawn(async move {
            let give_back = async {
                channel.channel.basic_cancel(stream.tag(), BasicCancelOptions::default()).await?;
                while let Some(delivery) = stream.next().await {
                    let options = BasicNackOptions { requeue: true, multiple: false };
                    delivery?.acker.nack(options).await?;
                }
                lapin::Result::Ok(())
            };
            if let Ok(Err(error)) = tokio::time::timeout(timeout, give_back).await {
                tracing::debug!(
                    error = chain(&error),
                    "prefetched messages go back when their channel closes"
                );
            }
        });
    }
}
