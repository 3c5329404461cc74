//! The seam that carries messages.
//!
//! A backend implements [`Broker`] and proves itself with the contract suite in `usm_queue::testing`.

use std::{any::Any, fmt, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt, stream::BoxStream};

use super::{BackendInfo, Edit, JobStore, JobUpdate, Lease, NewJob, NotEdited, Updated};
use crate::{
    error::{Error, ErrorKind, Result},
    job::JobId,
    message::Message,
    topology::{Topology, TopologyPlan},
};

/// Messages of one page.
const BROWSED: usize = 200;

/// Carries messages from publishers to consumers, at least once.
///
/// All methods are durable when they return `Ok`.
#[async_trait]
pub trait Broker: fmt::Debug + Send + Sync + 'static {
    /// Creates what is missing; may be repeated, by several processes at once.
    ///
    /// # Errors
    ///
    /// `TopologyMismatch` when a queue or exchange exists with other arguments.
    async fn declare(&self, topology: &Topology) -> Result<()>;

    /// What [`declare`](Self::declare) would create, and what it would refuse; changes nothing.
    ///
    /// # Errors
    ///
    /// `Backend` when this broker cannot tell, which is the default.
    async fn plan(&self, topology: &Topology) -> Result<TopologyPlan> {
        let _ = topology;
        Err(Error::new(
            ErrorKind::Backend,
            "this broker cannot tell what it has; declare the topology to find out",
        ))
    }

    /// Declares a topology, and removes what this library has itself declared by earlier settings and no longer uses; no
    /// message is lost by that. Returns what was missing or too much before, as far as this broker can tell.
    ///
    /// # Errors
    ///
    /// As [`declare`](Self::declare).
    async fn apply(&self, topology: &Topology) -> Result<TopologyPlan> {
        let plan = self.plan(topology).await.unwrap_or_default();
        self.declare(topology).await?;
        Ok(plan)
    }

    /// Publishes all messages or none. Each is routed by its exchange and routing key; one that is due later waits
    /// outside the queue and is routed at once.
    ///
    /// # Errors
    ///
    /// `Unroutable` when a message reaches no queue, `QueueFull` when a queue at its limit refuses.
    async fn publish(&self, messages: Vec<Message>) -> Result<()>;

    /// As [`publish`](Self::publish), with an answer for each message, in the order given. An error that is
    /// [in doubt](Error::is_in_doubt) tells that the message may have been published.
    ///
    /// By default all get the answer of one [`publish`](Self::publish).
    async fn publish_each(&self, messages: Vec<Message>) -> Vec<Result<()>> {
        let count = messages.len();
        match self.publish(messages).await {
            Ok(()) => (0..count).map(|_| Ok(())).collect(),
            Err(error) => (0..count).map(|_| Err(error.clone())).collect(),
        }
    }

    /// Delivers from `queue`, highest priority first, oldest first within one priority, at most `prefetch`
    /// unsettled at a time, but for those whose [place is free](Self::free_place).
    async fn consume(&self, queue: &str, prefetch: usize) -> Result<Consumer>;

    /// Ends a delivery. Republishing is confirmed before the delivery is acknowledged, so a crash in between
    /// duplicates and never loses. Settling a delivery again, or one that the broker has taken back, does nothing. After
    /// an error it may be tried again.
    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()>;

    /// Stores jobs and publishes their messages, and tells for each, in the order given, whether both are durable. A broker
    /// that keeps both in one place commits them together; any other calls [`two_phase::accept`](super::two_phase::accept).
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish) and [`JobStore::insert`], and `Conflict` for a job whose id has been used with another
    /// payload. A job whose error is [in doubt](Error::is_in_doubt) may be worked; of others nothing is left.
    async fn accept(&self, store: &dyn JobStore, jobs: Vec<(NewJob, Message)>) -> Vec<Result<Accepted>>;

    /// Records an attempt's outcome, then settles its delivery. A broker that keeps both in one place commits them together;
    /// any other calls [`two_phase::finish`](super::two_phase::finish). After an error it may be tried again: nothing was recorded. Once something is, the
    /// settlement is repeated until it succeeds.
    async fn finish(
        &self,
        store: &dyn JobStore,
        delivery: &Delivery,
        lease: Lease,
        update: JobUpdate,
        settlement: Settlement,
    ) -> Result<Updated>;

    /// The job of this delivery runs no more; what follows is its settlement. A broker may deliver the next one in its place
    /// at once, so that both are written together, as long as no more than twice `prefetch` are unsettled. By default the place is
    /// free when the delivery is settled.
    fn free_place(&self, delivery: &Delivery) {
        let _ = delivery;
    }

    /// Edits a waiting job: puts a message in the place of its present one. A broker that keeps messages and records in one
    /// place commits both together; any other calls [`two_phase::edit`](super::two_phase::edit).
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish) and [`JobStore::commit_edit`]. One that is [in doubt](Error::is_in_doubt) tells that
    /// the job may have been edited; after any other it was not.
    async fn edit(&self, store: &dyn JobStore, id: JobId, edit: Edit) -> Result<Result<(), NotEdited>>;

    /// The message of this job with this [generation](Message::generation) that waits for its time, or in `queue` for a worker,
    /// without taking it; `None` when it is not seen, for example because a consumer holds it. It may take time in proportion to
    /// the messages that wait.
    ///
    /// # Errors
    ///
    /// `Backend` when this broker cannot tell, which is the default.
    async fn find_waiting(&self, queue: &str, id: JobId, generation: u64) -> Result<Option<Message>> {
        let _ = (queue, id, generation);
        Err(Error::new(
            ErrorKind::Backend,
            "this broker does not find delayed messages; jobs cannot be made due earlier",
        ))
    }

    /// How many messages a queue holds.
    async fn depth(&self, queue: &str) -> Result<QueueDepth>;

    /// Waiting messages of `queue` from the oldest, without taking or reordering them: `limit` at most, after the
    /// first `skip`.
    async fn browse(&self, queue: &str, skip: usize, limit: usize) -> Result<Vec<Message>>;

    /// Passes waiting messages of `queue` to `look` from the oldest, without taking or reordering them, for as long as it
    /// returns `true`. Not all are held in memory.
    ///
    /// By default in pages: messages that go meanwhile may hide others from it.
    async fn browse_each(&self, queue: &str, mut look: Box<dyn FnMut(Message) -> bool + Send>) -> Result<()> {
        let mut skip = 0;
        loop {
            let page = self.browse(queue, skip, BROWSED).await?;
            skip += page.len();
            let is_last = page.len() < BROWSED;
            if !page.into_iter().all(&mut look) || is_last {
                return Ok(());
            }
        }
    }

    /// The first waiting message of `queue` that [is called so](Message::has_id), without taking it.
    async fn find(&self, queue: &str, id: &str) -> Result<Option<Message>>;

    /// Removes the message that [`find`](Self::find) shows; `false` when there is none.
    async fn remove(&self, queue: &str, id: &str) -> Result<bool>;

    /// Removes every waiting message; returns how many.
    async fn purge(&self, queue: &str) -> Result<u64>;

    /// How long a delivery may stay unsettled before the broker takes it back, however alive its consumer is; `None` for
    /// as long as it likes.
    fn settle_within(&self) -> Option<Duration> {
        None
    }

    /// What it is and what it is set to do, as far as it is known without asking.
    fn describe(&self) -> BackendInfo {
        BackendInfo::default()
    }

    /// Gives unsettled deliveries back and releases what the backend holds.
    async fn close(&self);
}

/// How a job was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accepted {
    /// It is new.
    New,
    /// A job with this id and payload had been accepted before; it stands, and nothing was done.
    Known,
}

/// Messages of one queue, by what they wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueDepth {
    /// Can be delivered now.
    pub ready: u64,
    /// Wait for their time: delays and retries. `None` where the broker does not tell, as RabbitMQ.
    pub delayed: Option<u64>,
    /// Delivered and not settled. `None` where the broker does not tell, as RabbitMQ.
    pub unsettled: Option<u64>,
}

impl QueueDepth {
    /// Whether nothing is left, as far as the broker tells.
    pub fn is_empty(&self) -> bool {
        self.ready == 0 && self.delayed.unwrap_or(0) == 0 && self.unsettled.unwrap_or(0) == 0
    }
}

/// A stream of deliveries. Dropping it stops consuming; deliveries handed out before stay with their holder.
pub struct Consumer {
    deliveries: BoxStream<'static, Result<Delivery>>,
}

impl Consumer {
    /// Wraps a backend's stream. It ends or fails when the queue is gone or the connection is lost; the worker then
    /// consumes anew.
    pub fn new(deliveries: BoxStream<'static, Result<Delivery>>) -> Self {
        Self { deliveries }
    }

    /// The next delivery, as soon as there is one and fewer than `prefetch` are unsettled.
    pub async fn next(&mut self) -> Option<Result<Delivery>> {
        self.deliveries.next().await
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").finish_non_exhaustive()
    }
}

/// A message in a consumer's hands. Dropped without being settled it goes back to its queue.
pub struct Delivery {
    /// The message as it was published.
    pub message: Message,
    /// The queue it came from.
    pub queue: String,
    /// Whether it may have been delivered before.
    pub redelivered: bool,
    receipt: Box<dyn Any + Send + Sync>,
}

impl Delivery {
    /// A delivery with what the backend needs to settle it. The receipt's `Drop` gives an unsettled message back.
    pub fn new(
        message: Message,
        queue: impl Into<String>,
        redelivered: bool,
        receipt: impl Any + Send + Sync,
    ) -> Self {
        Self { message, queue: queue.into(), redelivered, receipt: Box::new(receipt) }
    }

    /// The backend's receipt, when it is a `R`.
    pub fn receipt<R: Any>(&self) -> Option<&R> {
        self.receipt.downcast_ref()
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("queue", &self.queue)
            .field("message_id", &self.message.message_id)
            .field("redelivered", &self.redelivered)
            .finish_non_exhaustive()
    }
}

/// How a delivery ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Settlement {
    /// Done: the message is gone.
    Ack,
    /// Back into its queue as it is, after a delay.
    Requeue {
        /// How long it waits first.
        delay: Duration,
    },
    /// This message takes its place in the same queue, after a delay.
    Retry {
        /// The same job with new headers.
        message: Box<Message>,
        /// How long it waits first.
        delay: Duration,
    },
    /// This message goes to the queue's dead-letter exchange.
    DeadLetter {
        /// The original body, with reason and history in the headers.
        message: Box<Message>,
    },
}
