//! The topology with the numbers its queues have in the file, and how queues come into it.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde_json::{Map, Value, json};

use super::rows::failed;
use crate::{
    broker::mismatch,
    envelope::Message,
    error::{Error, Result},
    topology::{ExchangeKind, QueueSpec, Topology},
};

/// The topology with the numbers its queues have in the file.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(super) topology: Topology,
    pub(super) ids: BTreeMap<String, i64>,
}

impl Routes {
    pub(super) fn id(&self, queue: &str) -> Result<i64> {
        self.ids.get(queue).copied().ok_or_else(|| Error::not_found(format!("queue `{queue}`")))
    }

    pub(super) fn reached(&self, message: &Message) -> Result<Vec<(i64, &QueueSpec)>> {
        let names = self.topology.route_from(&message.exchange, &message.routing_key);
        if names.is_empty() {
            return Err(message.unroutable());
        }
        names.into_iter().map(|name| Ok((self.id(name)?, self.spec(name)?))).collect()
    }

    /// The settings of a queue by its number; `None` for a queue of another program on the same file.
    pub(super) fn spec_of(&self, id: i64) -> Option<&QueueSpec> {
        let (name, _) = self.ids.iter().find(|(_, known)| **known == id)?;
        self.topology.queue(name)
    }

    pub(super) fn spec(&self, queue: &str) -> Result<&QueueSpec> {
        self.topology.queue(queue).ok_or_else(|| Error::not_found(format!("queue `{queue}`")))
    }
}

pub(super) fn declare(connection: &Connection, topology: &Topology) -> Result<BTreeMap<String, i64>> {
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

pub(super) fn declare_queue(connection: &Connection, queue: &QueueSpec) -> Result<i64> {
    // Where the messages are kept is settled here.
    let arguments = queue.arguments().into_iter().filter(|(name, _)| *name != "x-queue-mode");
    let wanted: Map<String, Value> = arguments.map(|(name, value)| (name.to_owned(), json!(value))).collect();
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
