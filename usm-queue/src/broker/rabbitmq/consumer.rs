//! Consumers: a channel each, deliveries that go back when they are dropped.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, future::join_all, stream::BoxStream};
use lapin::{
    Acker, Channel,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::runtime::Handle;

use super::{
    acks::{Acks, Next},
    connection::{Connector, Held, failed, is_not_found, timed_out},
    wire::{incoming, short},
};
use crate::{
    broker::Delivery,
    error::{Error, ErrorKind, Result, chain},
};

/// How long an acknowledgement waits for others.
const GATHER: Duration = Duration::from_millis(1);

/// A channel with the connection it needs. Lives as long as something delivered through it is unsettled.
pub(super) struct Line {
    channel: Channel,
    _connection: Arc<Held>,
    acks: Mutex<Acks>,
    /// So many acknowledgements do not wait for more: a share of the deliveries that the broker has in flight at most,
    /// so that it does not run dry meanwhile.
    enough: usize,
    call_timeout: Duration,
}

impl Line {
    fn acks(&self) -> MutexGuard<'_, Acks> {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the acknowledgements that wait. Those that cannot be sent any more let their messages come again.
    pub(super) async fn send_acks(&self) {
        let acks = self.acks().take();
        let sending = join_all(acks.into_iter().map(async |ack| {
            let options = BasicAckOptions { multiple: ack.multiple };
            self.channel.basic_ack(ack.tag, options).await?;
            self.acks().sent(&ack);
            lapin::Result::Ok(())
        }));
        match tokio::time::timeout(self.call_timeout, sending).await {
            Ok(sent) => {
                if let Some(error) = sent.into_iter().find_map(Result::err) {
                    tracing::debug!(
                        error = chain(&error),
                        "the channel was lost before deliveries were acknowledged; they come again"
                    );
                }
            }
            Err(_) => tracing::debug!("acknowledgements are not sent in time; the deliveries may come again"),
        }
    }
}

/// What settles a delivery. Dropped before that, it gives the message back.
pub(super) struct Receipt {
    acker: Acker,
    line: Arc<Line>,
    tag: u64,
    settled: AtomicBool,
    runtime: Handle,
}

impl Receipt {
    /// Whether there is nothing left to settle: it was, or the broker has taken the message back.
    pub(super) fn is_over(&self) -> bool {
        self.settled.load(Ordering::SeqCst) || !self.acker.usable()
    }

    /// Ends the delivery; the message is gone, in a moment. Where that cannot be told the broker any more, it comes again.
    pub(super) async fn ack(&self) {
        if self.settled.swap(true, Ordering::SeqCst) {
            return;
        }
        let next = self.line.acks().add(self.tag, self.line.enough);
        match next {
            Next::Send => self.line.send_acks().await,
            Next::Gather => {
                let line = self.line.clone();
                self.runtime.spawn(async move {
                    tokio::time::sleep(GATHER).await;
                    line.send_acks().await;
                });
            }
            Next::Nothing => {}
        }
    }

    /// Gives the message back to the place it had.
    pub(super) async fn give_back(&self) -> Result<()> {
        let options = BasicNackOptions { requeue: true, multiple: false };
        let told = tokio::time::timeout(self.line.call_timeout, self.acker.nack(options)).await;
        self.settled.store(true, Ordering::SeqCst);
        match told {
            Ok(Ok(true)) => {
                self.line.acks().given_back(self.tag);
                Ok(())
            }
            Ok(Ok(false)) => {
                tracing::debug!("the broker has taken a delivery back before it was settled; it comes again");
                Ok(())
            }
            Ok(Err(error)) => {
                tracing::debug!(
                    error = chain(&error),
                    "the connection was lost before a delivery was settled; it comes again"
                );
                Ok(())
            }
            Err(_) => Err(timed_out("take a message back", self.line.call_timeout)),
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.is_over() {
            // The channel must outlive this; closing it would give back what others hold.
            let (acker, line, tag) = (self.acker.clone(), self.line.clone(), self.tag);
            self.runtime.spawn(async move {
                let options = BasicNackOptions { requeue: true, multiple: false };
                match acker.nack(options).await {
                    Ok(_) => line.acks().given_back(tag),
                    Err(error) => tracing::debug!(
                        error = chain(&error),
                        "a dropped delivery goes back with its connection"
                    ),
                }
            });
        }
    }
}

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
    // 0 would mean without limit.
    let prefetch = u16::try_from(prefetch).unwrap_or(u16::MAX).max(1);
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
    let line = Arc::new(Line {
        channel,
        _connection: connection,
        acks: Mutex::default(),
        enough: usize::from(prefetch / 4).max(1),
        call_timeout: connector.call_timeout(),
    });
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
        self.line.acks().delivered(delivery.delivery_tag);
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
