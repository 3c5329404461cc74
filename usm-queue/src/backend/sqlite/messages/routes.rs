//! The topology with the numbers its queues have in the file, and how queues come into it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value, json};

use super::error::failed;
use crate::{
    error::{Error, Result},
    message::Message,
    topology::{QueueSpec, Topology, TopologyDrift, TopologyPart, TopologyPlan},
};

/// The topology with the numbers its queues have in the file.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) topology: Topology,
    pub(crate) ids: BTreeMap<String, i64>,
}

impl Routes {
    pub(crate) fn id(&self, queue: &str) -> Result<i64> {
        self.ids.get(queue).copied().ok_or_else(|| Error::not_found(format!("queue `{queue}`")))
    }

    pub(crate) fn reached(&self, message: &Message) -> Result<Vec<(i64, &QueueSpec)>> {
        let queues = self.topology.reached(&message.exchange, &message.routing_key);
        let reached = queues.map(|queue| Ok((self.id(queue.name())?, queue))).collect::<Result<Vec<_>>>()?;
        if reached.is_empty() { Err(message.unroutable()) } else { Ok(reached) }
    }

    /// The settings of a queue by its number; `None` for a queue of another program on the same file.
    pub(crate) fn spec_of(&self, id: i64) -> Option<&QueueSpec> {
        let (name, _) = self.ids.iter().find(|(_, known)| **known == id)?;
        self.topology.queue(name)
    }

    pub(crate) fn spec(&self, queue: &str) -> Result<&QueueSpec> {
        self.topology.queue(queue).ok_or_else(|| Error::not_found(format!("queue `{queue}`")))
    }
}

pub(crate) fn declare(connection: &Connection, topology: &Topology) -> Result<BTreeMap<String, i64>> {
    let plan = plan(connection, topology)?;
    if let Some(drift) = plan.conflicts().next() {
        return Err(drift.clone().into_error());
    }
    for (name, kind) in topology.exchanges() {
        let insert = "INSERT INTO exchanges (name, kind) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        connection.execute(insert, [name, kind.as_str()]).map_err(failed)?;
    }
    topology
        .queues()
        .iter()
        .map(|queue| {
            let insert = "INSERT INTO queues (name, arguments) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            let arguments = Value::Object(arguments(queue)).to_string();
            connection.execute(insert, params![queue.name(), arguments]).map_err(failed)?;
            let id = connection
                .query_row("SELECT id FROM queues WHERE name = ?1", [queue.name()], |row| row.get(0))
                .map_err(failed)?;
            if queue.max_length.is_some() {
                keep_count(connection, id)?;
            }
            Ok((queue.name().to_owned(), id))
        })
        .collect()
}

/// What is missing, and what exists otherwise.
pub(crate) fn plan(connection: &Connection, topology: &Topology) -> Result<TopologyPlan> {
    let mut plan = TopologyPlan::default();
    for (name, kind) in topology.exchanges() {
        let sql = "SELECT kind FROM exchanges WHERE name = ?1";
        let found: Option<String> =
            connection.query_row(sql, [name], |row| row.get(0)).optional().map_err(failed)?;
        let wanted = kind.as_str().to_owned();
        match found {
            None => plan.create(TopologyPart::Exchange, name, vec![("kind".to_owned(), wanted)]),
            Some(found) if found != wanted => {
                plan.conflict(TopologyDrift::new(
                    TopologyPart::Exchange,
                    name,
                    "kind",
                    Some(wanted),
                    Some(found),
                ));
            }
            Some(_) => {}
        }
    }
    for queue in topology.queues() {
        let sql = "SELECT arguments FROM queues WHERE name = ?1";
        let found: Option<String> =
            connection.query_row(sql, [queue.name()], |row| row.get(0)).optional().map_err(failed)?;
        let wanted = arguments(queue);
        let text = |arguments: &Map<String, Value>, name: &str| {
            arguments.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let Some(found) = found else {
            let arguments = wanted.keys().map(|name| (name.clone(), text(&wanted, name).unwrap_or_default()));
            plan.create(TopologyPart::Queue, queue.name(), arguments.collect());
            continue;
        };
        let found: Map<String, Value> = serde_json::from_str(&found).unwrap_or_default();
        let names: BTreeSet<_> = wanted.keys().chain(found.keys()).collect();
        for name in names.into_iter().filter(|name| wanted.get(*name) != found.get(*name)) {
            let (wanted, found) = (text(&wanted, name), text(&found, name));
            plan.conflict(TopologyDrift::new(TopologyPart::Queue, queue.name(), name, wanted, found));
        }
    }
    Ok(plan)
}

fn arguments(queue: &QueueSpec) -> Map<String, Value> {
    // Where the messages are kept is settled here.
    let arguments = queue.arguments().into_iter().filter(|(name, _)| *name != "x-queue-mode");
    arguments.map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

/// From now on the file itself keeps count of a queue's ready messages, whichever process changes them and whatever its
/// version. Files without a limited queue do without the triggers, which every message would cost time.
fn keep_count(connection: &Connection, queue: i64) -> Result<()> {
    connection.execute_batch(COUNTING).map_err(failed)?;
    let count = "UPDATE queues SET ready =
            (SELECT count(*) FROM messages WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL)
        WHERE id = ?1 AND ready IS NULL";
    connection.execute(count, [queue]).map(drop).map_err(failed)
}

const COUNTING: &str = "
    CREATE TRIGGER IF NOT EXISTS messages_counted_in AFTER INSERT ON messages
    WHEN NEW.holder IS NULL AND NEW.due_at IS NULL BEGIN
        UPDATE queues SET ready = ready + 1 WHERE id = NEW.queue AND ready IS NOT NULL;
    END;
    CREATE TRIGGER IF NOT EXISTS messages_counted_out AFTER DELETE ON messages
    WHEN OLD.holder IS NULL AND OLD.due_at IS NULL BEGIN
        UPDATE queues SET ready = ready - 1 WHERE id = OLD.queue AND ready IS NOT NULL;
    END;
    CREATE TRIGGER IF NOT EXISTS messages_counted_anew AFTER UPDATE OF holder, due_at ON messages
    WHEN (OLD.holder IS NULL AND OLD.due_at IS NULL) <> (NEW.holder IS NULL AND NEW.due_at IS NULL) BEGIN
        UPDATE queues SET ready = ready + iif(NEW.holder IS NULL AND NEW.due_at IS NULL, 1, -1)
        WHERE id = NEW.queue AND ready IS NOT NULL;
    END;";
