//! Looking into a queue: messages are fetched, not acknowledged, and given back to their places.

use std::{sync::Arc, time::Duration};

use lapin::{
    Channel,
    options::{BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Connections, failed, protocol_error, timed_out},
    delay::Ladder,
    wire::{incoming, short},
};
use crate::{
    detached::Detached,
    error::{Error, ErrorKind, Result},
    message::Message,
};

/// How many messages are asked for before the first answer.
const AT_ONCE: usize = 32;
/// A channel that does not answer within this time is given up for another: the client library now and then loses one whose
/// number a look had that was dropped.
const ONE_TRY: Duration = Duration::from_secs(2);

/// Looks into queues, one after the other.
#[derive(Debug)]
pub(super) struct Browser {
    connections: Arc<Connections>,
    delays: Ladder,
    browsing: tokio::sync::Mutex<()>,
}

impl Browser {
    pub(super) fn new(connections: Arc<Connections>, delays: Ladder) -> Self {
        Self { connections, delays, browsing: tokio::sync::Mutex::new(()) }
    }

    /// Waiting messages from the oldest: `limit` at most, after the first `skip`.
    pub(super) async fn browse(
        self: &Arc<Self>,
        queue: &str,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let until = skip.saturating_add(limit);
        self.walk(queue, until, Vec::new(), move |page, place, message| {
            if place >= skip {
                page.push(message);
            }
            Look::On
        })
        .await
    }

    pub(super) async fn find(self: &Arc<Self>, queue: &str, id: &str) -> Result<Option<Message>> {
        let id = id.to_owned();
        self.walk(queue, usize::MAX, None, move |found, _, message| {
            if !message.has_id(&id) {
                return Look::On;
            }
            *found = Some(message);
            Look::Enough
        })
        .await
    }

    pub(super) async fn remove(self: &Arc<Self>, queue: &str, id: &str) -> Result<bool> {
        let id = id.to_owned();
        self.walk(queue, usize::MAX, false, move |removed, _, message| {
            if !message.has_id(&id) {
                return Look::On;
            }
            *removed = true;
            Look::Remove
        })
        .await
    }

    /// Shows `look` the waiting messages, `until` at most, from the oldest, and gives them back together. When the caller goes
    /// away the look ends in order with the messages in hand: what is dropped in the midst of a call may stay locked.
    async fn walk<S: Send + 'static>(
        self: &Arc<Self>,
        queue: &str,
        until: usize,
        state: S,
        look: impl FnMut(&mut S, usize, Message) -> Look + Send + 'static,
    ) -> Result<S> {
        let stop = CancellationToken::new();
        let _stop_when_dropped = stop.clone().drop_guard();
        let (browser, queue) = (self.clone(), queue.to_owned());
        Detached::new(async move { browser.walk_on(&queue, until, state, look, stop).await }).await
    }

    async fn walk_on<S>(
        &self,
        queue: &str,
        until: usize,
        mut state: S,
        mut look: impl FnMut(&mut S, usize, Message) -> Look,
        stop: CancellationToken,
    ) -> Result<S> {
        let _alone_here = self.browsing.lock().await;
        // Dropping or losing the channel gives everything back and ends the lock.
        let (channel, _locked) = self.lock(queue).await?;
        // Only whether it exists: a broker tells a depth before it takes back what is on its way to it.
        self.connections.ready(&channel, queue).await?;
        let name = short("queue name", queue)?;
        let (mut seen, mut last, mut until) = (0, None, until);
        let walked = async {
            'walk: while seen < until && !stop.is_cancelled() {
                let fetched = self.fetch(&channel, queue, &name, (until - seen).min(AT_ONCE)).await?;
                let there_are_more = fetched.iter().all(Option::is_some);
                if let (None, Some(Some(first))) = (last, fetched.first()) {
                    // Not more than there were: what comes back meanwhile would be seen twice, and new messages for ever.
                    let left = usize::try_from(first.message_count).unwrap_or(usize::MAX);
                    until = until.min(left.saturating_add(1));
                }
                // Before anything is decided: all of them go back.
                last = fetched.iter().flatten().map(|message| message.delivery_tag).max().or(last);
                let mut shown = true;
                for fetched in fetched.into_iter().flatten().take(until - seen) {
                    let acker = fetched.acker.clone();
                    match look(&mut state, seen, incoming(fetched.delivery).message) {
                        Look::On => {}
                        Look::Enough => shown = false,
                        Look::Remove => {
                            self.connections
                                .queue_call(
                                    queue,
                                    "remove a message from",
                                    acker.ack(BasicAckOptions::default()),
                                )
                                .await?;
                            shown = false;
                        }
                    }
                    if !shown {
                        break 'walk;
                    }
                    seen += 1;
                }
                if !there_are_more {
                    break;
                }
            }
            Ok(())
        }
        .await;
        if let Some(last) = last {
            let options = BasicNackOptions { multiple: true, requeue: true };
            self.connections
                .queue_call(queue, "take messages back into", channel.basic_nack(last, options))
                .await?;
            // An answered call tells that they are on their way, before whoever looks next.
            let _ = self.connections.ready(&channel, queue).await;
        }
        // Awaited, so that nobody who looks next finds the lock still there.
        let _ = self.connections.call("close a channel", channel.close(200, "looked".into())).await;
        walked.map(|()| state)
    }

    /// Several messages at once; `None` where there was none.
    async fn fetch(
        &self,
        channel: &Channel,
        queue: &str,
        name: &ShortString,
        count: usize,
    ) -> Result<Vec<Option<lapin::message::BasicGetMessage>>> {
        let gets = (0..count).map(|_| channel.basic_get(name.clone(), BasicGetOptions::default()));
        self.connections.queue_call(queue, "show messages of", futures_util::future::try_join_all(gets)).await
    }

    /// A channel that alone may look into this queue, for as long as it is open: it is the only consumer of a queue that lets
    /// only one in. Nothing is left of that when the channel or its connection ends, however it ends.
    async fn lock(&self, queue: &str) -> Result<(Channel, lapin::Consumer)> {
        let deadline = Instant::now() + self.connections.call_timeout();
        let lock_queue = self.delays.lock_queue(queue);
        let lock = short("queue name", lock_queue.as_str())?;
        let options =
            QueueDeclareOptions { durable: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let alone = BasicConsumeOptions { exclusive: true, ..BasicConsumeOptions::default() };
        let mut arguments = FieldTable::default();
        // Whatever the virtual host's default: other kinds may let more than one in.
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("classic".into()));
        loop {
            let channel = self.connections.throw_away().await?;
            let locking = async {
                channel.queue_declare(lock.clone(), options, arguments.clone()).await?;
                channel.basic_consume(lock.clone(), "".into(), alone, FieldTable::default()).await
            };
            let error = match tokio::time::timeout_at(deadline.min(Instant::now() + ONE_TRY), locking).await {
                Ok(Ok(locked)) => return Ok((channel, locked)),
                Ok(Err(error)) => error,
                Err(_) if Instant::now() < deadline => continue,
                Err(_) => return Err(timed_out("let us look into a queue", self.connections.call_timeout())),
            };
            match protocol_error(&error) {
                // Somebody else looks; the queue went with its last consumer; an older version of this library looks.
                Some((
                    AMQPErrorKind::Soft(
                        AMQPSoftError::ACCESSREFUSED
                        | AMQPSoftError::NOTFOUND
                        | AMQPSoftError::RESOURCELOCKED,
                    ),
                    why,
                )) => {
                    if Instant::now() >= deadline {
                        let text = format!(
                            "another process looks into a queue for longer than {:?} ({why}), or this user may not consume from `{lock_queue}`; try again later, `rabbitmqctl list_consumers` tells who it is",
                            self.connections.call_timeout()
                        );
                        return Err(Error::new(ErrorKind::Unavailable, text).with_source(error));
                    }
                }
                _ => return Err(failed(&format!("let us look into a queue by `{lock_queue}`"), error)),
            }
            tokio::time::sleep(Duration::from_millis(20).mul_f64(0.5 + fastrand::f64())).await;
        }
    }
}

/// What to do after looking at a message.
enum Look {
    On,
    Enough,
    Remove,
}
