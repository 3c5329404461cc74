//! What reads records.

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    error::failed,
    rows::{COLUMNS, DELAYED, StoredJob},
};
use crate::{
    error::Result,
    job::{Job, JobId},
};

/// The records of these jobs, in the order given, without the unknown ones.
pub(crate) fn load(connection: &Connection, ids: &[JobId]) -> Result<Vec<Job>> {
    let ids: Vec<_> = ids.iter().map(|id| (*id, 0)).collect();
    load_newer(connection, &ids)
}

/// The same, each with the partial results after a version of it only; nothing of one that has no later version.
pub(crate) fn load_newer(connection: &Connection, ids: &[(JobId, u64)]) -> Result<Vec<Job>> {
    let mut select = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1 AND version > ?2"))
        .map_err(failed)?;
    let mut read = |id: JobId, after: u64| {
        let version = i64::try_from(after).unwrap_or(i64::MAX);
        let stored = select.query_row(params![id.0, version], StoredJob::read).optional()?;
        let Some(mut stored) = stored else { return Ok(None) };
        stored.read_partials(connection, after)?;
        Ok(Some(stored.parse()))
    };
    ids.iter().filter_map(|(id, after)| read(*id, *after).map_err(failed).transpose()).collect()
}

/// The newest job that another service calls so.
pub(crate) fn of_alias(connection: &Connection, alias: &str) -> Result<Option<JobId>> {
    let mut select = connection
        .prepare_cached("SELECT id FROM jobs WHERE alias = ?1 ORDER BY created_at DESC LIMIT 1")
        .map_err(failed)?;
    select.query_row([alias], |row| row.get(0).map(JobId)).optional().map_err(failed)
}

/// Running jobs that somebody asked to cancel.
pub(crate) fn to_stop(connection: &Connection) -> Result<Vec<JobId>> {
    let mut select = connection
        .prepare_cached("SELECT id FROM jobs WHERE cancel_requested = 1 AND status = 1")
        .map_err(failed)?;
    select.query_map([], |row| row.get(0).map(JobId)).and_then(Iterator::collect).map_err(failed)
}

pub(super) const EXPIRED: &str =
    "SELECT id FROM jobs WHERE expires_at <= ?1 AND expires_at IS NOT NULL ORDER BY expires_at LIMIT ?2";

pub(super) const FORGOTTEN: &str = "SELECT id FROM ended WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ?2";

/// Jobs that wait for nothing any more and are still counted as if they did.
pub(super) fn fallen_due() -> String {
    format!(
        "SELECT id FROM jobs INDEXED BY jobs_due WHERE {DELAYED} AND next_attempt_at <= ?1 ORDER BY next_attempt_at LIMIT ?2"
    )
}

/// Whether there is something for [`maintain`](super::maintain); reads only.
pub(crate) fn need_maintenance(connection: &Connection, now: i64) -> Result<bool> {
    let due =
        |sql: &str| connection.prepare_cached(sql).and_then(|mut look| look.exists([now, 1])).map_err(failed);
    Ok(due(EXPIRED)? || due(FORGOTTEN)? || due(&fallen_due())?)
}
