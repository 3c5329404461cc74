//! Messages taken for this process.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::{
    super::db::{Tx, moment},
    error::failed,
    maintenance::{bring_due, expire},
    routes::Routes,
    rows::StoredMessage,
};
use crate::error::Result;

/// A message that this process holds.
pub(crate) struct Taken {
    pub(crate) id: i64,
    pub(crate) redelivered: bool,
    pub(crate) message: StoredMessage,
}

/// Delivers up to `limit` messages to this process. When there are none, tells when the next is due.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    routes: &Routes,
    queue: i64,
    limit: usize,
) -> Result<(Vec<Taken>, Option<DateTime<Utc>>)> {
    bring_due(tx, Some(routes))?;
    expire(tx, routes)?;
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
