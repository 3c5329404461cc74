//! The task behind the subscription connection: it reconnects, receives messages, reads records, and pings.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use redis::aio::PubSubStream;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    channels::{BATCH, Channels},
    watched_jobs::{ChannelRequest, WatchedJobs},
};
use crate::{
    backend::redis::{connection::Connection, snapshot::Snapshot},
    backoff::Backoff,
    error::{Error, ErrorKind, Result, chain},
    job::JobId,
    metrics,
};

/// How often the connection is pinged while somebody watches, so that a dead one is noticed.
const PING: Duration = Duration::from_secs(5);
/// How far apart attempts to connect are, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// At every so many checks, records of jobs that our workers hold are read too.
const CHECKS_PER_FULL_CHECK: u32 = 15;

#[derive(Debug, Clone, Copy)]
pub(super) struct Intervals {
    /// Between two readings of records that another service may change.
    pub(super) check: Duration,
    /// Between two pings while nobody watches.
    pub(super) ping: Duration,
}

/// Starts the task on the caller's runtime. The receiver is closed when the task has ended.
pub(super) fn start(
    connection: Arc<Connection>,
    jobs: Arc<WatchedJobs>,
    intervals: Intervals,
    stop: CancellationToken,
) -> watch::Receiver<()> {
    let (sender, requests) = mpsc::unbounded_channel();
    jobs.send_requests_to(sender);
    let (alive, running) = watch::channel(());
    let subscription = Subscription {
        connection,
        jobs,
        requests,
        intervals,
        reading: None,
        to_read: Vec::new(),
        stop,
        _alive: alive,
    };
    drop(tokio::spawn(subscription.run()));
    running
}

struct Subscription {
    connection: Arc<Connection>,
    jobs: Arc<WatchedJobs>,
    requests: mpsc::UnboundedReceiver<ChannelRequest>,
    intervals: Intervals,
    /// Only one at a time, so that no older record overtakes a newer one.
    reading: Option<AbortOnDropHandle<()>>,
    /// Jobs of which a message did not tell everything, to be read next.
    to_read: Vec<JobId>,
    stop: CancellationToken,
    _alive: watch::Sender<()>,
}

impl Subscription {
    /// Reconnects after every loss, until the store is closed.
    async fn run(mut self) {
        let stop = self.stop.clone();
        let work = async {
            let (mut failures, mut backoff) = (0u32, Backoff::new(FIRST_PAUSE, LONGEST_PAUSE));
            loop {
                let started = Instant::now();
                let error = self.connect_and_serve(failures).await;
                if started.elapsed() > PING {
                    failures = 0;
                    backoff.reset();
                }
                failures += 1;
                if failures == 1 {
                    metrics::reconnected("subscription", error.label());
                    tracing::warn!(
                        server = self.connection.address(),
                        error = chain(&error),
                        "the subscription to changes of jobs is lost; reconnecting until it works"
                    );
                }
                sleep(backoff.pause()).await;
            }
        };
        tokio::select! {
            // First, because closing the store also ends the connection, which is not a loss then.
            biased;
            () = stop.cancelled() => {}
            () = work => {}
        }
        // Ends the watches that are left.
        self.jobs.close();
    }

    /// Connects, subscribes, and tells watchers what arrives, until the connection is lost.
    async fn connect_and_serve(&mut self, failures: u32) -> Error {
        let connection = self.connection.clone();
        let (sink, messages) = match connection.open_subscription().await {
            Ok(subscription) => subscription.split(),
            Err(error) => return error,
        };
        let mut channels = Channels::new(connection, sink);
        let watched = self.jobs.ids();
        if let Err(error) = channels.start(&watched).await {
            return error;
        }
        if failures > 0 {
            tracing::info!(
                server = self.connection.address(),
                jobs = watched.len(),
                "the subscription to changes of jobs works again"
            );
        }
        // After subscribing, so that changes made in the meantime are seen and none falls in between.
        self.reading = None;
        self.read(self.jobs.ids());
        self.jobs.control_changes.send_replace(());
        match self.serve(&mut channels, messages).await {
            Ok(()) => Error::new(
                ErrorKind::Unavailable,
                format!("Redis at {} closed the subscription connection", self.connection.address()),
            ),
            Err(error) => error,
        }
    }

    async fn serve(&mut self, channels: &mut Channels, mut messages: PubSubStream) -> Result<()> {
        let started = Instant::now();
        let ping_interval = PING.min(self.intervals.ping);
        let mut check = interval_at(started + self.intervals.check, self.intervals.check);
        let mut ping = interval_at(started + ping_interval, ping_interval);
        let (mut checks, mut last_ping) = (0, started);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut requests = Vec::new();
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => self.receive(message.get_channel_name(), message.get_payload_bytes()),
                    None => return Ok(()),
                },
                () = finished(&mut self.reading), if !self.to_read.is_empty() => {
                    let ids = std::mem::take(&mut self.to_read);
                    self.read(ids);
                }
                count = self.requests.recv_many(&mut requests, BATCH) => {
                    if count == 0 {
                        return Ok(());
                    }
                    channels.apply(&self.jobs, requests.drain(..)).await?;
                }
                _ = check.tick() => {
                    checks = (checks + 1) % CHECKS_PER_FULL_CHECK;
                    self.read(if checks == 0 { self.jobs.ids() } else { self.jobs.unheld_ids() });
                }
                _ = ping.tick() => {
                    if !self.jobs.is_empty() || last_ping.elapsed() >= self.intervals.ping {
                        channels.ping().await?;
                        last_ping = Instant::now();
                    }
                }
            }
        }
    }

    fn receive(&mut self, channel: &str, payload: &[u8]) {
        if channel == self.connection.keys().cancel_channel() {
            let id = std::str::from_utf8(payload).ok().and_then(|id| id.parse().ok());
            id.into_iter().for_each(|id| drop(self.jobs.cancellations.send(id)));
        } else if channel == self.connection.keys().control_channel() {
            self.jobs.control_changes.send_replace(());
        } else if let Some(id) = self.connection.keys().job_of_channel(channel)
            && self.jobs.contains(id)
            && !Snapshot::from_message(id, payload).is_some_and(|snapshot| self.jobs.show(snapshot))
            && !self.to_read.contains(&id)
        {
            self.to_read.push(id);
        }
    }

    /// Reads these records in the background, unless the last reading is still going on.
    fn read(&mut self, ids: Vec<JobId>) {
        if ids.is_empty() || self.reading.as_ref().is_some_and(|reading| !reading.is_finished()) {
            return;
        }
        let gone_after = (self.intervals.check * CHECKS_PER_FULL_CHECK).mul_f64(0.9);
        let (jobs, connection) = (self.jobs.clone(), self.connection.clone());
        self.reading = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            for ids in ids.chunks(BATCH) {
                let wanted: Vec<_> = ids.iter().map(|id| (*id, jobs.listed(*id))).collect();
                match connection.read(&wanted).await {
                    Ok(records) => ids.iter().zip(records).for_each(|(id, record)| match record {
                        Some(snapshot) => {
                            // If partial results were lost meanwhile, a later check reads them.
                            jobs.show(snapshot);
                        }
                        None => jobs.missing(*id, gone_after),
                    }),
                    Err(error) => {
                        tracing::debug!(
                            error = chain(&error),
                            "records of watched jobs could not be read; the next check tries again"
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
