//! Watching jobs: one subscription connection of this process for all its watchers, and for cancellations.
//!
//! Each watched job has its own channel, which carries the record. With one channel for all, every process would receive
//! and look through all changes of all jobs (10 MB/s at 10,000 transitions/s with records of 1 KB) to find those few that
//! somebody watches; publishing to a channel nobody listens to costs Redis as much as publishing to one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream::unfold};
use redis::aio::PubSubStream;
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::AbortOnDropHandle,
};

use super::{
    channels::Channels,
    watched_jobs::{Ask, Hub, Shown},
};
use crate::{
    backend::redis::{RedisOptions, connection::Link, snapshot::Present},
    error::{Error, ErrorKind, Result, chain},
    job::{Job, JobId},
};

/// Channels subscribed to, and records read, in one command.
pub(crate) const AT_ONCE: usize = 500;
/// While somebody watches, the connection is tried this often, so that a dead one is found out.
const PING: Duration = Duration::from_secs(5);
/// So often the records that our workers hold are read too.
const CHECKS_OF_ALL: u32 = 15;

/// All watchers of this process.
pub(crate) struct Watchers {
    shared: Arc<Shared>,
    _stop_when_dropped: DropGuard,
}

/// What each watcher needs.
struct Shared {
    hub: Arc<Hub>,
    link: Arc<Link>,
    check_interval: Duration,
    ping_interval: Duration,
    /// Closed when the task that follows has ended, with the runtime it was on.
    following: Mutex<Option<watch::Receiver<()>>>,
    stop: CancellationToken,
}

impl Watchers {
    pub(crate) fn new(link: Arc<Link>, options: &RedisOptions) -> Self {
        let stop = CancellationToken::new();
        let shared = Shared {
            hub: Arc::new(Hub::new()),
            link,
            check_interval: options.check_interval,
            ping_interval: options.ping_interval,
            following: Mutex::default(),
            stop: stop.clone(),
        };
        Self { shared: Arc::new(shared), _stop_when_dropped: stop.drop_guard() }
    }

    /// Begins to watch a job; when this returns no later change is missed.
    pub(crate) async fn enter(&self, id: JobId) -> Result<Place> {
        let shared = &self.shared;
        shared.follow().ok_or_else(Error::closed)?;
        let place = Place { shared: shared.clone(), id, shown: Some(shared.hub.enter(id)) };
        let (confirm, confirmed) = oneshot::channel();
        let limit = shared.link.response_timeout();
        if shared.hub.ask(Ask::Enter(id, confirm)) && matches!(timeout(limit, confirmed).await, Ok(Ok(()))) {
            return Ok(place);
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!(
                "changes of jobs cannot be watched: Redis at {} takes no subscription; try again later",
                shared.link.place()
            ),
        ))
    }

    /// A record that somebody read.
    pub(crate) fn show(&self, present: Present) {
        // A whole one.
        let _ = self.shared.hub.show(present);
    }

    pub(crate) fn cancellations(&self) -> broadcast::Receiver<JobId> {
        self.shared.follow();
        self.shared.hub.to_stop.subscribe()
    }

    /// Asks workers of this process to stop the job.
    pub(crate) fn stop(&self, id: JobId) {
        // Nobody listening is fine: leases tell too.
        drop(self.shared.hub.to_stop.send(id));
    }

    /// Ends all watches and the connection.
    pub(crate) fn close(&self) {
        self.shared.stop.cancel();
        self.shared.hub.close();
    }
}

impl Shared {
    /// Connects with the first watcher: a process that only enqueues needs no second connection. Where the runtime that
    /// followed has ended, the caller's goes on. `None` once the store is closed.
    fn follow(&self) -> Option<watch::Receiver<()>> {
        if self.stop.is_cancelled() {
            return None;
        }
        let mut following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(following) = following.as_ref().filter(|following| following.has_changed().is_ok()) {
            return Some(following.clone());
        }
        let (asks, asked) = mpsc::unbounded_channel();
        self.hub.answered_by(asks);
        let (alive, receiver) = watch::channel(());
        let follower = Follower {
            link: self.link.clone(),
            hub: self.hub.clone(),
            asked,
            check_interval: self.check_interval,
            ping_interval: self.ping_interval,
            reading: None,
            behind: Vec::new(),
            stop: self.stop.clone(),
            _alive: alive,
        };
        drop(tokio::spawn(follower.run()));
        *following = Some(receiver.clone());
        Some(receiver)
    }
}

/// One watcher. Dropping it stops watching.
pub(crate) struct Place {
    shared: Arc<Shared>,
    id: JobId,
    shown: Option<watch::Receiver<Shown>>,
}

impl Place {
    /// What is read of each later record; ends with an error when the record is gone.
    pub(crate) fn follow<T: Send + 'static>(
        place: Option<Self>,
        read: impl FnMut(&Job) -> T + Send + 'static,
    ) -> impl Stream<Item = Result<T>> + Send + 'static {
        unfold((place, read), |(place, mut read)| async move {
            let mut place = place?;
            let shown = place.shown.as_mut()?;
            loop {
                let mut following = place.shared.follow()?;
                tokio::select! {
                    changed = shown.changed() => changed.ok()?,
                    _ = following.changed() => continue,
                }
                let news = match &*shown.borrow_and_update() {
                    Shown::Nothing => continue,
                    Shown::Record(job) => Some(read(job)),
                    Shown::Gone => None,
                };
                if let Some(news) = news {
                    return Some((Ok(news), (Some(place), read)));
                }
                let text = format!(
                    "the record of job {} is gone from Redis: it expired or was flushed before the job ended",
                    place.id
                );
                return Some((Err(Error::new(ErrorKind::NotFound, text)), (None, read)));
            }
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.shown.take());
        self.shared.hub.leave(self.id);
    }
}

/// The task behind the subscription connection.
struct Follower {
    link: Arc<Link>,
    hub: Arc<Hub>,
    asked: mpsc::UnboundedReceiver<Ask>,
    check_interval: Duration,
    ping_interval: Duration,
    /// One at a time, so that none overtakes another.
    reading: Option<AbortOnDropHandle<()>>,
    /// Jobs of which something was not told, to be read next.
    behind: Vec<JobId>,
    stop: CancellationToken,
    _alive: watch::Sender<()>,
}

impl Follower {
    /// Follows for ever, anew after every loss.
    async fn run(mut self) {
        let stop = self.stop.clone();
        let work = async {
            let mut failures = 0u32;
            loop {
                let begun = Instant::now();
                let error = self.follow(&mut failures).await;
                if begun.elapsed() > PING {
                    failures = 0;
                }
                failures += 1;
                if failures == 1 {
                    tracing::warn!(
                        server = self.link.place(),
                        error = chain(&error),
                        "changes of jobs are not followed; trying again until it works"
                    );
                }
                sleep(pause(failures)).await;
            }
        };
        tokio::select! {
            // First: after the end the connection may be gone too, which is no loss.
            biased;
            () = stop.cancelled() => {}
            () = work => {}
        }
        // Watchers that are left end.
        self.hub.close();
    }

    /// Connects, subscribes, and tells watchers what comes, until the connection is lost.
    async fn follow(&mut self, failures: &mut u32) -> Error {
        let link = self.link.clone();
        let (sink, messages) = match link.subscriber().await {
            Ok(subscriber) => subscriber.split(),
            Err(error) => return error,
        };
        let mut channels = Channels::new(link, sink);
        let watched = self.hub.ids();
        if let Err(error) = channels.begin(&watched).await {
            return error;
        }
        if *failures > 0 {
            tracing::info!(
                server = self.link.place(),
                jobs = watched.len(),
                "changes of jobs are followed again"
            );
        }
        // Only now, so that what changed while nobody followed is seen and nothing falls in between.
        self.reading = None;
        self.read(self.hub.ids());
        match self.serve(&mut channels, messages).await {
            Ok(()) => Error::new(
                ErrorKind::Unavailable,
                format!("Redis at {} closed the subscription connection", self.link.place()),
            ),
            Err(error) => error,
        }
    }

    async fn serve(&mut self, channels: &mut Channels, mut messages: PubSubStream) -> Result<()> {
        let begun = Instant::now();
        let mut check = interval_at(begun + self.check_interval, self.check_interval);
        let mut ping = interval_at(begun + PING.min(self.ping_interval), PING.min(self.ping_interval));
        let (mut checks, mut tried) = (0, begun);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asks = Vec::new();
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => self.tell(message.get_channel_name(), message.get_payload_bytes()),
                    None => return Ok(()),
                },
                () = finished(&mut self.reading), if !self.behind.is_empty() => {
                    let behind = std::mem::take(&mut self.behind);
                    self.read(behind);
                }
                count = self.asked.recv_many(&mut asks, AT_ONCE) => {
                    if count == 0 {
                        return Ok(());
                    }
                    channels.answer(&self.hub, asks.drain(..)).await?;
                }
                _ = check.tick() => {
                    checks = (checks + 1) % CHECKS_OF_ALL;
                    self.read(if checks == 0 { self.hub.ids() } else { self.hub.unheld() });
                }
                _ = ping.tick() => {
                    if !self.hub.is_empty() || tried.elapsed() >= self.ping_interval {
                        channels.ping().await?;
                        tried = Instant::now();
                    }
                }
            }
        }
    }

    /// A message that was published.
    fn tell(&mut self, channel: &str, payload: &[u8]) {
        if channel == self.link.names().cancel() {
            let id = std::str::from_utf8(payload).ok().and_then(|id| id.parse().ok());
            id.into_iter().for_each(|id| drop(self.hub.to_stop.send(id)));
        } else if let Some(id) = self.link.names().job_of_channel(channel)
            && self.hub.contains(id)
            && !Present::published(id, payload).is_some_and(|present| self.hub.show(present))
            && !self.behind.contains(&id)
        {
            self.behind.push(id);
        }
    }

    /// Reads these records, beside what else happens; not while the last time lasts.
    fn read(&mut self, ids: Vec<JobId>) {
        if ids.is_empty() || self.reading.as_ref().is_some_and(|reading| !reading.is_finished()) {
            return;
        }
        let patience = (self.check_interval * CHECKS_OF_ALL).mul_f64(0.9);
        let (hub, link) = (self.hub.clone(), self.link.clone());
        self.reading = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            for ids in ids.chunks(AT_ONCE) {
                let wanted: Vec<_> = ids.iter().map(|id| (*id, hub.listed(*id))).collect();
                match link.records(&wanted).await {
                    Ok(records) => ids.iter().zip(records).for_each(|(id, record)| match record {
                        // What it lacks was lost meanwhile; then it is read again.
                        Some(present) => {
                            hub.show(present);
                        }
                        None => hub.missing(*id, patience),
                    }),
                    Err(error) => {
                        tracing::debug!(
                            error = chain(&error),
                            "records of watched jobs are not read; the next time"
                        );
                        return;
                    }
                }
            }
        })));
    }
}

/// Returns when nothing is being read.
async fn finished(reading: &mut Option<AbortOnDropHandle<()>>) {
    if let Some(task) = reading {
        let _ = task.await;
    }
    *reading = None;
}

/// 50 ms, doubling up to 1 s, spread by half.
fn pause(failures: u32) -> Duration {
    let base = Duration::from_millis(25).saturating_mul(1 << failures.min(7)).min(Duration::from_secs(1));
    base.mul_f64(0.75 + fastrand::f64() / 2.0)
}
