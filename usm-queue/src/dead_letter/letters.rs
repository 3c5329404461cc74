//! The dead letters of a queue: looked at and removed.

use std::time::Duration;

use super::{DeadLetter, DeadLetterFilter, UNNAMED, identity, walk::Walk};
use crate::{
    broker::{Delivery, Settlement},
    envelope::Message,
    error::{Error, Result},
    queue::TaskQueue,
};

/// How many messages are read at first when all are walked.
const PAGE: usize = 200;
/// What is given back is waited for so often, so long each time; somebody else may take it meanwhile.
const RETURN_LOOKS: u32 = 50;
const RETURN_PAUSE: Duration = Duration::from_millis(20);

/// The dead letters of a queue's topology.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    pub(super) queue: TaskQueue,
}

impl DeadLetters {
    pub(crate) fn new(queue: TaskQueue) -> Self {
        Self { queue }
    }

    /// Dead letters that match, oldest first: `limit` at most, after the first `skip` matches.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn list(
        &self,
        filter: &DeadLetterFilter,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<DeadLetter>> {
        let mut found = Vec::new();
        let mut read = 0;
        while found.len() < skip.saturating_add(limit) {
            // Some brokers read from the beginning each time, so every page is as long as all before.
            let page = self.queue.broker().browse(self.failed_queue(), read, read.max(PAGE)).await?;
            if page.is_empty() {
                break;
            }
            read += page.len();
            found.extend(page.iter().map(DeadLetter::from_message).filter(|letter| filter.matches(letter)));
        }
        Ok(found.into_iter().skip(skip).take(limit).collect())
    }

    /// One dead letter.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Unavailable`.
    pub async fn get(&self, id: &str) -> Result<DeadLetter> {
        if !id.starts_with(UNNAMED) {
            return Ok(DeadLetter::from_message(&self.message(id).await?));
        }
        let all = self.list(&DeadLetterFilter::default(), 0, usize::MAX).await?;
        all.into_iter().find(|letter| letter.id == id).ok_or_else(|| unknown(id))
    }

    /// Removes one dead letter for good; `false` when it is not there.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn remove(&self, id: &str) -> Result<bool> {
        let broker = self.queue.broker();
        if !id.starts_with(UNNAMED) {
            return broker.remove(self.failed_queue(), id).await;
        }
        match self.take(id).await {
            Ok(held) => broker.settle(&held, Settlement::Ack).await.map(|()| true),
            Err(error) if error.kind() == crate::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes every dead letter for good; returns how many.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn purge(&self) -> Result<u64> {
        self.queue.broker().purge(self.failed_queue()).await
    }

    pub(super) fn failed_queue(&self) -> &str {
        self.queue.wanted().failed_queue()
    }

    pub(super) async fn message(&self, id: &str) -> Result<Message> {
        self.queue.broker().find(self.failed_queue(), id).await?.ok_or_else(|| unknown(id))
    }

    /// Holds a message that no broker can find, as it has no id.
    pub(super) async fn take(&self, id: &str) -> Result<Delivery> {
        let mut walk = Walk::begin(self.queue.broker(), self.failed_queue()).await?;
        let mut others = Vec::new();
        let taken = loop {
            match walk.next().await? {
                Some(held) if identity(&held.message) == id => break Some(held),
                Some(other) => others.push(other),
                None => break None,
            }
        };
        self.give_back(others).await?;
        taken.ok_or_else(|| unknown(id))
    }

    /// Each to its place; returns when they are there, as far as the broker tells, so that whoever looks next sees them.
    pub(super) async fn give_back(&self, held: Vec<Delivery>) -> Result<()> {
        let (broker, queue) = (self.queue.broker(), self.failed_queue());
        for held in &held {
            broker.settle(held, Settlement::Requeue { delay: Duration::ZERO }).await?;
        }
        let count = u64::try_from(held.len()).unwrap_or(u64::MAX);
        for _ in 0..RETURN_LOOKS {
            if broker.depth(queue).await?.ready >= count {
                break;
            }
            tokio::time::sleep(RETURN_PAUSE).await;
        }
        Ok(())
    }
}

fn unknown(id: &str) -> Error {
    Error::not_found(format!("dead letter `{}`", crate::job::short(id, 80)))
}
