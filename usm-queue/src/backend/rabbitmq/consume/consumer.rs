//! One consumer: deliveries as they come, that go back when they are dropped.

use std::sync::{Arc, Weak, atomic::AtomicBool};

use futures_util::{StreamExt, stream::BoxStream};
use lapin::{
    options::{BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::runtime::Handle;

use super::{channel::Line, receipt::Receipt};
use crate::{
    backend::{
        Delivery,
        rabbitmq::{
            connection::{Connector, Held, failed, is_not_found, timed_out},
            wire::{incoming, short},
        },
    },
    error::{Error, ErrorKind, Result, chain},
};

/// A running consumer.
struct Consuming {
    /// Taken when it ends.
    stream: Option<lapin::Consumer>,
    line: Arc<Line>,
    queue: String,
    runtime: Handle,
}

/// Consumes `queue`; tells the line that its deliveries are settled through.
pub(super) async fn consume(
    connector: &Connector,
    connection: Arc<Held>,
    queue: &str,
    prefetch: usize,
) -> Result<(BoxStream<'static, Result<Delivery>>, Weak<Line>)> {
    let channel = connector.call("open a channel", connection.create_channel()).await?;
    // 0 means without limit, which is what is wanted of more than AMQP can say.
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
    let enough = usize::from(prefetch.checked_sub(1).unwrap_or(u16::MAX) / 4).max(1);
    let line = Arc::new(Line::new(channel, connection, enough, connector.call_timeout()));
    let settling = Arc::downgrade(&line);
    let consuming =
        Consuming { stream: Some(stream), line, queue: queue.to_owned(), runtime: Handle::current() };
    Ok((futures_util::stream::unfold(consuming, Consuming::next).boxed(), settling))
}

impl Consuming {
    async fn next(mut self) -> Option<(Result<Delivery>, Self)> {
        // After its end there is nothing.
        let next = self.stream.as_mut()?.next().await;
        let delivery = match next {
            Some(Ok(delivery)) => Ok(self.delivery(delivery)),
            Some(Err(error)) => {
                self.stream = None;
                Err(failed(&format!("go on delivering from queue `{}`", self.queue), error))
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
        self.line.settling().acks.delivered(delivery.delivery_tag);
        let receipt = Receipt {
            acker: delivery.acker.clone(),
            line: self.line.clone(),
            tag: delivery.delivery_tag,
            settled: AtomicBool::new(false),
            runtime: self.runtime.clone(),
        };
        let came = incoming(delivery);
        Delivery::new(came.message, self.queue.clone(), came.redelivered, receipt)
    }
}

impl Drop for Consuming {
    /// What was prefetched and not handed out goes back, each message to its place; what was handed out stays.
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        let (line, patience) = (self.line.clone(), self.line.call_timeout);
        self.runtime.spawn(async move {
            let give_back = async {
                line.channel.basic_cancel(stream.tag(), BasicCancelOptions::default()).await?;
                while let Some(delivery) = stream.next().await {
                    let options = BasicNackOptions { requeue: true, multiple: false };
                    delivery?.acker.nack(options).await?;
                }
                lapin::Result::Ok(())
            };
            if let Ok(Err(error)) = tokio::time::timeout(patience, give_back).await {
                tracing::debug!(error = chain(&error), "what was prefetched goes back with its channel");
            }
        });
    }
}
