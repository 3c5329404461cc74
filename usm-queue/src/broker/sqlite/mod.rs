//! The broker in a SQLite file. Behaves as RabbitMQ would for the same topology.

mod consume;
mod house;
mod insert;
mod routes;
mod rows;
mod settle;

use std::sync::{Arc, atomic::Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use rusqlite::{Connection, params};

use self::{
    consume::{Consuming, Receipt},
    insert::{insert_all, ready_count},
    routes::{declare, plan},
    rows::{failed, prepare, prepare_one, query},
    settle::Settle,
};
pub(crate) use self::{
    consume::{has_ready, next_due},
    house::{house_is_due, keep_house, release_member},
    insert::last_place,
    routes::Routes,
    settle::remove_delayed,
};
use super::{Broker, Consumer, Delivery, QueueDepth, Settlement};
use crate::{
    envelope::Message,
    error::{Error, ErrorKind, Result},
    job::Job,
    sqlite::Db,
    store::{
        JobStore, JobUpdate, Lease, Updated,
        sqlite::{self as jobs, SqliteStore},
    },
    topology::{Topology, TopologyPlan},
};

/// Messages in a SQLite file.
#[derive(Debug)]
pub(crate) struct SqliteBroker {
    db: Arc<Db>,
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

    async fn plan(&self, topology: &Topology) -> Result<TopologyPlan> {
        let wanted = topology.clone();
        self.db.read(move |connection| plan(connection, &wanted)).await
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<()> {
        let rows = prepare(self.routes()?.as_ref(), messages)?;
        self.db.write(move |tx| insert_all(tx, &rows)).await
    }

    async fn consume(&self, queue: &str, prefetch: usize) -> Result<Consumer> {
        let state = Consuming::new(self.routes()?.id(queue)?, queue, self.db.clone(), prefetch);
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
        let routes = self.routes()?;
        let mut new_jobs = Vec::with_capacity(accepted.len());
        let mut rows = Vec::with_capacity(accepted.len());
        for (job, message) in accepted {
            new_jobs.push(jobs::NewJob::from(job));
            prepare_one(&routes, message, &mut rows)?;
        }
        self.db
            .write(move |tx| {
                jobs::insert(tx, &new_jobs)?;
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
