//! What nobody asks for: signs of life, deliveries of dead members, due and expired messages.

use rusqlite::{Connection, params};

use super::{
    insert::{dead_letter, make_room},
    rows::{failed, ids},
};
use crate::{backend::sqlite::db::Tx, error::Result};

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
pub(super) fn bring_due(tx: &mut Tx<'_>) -> Result<()> {
    let limit = tx.moves_left();
    if limit == 0 {
        return Ok(());
    }
    let due = "SELECT id FROM messages WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2";
    let due = ids(tx.connection, due, params![tx.now, limit])?;
    tx.count_moves(due.len());
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

/// Dead-letters what waited too long, in the queues this process knows, as much as the transaction may.
pub(super) fn expire(tx: &mut Tx<'_>) -> Result<()> {
    let (limit, Some(routes)) = (tx.moves_left(), tx.routes()) else { return Ok(()) };
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
        .try_for_each(|(id, _)| dead_letter(tx, &routes, id, "expired"))
}

const EXPIRED: &str = "SELECT id, queue FROM messages
    WHERE expires_at <= ?1 AND expires_at IS NOT NULL AND holder IS NULL AND due_at IS NULL ORDER BY expires_at LIMIT ?2";
