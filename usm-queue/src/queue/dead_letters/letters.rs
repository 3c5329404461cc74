//! The dead letters of a queue: looked at and removed.

use std::time::Duration;

use super::{DeadLetterFilter, walk::Walk};
use crate::{
    backend::{Delivery, Settlement},
    error::{Error, Result},
    message::{DeadLetter, Message, UNNAMED, identity},
    queue::TaskQueue,
};

/// How many messages are read at first.
const PAGE: usize = 200;
/// What is given back is waited for so often, so long each time; somebody else may take it meanwhile.
const RETURN_LOOKS: u32 = 500;
const RETURN_PAUSE: Duration = Duration::from_millis(20);

impl TaskQueue {
    /// The dead letters of this topology.
    pub fn dead_letters(&self) -> DeadLetters {
        DeadLetters { queue: self.clone() }
    }
}

/// The dead letters of a queue's topology.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    pub(super) queue: TaskQueue,
}

impl DeadLetters {
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
        let wanted = skip.saturating_add(limit);
        let mut size = PAGE.max(if *filter == DeadLetterFilter::default() { wanted } else { 0 });
        // Each time from the beginning, as some brokers read anyway: what is found is what was there at one moment.
        loop {
            let page = self.queue.broker().browse(self.failed_queue(), 0, size).await?;
            let letters = page.iter().map(DeadLetter::from_message).filter(|letter| filter.matches(letter));
            let found: Vec<_> = letters.take(wanted).collect();
            if found.len() == wanted || page.len() < size {
                return Ok(found.into_iter().skip(skip).collect());
            }
            size = size.saturating_mul(2);
        }
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
        self.give_back(walk, others).await?;
        taken.ok_or_else(|| unknown(id))
    }

    /// Ends a walk and gives what it held back, each to its place; returns when it is there, as far as the broker tells, so
    /// that whoever looks next sees it.
    pub(super) async fn give_back(&self, walk: Walk<'_>, held: Vec<Delivery>) -> Result<()> {
        let count = walk.left().saturating_add(u64::try_from(held.len()).unwrap_or(u64::MAX));
        // First, or they would come to it again.
        drop(walk);
        let (broker, queue) = (self.queue.broker(), self.failed_queue());
        for held in &held {
            broker.settle(held, Settlement::Requeue { delay: Duration::ZERO }).await?;
        }
        let mut there = 0;
        for _ in 0..RETURN_LOOKS {
            there = if broker.depth(queue).await?.ready >= count { there + 1 } else { 0 };
            // Twice, as the walk may still end.
            if there == 2 {
                break;
            }
            tokio::time::sleep(RETURN_PAUSE).await;
        }
        Ok(())
    }
}

fn unknown(id: &str) -> Error {
    Error::not_found(format!("dead letter `{}`", crate::error::short(id, 80)))
}
