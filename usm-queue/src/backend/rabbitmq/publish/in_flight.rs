//! The task that owns a publishing channel: publishes in order, collects confirmations, tells every caller its outcome.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{Stream, stream::FuturesUnordered, task::AtomicWaker};
use lapin::{Channel, Confirmation, message::BasicReturnMessage, options::BasicPublishOptions};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::confirms::{Answer, Confirms, Done, Loss, Outcome};
use crate::{
    backend::rabbitmq::{
        connection::{is_denied, is_not_found},
        wire::{Key, Outgoing},
    },
    error::chain,
};

/// How many publishes the task takes up at a time before it looks at confirmations.
const GULP: usize = 256;

/// One publish, handed to the task.
pub(super) struct Publish {
    pub(super) outgoing: Outgoing,
    pub(super) caller: Caller,
}

/// Who waits for the outcome, and the place in the window that it takes until then.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) answer: oneshot::Sender<Outcome>,
    pub(super) _place: OwnedSemaphorePermit,
}

/// Owns a channel: publishes in the order of arrival, so that confirmations are counted as they are sent, and tells every
/// caller its outcome.
pub(super) async fn run(channel: Channel, mut publishes: mpsc::UnboundedReceiver<Publish>) {
    let mut in_flight = FuturesUnordered::new();
    let mut confirms = Confirms::default();
    let (mut gulp, mut done) = (Vec::with_capacity(GULP), Vec::new());
    let woken = Arc::new(Woken::default());
    let mut open = true;
    while open || !in_flight.is_empty() {
        tokio::select! {
            taken = publishes.recv_many(&mut gulp, GULP), if open => {
                open = taken > 0;
                in_flight.extend(gulp.drain(..).map(|publish| send(&channel, publish)));
            }
            () = all_ready(&mut in_flight, &woken, &mut done), if !in_flight.is_empty() => {
                confirms.sweep(done.drain(..), in_flight.is_empty(), |caller: Caller, outcome| {
                    // A caller that gave up does not wait.
                    let _ = caller.answer.send(outcome);
                });
            }
        }
    }
}

async fn send(channel: &Channel, publish: Publish) -> Done<Caller> {
    let Publish { outgoing, caller } = publish;
    let Outgoing { exchange, routing_key, properties, body, key } = outgoing;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let confirmed = async {
        let confirm = channel.basic_publish(exchange, routing_key, options, &body, properties).await?;
        confirm.await
    };
    let answer = match confirmed.await {
        Ok(Confirmation::Ack(carried)) => Ok(Answer { accepted: true, carried: carried.map(returned) }),
        Ok(Confirmation::Nack(carried)) => Ok(Answer { accepted: false, carried: carried.map(returned) }),
        Ok(Confirmation::NotRequested) => Err(Loss::new("the channel does not confirm")),
        Err(error) => Err(Loss {
            not_found: is_not_found(&error),
            denied: is_denied(&error),
            ..Loss::new(chain(&error))
        }),
    };
    Done { key, caller, answer }
}

fn returned(message: BasicReturnMessage) -> Key {
    let id = message.properties.message_id().as_ref().map_or("", |id| id.as_str());
    Key::new(id, message.exchange.as_str(), message.routing_key.as_str())
}

/// Fills `done` with everything that is ready, and returns when that is something.
///
/// Whatever was ready before one of them is among them: the stream is asked until it has looked at every future that was
/// woken. It pauses on its own from time to time, and then wakes the task, which tells the pause from the end.
async fn all_ready<F: Future<Output = Done<Caller>>>(
    in_flight: &mut FuturesUnordered<F>,
    woken: &Arc<Woken>,
    done: &mut Vec<Done<Caller>>,
) {
    let waker = Waker::from(woken.clone());
    std::future::poll_fn(|context| {
        woken.task.register(context.waker());
        let mut watching = Context::from_waker(&waker);
        loop {
            woken.again.store(false, Ordering::SeqCst);
            match Pin::new(&mut *in_flight).poll_next(&mut watching) {
                Poll::Ready(Some(one)) => done.push(one),
                Poll::Ready(None) => break,
                Poll::Pending if woken.again.load(Ordering::SeqCst) => {}
                Poll::Pending => break,
            }
        }
        if done.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

/// Notices whether it was woken since it was last asked.
#[derive(Debug, Default)]
struct Woken {
    again: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.again.store(true, Ordering::SeqCst);
        self.task.wake();
    }
}
