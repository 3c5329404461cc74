//! The task that owns a publishing channel: publishes in order, collects confirmations, passes them to the callers.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{Stream, stream::FuturesUnordered, task::AtomicWaker};
use lapin::{
    Channel, Confirmation as LapinConfirmation, message::BasicReturnMessage, options::BasicPublishOptions,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::{
    confirmation::{ChannelLoss, Confirmation},
    return_matcher::{Answer, RawConfirmation, ReturnMatcher},
};
use crate::{
    backend::rabbitmq::{
        connection::{is_denied, is_not_found},
        wire::{Encoded, MessageKey},
    },
    error::chain,
};

/// How many messages are published before confirmations are looked at again.
const BATCH: usize = 256;

/// Who waits for the confirmation, with a permit of the in-flight window until then.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) answer: oneshot::Sender<Confirmation>,
    pub(super) _permit: OwnedSemaphorePermit,
}

/// One task alone publishes on a channel, so that confirmations are counted in the order in which messages are sent.
pub(super) async fn run(channel: Channel, mut publishes: mpsc::UnboundedReceiver<(Encoded, Caller)>) {
    let mut in_flight = FuturesUnordered::new();
    let mut matcher = ReturnMatcher::default();
    let (mut batch, mut ready) = (Vec::with_capacity(BATCH), Vec::new());
    let woken = Arc::new(WakeFlag::default());
    let mut open = true;
    while open || !in_flight.is_empty() {
        tokio::select! {
            taken = publishes.recv_many(&mut batch, BATCH), if open => {
                open = taken > 0;
                in_flight.extend(batch.drain(..).map(|publish| send(&channel, publish)));
            }
            () = all_ready(&mut in_flight, &woken, &mut ready), if !in_flight.is_empty() => {
                matcher.resolve(ready.drain(..), in_flight.is_empty(), |caller: Caller, confirmation| {
                    // Fails if the caller gave up waiting.
                    let _ = caller.answer.send(confirmation);
                });
            }
        }
    }
}

async fn send(channel: &Channel, (encoded, caller): (Encoded, Caller)) -> RawConfirmation<Caller> {
    let Encoded { exchange, routing_key, properties, body, key } = encoded;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let confirmed = async {
        let confirm = channel.basic_publish(exchange, routing_key, options, &body, properties).await?;
        confirm.await
    };
    let answer = match confirmed.await {
        Ok(LapinConfirmation::Ack(returned)) => Ok(Answer { accepted: true, returned: returned.map(key_of) }),
        Ok(LapinConfirmation::Nack(returned)) => {
            Ok(Answer { accepted: false, returned: returned.map(key_of) })
        }
        Ok(LapinConfirmation::NotRequested) => Err(ChannelLoss::new("the channel does not confirm")),
        Err(error) => Err(ChannelLoss {
            not_found: is_not_found(&error),
            denied: is_denied(&error),
            ..ChannelLoss::new(chain(&error))
        }),
    };
    RawConfirmation { key, caller, answer }
}

fn key_of(message: BasicReturnMessage) -> MessageKey {
    let id = message.properties.message_id().as_ref().map_or("", |id| id.as_str());
    MessageKey::new(id, message.exchange.as_str(), message.routing_key.as_str())
}

/// Moves everything that is ready into `ready`; returns when there is something.
///
/// Nothing that became ready earlier may be left behind, so the stream is polled until it has seen every future that was
/// woken. It also yields from time to time and then wakes its task at once: [`WakeFlag`] shows that there is more to poll.
async fn all_ready<F: Future<Output = RawConfirmation<Caller>>>(
    in_flight: &mut FuturesUnordered<F>,
    woken: &Arc<WakeFlag>,
    ready: &mut Vec<RawConfirmation<Caller>>,
) {
    let waker = Waker::from(woken.clone());
    std::future::poll_fn(|context| {
        woken.task.register(context.waker());
        let mut watching = Context::from_waker(&waker);
        loop {
            woken.again.store(false, Ordering::SeqCst);
            match Pin::new(&mut *in_flight).poll_next(&mut watching) {
                Poll::Ready(Some(one)) => ready.push(one),
                Poll::Ready(None) => break,
                Poll::Pending if woken.again.load(Ordering::SeqCst) => {}
                Poll::Pending => break,
            }
        }
        if ready.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

/// Notes whether it was woken since the flag was last cleared.
#[derive(Debug, Default)]
struct WakeFlag {
    again: AtomicBool,
    task: AtomicWaker,
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.again.store(true, Ordering::SeqCst);
        self.task.wake();
    }
}
