//! What nobody asks for: heartbeats, deliveries of dead processes, due and expired messages.

use rusqlite::{Connection, params};

use super::{
    super::db::Tx,
    error::failed,
    insert::{dead_letter, last_place, make_room},
    routes::Routes,
    rows::ids,
};
use crate::error::Result;

/// Whether [`maintain`] would find something; reads only.
pub(crate) fn need_maintenance(connection: &Connection, member: i64, now: i64) -> Result<bool> {
    let due = |sql, value: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(sql).and_then(|mut look| look.exists(value)).map_err(failed)
    };
    Ok(due("SELECT 1 FROM messages WHERE holder = ?1", &[&member])?
        || due("SELECT 1 FROM members WHERE alive_until < ?1", &[&now])?
        || due("SELECT 1 FROM messages WHERE due_at <= ?1", &[&now])?
        || due(EXPIRED, &[&now, &1])?)
}

/// Heartbeats, deliveries of silent processes if it `may_reap` them, due and expired messages.
pub(crate) fn maintain(tx: &mut Tx<'_>, routes: Option<&Routes>, may_reap: bool) -> Result<()> {
    let holds = tx
        .connection
        .prepare_cached("SELECT 1 FROM messages WHERE holder = ?1")
        .and_then(|mut held| held.exists([tx.member]));
    // First, so that a process that slept does not reap itself.
    if holds.map_err(failed)? {
        tx.beat()?;
    }
    let silent = "SELECT id FROM members WHERE alive_until < ?1 AND ?2";
    for member in ids(tx.connection, silent, params![tx.now, may_reap])? {
        // A process that holds nothing sends no heartbeats either, and nobody minds.
        let released = release_member(tx, member)?;
        if released > 0 {
            tracing::warn!(
                process = member,
                deliveries = released,
                "a process sent no heartbeat; its deliveries go to others"
            );
        }
    }
    bring_due(tx, routes)?;
    routes.map_or(Ok(()), |routes| expire(tx, routes))
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

/// Lets delayed messages whose time has come into their queues, at the end, as many as the transaction may.
pub(super) fn bring_due(tx: &mut Tx<'_>, routes: Option<&Routes>) -> Result<()> {
    let limit = tx.moves_left();
    if limit == 0 {
        return Ok(());
    }
    let due = "SELECT id FROM messages WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2";
    let due = ids(tx.connection, due, params![tx.now, limit])?;
    tx.count_moves(due.len());
    for id in due {
        let place = tx.next_place(last_place)?;
        let queue: i64 = tx
            .connection
            .prepare_cached("UPDATE messages SET due_at = NULL, id = ?2 WHERE id = ?1 RETURNING queue")
            .and_then(|mut bring| bring.query_row([id, place], |row| row.get(0)))
            .map_err(failed)?;
        tx.effects.queues.insert(queue);
        if let Some(routes) = routes {
            make_room(tx, routes, queue, false)?;
        }
    }
    Ok(())
}

/// Dead-letters what waited too long, in the queues this process knows, as much as the transaction may.
pub(super) fn expire(tx: &mut Tx<'_>, routes: &Routes) -> Result<()> {
    let limit = tx.moves_left();
    if limit == 0 {
        return Ok(());
    }
    let mut statement = tx.connection.prepare_cached(EXPIRED).map_err(failed)?;
    let rows = statement
        .query_map(params![tx.now, limit], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>);
    let expired = rows.map_err(failed)?;
    drop(statement);
    tx.count_moves(expired.len());
    expired
        .into_iter()
        .filter(|(_, queue)| routes.spec_of(*queue).is_some())
        .try_for_each(|(id, _)| dead_letter(tx, routes, id, "expired"))
}

const EXPIRED: &str = "SELECT id, queue FROM messages
    WHERE expires_at <= ?1 AND expires_at IS NOT NULL AND holder IS NULL AND due_at IS NULL ORDER BY expires_at LIMIT ?2";
