//! Deliveries: taken for this process in one transaction, given back when dropped.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    house::{bring_due, expire},
    rows::{StoredMessage, failed},
    settle::release,
};
use crate::{
    backend::{
        Delivery,
        sqlite::db::{Db, Tx, backend, moment},
    },
    error::{Error, Result},
};

/// What a delivery needs to be settled. Gives the message back when dropped unsettled.
pub(super) struct Receipt {
    pub(super) id: i64,
    pub(super) queue: i64,
    pub(super) settled: Arc<AtomicBool>,
    db: Arc<Db>,
    runtime: tokio::runtime::Handle,
    _place: OwnedSemaphorePermit,
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if self.settled.load(Ordering::SeqCst) {
            return;
        }
        let (db, id, queue) = (self.db.clone(), self.id, self.queue);
        self.runtime.spawn(async move {
            if let Err(error) = db.write(move |tx| release(tx, id, queue, None)).await {
                tracing::debug!(%error, "a delivery was not given back; it returns when the lease has lapsed");
            }
        });
    }
}

/// A running consumer.
pub(super) struct Consuming {
    id: i64,
    queue: String,
    db: Arc<Db>,
    places: Arc<Semaphore>,
    ready: VecDeque<Delivery>,
}

impl Consuming {
    pub(super) fn new(id: i64, queue: &str, db: Arc<Db>, prefetch: usize) -> Self {
        let places = Arc::new(Semaphore::new(prefetch));
        Self { id, queue: queue.to_owned(), db, places, ready: VecDeque::new() }
    }

    pub(super) async fn next(mut self) -> Option<(Result<Delivery>, Self)> {
        loop {
            if let Some(delivery) = self.ready.pop_front() {
                return Some((Ok(delivery), self));
            }
            let bell = self.db.hub().queue(self.id);
            let mut rung = std::pin::pin!(bell.notified());
            // Before looking, so that what arrives in between is not missed.
            rung.as_mut().enable();
            if self.db.hub().is_closed() {
                return None;
            }
            match self.fetch().await {
                Err(error) => return Some((Err(error), self)),
                Ok(_) if !self.ready.is_empty() => {}
                Ok(next_due) => {
                    let due = async {
                        match next_due {
                            Some(due) => {
                                tokio::time::sleep((due - Utc::now()).to_std().unwrap_or_default()).await
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
        let Ok(first) = self.places.clone().acquire_owned().await else { return Err(Error::closed()) };
        let mut places = vec![first];
        while let Ok(place) = self.places.clone().try_acquire_owned() {
            places.push(place);
        }
        let (queue, name, db, limit) = (self.id, self.queue.clone(), self.db.clone(), places.len());
        // In a task of its own: when the consumer is dropped before the answer, the deliveries are dropped there and go
        // back, instead of staying with a process that does not know of them.
        let fetching = tokio::spawn(async move {
            let (taken, next_due) = db.write(move |tx| take(tx, queue, limit)).await?;
            let ready = taken.into_iter().zip(places).map(|(taken, place)| {
                let receipt = Receipt {
                    id: taken.id,
                    queue,
                    settled: Arc::default(),
                    db: db.clone(),
                    runtime: tokio::runtime::Handle::current(),
                    _place: place,
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

pub(super) struct Taken {
    id: i64,
    redelivered: bool,
    message: StoredMessage,
}

/// Delivers up to `limit` messages to this process. When there are none, tells when the next is due.
pub(super) fn take(tx: &mut Tx<'_>, queue: i64, limit: usize) -> Result<(Vec<Taken>, Option<DateTime<Utc>>)> {
    bring_due(tx)?;
    expire(tx)?;
    let mut select = tx
        .connection
        .prepare_cached(
            "SELECT message_id, envelope, body, id, delivered FROM messages
             WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL AND (expires_at IS NULL OR expires_at > ?3)
             ORDER BY priority DESC, id LIMIT ?2",
        )
        .map_err(failed)?;
    let rows = select
        .query_map(params![queue, i64::try_from(limit).unwrap_or(i64::MAX), tx.now], |row| {
            let (id, redelivered) = (row.get(3)?, row.get::<_, i64>(4)? > 0);
            Ok(Taken { id, redelivered, message: StoredMessage::read(row)? })
        })
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>);
    let taken = rows.map_err(failed)?;
    drop(select);
    if taken.is_empty() {
        let next = next_due(tx.connection)?;
        return Ok((taken, next.map(moment)));
    }
    tx.beat()?;
    // One by one, for what an `UPDATE` returns goes through a table that SQLite makes for it, bodies and all.
    let mut hold = tx
        .connection
        .prepare_cached("UPDATE messages SET holder = ?1, delivered = delivered + 1 WHERE id = ?2")
        .map_err(failed)?;
    taken.iter().try_for_each(|taken| hold.execute([tx.member, taken.id]).map(drop)).map_err(failed)?;
    drop(hold);
    Ok((taken, None))
}

/// When the next delayed message is due.
pub(crate) fn next_due(connection: &Connection) -> Result<Option<i64>> {
    let mut next = connection
        .prepare_cached("SELECT min(due_at) FROM messages WHERE due_at IS NOT NULL")
        .map_err(failed)?;
    next.query_row([], |row| row.get(0)).map_err(failed)
}

/// Whether a queue has something to deliver now.
pub(crate) fn has_ready(connection: &Connection, queue: i64) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM messages WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL LIMIT 1",
        )
        .and_then(|mut ready| ready.exists([queue]))
        .map_err(failed)
}
