//! The broker in a SQLite file. Behaves as RabbitMQ would for the same topology.

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Broker, Consumer, Delivery, QueueDepth, Settlement};
use crate::{
    envelope::{self, Message},
    error::{Error, ErrorKind, Result},
    job::Job,
    queue::unroutable,
    sqlite::{Db, Tx, backend, duration_micros, micros, moment},
    store::{
        JobStore, JobUpdate, Lease, Updated,
        sqlite::{self as jobs, SqliteStore},
    },
    topology::{ExchangeKind, Overflow, QueueSpec, Topology},
};

/// Expired messages moved in one transaction.
const EXPIRE_AT_ONCE: usize = 500;

/// Messages in a SQLite file.
#[derive(Debug)]
pub(crate) struct SqliteBroker {
    db: Arc<Db>,
}

/// The topology with the numbers its queues have in the file.
#[derive(Debug)]
pub(crate) struct Routes {
    topology: Topology,
    ids: BTreeMap<String, i64>,
}

impl Routes {
    fn id(&self, queue: &str) -> Result<i64> {
        self.ids.get(queue).copied().ok_or_else(|| Error::not_found(format!("queue `{queue}`")))
    }

    fn reached(&self, message: &Message) -> Result<Vec<(i64, &QueueSpec)>> {
        let names = self.topology.route_from(&message.exchange, &message.routing_key);
        if names.is_empty() {
            return Err(unroutable(message));
        }
        names.into_iter().map(|name| Ok((self.id(name)?, self.spec(name)?))).collect()
    }

    /// The settings of a queue by its number; `None` for a queue of another program on the same file.
    fn spec_of(&self, id: i64) -> Option<&QueueSpec> {
        let (name, _) = self.ids.iter().find(|(_, known)| **known == id)?;
        self.topology.queue(name)
    }

    fn spec(&self, queue: &str) -> Result<&QueueSpec> {
        self.topology.queue(queue).ok_or_else(|| Error::not_found(format!("queue `{queue}`")))
    }
}

/// What a delivery needs to be settled. Gives the message back when dropped unsettled.
struct Receipt {
    id: i64,
    queue: i64,
    settled: Arc<AtomicBool>,
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

impl SqliteBroker {
    pub(crate) fn new(db: Arc<Db>) -> Self {
        Self { db }
    }

    fn routes(&self) -> Result<Arc<Routes>> {
        self.db.routes().ok_or_else(|| {
            Error::new(ErrorKind::InvalidTopology, "no topology was declared; call `declare` first")
        })
    }

    fn receipt(delivery: &Delivery) -> Result<&Receipt> {
        delivery.receipt::<Receipt>().ok_or_else(|| Error::invalid("the delivery belongs to another broker"))
    }
}

#[async_trait]
impl Broker for SqliteBroker {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        let declared = topology.clone();
        let ids = self.db.write(move |tx| declare(tx.connection, &declared)).await?;
        self.db.set_routes(Routes { topology: topology.clone(), ids });
        Ok(())
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<()> {
        let rows = prepare(self.routes()?.as_ref(), &messages)?;
        self.db.write(move |tx| insert_all(tx, &rows)).await
    }

    async fn consume(&self, queue: &str, prefetch: usize) -> Result<Consumer> {
        let state = Consuming {
            id: self.routes()?.id(queue)?,
            queue: queue.to_owned(),
            db: self.db.clone(),
            places: Arc::new(Semaphore::new(prefetch)),
            ready: VecDeque::new(),
        };
        Ok(Consumer::new(futures_util::stream::unfold(state, Consuming::next).boxed()))
    }

    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        let receipt = Self::receipt(delivery)?;
        if receipt.settled.load(Ordering::SeqCst) {
            return Ok(());
        }
        let settle = Settle::prepare(self.routes()?.as_ref(), delivery, receipt, settlement, false)?;
        self.db.write(move |tx| settle.run(tx)).await?;
        receipt.settled.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn accept(&self, store: &dyn JobStore, accepted: Vec<(Job, Message)>) -> Result<()> {
        if !self.shares(store) {
            return super::accept_apart(self, store, accepted).await;
        }
        let (jobs, messages): (Vec<_>, Vec<_>) = accepted.into_iter().unzip();
        let rows = prepare(self.routes()?.as_ref(), &messages)?;
        let jobs: Vec<_> = jobs.iter().map(jobs::NewJob::new).collect();
        self.db
            .write(move |tx| {
                jobs.iter().try_for_each(|job| jobs::insert(tx, job))?;
                insert_all(tx, &rows)
            })
            .await
    }

    async fn finish(
        &self,
        store: &dyn JobStore,
        delivery: &Delivery,
        lease: Lease,
        update: JobUpdate,
        settlement: Settlement,
    ) -> Result<Updated> {
        if !self.shares(store) {
            return super::finish_apart(self, store, delivery, lease, update, settlement).await;
        }
        let receipt = Self::receipt(delivery)?;
        let routes = self.routes()?;
        let settle = Settle::prepare(&routes, delivery, receipt, settlement, true)?;
        let superfluous = Settle::prepare(&routes, delivery, receipt, Settlement::Ack, false)?;
        let updated = self
            .db
            .write(move |tx| {
                let updated = jobs::update(tx, lease, &update)?;
                if updated == Updated::Stale {
                    superfluous.run(tx)?
                } else {
                    settle.run(tx)?
                }
                Ok(updated)
            })
            .await?;
        receipt.settled.store(true, Ordering::SeqCst);
        Ok(updated)
    }

    async fn depth(&self, queue: &str) -> Result<QueueDepth> {
        let id = self.routes()?.id(queue)?;
        self.db.read(move |connection| depth(connection, id)).await
    }

    async fn browse(&self, queue: &str, skip: usize, limit: usize) -> Result<Vec<Message>> {
        let id = self.routes()?.id(queue)?;
        let sql = "SELECT message_id, envelope, body FROM messages WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL
                   ORDER BY id LIMIT ?2 OFFSET ?3";
        let (skip, limit) =
            (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
        self.db.read(move |connection| query(connection, sql, params![id, limit, skip])).await
    }

    async fn find(&self, queue: &str, message_id: &str) -> Result<Option<Message>> {
        let (id, message_id) = (self.routes()?.id(queue)?, message_id.to_owned());
        let sql = "SELECT message_id, envelope, body FROM messages
                   WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL AND message_id = ?2 ORDER BY id LIMIT 1";
        Ok(self.db.read(move |connection| query(connection, sql, params![id, message_id])).await?.pop())
    }

    async fn remove(&self, queue: &str, message_id: &str) -> Result<bool> {
        let (id, message_id) = (self.routes()?.id(queue)?, message_id.to_owned());
        // One only, the one that `find` shows: an id may be used twice.
        let sql = "DELETE FROM messages WHERE id = (SELECT id FROM messages
                       WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL AND message_id = ?2 ORDER BY id LIMIT 1)";
        self.db
            .write(move |tx| {
                Ok(tx
                    .connection
                    .prepare_cached(sql)
                    .and_then(|mut s| s.execute(params![id, message_id]))
                    .map_err(failed)?
                    > 0)
            })
            .await
    }

    async fn purge(&self, queue: &str) -> Result<u64> {
        let id = self.routes()?.id(queue)?;
        let sql = "DELETE FROM messages WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL";
        self.db
            .write(move |tx| {
                Ok(tx.connection.prepare_cached(sql).and_then(|mut s| s.execute([id])).map_err(failed)?
                    as u64)
            })
            .await
    }

    async fn close(&self) {
        self.db.close().await;
    }
}

impl SqliteBroker {
    /// Whether `store` is the one in this broker's file, so that both are written in one commit.
    fn shares(&self, store: &dyn JobStore) -> bool {
        store.as_any().downcast_ref::<SqliteStore>().is_some_and(|store| store.is_in(&self.db))
    }
}

/// A running consumer.
struct Consuming {
    id: i64,
    queue: String,
    db: Arc<Db>,
    places: Arc<Semaphore>,
    ready: VecDeque<Delivery>,
}

impl Consuming {
    async fn next(mut self) -> Option<(Result<Delivery>, Self)> {
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
                Ok(Delivery::new(taken.message.parse()?, &name, taken.redelivered, receipt))
            });
            Ok::<_, Error>((ready.collect::<Result<VecDeque<_>>>()?, next_due))
        });
        let (ready, next_due) =
            fetching.await.map_err(|error| backend("fetching messages was interrupted", error))??;
        self.ready.extend(ready);
        Ok(next_due)
    }
}

/// A message as it is stored, apart from its id and body.
#[derive(Serialize, Deserialize)]
struct StoredEnvelope<'a> {
    exchange: Cow<'a, str>,
    key: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    priority: u8,
    at: i64,
    #[serde(default, skip_serializing_if = "no_headers")]
    headers: Cow<'a, BTreeMap<String, Value>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u8) -> bool {
    *n == 0
}

fn no_headers(headers: &BTreeMap<String, Value>) -> bool {
    headers.is_empty()
}

/// A message bound for one queue.
struct NewRow {
    queue: i64,
    priority: u8,
    due_at: Option<i64>,
    /// Counted from when it is ready.
    ttl: Option<i64>,
    /// Whether the queue has a maximum length.
    limited: bool,
    /// It was in the queue before: a full queue does not refuse it, or the one who drains the queue could not end.
    returns: bool,
    message_id: String,
    envelope: String,
    body: Vec<u8>,
}

impl NewRow {
    fn new(queue: i64, spec: &QueueSpec, message: &Message) -> Result<Self> {
        let envelope = StoredEnvelope {
            exchange: Cow::Borrowed(&message.exchange),
            key: Cow::Borrowed(&message.routing_key),
            correlation: message.correlation_id.as_deref().map(Cow::Borrowed),
            priority: message.priority,
            at: micros(message.timestamp),
            headers: Cow::Borrowed(&message.headers),
        };
        Ok(Self {
            queue,
            priority: spec.effective_priority(message.priority),
            due_at: message.not_before.map(micros),
            ttl: [spec.message_ttl, message.ttl].into_iter().flatten().min().map(duration_micros),
            limited: spec.max_length.is_some(),
            returns: false,
            message_id: message.message_id.clone(),
            envelope: serde_json::to_string(&envelope).map_err(|error| {
                Error::invalid("the message headers cannot be written as JSON").with_source(error)
            })?,
            body: message.body.clone(),
        })
    }
}

/// Routes messages and makes the rows they become.
fn prepare(routes: &Routes, messages: &[Message]) -> Result<Vec<NewRow>> {
    let mut rows = Vec::with_capacity(messages.len());
    for message in messages {
        for (id, spec) in routes.reached(message)? {
            rows.push(NewRow::new(id, spec, message)?);
        }
    }
    Ok(rows)
}

fn insert_all(tx: &mut Tx<'_>, rows: &[NewRow]) -> Result<()> {
    for row in rows {
        // A delayed message does not count before it is due.
        let counts = row.limited && row.due_at.is_none_or(|due| due <= tx.now);
        if counts && !row.returns {
            make_room(tx, row.queue, true)?;
        }
        insert(tx, row)?;
        if counts {
            make_room(tx, row.queue, false)?;
        }
    }
    Ok(())
}

fn insert(tx: &mut Tx<'_>, row: &NewRow) -> Result<()> {
    let place = tx.next_place()?;
    let due_at = row.due_at.filter(|due| *due > tx.now);
    let expires_at = row.ttl.map(|ttl| due_at.unwrap_or(tx.now).saturating_add(ttl));
    tx.connection
        .prepare_cached(
            "INSERT INTO messages (id, queue, priority, due_at, expires_at, message_id, envelope, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                place,
                row.queue,
                row.priority,
                due_at,
                expires_at,
                row.message_id,
                row.envelope,
                row.body
            ])
        })
        .map_err(failed)?;
    tx.effects.queues.insert(row.queue);
    Ok(())
}

/// The place of the last message.
pub(crate) fn last_place(connection: &Connection) -> Result<Option<i64>> {
    let mut last = connection.prepare_cached("SELECT max(id) FROM messages").map_err(failed)?;
    last.query_row([], |row| row.get(0)).map_err(failed)
}

/// Keeps a queue within its length: refuses the message about to come, or drops the head when one too many is there.
fn make_room(tx: &mut Tx<'_>, queue: i64, before: bool) -> Result<()> {
    let Some(routes) = tx.routes() else { return Ok(()) };
    let Some(spec) = routes.spec_of(queue) else { return Ok(()) };
    let Some(max) = spec.max_length else { return Ok(()) };
    if before != (spec.overflow == Overflow::RejectPublish) {
        return Ok(());
    }
    let ready = ready_count(tx.connection, queue)?;
    if before {
        if ready >= u64::from(max) {
            let full = format!(
                "queue `{}` is full: {ready} messages wait and {max} may; try again later",
                spec.name()
            );
            return Err(Error::new(ErrorKind::QueueFull, full));
        }
        return Ok(());
    }
    let too_many = ready.saturating_sub(u64::from(max));
    let heads: Vec<i64> = ids(
        tx.connection,
        "SELECT id FROM messages WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL ORDER BY priority DESC, id LIMIT ?2",
        params![queue, too_many],
    )?;
    heads.into_iter().try_for_each(|id| dead_letter(tx, &routes, id, "maxlen"))
}

fn ready_count(connection: &Connection, queue: i64) -> Result<u64> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM messages WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL",
        )
        .and_then(|mut count| count.query_row([queue], |row| row.get::<_, i64>(0)))
        .map(|count| count as u64)
        .map_err(failed)
}

/// The broker's own dead-lettering: the message moves to its queue's dead-letter exchange with the reason.
fn dead_letter(tx: &mut Tx<'_>, routes: &Routes, id: i64, reason: &str) -> Result<()> {
    let found = query_one(
        tx.connection,
        "SELECT message_id, envelope, body, queue FROM messages WHERE id = ?1",
        [id],
    )?;
    let Some((mut message, queue)) = found else { return Ok(()) };
    let spec = routes.spec_of(queue);
    if let Some(exchange) = spec.and_then(|spec| spec.dead_letter_exchange.as_ref()) {
        message.exchange.clone_from(exchange);
        let queue = spec.map(QueueSpec::name).unwrap_or_default();
        for (name, value) in [(envelope::BROKER_REASON, reason), (envelope::BROKER_QUEUE, queue)] {
            message.headers.entry(name.to_owned()).or_insert_with(|| json!(value));
        }
        insert_all(tx, &prepare(routes, &[message])?)?;
    }
    delete(tx, id)
}

fn delete(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.connection
        .prepare_cached("DELETE FROM messages WHERE id = ?1")
        .and_then(|mut delete| delete.execute([id]))
        .map(drop)
        .map_err(failed)
}

/// A settlement with everything that can be made before the transaction.
struct Settle {
    id: i64,
    queue: i64,
    /// The job's record was changed in the same transaction, so the message's fate is ours even if the broker has
    /// taken the delivery back.
    owned: bool,
    action: Action,
}

enum Action {
    Ack,
    Requeue(Duration),
    Replace(Vec<NewRow>),
}

impl Settle {
    fn prepare(
        routes: &Routes,
        delivery: &Delivery,
        receipt: &Receipt,
        settlement: Settlement,
        owned: bool,
    ) -> Result<Self> {
        let action = match settlement {
            Settlement::Ack => Action::Ack,
            Settlement::Requeue { delay } => Action::Requeue(delay),
            Settlement::Retry { mut message, delay } => {
                message.not_before = Some(crate::lifecycle::later(Utc::now(), delay));
                let row = NewRow::new(receipt.queue, routes.spec(&delivery.queue)?, &message)?;
                Action::Replace(vec![NewRow { returns: true, ..row }])
            }
            Settlement::DeadLetter { message } => Action::Replace(prepare(routes, &[*message])?),
        };
        Ok(Self { id: receipt.id, queue: receipt.queue, owned, action })
    }

    fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        if let Action::Requeue(delay) = self.action {
            return release(tx, self.id, self.queue, Some(delay));
        }
        let sql = if self.owned {
            "DELETE FROM messages WHERE id = ?1"
        } else {
            "DELETE FROM messages WHERE id = ?1 AND holder = ?2"
        };
        let held = tx
            .connection
            .prepare_cached(sql)
            .and_then(|mut delete| {
                if self.owned { delete.execute([self.id]) } else { delete.execute([self.id, tx.member]) }
            })
            .map_err(failed)?;
        match &self.action {
            Action::Replace(rows) if held > 0 || self.owned => insert_all(tx, rows),
            _ => Ok(()),
        }
    }
}

/// Gives a message this process holds back to its queue.
fn release(tx: &mut Tx<'_>, id: i64, queue: i64, delay: Option<Duration>) -> Result<()> {
    let due_at =
        delay.filter(|delay| !delay.is_zero()).map(|delay| tx.now.saturating_add(duration_micros(delay)));
    tx.connection
        .prepare_cached("UPDATE messages SET holder = NULL, due_at = ?3 WHERE id = ?1 AND holder = ?2")
        .and_then(|mut release| release.execute(params![id, tx.member, due_at]))
        .map_err(failed)?;
    tx.effects.queues.insert(queue);
    Ok(())
}

/// Gives back everything a member holds, and tells how much that was.
pub(crate) fn release_member(tx: &mut Tx<'_>, member: i64) -> Result<usize> {
    let queues =
        ids(tx.connection, "UPDATE messages SET holder = NULL WHERE holder = ?1 RETURNING queue", [member])?;
    let released = queues.len();
    tx.effects.queues.extend(queues);
    tx.connection
        .prepare_cached("DELETE FROM members WHERE id = ?1")
        .and_then(|mut delete| delete.execute([member]))
        .map(|_| released)
        .map_err(failed)
}

struct Taken {
    id: i64,
    redelivered: bool,
    message: StoredMessage,
}

/// Delivers up to `limit` messages to this process. When there are none, tells when the next is due.
fn take(tx: &mut Tx<'_>, queue: i64, limit: usize) -> Result<(Vec<Taken>, Option<DateTime<Utc>>)> {
    bring_due(tx)?;
    expire(tx)?;
    let mut statement = tx
        .connection
        .prepare_cached(
            "UPDATE messages SET holder = ?1, delivered = delivered + 1
             WHERE id IN (SELECT id FROM messages WHERE queue = ?2 AND holder IS NULL AND due_at IS NULL
                              AND (expires_at IS NULL OR expires_at > ?4)
                          ORDER BY priority DESC, id LIMIT ?3)
             RETURNING message_id, envelope, body, id, delivered, priority",
        )
        .map_err(failed)?;
    let rows = statement
        .query_map(params![tx.member, queue, i64::try_from(limit).unwrap_or(i64::MAX), tx.now], |row| {
            let taken = Taken {
                id: row.get(3)?,
                redelivered: row.get::<_, i64>(4)? > 1,
                message: StoredMessage::read(row)?,
            };
            Ok((std::cmp::Reverse(row.get::<_, i64>(5)?), taken))
        })
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>);
    let mut taken = rows.map_err(failed)?;
    drop(statement);
    if taken.is_empty() {
        let next = next_due(tx.connection)?;
        return Ok((Vec::new(), next.map(moment)));
    }
    tx.beat()?;
    // SQLite returns changed rows in any order.
    taken.sort_by_key(|(priority, taken)| (*priority, taken.id));
    Ok((taken.into_iter().map(|(_, taken)| taken).collect(), None))
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

/// Lets delayed messages whose time has come into their queues, at the end.
fn bring_due(tx: &mut Tx<'_>) -> Result<()> {
    let due = ids(tx.connection, "SELECT id FROM messages WHERE due_at <= ?1 ORDER BY due_at", [tx.now])?;
    if due.is_empty() {
        return Ok(());
    }
    for id in due {
        let place = tx.next_place()?;
        let queue: i64 = tx
            .connection
            .prepare_cached("UPDATE messages SET due_at = NULL, id = ?2 WHERE id = ?1 RETURNING queue")
            .and_then(|mut bring| bring.query_row([id, place], |row| row.get(0)))
            .map_err(failed)?;
        tx.effects.queues.insert(queue);
        make_room(tx, queue, false)?;
    }
    Ok(())
}

/// Dead-letters what waited too long, in the queues this process knows.
fn expire(tx: &mut Tx<'_>) -> Result<()> {
    let Some(routes) = tx.routes() else { return Ok(()) };
    let mut statement = tx.connection.prepare_cached(EXPIRED).map_err(failed)?;
    let rows = statement
        .query_map(params![tx.now, EXPIRE_AT_ONCE], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>);
    let expired = rows.map_err(failed)?;
    drop(statement);
    expired
        .into_iter()
        .filter(|(_, queue)| routes.spec_of(*queue).is_some())
        .try_for_each(|(id, _)| dead_letter(tx, &routes, id, "expired"))
}

const EXPIRED: &str = "SELECT id, queue FROM messages
    WHERE expires_at <= ?1 AND expires_at IS NOT NULL AND holder IS NULL AND due_at IS NULL ORDER BY expires_at LIMIT ?2";

/// Whether [`keep_house`] would find something; reads only.
pub(crate) fn house_is_due(connection: &Connection, member: i64, now: i64) -> Result<bool> {
    let due = |sql, value: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(sql).and_then(|mut look| look.exists(value)).map_err(failed)
    };
    Ok(due("SELECT 1 FROM messages WHERE holder = ?1", &[&member])?
        || due("SELECT 1 FROM members WHERE alive_until < ?1", &[&now])?
        || due("SELECT 1 FROM messages WHERE due_at <= ?1", &[&now])?
        || due(EXPIRED, &[&now, &1])?)
}

/// Signs of life, deliveries of dead members if it `may_bury` them, due and expired messages.
pub(crate) fn keep_house(tx: &mut Tx<'_>, may_bury: bool) -> Result<()> {
    let holds = tx
        .connection
        .prepare_cached("SELECT 1 FROM messages WHERE holder = ?1")
        .and_then(|mut held| held.exists([tx.member]));
    // First, so that a process that slept does not bury itself.
    if holds.map_err(failed)? {
        tx.beat()?;
    }
    let silent = "SELECT id FROM members WHERE alive_until < ?1 AND ?2";
    for member in ids(tx.connection, silent, params![tx.now, may_bury])? {
        // A process that waits gives no signs of life either, and nobody minds.
        let released = release_member(tx, member)?;
        if released > 0 {
            tracing::warn!(
                member,
                deliveries = released,
                "a process gave no sign of life; its deliveries go to others"
            );
        }
    }
    bring_due(tx)?;
    expire(tx)
}

fn declare(connection: &Connection, topology: &Topology) -> Result<BTreeMap<String, i64>> {
    for (name, kind) in topology.exchanges() {
        let kind = match kind {
            ExchangeKind::Topic => "topic",
            ExchangeKind::Direct => "direct",
            ExchangeKind::Fanout => "fanout",
        };
        connection
            .execute(
                "INSERT INTO exchanges (name, kind) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                [name, kind],
            )
            .map_err(failed)?;
        let found: String = connection
            .query_row("SELECT kind FROM exchanges WHERE name = ?1", [name], |row| row.get(0))
            .map_err(failed)?;
        if found != kind {
            return Err(mismatch("exchange", name, "kind", Some(kind), Some(&found)));
        }
    }
    topology
        .queues()
        .iter()
        .map(|queue| Ok((queue.name().to_owned(), declare_queue(connection, queue)?)))
        .collect()
}

fn declare_queue(connection: &Connection, queue: &QueueSpec) -> Result<i64> {
    let wanted: Map<String, Value> =
        queue.arguments().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    connection
        .execute(
            "INSERT INTO queues (name, arguments) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![queue.name(), Value::Object(wanted.clone()).to_string()],
        )
        .map_err(failed)?;
    let (id, found): (i64, String) = connection
        .query_row("SELECT id, arguments FROM queues WHERE name = ?1", [queue.name()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .map_err(failed)?;
    let found: Map<String, Value> = serde_json::from_str(&found).unwrap_or_default();
    for name in wanted.keys().chain(found.keys()) {
        if wanted.get(name) != found.get(name) {
            let text = |arguments: &Map<String, Value>| {
                arguments.get(name).and_then(Value::as_str).map(str::to_owned)
            };
            return Err(mismatch(
                "queue",
                queue.name(),
                name,
                text(&wanted).as_deref(),
                text(&found).as_deref(),
            ));
        }
    }
    Ok(id)
}

fn mismatch(what: &str, name: &str, argument: &str, wanted: Option<&str>, found: Option<&str>) -> Error {
    Error::new(
        ErrorKind::TopologyMismatch,
        format!(
            "{what} `{name}` exists with {argument} = {}, this program wants {}; give the {what} a new name, or drain it with the old settings and remove it",
            found.unwrap_or("none"),
            wanted.unwrap_or("none"),
        ),
    )
}

fn depth(connection: &Connection, queue: i64) -> Result<QueueDepth> {
    let count = |sql| {
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_row([queue], |row| row.get(0))
    };
    Ok(QueueDepth {
        ready: ready_count(connection, queue)?,
        delayed: count("SELECT count(*) FROM messages WHERE queue = ?1 AND due_at IS NOT NULL")
            .map_err(failed)?,
        unsettled: count("SELECT count(*) FROM messages WHERE queue = ?1 AND holder IS NOT NULL")
            .map_err(failed)?,
    })
}

fn ids(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    statement.query_map(values, |row| row.get(0)).and_then(Iterator::collect).map_err(failed)
}

fn query(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Vec<Message>> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let rows = statement
        .query_map(values, StoredMessage::read)
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>);
    rows.map_err(failed)?.into_iter().map(StoredMessage::parse).collect()
}

fn query_one(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Option<(Message, i64)>> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let row = statement
        .query_row(values, |row| Ok((StoredMessage::read(row)?, row.get(3)?)))
        .optional()
        .map_err(failed)?;
    row.map(|(stored, number)| Ok((stored.parse()?, number))).transpose()
}

/// A message as read, not yet parsed: parsing is for the caller's thread, not the writer's.
struct StoredMessage {
    message_id: String,
    envelope: String,
    body: Vec<u8>,
}

impl StoredMessage {
    /// From a row that begins with `message_id, envelope, body`.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { message_id: row.get(0)?, envelope: row.get(1)?, body: row.get(2)? })
    }

    fn parse(self) -> Result<Message> {
        let envelope: StoredEnvelope<'_> = serde_json::from_str(&self.envelope).map_err(|error| {
            Error::new(
                ErrorKind::Corrupt,
                format!("the envelope of message `{}` is damaged", self.message_id),
            )
            .with_source(error)
        })?;
        let mut message = Message::new(envelope.exchange, envelope.key, self.message_id, self.body);
        message.correlation_id = envelope.correlation.map(Cow::into_owned);
        message.priority = envelope.priority;
        message.timestamp = moment(envelope.at);
        message.headers = envelope.headers.into_owned();
        Ok(message)
    }
}

fn failed(error: rusqlite::Error) -> Error {
    backend("the messages in the queue file cannot be read or written", error)
}
