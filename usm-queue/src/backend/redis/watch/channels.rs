//! The channels that one subscription connection listens to.

use std::{collections::HashSet, sync::Arc};

use redis::aio::PubSubSink;
use tokio::time::timeout;

use super::{
    watched_jobs::{Ask, Hub},
    watchers::AT_ONCE,
};
use crate::{
    backend::redis::connection::Link,
    error::{Error, ErrorKind, Result},
    job::JobId,
};

/// The subscriptions of one connection.
pub(crate) struct Channels {
    link: Arc<Link>,
    sink: PubSubSink,
    subscribed: HashSet<JobId>,
}

impl Channels {
    pub(crate) fn new(link: Arc<Link>, sink: PubSubSink) -> Self {
        Self { link, sink, subscribed: HashSet::new() }
    }

    /// Subscribes to what is watched already, and to cancellations.
    pub(crate) async fn begin(&mut self, watched: &[JobId]) -> Result<()> {
        let cancellations = self.sink.subscribe(self.link.names().cancel());
        limited(&self.link, cancellations).await?;
        for ids in watched.chunks(AT_ONCE) {
            self.subscribe(ids).await?;
        }
        Ok(())
    }

    /// Subscribes to what watchers ask for, then tells them; and leaves what nobody watches any more.
    pub(crate) async fn answer(&mut self, hub: &Hub, asks: impl Iterator<Item = Ask>) -> Result<()> {
        let (mut enter, mut confirm) = (Vec::new(), Vec::new());
        let mut leave = Vec::new();
        for ask in asks {
            match ask {
                Ask::Enter(id, confirmed) => {
                    // Who gave up waiting is no longer in the hub.
                    if hub.contains(id) && !self.subscribed.contains(&id) && !enter.contains(&id) {
                        enter.push(id);
                    }
                    confirm.push(confirmed);
                }
                Ask::Leave(id) => leave.push(id),
            }
        }
        if !enter.is_empty() {
            self.subscribe(&enter).await?;
        }
        for confirmed in confirm {
            // Who gave up waiting does not listen.
            let _ = confirmed.send(());
        }
        leave.retain(|id| !hub.contains(*id) && self.subscribed.remove(id));
        if !leave.is_empty() {
            let channels = self.names(&leave);
            limited(&self.link, self.sink.unsubscribe(channels)).await?;
        }
        Ok(())
    }

    async fn subscribe(&mut self, ids: &[JobId]) -> Result<()> {
        let channels = self.names(ids);
        limited(&self.link, self.sink.subscribe(channels)).await?;
        self.subscribed.extend(ids);
        Ok(())
    }

    fn names(&self, ids: &[JobId]) -> Vec<String> {
        ids.iter().map(|id| self.link.names().changed(id)).collect()
    }

    pub(crate) async fn ping(&mut self) -> Result<()> {
        limited(&self.link, self.sink.ping::<redis::Value>()).await.map(drop)
    }
}

async fn limited<T>(link: &Link, answer: impl Future<Output = redis::RedisResult<T>>) -> Result<T> {
    match timeout(link.response_timeout(), answer).await {
        Ok(answer) => answer.map_err(|error| link.failed(error)),
        Err(_) => Err(Error::new(
            ErrorKind::Unavailable,
            format!("Redis at {} did not answer on the subscription connection", link.place()),
        )),
    }
}
