//! The messages of one job, for an edit.

use rusqlite::{Connection, params};

use super::{error::failed, rows::query};
use crate::{backend::sqlite::db::Tx, error::Result, job::JobId, message::Message};

/// Lets the delayed messages of a job come at another time; their times to live count from it. Tells whether there were any.
pub(crate) fn reschedule(tx: &mut Tx<'_>, job: JobId, due_at: i64) -> Result<bool> {
    let sql = "UPDATE messages SET expires_at = expires_at + (?2 - due_at), due_at = ?2
        WHERE job = ?1 AND due_at IS NOT NULL AND holder IS NULL RETURNING queue";
    let queues: Vec<i64> = tx
        .connection
        .prepare_cached(sql)
        .and_then(|mut update| update.query_map(params![job.0, due_at], |row| row.get(0))?.collect())
        .map_err(failed)?;
    let moved = !queues.is_empty();
    tx.effects.queues.extend(queues);
    Ok(moved)
}

/// The delayed message of a job.
pub(crate) fn delayed(connection: &Connection, job: JobId, generation: u64) -> Result<Option<Message>> {
    let sql = "SELECT message_id, envelope, body FROM messages WHERE job = ?1 AND due_at IS NOT NULL";
    Ok(of_generation(query(connection, sql, [job.0])?, generation))
}

/// The message of a job that some consumer holds.
pub(crate) fn held(connection: &Connection, job: JobId, generation: u64) -> Result<Option<Message>> {
    let sql = "SELECT message_id, envelope, body FROM messages WHERE holder IS NOT NULL AND message_id = ?1";
    Ok(of_generation(query(connection, sql, [job.to_string()])?, generation))
}

fn of_generation(found: Vec<Message>, generation: u64) -> Option<Message> {
    found.into_iter().find(|message| message.generation() == generation)
}
