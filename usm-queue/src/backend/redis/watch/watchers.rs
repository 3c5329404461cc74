//! What the store asks for watchers, and a watcher's stream of records.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{Stream, stream::unfold};
use tokio::{
    sync::{broadcast, oneshot, watch},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    subscription::{self, Intervals},
    watched_jobs::{ChannelRequest, LatestRecord, WatchedJobs},
};
use crate::{
    backend::redis::{connection::Connection, options::RedisOptions, snapshot::Snapshot},
    error::{Error, ErrorKind, Result},
    job::{Job, JobId},
};

/// All watchers of this process.
pub(crate) struct Watchers {
    context: Arc<Context>,
    _stop_when_dropped: DropGuard,
}

/// What each watcher needs.
struct Context {
    connection: Arc<Connection>,
    jobs: Arc<WatchedJobs>,
    intervals: Intervals,
    /// Closed when the subscription's task has ended, together with the runtime it was on.
    subscription: Mutex<Option<watch::Receiver<()>>>,
    stop: CancellationToken,
}

impl Watchers {
    pub(crate) fn new(connection: Arc<Connection>, options: &RedisOptions) -> Self {
        let stop = CancellationToken::new();
        let context = Context {
            connection,
            jobs: Arc::new(WatchedJobs::new()),
            intervals: Intervals { check: options.check_interval, ping: options.ping_interval },
            subscription: Mutex::default(),
            stop: stop.clone(),
        };
        Self { context: Arc::new(context), _stop_when_dropped: stop.drop_guard() }
    }

    /// Starts to watch a job. Once this returns, no later change is missed.
    pub(crate) async fn watch(&self, id: JobId) -> Result<Watcher> {
        let context = &self.context;
        context.ensure_subscription().ok_or_else(Error::closed)?;
        let watcher = Watcher { context: context.clone(), id, latest: Some(context.jobs.add_watcher(id)) };
        let (subscribed, is_subscribed) = oneshot::channel();
        let limit = context.connection.response_timeout();
        if context.jobs.request_channel(ChannelRequest::Subscribe(id, subscribed))
            && matches!(timeout(limit, is_subscribed).await, Ok(Ok(())))
        {
            return Ok(watcher);
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!(
                "changes of jobs cannot be watched: Redis at {} accepts no subscription; try again later",
                context.connection.address()
            ),
        ))
    }

    /// Shows watchers a record that somebody has read.
    pub(crate) fn show(&self, snapshot: Snapshot) {
        // It is whole, so nothing is left to be read.
        let _ = self.context.jobs.show(snapshot);
    }

    pub(crate) fn cancellations(&self) -> broadcast::Receiver<JobId> {
        self.context.ensure_subscription();
        self.context.jobs.cancellations.subscribe()
    }

    pub(crate) fn control_changes(&self) -> watch::Receiver<()> {
        self.context.ensure_subscription();
        self.context.jobs.control_changes.subscribe()
    }

    /// Tells workers of this process that the job should stop.
    pub(crate) fn notify_cancellation(&self, id: JobId) {
        // It does not matter if nobody listens: renewing the lease tells too.
        drop(self.context.jobs.cancellations.send(id));
    }

    /// Ends all watches and the connection.
    pub(crate) fn close(&self) {
        self.context.stop.cancel();
        self.context.jobs.close();
    }
}

impl Context {
    /// Subscribes with the first watcher: a process that only enqueues needs no second connection. If the runtime of the
    /// subscription has ended, it is started again on the caller's. `None` once the store is closed.
    fn ensure_subscription(&self) -> Option<watch::Receiver<()>> {
        if self.stop.is_cancelled() {
            return None;
        }
        let mut subscription = self.subscription.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = subscription.as_ref().filter(|running| running.has_changed().is_ok()) {
            return Some(running.clone());
        }
        let running = subscription::start(
            self.connection.clone(),
            self.jobs.clone(),
            self.intervals,
            self.stop.clone(),
        );
        *subscription = Some(running.clone());
        Some(running)
    }
}

/// Watches one job until it is dropped.
pub(crate) struct Watcher {
    context: Arc<Context>,
    id: JobId,
    latest: Option<watch::Receiver<LatestRecord>>,
}

impl Watcher {
    /// What `read` makes of each later record. The stream ends with an error when the record is gone.
    pub(crate) fn later_records<T: Send + 'static>(
        watcher: Option<Self>,
        read: impl FnMut(&Job) -> T + Send + 'static,
    ) -> impl Stream<Item = Result<T>> + Send + 'static {
        unfold((watcher, read), |(watcher, mut read)| async move {
            let mut watcher = watcher?;
            let latest = watcher.latest.as_mut()?;
            loop {
                let mut subscription = watcher.context.ensure_subscription()?;
                tokio::select! {
                    changed = latest.changed() => changed.ok()?,
                    _ = subscription.changed() => continue,
                }
                let news = match &*latest.borrow_and_update() {
                    LatestRecord::None => continue,
                    LatestRecord::Known(job) => Some(read(job)),
                    LatestRecord::Gone => None,
                };
                if let Some(news) = news {
                    return Some((Ok(news), (Some(watcher), read)));
                }
                let text = format!(
                    "the record of job {} is gone from Redis: it expired or was deleted before the job ended",
                    watcher.id
                );
                return Some((Err(Error::new(ErrorKind::NotFound, text)), (None, read)));
            }
        })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.latest.take());
        self.context.jobs.remove_watcher(self.id);
    }
}
