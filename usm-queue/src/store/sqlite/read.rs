//! What reads records.

use rusqlite::{Connection, OptionalExtension, ToSql, params_from_iter};

use super::{
    failed,
    rows::{COLUMNS, StoredJob, status_number, to_json},
};
use crate::{
    error::Result,
    job::{Job, JobId},
    store::JobFilter,
};

/// The records of these jobs, in the order given, without the unknown ones.
pub(crate) fn load(connection: &Connection, ids: &[JobId]) -> Result<Vec<Job>> {
    let mut select =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1")).map_err(failed)?;
    ids.iter()
        .filter_map(|id| select.query_row([id.0], StoredJob::read).optional().map_err(failed).transpose())
        .map(|row| row.map(StoredJob::parse))
        .collect()
}

/// Running jobs that somebody asked to cancel.
pub(crate) fn to_stop(connection: &Connection) -> Result<Vec<JobId>> {
    let mut select = connection
        .prepare_cached("SELECT id FROM jobs WHERE cancel_requested = 1 AND status = 1")
        .map_err(failed)?;
    select.query_map([], |row| row.get(0).map(JobId)).and_then(Iterator::collect).map_err(failed)
}

pub(super) fn list(connection: &Connection, filter: &JobFilter) -> Result<Vec<Job>> {
    let mut conditions = vec!["1"];
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    if let Some(owner) = &filter.owner {
        conditions.push("owner = ?");
        values.push(Box::new(to_json(owner)));
    }
    if let Some(status) = filter.status {
        // `status >= 3` lets the planner use the index of jobs that ended badly.
        conditions.push(if status_number(status) >= 3 { "status >= 3 AND status = ?" } else { "status = ?" });
        values.push(Box::new(status_number(status)));
    }
    if let Some(task) = &filter.task {
        conditions.push("task = ?");
        values.push(Box::new(task.clone()));
    }
    values.push(Box::new(i64::try_from(filter.limit).unwrap_or(i64::MAX)));
    values.push(Box::new(i64::try_from(filter.skip).unwrap_or(i64::MAX)));
    let sql = format!(
        "SELECT {COLUMNS} FROM jobs WHERE {} ORDER BY id DESC LIMIT ? OFFSET ?",
        conditions.join(" AND ")
    );
    let mut select = connection.prepare_cached(&sql).map_err(failed)?;
    let rows = select
        .query_map(params_from_iter(values), StoredJob::read)
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>);
    Ok(rows.map_err(failed)?.into_iter().map(StoredJob::parse).collect())
}

pub(super) const EXPIRED: &str =
    "SELECT id FROM jobs WHERE expires_at <= ?1 AND expires_at IS NOT NULL ORDER BY expires_at LIMIT ?2";

pub(super) const FORGOTTEN: &str = "SELECT id FROM ended WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ?2";

/// Whether there is something for [`keep_house`](super::keep_house); reads only.
pub(crate) fn house_is_due(connection: &Connection, now: i64) -> Result<bool> {
    let due = |sql| connection.prepare_cached(sql).and_then(|mut look| look.exists([now, 1])).map_err(failed);
    Ok(due(EXPIRED)? || due(FORGOTTEN)?)
}
