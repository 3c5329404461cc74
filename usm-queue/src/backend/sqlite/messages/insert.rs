//! New messages into their queues, within the queues' limits, and the broker's own dead-lettering.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::{
    error::failed,
    routes::Routes,
    rows::{NewRow, ids, prepare, query_one},
};
use crate::{
    backend::sqlite::db::{BulkInsert, Tx},
    error::{Error, ErrorKind, Result},
    message,
    topology::{Overflow, QueueSpec},
};

static INSERT: LazyLock<BulkInsert> = LazyLock::new(|| {
    let columns =
        ["id", "queue", "priority", "due_at", "expires_at", "message_id", "envelope", "body", "job"];
    BulkInsert::new("INSERT INTO messages", &columns, "")
});

pub(crate) fn insert_all<'a>(
    tx: &mut Tx<'_>,
    routes: &Routes,
    rows: impl IntoIterator<Item = &'a NewRow>,
) -> Result<()> {
    let rows: Vec<_> = rows.into_iter().collect();
    // Where the length is limited each row needs its room.
    for rows in rows.chunk_by(|one, next| !one.limited && !next.limited) {
        let first = rows[0];
        // A delayed message does not count before it is due.
        let counts = first.limited && first.due_at.is_none_or(|due| due <= tx.now);
        if counts && !first.returns {
            make_room(tx, routes, first.queue, true)?;
        }
        let placed =
            rows.iter().map(|row| Ok((tx.next_place(last_place)?, *row))).collect::<Result<Vec<_>>>()?;
        INSERT
            .run(tx.connection, &placed, |(place, row), values| {
                let due_at = row.due_at.filter(|due| *due > tx.now);
                values.add(place)?;
                values.add(row.queue)?;
                values.add(row.priority)?;
                values.add_some(due_at)?;
                values.add_some(row.ttl.map(|ttl| due_at.unwrap_or(tx.now).saturating_add(ttl)))?;
                values.add(&row.message_id)?;
                values.add(&row.envelope)?;
                values.add(&row.body)?;
                values.add_some(due_at.and(row.job).map(|job| job.0))
            })
            .map_err(failed)?;
        tx.effects.queues.extend(rows.iter().map(|row| row.queue));
        if counts {
            make_room(tx, routes, first.queue, false)?;
        }
    }
    Ok(())
}

/// The place of the last message.
pub(super) fn last_place(connection: &Connection) -> Result<Option<i64>> {
    let mut last = connection.prepare_cached("SELECT max(id) FROM messages").map_err(failed)?;
    last.query_row([], |row| row.get(0)).map_err(failed)
}

/// Keeps a queue within its length: refuses the message about to come, or drops the head when one too many is there.
pub(super) fn make_room(tx: &mut Tx<'_>, routes: &Routes, queue: i64, before: bool) -> Result<()> {
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
    heads.into_iter().try_for_each(|id| dead_letter(tx, routes, id, "maxlen"))
}

/// How many messages a queue has to deliver. Known where its length is limited, else counted.
pub(crate) fn ready_count(connection: &Connection, queue: i64) -> Result<u64> {
    let number = |sql| {
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_row([queue], |row| row.get::<_, Option<u64>>(0)).optional()
    };
    let known = number("SELECT ready FROM queues WHERE id = ?1").map_err(failed)?.flatten();
    if let Some(known) = known {
        return Ok(known);
    }
    let counted =
        number("SELECT count(*) FROM messages WHERE queue = ?1 AND holder IS NULL AND due_at IS NULL");
    Ok(counted.map_err(failed)?.flatten().unwrap_or(0))
}

/// The broker's own dead-lettering: the message moves to its queue's dead-letter exchange with the reason.
pub(super) fn dead_letter(tx: &mut Tx<'_>, routes: &Routes, id: i64, reason: &str) -> Result<()> {
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
        for (name, value) in [(message::BROKER_REASON, reason), (message::BROKER_QUEUE, queue)] {
            message.headers.entry(name.to_owned()).or_insert_with(|| json!(value));
        }
        insert_all(tx, routes, &prepare(routes, vec![message])?)?;
    }
    delete(tx, id)
}

pub(super) fn delete(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.connection
        .prepare_cached("DELETE FROM messages WHERE id = ?1")
        .and_then(|mut delete| delete.execute([id]))
        .map(drop)
        .map_err(failed)
}
