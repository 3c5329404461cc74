//! Browses a queue: messages are fetched, not acknowledged, and given back to their positions.

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
    delay_levels::DelayLevels,
    wire::{incoming, short},
};
use crate::{
    detached::Detached,
    error::{Error, ErrorKind, Result},
    job::JobId,
    message::Message,
};

/// How many messages are requested at a time, at first and at most: more with every round trip, so that what is looked at is
/// back soon.
const BATCH: (usize, usize) = (32, 256);
/// Requests do not grow any more when their answers are larger.
const BATCH_BYTES: usize = 1 << 20;
/// A channel that does not answer within this time is replaced: lapin sometimes loses one that gets the number of a channel
/// whose use was cancelled.
const ONE_TRY: Duration = Duration::from_secs(2);

/// Browses one queue at a time.
#[derive(Debug)]
pub(super) struct Browser {
    connections: Arc<Connections>,
    delay_levels: DelayLevels,
    browsing: tokio::sync::Mutex<()>,
}

impl Browser {
    pub(super) fn new(connections: Arc<Connections>, delay_levels: DelayLevels) -> Self {
        Self { connections, delay_levels, browsing: tokio::sync::Mutex::new(()) }
    }

    /// Up to `limit` waiting messages from the oldest, after the first `skip`.
    pub(super) async fn browse(
        self: &Arc<Self>,
        queue: &str,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let until = skip.saturating_add(limit);
        self.walk(queue, until, Vec::new(), move |page, position, message| {
            if position >= skip {
                page.push(message);
            }
            Next::Continue
        })
        .await
    }

    /// All waiting messages from the oldest, for as long as more are wanted.
    pub(super) async fn browse_each(
        self: &Arc<Self>,
        queue: &str,
        mut look: Box<dyn FnMut(Message) -> bool + Send>,
    ) -> Result<()> {
        self.walk(
            queue,
            usize::MAX,
            (),
            move |(), _, message| {
                if look(message) { Next::Continue } else { Next::Stop }
            },
        )
        .await
    }

    pub(super) async fn find(self: &Arc<Self>, queue: &str, id: &str) -> Result<Option<Message>> {
        let id = id.to_owned();
        self.walk(queue, usize::MAX, None, move |found, _, message| {
            if !message.has_id(&id) {
                return Next::Continue;
            }
            *found = Some(message);
            Next::Stop
        })
        .await
    }

    /// The message of a job that waits for its time, or in this queue. Messages move from longer delay levels to shorter ones, so
    /// none is missed in this order, but one that the relay moves on meanwhile.
    pub(super) async fn find_waiting(
        self: &Arc<Self>,
        queue: &str,
        job: JobId,
        generation: u64,
    ) -> Result<Option<Message>> {
        let levels: Vec<_> = self.delay_levels.levels().map(|level| level.name).collect();
        let places = levels.into_iter().rev().chain([self.delay_levels.relay_queue(), queue.to_owned()]);
        for place in places.filter(|place| !place.is_empty()) {
            // A level is made when it is first needed, and mostly has nothing.
            match self.connections.depth(&place).await {
                Ok(depth) if depth.ready == 0 => continue,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                known => known?,
            };
            let found = self.walk(&place, usize::MAX, None, move |found, _, message| {
                if message.job_id() != Some(job) || message.generation() != generation {
                    return Next::Continue;
                }
                *found = Some(message);
                Next::Stop
            });
            if let Some(found) = found.await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    pub(super) async fn remove(self: &Arc<Self>, queue: &str, id: &str) -> Result<bool> {
        let id = id.to_owned();
        self.walk(queue, usize::MAX, false, move |removed, _, message| {
            if !message.has_id(&id) {
                return Next::Continue;
            }
            *removed = true;
            Next::Remove
        })
        .await
    }

    /// Passes up to `until` waiting messages from the oldest to `look`, and gives them back together. Runs detached, so that it
    /// ends properly when the caller is dropped: a channel that is dropped during a call may stay locked.
    async fn walk<S: Send + 'static>(
        self: &Arc<Self>,
        queue: &str,
        until: usize,
        state: S,
        look: impl FnMut(&mut S, usize, Message) -> Next + Send + 'static,
    ) -> Result<S> {
        let stop = CancellationToken::new();
        let _stop_when_dropped = stop.clone().drop_guard();
        let (browser, queue) = (self.clone(), queue.to_owned());
        Detached::new(async move { browser.walk_queue(&queue, until, state, look, stop).await }).await
    }

    async fn walk_queue<S>(
        &self,
        queue: &str,
        until: usize,
        mut state: S,
        mut look: impl FnMut(&mut S, usize, Message) -> Next,
        stop: CancellationToken,
    ) -> Result<S> {
        let _one_at_a_time = self.browsing.lock().await;
        // Closing or losing the channel gives everything back and releases the lock.
        let (channel, _locked) = self.lock(queue).await?;
        // Only to see that it exists: the depth may leave out messages that are on their way back.
        self.connections.ready_messages(&channel, queue).await?;
        let name = short("queue name", queue)?;
        let (mut seen, mut last, mut until, mut batch) = (0, None, until, BATCH.0);
        let walked = async {
            'walk: while seen < until && !stop.is_cancelled() {
                let fetched = self.fetch(&channel, queue, &name, (until - seen).min(batch)).await?;
                let bytes: usize = fetched.iter().flatten().map(|message| message.delivery.data.len()).sum();
                if bytes < BATCH_BYTES {
                    batch = (batch * 2).min(BATCH.1);
                }
                let may_have_more = fetched.iter().all(Option::is_some);
                if let (None, Some(Some(first))) = (last, fetched.first()) {
                    // No more than there were: messages that come back meanwhile would be seen twice, and new ones for ever.
                    let left = usize::try_from(first.message_count).unwrap_or(usize::MAX);
                    until = until.min(left.saturating_add(1));
                }
                // Noted before `look` decides: all of them go back.
                last = fetched.iter().flatten().map(|message| message.delivery_tag).max().or(last);
                for fetched in fetched.into_iter().flatten().take(until - seen) {
                    let acker = fetched.acker.clone();
                    match look(&mut state, seen, incoming(fetched.delivery).message) {
                        Next::Continue => seen += 1,
                        Next::Stop => break 'walk,
                        Next::Remove => {
                            let ack = acker.ack(BasicAckOptions::default());
                            self.connections.queue_call(queue, "remove a message from", ack).await?;
                            break 'walk;
                        }
                    }
                }
                if !may_have_more {
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
            // The answer shows that they are on their way back, before somebody browses next.
            let _ = self.connections.ready_messages(&channel, queue).await;
        }
        // Awaited, so that the next one does not find the lock still taken.
        let _ = self.connections.call("close a channel", channel.close(200, "browsed".into())).await;
        walked.map(|()| state)
    }

    /// Several messages at once; `None` if there was none.
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

    /// A channel that has the queue's lock while it is open: it is the exclusive consumer of a lock queue. Nothing of that is
    /// left when the channel or its connection ends, however it ends.
    async fn lock(&self, queue: &str) -> Result<(Channel, lapin::Consumer)> {
        let deadline = Instant::now() + self.connections.call_timeout();
        let lock_queue = self.delay_levels.lock_queue(queue);
        let lock = short("queue name", lock_queue.as_str())?;
        let options =
            QueueDeclareOptions { durable: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let exclusive = BasicConsumeOptions { exclusive: true, ..BasicConsumeOptions::default() };
        let mut arguments = FieldTable::default();
        // Set explicitly, because other queue types may allow more than one exclusive consumer.
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("classic".into()));
        loop {
            let channel = self.connections.short_lived_channel().await?;
            let locking = async {
                channel.queue_declare(lock.clone(), options, arguments.clone()).await?;
                channel.basic_consume(lock.clone(), "".into(), exclusive, FieldTable::default()).await
            };
            let error = match tokio::time::timeout_at(deadline.min(Instant::now() + ONE_TRY), locking).await {
                Ok(Ok(locked)) => return Ok((channel, locked)),
                Ok(Err(error)) => error,
                Err(_) if Instant::now() < deadline => continue,
                Err(_) => return Err(timed_out("let us browse a queue", self.connections.call_timeout())),
            };
            match protocol_error(&error) {
                // Somebody else browses; the lock queue went with its last consumer; an older version of this library browses.
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
                            "another process has been browsing the queue for longer than {:?} ({why}), or this user may not consume from `{lock_queue}`; try again later; `rabbitmqctl list_consumers` shows who it is",
                            self.connections.call_timeout()
                        );
                        return Err(Error::new(ErrorKind::Unavailable, text).with_source(error));
                    }
                }
                _ => return Err(failed(&format!("let us browse a queue by `{lock_queue}`"), error)),
            }
            tokio::time::sleep(Duration::from_millis(20).mul_f64(0.5 + fastrand::f64())).await;
        }
    }
}

/// What to do after a message.
enum Next {
    Continue,
    Stop,
    Remove,
}
