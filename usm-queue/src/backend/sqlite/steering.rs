//! Workers that give signs of life, and what operators want of queues.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::db::{Tx, backend, duration_micros, micros, moment};
use crate::{
    backend::{ControlChange, Pause, QueueControl, WorkerInfo},
    error::Result,
};

/// Notes that a worker lives, and forgets those that do not.
pub(super) fn beat(tx: &mut Tx<'_>, worker: &WorkerInfo, lifetime: Duration) -> Result<Vec<QueueControl>> {
    let alive_until = tx.now.saturating_add(duration_micros(lifetime));
    let info = serde_json::to_string(worker).unwrap_or_default();
    let beat = || {
        tx.connection.prepare_cached("DELETE FROM workers WHERE alive_until <= ?1")?.execute([tx.now])?;
        tx.connection
            .prepare_cached("INSERT INTO workers (id, info, alive_until) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET info = ?2, alive_until = ?3")?
            .execute(params![worker.id, info, alive_until])
    };
    beat().map_err(|error| backend("the heartbeat of a worker cannot be written", error))?;
    controls(tx.connection)
}

pub(super) fn retire(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    tx.connection
        .prepare_cached("DELETE FROM workers WHERE id = ?1")
        .and_then(|mut delete| delete.execute([id]))
        .map(drop)
        .map_err(|error| backend("a worker cannot be taken off the list", error))
}

pub(super) fn workers(connection: &Connection, now: i64) -> Result<Vec<WorkerInfo>> {
    let read = || {
        let mut select = connection.prepare_cached("SELECT info FROM workers WHERE alive_until > ?1")?;
        select.query_map([now], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()
    };
    let texts = read().map_err(|error| backend("workers cannot be listed", error))?;
    // One of a newer version may tell what this one cannot read.
    let mut workers: Vec<WorkerInfo> =
        texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    workers.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(workers)
}

pub(super) fn change(tx: &mut Tx<'_>, queue: &str, change: &ControlChange) -> Result<()> {
    let write = || {
        let mut select = tx.connection.prepare_cached(
            "SELECT queue, paused_by, paused_at, concurrency FROM queue_controls WHERE queue = ?1",
        )?;
        let known = select.query_row([queue], control).optional()?;
        let mut control = known.unwrap_or_else(|| QueueControl::new(queue));
        control.apply(change);
        if !control.is_set() {
            return tx.connection.execute("DELETE FROM queue_controls WHERE queue = ?1", [queue]);
        }
        let (by, at) = control.paused.map(|pause| (pause.by, micros(pause.since))).unzip();
        tx.connection
            .prepare_cached("INSERT OR REPLACE INTO queue_controls (queue, paused_by, paused_at, concurrency) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![queue, by, at, control.concurrency])
    };
    write().map_err(|error| backend("a queue cannot be paused, resumed or changed", error))?;
    tx.effects.controls = true;
    Ok(())
}

pub(super) fn controls(connection: &Connection) -> Result<Vec<QueueControl>> {
    let read = || {
        let mut select = connection.prepare_cached(
            "SELECT queue, paused_by, paused_at, concurrency FROM queue_controls ORDER BY queue",
        )?;
        select.query_map([], control)?.collect::<rusqlite::Result<Vec<_>>>()
    };
    read().map_err(|error| backend("what is set for queues cannot be read", error))
}

fn control(row: &Row<'_>) -> rusqlite::Result<QueueControl> {
    let paused: (Option<String>, Option<i64>) = (row.get(1)?, row.get(2)?);
    Ok(QueueControl {
        queue: row.get(0)?,
        paused: paused.0.zip(paused.1).map(|(by, at)| Pause { by, since: moment(at) }),
        concurrency: row.get(3)?,
    })
}
