//! Publishing: long-lived channels in confirm mode, each owned by one task, with a bounded number of messages in flight.

use std::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lapin::{Channel, options::ConfirmSelectOptions};
use tokio::{
    sync::{
        Semaphore, mpsc,
        oneshot::{self, error::TryRecvError},
        watch,
    },
    time::{Instant, Sleep},
};

use super::{
    confirms::{Loss, Outcome},
    connection::{Connector, Held, Role, Slot, timed_out},
    in_flight::{Caller, Publish, run},
    options::RabbitMqOptions,
    wire::Parcel,
};
use crate::error::{Error, ErrorKind, Result};

/// Publishes over one or more connections.
pub(super) struct Publisher {
    connector: Arc<Connector>,
    producer: String,
    role: Role,
    lanes: Vec<Lane>,
    turn: AtomicUsize,
    window: usize,
    blocked_wait: Duration,
}

#[derive(Default)]
struct Lane {
    connection: Slot<Held>,
    channel: Slot<Live>,
}

/// A channel in confirm mode and the way to the task that owns it.
struct Live {
    connection: Arc<Held>,
    channel: Channel,
    publish: mpsc::UnboundedSender<Publish>,
    window: Arc<Semaphore>,
    given_up: AtomicBool,
}

impl Publisher {
    pub(super) fn new(connector: Arc<Connector>, options: &RabbitMqOptions) -> Self {
        let role = if options.share_connection { Role::Both } else { Role::Publish };
        let lanes = (0..options.connections).map(|_| Lane::default()).collect();
        let (window, blocked_wait) = (options.publish_window, options.blocked_wait);
        let producer = options.producer.clone();
        Self { connector, producer, role, lanes, turn: AtomicUsize::new(0), window, blocked_wait }
    }

    /// The connection that also serves everything but publishing and, unless it is shared, consuming.
    pub(super) async fn connection(&self) -> Result<Arc<Held>> {
        self.lane_connection(&self.lanes[0]).await
    }

    async fn lane_connection(&self, lane: &Lane) -> Result<Arc<Held>> {
        lane.connection.get(Held::is_alive, self.connector.connect(self.role)).await
    }

    async fn live(&self, lane: &Lane) -> Result<Arc<Live>> {
        if let Some(live) = lane.channel.current().filter(|live| live.is_alive()) {
            return Ok(live);
        }
        let connection = self.lane_connection(lane).await?;
        let open = async {
            let channel = self.connector.call("open a channel", connection.create_channel()).await?;
            let confirm = channel.confirm_select(ConfirmSelectOptions::default());
            self.connector.call("switch a channel to confirmations", confirm).await?;
            let (publish, publishes) = mpsc::unbounded_channel();
            tokio::spawn(run(channel.clone(), publishes));
            Ok(Live {
                connection: connection.clone(),
                channel,
                publish,
                window: Arc::new(Semaphore::new(self.window)),
                given_up: AtomicBool::new(false),
            })
        };
        lane.channel.get(Live::is_alive, open).await
    }

    /// Publishes the parcels that have no outcome yet, pipelined and in this order, and waits for every outcome. Returns
    /// why the channel was lost, where it was lost first; those parcels may have arrived or not.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the broker does not answer or refuses publishes. What was sent by then may arrive: its outcome is
    /// [`Outcome::Lost`].
    pub(super) async fn publish(
        &self,
        parcels: &[Parcel<'_>],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Option<Loss>> {
        let live = self.live(self.lane()).await?;
        self.attempt(&live, parcels, outcomes).await
    }

    /// The same after a loss: waits for a new channel for as long as one call may take.
    pub(super) async fn publish_again(
        &self,
        parcels: &[Parcel<'_>],
        outcomes: &mut [Option<Outcome>],
        loss: &Loss,
    ) -> Result<()> {
        let deadline = Instant::now() + self.connector.call_timeout();
        let live = self.live_again(self.lane(), deadline, loss).await?;
        match self.attempt(&live, parcels, outcomes).await? {
            None => Ok(()),
            Some(loss) => Err(unknown(&loss.why)),
        }
    }

    fn lane(&self) -> &Lane {
        &self.lanes[self.turn.fetch_add(1, Ordering::Relaxed) % self.lanes.len()]
    }

    /// A channel within the time, however often it takes.
    async fn live_again(&self, lane: &Lane, deadline: Instant, loss: &Loss) -> Result<Arc<Live>> {
        loop {
            match self.live(lane).await {
                Ok(live) => return Ok(live),
                Err(error) if error.kind() != ErrorKind::Unavailable => return Err(error),
                Err(error) if Instant::now() >= deadline => return Err(unknown(&loss.why).with_source(error)),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Publishes the parcels without an outcome, and those that were lost; returns why the channel was lost, if it was.
    async fn attempt(
        &self,
        live: &Live,
        parcels: &[Parcel<'_>],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Option<Loss>> {
        let mut wait = pin!(Wait::new(self, live));
        wait.as_mut().until_unblocked().await?;
        let mut answers = Vec::with_capacity(parcels.len());
        for (index, parcel) in parcels.iter().enumerate() {
            if !matches!(outcomes[index], None | Some(Outcome::Lost(_))) {
                continue;
            }
            let outgoing = parcel.outgoing(&self.producer)?;
            let place = match live.window.clone().try_acquire_owned() {
                Ok(place) => place,
                Err(_) => wait
                    .as_mut()
                    .on(live.window.clone().acquire_owned())
                    .await?
                    .map_err(|_| Error::closed())?,
            };
            let (answer, answered) = oneshot::channel();
            // If the task has ended the answer's sender is dropped with the publish.
            let _ = live.publish.send(Publish { outgoing, caller: Caller { answer, _place: place } });
            // Until there is an answer.
            outcomes[index] = Some(Outcome::Lost(Loss::new("the broker did not confirm in time")));
            answers.push((index, answered));
        }
        let mut lost = None;
        for (index, mut answered) in answers {
            let outcome = match answered.try_recv() {
                Ok(outcome) => outcome,
                // It was dropped: the task that owns the channel has ended, perhaps with its runtime.
                Err(TryRecvError::Closed) => Outcome::Lost(Loss::new("the channel was closed")),
                Err(TryRecvError::Empty) => wait
                    .as_mut()
                    .on(answered)
                    .await?
                    .unwrap_or_else(|_| Outcome::Lost(Loss::new("the channel was closed"))),
            };
            if let Outcome::Lost(loss) = &outcome {
                live.given_up.store(true, Ordering::Relaxed);
                if loss.is_denied_to(&parcels[index].exchange()) {
                    outcomes[index] = None;
                    let text = format!(
                        "the broker did not take a message ({}); grant the user that right",
                        loss.why
                    );
                    return Err(Error::new(ErrorKind::Backend, text));
                }
                lost = Some(loss.clone());
            }
            outcomes[index] = Some(outcome);
        }
        Ok(lost)
    }

    pub(super) async fn close(&self) {
        for lane in &self.lanes {
            drop(lane.channel.take());
            if let Some(connection) = lane.connection.take() {
                connection.close(self.connector.call_timeout()).await;
            }
        }
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("connections", &self.lanes.len()).finish_non_exhaustive()
    }
}

impl Live {
    fn is_alive(&self) -> bool {
        !self.given_up.load(Ordering::Relaxed)
            && !self.publish.is_closed()
            && self.channel.status().connected()
            && self.connection.is_alive()
    }
}

pub(super) fn unknown(why: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "the connection was lost before the broker confirmed ({why}); it may have the message or not"
        ),
    )
}

/// Waits for the broker, within its time and as long as it takes publishes.
struct Wait<'a> {
    live: &'a Live,
    blocked: watch::Receiver<Option<String>>,
    blocked_wait: Duration,
    call_timeout: Duration,
    patience: Pin<Box<Sleep>>,
}

impl<'a> Wait<'a> {
    fn new(publisher: &Publisher, live: &'a Live) -> Self {
        let call_timeout = publisher.connector.call_timeout();
        Self {
            live,
            blocked: live.connection.blocked(),
            blocked_wait: publisher.blocked_wait,
            call_timeout,
            patience: Box::pin(tokio::time::sleep(call_timeout)),
        }
    }

    async fn until_unblocked(self: Pin<&mut Self>) -> Result<()> {
        let this = self.get_mut();
        if this.blocked.borrow().is_none() {
            return Ok(());
        }
        let freed = async { drop(this.blocked.wait_for(Option::is_none).await) };
        if tokio::time::timeout(this.blocked_wait, freed).await.is_ok() {
            return Ok(());
        }
        Err(refuses(&this.blocked.borrow().clone().unwrap_or_default(), "nothing was published"))
    }

    async fn on<T>(self: Pin<&mut Self>, event: impl Future<Output = T>) -> Result<T> {
        let this = self.get_mut();
        this.patience.as_mut().reset(Instant::now() + this.call_timeout);
        tokio::select! {
            value = event => Ok(value),
            reason = blocked_longer(this.blocked.clone(), this.blocked_wait) => {
                Err(refuses(&reason, "the message may still arrive when it takes them again"))
            }
            () = this.patience.as_mut() => {
                // A half-open connection looks like this until the heartbeat notices.
                this.live.given_up.store(true, Ordering::Relaxed);
                Err(timed_out("confirm a message, which it may have or not,", this.call_timeout))
            }
        }
    }
}

fn refuses(reason: &str, consequence: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("the broker is short of memory or disk and refuses publishes ({reason}); {consequence}"),
    )
}

/// Returns the reason once the broker has refused publishes for this long at a stretch.
async fn blocked_longer(mut blocked: watch::Receiver<Option<String>>, wait: Duration) -> String {
    loop {
        // When the connection has ended its confirmations tell.
        if blocked.wait_for(Option::is_some).await.is_err() {
            return std::future::pending().await;
        }
        let Ok(freed) =
            tokio::time::timeout(wait, async { blocked.wait_for(Option::is_none).await.is_ok() }).await
        else {
            return blocked.borrow().clone().unwrap_or_default();
        };
        if !freed {
            return std::future::pending().await;
        }
    }
}
