//! A consumer of one queue, and its deliveries: given back when dropped.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, Utc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    db::backend,
    embedded::Embedded,
    messages::{release, take},
};
use crate::{
    backend::Delivery,
    clock,
    error::{Error, Result},
};

/// What a delivery needs to be settled. Gives the message back when dropped unsettled.
pub(super) struct Receipt {
    id: i64,
    queue: i64,
    pub(super) settled: Arc<AtomicBool>,
    embedded: Arc<Embedded>,
    runtime: tokio::runtime::Handle,
    /// Among those that run.
    running: Mutex<Option<OwnedSemaphorePermit>>,
    /// Among those that are unsettled.
    _unsettled: OwnedSemaphorePermit,
}

impl Receipt {
    /// The message's number and its queue's.
    pub(super) fn place(&self) -> (i64, i64) {
        (self.id, self.queue)
    }

    pub(super) fn free_place(&self) {
        drop(self.running.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if self.settled.load(Ordering::SeqCst) {
            return;
        }
        let (embedded, id, queue) = (self.embedded.clone(), self.id, self.queue);
        self.runtime.spawn(async move {
            if let Err(error) = embedded.db.write(move |tx| release(tx, id, queue, None)).await {
                tracing::debug!(%error, "a delivery was not given back; it returns when the lease has lapsed");
            }
        });
    }
}

/// A running consumer.
pub(super) struct Consuming {
    id: i64,
    queue: String,
    embedded: Arc<Embedded>,
    running: Arc<Semaphore>,
    unsettled: Arc<Semaphore>,
    ready: VecDeque<Delivery>,
}

impl Consuming {
    pub(super) fn new(id: i64, queue: &str, embedded: Arc<Embedded>, prefetch: usize) -> Self {
        let places = |number: usize| Arc::new(Semaphore::new(number));
        let (running, unsettled) = (places(prefetch), places(prefetch.saturating_mul(2)));
        Self { id, queue: queue.to_owned(), embedded, running, unsettled, ready: VecDeque::new() }
    }

    pub(super) async fn next(mut self) -> Option<(Result<Delivery>, Self)> {
        loop {
            if let Some(delivery) = self.ready.pop_front() {
                return Some((Ok(delivery), self));
            }
            let bell = self.embedded.contents.subscribers.queue(self.id);
            let mut rung = std::pin::pin!(bell.notified());
            // Before looking, so that what arrives in between is not missed.
            rung.as_mut().enable();
            if self.embedded.contents.subscribers.is_closed() {
                return None;
            }
            match self.fetch().await {
                Err(error) => return Some((Err(error), self)),
                Ok(_) if !self.ready.is_empty() => {}
                Ok(next_due) => {
                    let due = async {
                        match next_due {
                            Some(due) => {
                                tokio::time::sleep((due - clock::now()).to_std().unwrap_or_default()).await
                            }
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! { () = rung => {} () = due => {} }
                }
            }
        }
    }

    /// Takes as many messages as there are free places. When there are none, tells when the next is due.
    async fn fetch(&mut self) -> Result<Option<DateTime<Utc>>> {
        let acquire =
            async |places: &Arc<Semaphore>| places.clone().acquire_owned().await.map_err(|_| Error::closed());
        let mut places = vec![(acquire(&self.running).await?, acquire(&self.unsettled).await?)];
        while let Ok(running) = self.running.clone().try_acquire_owned()
            && let Ok(unsettled) = self.unsettled.clone().try_acquire_owned()
        {
            places.push((running, unsettled));
        }
        let (queue, name, embedded) = (self.id, self.queue.clone(), self.embedded.clone());
        let (routes, limit) = (embedded.routes()?, places.len());
        // In a task of its own: when the consumer is dropped before the answer, the deliveries are dropped there and go
        // back, instead of staying with a process that does not know of them.
        let fetching = tokio::spawn(async move {
            let (taken, next_due) = embedded.db.write(move |tx| take(tx, &routes, queue, limit)).await?;
            let ready = taken.into_iter().zip(places).map(|(taken, (running, unsettled))| {
                let receipt = Receipt {
                    id: taken.id,
                    queue,
                    settled: Arc::default(),
                    embedded: embedded.clone(),
                    runtime: tokio::runtime::Handle::current(),
                    running: Mutex::new(Some(running)),
                    _unsettled: unsettled,
                };
                Delivery::new(taken.message.parse(), &name, taken.redelivered, receipt)
            });
            Ok::<_, Error>((ready.collect::<VecDeque<_>>(), next_due))
        });
        let (ready, next_due) =
            fetching.await.map_err(|error| backend("fetching messages was interrupted", error))??;
        self.ready.extend(ready);
        Ok(next_due)
    }
}
