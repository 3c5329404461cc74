//! The dead letters of a queue: looked at and removed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{DeadLetterFilter, walk::Walk};
use crate::{
    backend::{Delivery, Settlement},
    error::{Error, Result},
    message::{DeadLetter, Message, UNNAMED, identity},
    queue::TaskQueue,
};

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
///
/// On RabbitMQ nobody can look at a message without taking it: AMQP has no such call. What is looked at is off the queue until
/// the look ends, a few round trips for what a list shows, then all goes back together, each message to its place and marked as
/// redelivered. Meanwhile other looks wait, of this process and of others, and [`TaskQueue::depth`] and other services see fewer.
/// A look with a filter, and [`groups`](Self::groups), go through the whole queue. On SQLite looking takes nothing.
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
        if *filter == DeadLetterFilter::default() {
            let page = self.queue.broker().browse(self.failed_queue(), skip, limit).await?;
            return Ok(page.iter().map(DeadLetter::from_message).collect());
        }
        let (filter, mut matches) = (filter.clone(), 0usize);
        self.look(move |found: &mut Vec<DeadLetter>, letter| {
            if found.len() < limit && filter.matches(&letter) {
                matches += 1;
                if matches > skip {
                    found.push(letter);
                }
            }
            found.len() < limit
        })
        .await
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
        let wanted = id.to_owned();
        let find = move |found: &mut Option<DeadLetter>, letter: DeadLetter| {
            *found = Some(letter).filter(|letter| letter.id == wanted);
            found.is_none()
        };
        self.look(find).await?.ok_or_else(|| unknown(id))
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

    /// Removes every dead letter that matches for good, no more than are there when the call begins; returns how many. All are
    /// out of everybody's sight until the call ends.
    ///
    /// # Errors
    ///
    /// `Unavailable`; some may be removed by then.
    pub async fn remove_all(&self, filter: &DeadLetterFilter) -> Result<u64> {
        let mut walk = Walk::begin(self.queue.broker(), self.failed_queue()).await?;
        let (mut others, mut removed) = (Vec::new(), 0);
        let walked = async {
            while let Some(held) = walk.next().await? {
                if filter.matches(&DeadLetter::from_message(&held.message)) {
                    self.queue.broker().settle(&held, Settlement::Ack).await?;
                    removed += 1;
                } else {
                    others.push(held);
                }
            }
            Ok(())
        }
        .await;
        self.give_back(walk, others).await?;
        walked.map(|()| removed)
    }

    /// Removes every dead letter for good; returns how many.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn purge(&self) -> Result<u64> {
        self.queue.broker().purge(self.failed_queue()).await
    }

    /// Passes dead letters to `look`, oldest first, for as long as it wants more; returns what it made of them.
    pub(super) async fn look<T: Default + Send + 'static>(
        &self,
        mut look: impl FnMut(&mut T, DeadLetter) -> bool + Send + 'static,
    ) -> Result<T> {
        let found = Arc::new(Mutex::new(T::default()));
        let into = found.clone();
        let look = move |message: Message| {
            look(&mut into.lock().unwrap_or_else(PoisonError::into_inner), DeadLetter::from_message(&message))
        };
        self.queue.broker().browse_each(self.failed_queue(), Box::new(look)).await?;
        Ok(std::mem::take(&mut found.lock().unwrap_or_else(PoisonError::into_inner)))
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
