//! The broker in a SQLite file. Behaves as RabbitMQ would for the same topology.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt;
use rusqlite::{Connection, params};

use super::{
    consumer::{Consuming, Receipt},
    db::{Tx, duration_micros, micros, moment},
    embedded::Embedded,
    jobs,
    messages::{
        NewRow, Routes, Settle, called, declare, delayed, each, failed, held, insert_all, plan, prepare,
        prepare_one, query, ready_count, remove_waiting, reschedule,
    },
    store::SqliteStore,
};
use crate::{
    backend::{
        Accepted, BackendInfo, Broker, Consumer, Delivery, Edit, EditCommit, Inserted, JobStore, JobUpdate,
        Lease, NewJob, NotEdited, QueueDepth, Settlement, Updated,
        two_phase::{self, conflict},
    },
    error::{Error, Result},
    job::JobId,
    message::{self, Message},
    topology::{Topology, TopologyPlan},
};

/// Messages in a SQLite file.
#[derive(Debug)]
pub(crate) struct SqliteBroker {
    embedded: Arc<Embedded>,
}

impl SqliteBroker {
    pub(crate) fn new(embedded: Arc<Embedded>) -> Self {
        Self { embedded }
    }

    fn routes(&self) -> Result<Arc<Routes>> {
        self.embedded.routes()
    }

    fn receipt(delivery: &Delivery) -> Result<&Receipt> {
        delivery.receipt::<Receipt>().ok_or_else(|| Error::invalid("the delivery belongs to another broker"))
    }
}

#[async_trait]
impl Broker for SqliteBroker {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        let declared = topology.clone();
        let ids = self.embedded.db.write(move |tx| declare(tx.connection, &declared)).await?;
        self.embedded.contents.set_routes(Routes { topology: topology.clone(), ids });
        Ok(())
    }

    async fn plan(&self, topology: &Topology) -> Result<TopologyPlan> {
        let wanted = topology.clone();
        self.embedded.db.read(move |connection| plan(connection, &wanted)).await
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<()> {
        let routes = self.routes()?;
        let rows = prepare(&routes, messages)?;
        self.embedded.db.write(move |tx| insert_all(tx, &routes, &rows)).await
    }

    async fn consume(&self, queue: &str, prefetch: usize) -> Result<Consumer> {
        let state = Consuming::new(self.routes()?.id(queue)?, queue, self.embedded.clone(), prefetch);
        Ok(Consumer::new(futures_util::stream::unfold(state, Consuming::next).boxed()))
    }

    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        let receipt = Self::receipt(delivery)?;
        if receipt.settled.load(Ordering::SeqCst) {
            return Ok(());
        }
        let routes = self.routes()?;
        let settle = Settle::prepare(&routes, delivery, receipt.place(), settlement, false)?;
        self.embedded.db.write(move |tx| settle.run(tx, &routes)).await?;
        receipt.settled.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn accept(&self, store: &dyn JobStore, jobs: Vec<(NewJob, Message)>) -> Vec<Result<Accepted>> {
        if !self.shares(store) {
            return two_phase::accept(self, store, jobs).await;
        }
        let count = jobs.len();
        match self.accept_together(jobs).await {
            Ok(results) => results,
            Err(error) => (0..count).map(|_| Err(error.clone())).collect(),
        }
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
            return two_phase::finish(self, store, delivery, lease, update, settlement).await;
        }
        let receipt = Self::receipt(delivery)?;
        let routes = self.routes()?;
        let settle = Settle::prepare(&routes, delivery, receipt.place(), settlement, true)?;
        let superfluous = Settle::prepare(&routes, delivery, receipt.place(), Settlement::Ack, false)?;
        let returned = Settlement::Requeue { delay: Duration::ZERO };
        let returned = Settle::prepare(&routes, delivery, receipt.place(), returned, false)?;
        let updated = self
            .embedded
            .db
            .write(move |tx| {
                let updated = jobs::update(tx, lease, &update)?;
                match updated {
                    Updated::Applied => settle.run(tx, &routes)?,
                    Updated::Stale => superfluous.run(tx, &routes)?,
                    Updated::Lost => returned.run(tx, &routes)?,
                }
                Ok(updated)
            })
            .await?;
        receipt.settled.store(true, Ordering::SeqCst);
        Ok(updated)
    }

    fn free_place(&self, delivery: &Delivery) {
        if let Some(receipt) = delivery.receipt::<Receipt>() {
            receipt.free_place();
        }
    }

    async fn edit(&self, store: &dyn JobStore, id: JobId, edit: Edit) -> Result<Result<(), NotEdited>> {
        if !self.shares(store) {
            return two_phase::edit(self, store, id, edit).await;
        }
        let routes = self.routes()?;
        self.embedded.db.write(move |tx| edit_together(tx, &routes, id, &edit)).await
    }

    async fn find_waiting(&self, queue: &str, id: JobId, generation: u64) -> Result<Option<Message>> {
        let delayed = self.embedded.db.read(move |connection| delayed(connection, id, generation)).await?;
        if delayed.is_some() || queue.is_empty() {
            return Ok(delayed);
        }
        let ready = self.waiting(queue, &id.to_string()).await?;
        Ok(ready.map(|(message, _)| message).filter(|message| message.generation() == generation))
    }

    async fn depth(&self, queue: &str) -> Result<QueueDepth> {
        let id = self.routes()?.id(queue)?;
        self.embedded.db.read(move |connection| depth(connection, id)).await
    }

    async fn browse(&self, queue: &str, skip: usize, limit: usize) -> Result<Vec<Message>> {
        let id = self.routes()?.id(queue)?;
        let sql = "SELECT message_id, envelope, body FROM messages WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL
                   ORDER BY id LIMIT ?2 OFFSET ?3";
        let (skip, limit) =
            (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
        self.embedded.db.read(move |connection| query(connection, sql, params![id, limit, skip])).await
    }

    async fn browse_each(&self, queue: &str, mut look: Box<dyn FnMut(Message) -> bool + Send>) -> Result<()> {
        let id = self.routes()?.id(queue)?;
        let sql = "SELECT message_id, envelope, body FROM messages WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL
                   ORDER BY id";
        self.embedded.db.read_apart(move |connection| each(connection, sql, [id], &mut look)).await
    }

    async fn find(&self, queue: &str, id: &str) -> Result<Option<Message>> {
        Ok(self.waiting(queue, id).await?.map(|(message, _)| message))
    }

    async fn remove(&self, queue: &str, id: &str) -> Result<bool> {
        // Somebody may take it in between: then the next that is called so.
        while let Some((_, place)) = self.waiting(queue, id).await? {
            let sql = "DELETE FROM messages WHERE id = ?1 AND holder IS NULL AND due_at IS NULL";
            let remove = self.embedded.db.write(move |tx| {
                tx.connection.prepare_cached(sql).and_then(|mut s| s.execute([place])).map_err(failed)
            });
            if remove.await? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn purge(&self, queue: &str) -> Result<u64> {
        let id = self.routes()?.id(queue)?;
        let sql = "DELETE FROM messages WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL";
        self.embedded
            .db
            .write(move |tx| {
                Ok(tx.connection.prepare_cached(sql).and_then(|mut s| s.execute([id])).map_err(failed)?
                    as u64)
            })
            .await
    }

    fn describe(&self) -> BackendInfo {
        self.embedded.describe().setting("delays", "any").setting("priorities", "0 to 255")
    }

    async fn close(&self) {
        self.embedded.close().await;
    }
}

impl SqliteBroker {
    /// The first waiting message that is called so, and its place.
    async fn waiting(&self, queue: &str, id: &str) -> Result<Option<(Message, i64)>> {
        const WAITING: &str = "SELECT message_id, envelope, body, id FROM messages
            WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL";
        let (queue, id) = (self.routes()?.id(queue)?, id.to_owned());
        self.embedded
            .db
            .read(move |connection| {
                // Mostly it is the message's own, which needs no look into each.
                let own = format!("{WAITING} AND message_id = ?2 ORDER BY id LIMIT 1");
                let all = format!("{WAITING} ORDER BY id");
                match called(connection, &id, &own, params![queue, id])? {
                    None => called(connection, &id, &all, params![queue]),
                    found => Ok(found),
                }
            })
            .await
    }

    /// Records and messages in one commit.
    async fn accept_together(&self, jobs: Vec<(NewJob, Message)>) -> Result<Vec<Result<Accepted>>> {
        let routes = self.routes()?;
        let mut new =
            NewJobs { jobs: Vec::with_capacity(jobs.len()), messages: Vec::new(), routes: routes.clone() };
        // Where each job's messages end among all.
        let mut ends = Vec::with_capacity(jobs.len());
        for (job, message) in jobs {
            new.jobs.push(jobs::JobRow::from(job));
            prepare_one(&routes, message, &mut new.messages)?;
            ends.push(new.messages.len());
        }
        if new.jobs.iter().all(|job| !job.may_be_known()) {
            self.embedded.db.write_together(new, insert_together).await?;
            return Ok(ends.into_iter().map(|_| Ok(Accepted::New)).collect());
        }
        let known = self.embedded.db.write(move |tx| insert_unknown(tx, &new, &ends)).await?;
        Ok(known
            .into_iter()
            .map(|(id, known)| match known {
                Inserted::New => Ok(Accepted::New),
                Inserted::Known { same_payload: true, .. } => Ok(Accepted::Known),
                Inserted::Known { same_payload: false, .. } => Err(conflict(id)),
            })
            .collect())
    }

    /// Whether `store` is the one in this broker's file, so that both are written in one commit.
    fn shares(&self, store: &dyn JobStore) -> bool {
        store.as_any().downcast_ref::<SqliteStore>().is_some_and(|store| store.is_in(&self.embedded))
    }
}

/// Jobs with the messages they go by.
struct NewJobs {
    jobs: Vec<jobs::JobRow>,
    messages: Vec<NewRow>,
    routes: Arc<Routes>,
}

/// Stores jobs that nobody can know yet: those of several callers by the same few statements.
fn insert_together(tx: &mut Tx<'_>, new: &[&NewJobs]) -> Result<()> {
    let Some(NewJobs { routes, .. }) = new.last() else { return Ok(()) };
    let jobs: Vec<_> = new.iter().flat_map(|new| &new.jobs).collect();
    jobs::insert(tx, &jobs)?;
    insert_all(tx, routes, new.iter().flat_map(|new| &new.messages))
}

/// Stores the jobs whose ids are new, with their messages, which end for each job at one of `ends`.
fn insert_unknown(tx: &mut Tx<'_>, new: &NewJobs, ends: &[usize]) -> Result<Vec<(JobId, Inserted)>> {
    let mut begin = 0;
    let mut found = Vec::with_capacity(ends.len());
    for (job, end) in new.jobs.iter().zip(ends) {
        let known = jobs::known(tx.connection, job)?;
        if known == Inserted::New {
            jobs::insert(tx, &[job])?;
            insert_all(tx, &new.routes, &new.messages[begin..*end])?;
        }
        begin = *end;
        found.push((job.id(), known));
    }
    Ok(found)
}

/// Record and message of a waiting job in one commit.
fn edit_together(tx: &mut Tx<'_>, routes: &Routes, id: JobId, edit: &Edit) -> Result<Result<(), NotEdited>> {
    let jobs::Reserved { generation, wait, stored } = match jobs::reserve_edit(tx, id)? {
        Ok(reserved) => reserved,
        Err(not_edited) => return Ok(Err(not_edited)),
    };
    let (job, now) = (stored.parse(), moment(tx.now));
    let mut commit = EditCommit::new();
    let message = match edit {
        Edit::Due(delay) if delay.is_zero() && wait.is_zero() => return Ok(Ok(())),
        Edit::Due(delay) => {
            commit.delay = Some(*delay);
            let moved = reschedule(tx, id, tx.now.saturating_add(duration_micros(*delay)))?;
            // A consumer that holds it may be about to put it back for as long as the job was to wait. One that waits for a
            // consumer goes back when that finds it not due.
            let held = if moved || *delay >= wait { None } else { held(tx.connection, id, job.generation)? };
            held.map(|held| message::due_in(&held, &job, generation, *delay, now))
        }
        Edit::Payload { exchange, routing_key, body, digest } => {
            commit.digest = Some(*digest);
            let since = job.next_attempt_at.unwrap_or(job.created_at);
            remove_waiting(tx, Some(routes), id, micros(since))?;
            let route = (exchange.as_str(), routing_key.as_str());
            Some(message::with_payload(route, body.clone(), &job, generation, wait, now))
        }
    };
    if let Some(message) = message {
        commit.generation = Some(generation);
        insert_all(tx, routes, &prepare(routes, vec![message])?)?;
    }
    jobs::commit_edit(tx, id, &commit)
}

fn depth(connection: &Connection, queue: i64) -> Result<QueueDepth> {
    let count = |sql| {
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_row([queue], |row| row.get(0))
    };
    Ok(QueueDepth {
        ready: ready_count(connection, queue)?,
        delayed: Some(
            count("SELECT count(*) FROM messages WHERE queue = ?1 AND due_at IS NOT NULL").map_err(failed)?,
        ),
        unsettled: Some(
            count("SELECT count(*) FROM messages WHERE queue = ?1 AND holder IS NOT NULL").map_err(failed)?,
        ),
    })
}
