//! Workers that give signs of life, and what operators want of queues: a key that expires for each worker beside a sorted set
//! of their ids, and one JSON object for all queues.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::{
    connection::{Connection, Request},
    encoding::to_json,
    scripts::{CONTROL, HEARTBEAT, on_lists},
};
use crate::{
    backend::{ControlChange, Pause, QueueControl, WorkerInfo},
    error::{Error, ErrorKind, Result},
};

/// What is set for one queue, as Redis has it.
#[derive(Deserialize)]
struct Stored {
    paused: Option<Pause>,
    concurrency: Option<usize>,
}

pub(super) async fn beat(
    connection: &Connection,
    worker: &WorkerInfo,
    lifetime: Duration,
) -> Result<Vec<QueueControl>> {
    let keys = connection.keys();
    let keys = [keys.workers(), keys.worker(&worker.id), keys.controls()];
    let lifetime_ms = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 40);
    let beat = on_lists(&HEARTBEAT, &keys, (&worker.id, to_json(worker), lifetime_ms));
    parse(connection, &connection.request::<String>(&beat).await?)
}

pub(super) async fn retire(connection: &Connection, id: &str) -> Result<()> {
    let mut commands = redis::pipe();
    commands.del(connection.keys().worker(id)).ignore();
    commands.zrem(connection.keys().workers(), id).ignore();
    connection.request(&Request::Commands(commands)).await
}

pub(super) async fn workers(connection: &Connection) -> Result<Vec<WorkerInfo>> {
    let mut listed = redis::cmd("ZRANGE");
    listed.arg(connection.keys().workers()).arg(0).arg(-1);
    let ids: Vec<String> = connection.request(&Request::Command(listed)).await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<_> = ids.iter().map(|id| connection.keys().worker(id)).collect();
    let mut read = redis::cmd("MGET");
    read.arg(keys);
    let texts: Vec<Option<String>> = connection.request(&Request::Command(read)).await?;
    // The key of one that died has expired; one of a newer version may tell what this one cannot read.
    let mut workers: Vec<WorkerInfo> =
        texts.into_iter().flatten().filter_map(|text| serde_json::from_str(&text).ok()).collect();
    workers.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(workers)
}

pub(super) async fn change(connection: &Connection, queue: &str, change: ControlChange) -> Result<()> {
    let (field, value) = match change {
        ControlChange::Pause(pause) => ("paused", to_json(&pause)),
        ControlChange::Resume => ("paused", String::new()),
        ControlChange::Concurrency(jobs) => {
            ("concurrency", jobs.map(|jobs| jobs.to_string()).unwrap_or_default())
        }
    };
    let keys = connection.keys();
    let call = on_lists(&CONTROL, &[keys.controls()], (queue, field, value, keys.control_channel()));
    connection.request(&call).await
}

pub(super) async fn controls(connection: &Connection) -> Result<Vec<QueueControl>> {
    let mut get = redis::cmd("GET");
    get.arg(connection.keys().controls());
    let text: Option<String> = connection.request(&Request::Command(get)).await?;
    parse(connection, &text.unwrap_or_default())
}

fn parse(connection: &Connection, text: &str) -> Result<Vec<QueueControl>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let stored: BTreeMap<String, Stored> = serde_json::from_str(text).map_err(|error| {
        let text = format!(
            "the key `{}` of Redis at {}, which tells what operators want of queues, cannot be read; delete it to begin anew",
            connection.keys().controls(),
            connection.address()
        );
        Error::new(ErrorKind::Corrupt, text).with_source(error)
    })?;
    let control = |(queue, Stored { paused, concurrency })| QueueControl { queue, paused, concurrency };
    Ok(stored.into_iter().map(control).collect())
}
