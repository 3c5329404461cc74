//! The channels that the subscription connection listens to.

use std::{collections::HashSet, sync::Arc};

use redis::aio::PubSubSink;
use tokio::time::timeout;

use super::watched_jobs::{ChannelRequest, WatchedJobs};
use crate::{
    backend::redis::connection::Connection,
    error::{Error, ErrorKind, Result},
    job::JobId,
};

/// Channels subscribed to, and records read, in one command.
pub(super) const BATCH: usize = 500;

pub(super) struct Channels {
    connection: Arc<Connection>,
    sink: PubSubSink,
    subscribed: HashSet<JobId>,
}

impl Channels {
    pub(super) fn new(connection: Arc<Connection>, sink: PubSubSink) -> Self {
        Self { connection, sink, subscribed: HashSet::new() }
    }

    /// Subscribes to cancellations, to what operators want, and to the jobs that are watched already.
    pub(super) async fn start(&mut self, watched: &[JobId]) -> Result<()> {
        let keys = self.connection.keys();
        let always = self.sink.subscribe(vec![keys.cancel_channel(), keys.control_channel()]);
        with_timeout(&self.connection, always).await?;
        for ids in watched.chunks(BATCH) {
            self.subscribe(ids).await?;
        }
        Ok(())
    }

    /// Subscribes to what watchers ask for and tells them so, and unsubscribes from what nobody watches any more.
    pub(super) async fn apply(
        &mut self,
        jobs: &WatchedJobs,
        requests: impl Iterator<Item = ChannelRequest>,
    ) -> Result<()> {
        let (mut subscribe, mut confirm, mut unsubscribe) = (Vec::new(), Vec::new(), Vec::new());
        for request in requests {
            match request {
                ChannelRequest::Subscribe(id, subscribed) => {
                    // A watcher that gave up waiting has left the watched jobs.
                    if jobs.contains(id) && !self.subscribed.contains(&id) && !subscribe.contains(&id) {
                        subscribe.push(id);
                    }
                    confirm.push(subscribed);
                }
                ChannelRequest::Unsubscribe(id) => unsubscribe.push(id),
            }
        }
        if !subscribe.is_empty() {
            self.subscribe(&subscribe).await?;
        }
        for subscribed in confirm {
            // Fails if the watcher gave up waiting, which does not matter.
            let _ = subscribed.send(());
        }
        unsubscribe.retain(|id| !jobs.contains(*id) && self.subscribed.remove(id));
        if !unsubscribe.is_empty() {
            let channels = self.channel_names(&unsubscribe);
            with_timeout(&self.connection, self.sink.unsubscribe(channels)).await?;
        }
        Ok(())
    }

    pub(super) async fn ping(&mut self) -> Result<()> {
        with_timeout(&self.connection, self.sink.ping::<redis::Value>()).await.map(drop)
    }

    async fn subscribe(&mut self, ids: &[JobId]) -> Result<()> {
        let channels = self.channel_names(ids);
        with_timeout(&self.connection, self.sink.subscribe(channels)).await?;
        self.subscribed.extend(ids);
        Ok(())
    }

    fn channel_names(&self, ids: &[JobId]) -> Vec<String> {
        ids.iter().map(|id| self.connection.keys().changes_channel(id)).collect()
    }
}

async fn with_timeout<T>(
    connection: &Connection,
    answer: impl Future<Output = redis::RedisResult<T>>,
) -> Result<T> {
    match timeout(connection.response_timeout(), answer).await {
        Ok(answer) => answer.map_err(|error| connection.error(error)),
        Err(_) => Err(Error::new(
            ErrorKind::Unavailable,
            format!("Redis at {} did not answer on the subscription connection", connection.address()),
        )),
    }
}
