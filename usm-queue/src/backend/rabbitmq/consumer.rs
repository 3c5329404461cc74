//! Consumers: a channel each, deliveries that go back when they are dropped.

use std::{
    mem,
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
use tokio::{runtime::Handle, sync::oneshot};

use super::{
    acks::{Acks, Next},
    connection::{Connector, Held, failed, is_not_found, timed_out},
    wire::{incoming, short},
};
use crate::{
    backend::Delivery,
    error::{Error, ErrorKind, Result, chain},
};

/// How long an acknowledgement waits for others.
const GATHER: Duration = Duration::from_millis(1);

/// A channel with the connection it needs. Lives as long as something delivered through it is unsettled.
pub(super) struct Line {
    channel: Channel,
    _connection: Arc<Held>,
    settling: Mutex<Settling>,
    /// So many acknowledgements do not wait for more: a share of the deliveries that the broker has in flight at most,
    /// so that it does not run dry meanwhile.
    enough: usize,
    call_timeout: Duration,
}

#[derive(Default)]
struct Settling {
    acks: Acks,
    /// Who waits for the acknowledgements that wait.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Line {
    fn settling(&self) -> MutexGuard<'_, Settling> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the acknowledgements that wait, and returns when the connection has them. Those that cannot be sent any more
    /// let their messages come again. Has no limit of its own: what was not sent yet may still be, so its tags are held,
    /// and the end of the channel ends it.
    pub(super) async fn send_acks(self: Arc<Self>) {
        let (acks, waiting) = {
            let mut settling = self.settling();
            (settling.acks.take(), mem::take(&mut settling.waiting))
        };
        let sending = acks.into_iter().map(async |ack| {
            let options = BasicAckOptions { multiple: ack.multiple };
            self.channel.basic_ack(ack.tag, options).await?;
            self.settling().acks.sent(ack);
            lapin::Result::Ok(())
        });
        if let Some(error) = join_all(sending).await.into_iter().find_map(Result::err) {
            tracing::debug!(
                error = chain(&error),
                "the channel was lost before deliveries were acknowledged; they come again"
            );
        }
        for waiting in waiting {
            // Who has given up does not listen.
            let _ = waiting.send(());
        }
    }

    /// Gives a delivery back.
    async fn give_back(self: Arc<Self>, acker: Acker, tag: u64) {
        match acker.nack(BasicNackOptions { requeue: true, multiple: false }).await {
            Ok(_) => self.settling().acks.given_back(tag),
            Err(error) => tracing::debug!(
                error = chain(&error),
                "the connection was lost before a delivery was given back; it comes again"
            ),
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

    /// Whether the caller is the one to settle it.
    fn begin(&self) -> bool {
        !self.settled.swap(true, Ordering::SeqCst)
    }

    /// Ends the delivery; the message is gone. Where that cannot be told the broker any more, it comes again.
    pub(super) async fn ack(&self) {
        if !self.begin() {
            return;
        }
        let (tell, told) = oneshot::channel();
        let next = {
            let mut settling = self.line.settling();
            settling.waiting.push(tell);
            settling.acks.add(self.tag, self.line.enough)
        };
        let line = self.line.clone();
        match next {
            Next::Send => drop(self.runtime.spawn(line.send_acks())),
            Next::Gather => drop(self.runtime.spawn(async move {
                tokio::time::sleep(GATHER).await;
                line.send_acks().await;
            })),
            Next::Nothing => {}
        }
        if tokio::time::timeout(self.line.call_timeout, told).await.is_err() {
            tracing::debug!("an acknowledgement is not sent in time; the delivery may come again");
        }
    }

    /// Gives the message back to the place it had.
    pub(super) async fn give_back(&self) -> Result<()> {
        if !self.begin() {
            return Ok(());
        }
        let giving = self.runtime.spawn(self.line.clone().give_back(self.acker.clone(), self.tag));
        match tokio::time::timeout(self.line.call_timeout, giving).await {
            Ok(_) => Ok(()),
            Err(_) => Err(timed_out("take a message back", self.line.call_timeout)),
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.is_over() {
            // The channel must outlive this; closing it would give back what others hold.
            self.runtime.spawn(self.line.clone().give_back(self.acker.clone(), self.tag));
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
    let line = Arc::new(Line {
        channel,
        _connection: connection,
        settling: Mutex::default(),
        enough: usize::from(prefetch.checked_sub(1).unwrap_or(u16::MAX) / 4).max(1),
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
