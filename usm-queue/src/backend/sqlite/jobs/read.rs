//! What reads records.

use rusqlite::{Connection, OptionalExtension, ToSql, params, params_from_iter};
use uuid::Uuid;

use super::{
    error::failed,
    rows::{COLUMNS, StoredJob, status_number, to_json},
};
use crate::{
    backend::JobFilter,
    error::Result,
    job::{Job, JobId, JobStatus},
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

/// The newest records that match. The indexes for lists are sorted by time and have the task too, so that only records that
/// are asked for are read. Only who asks for running or waiting jobs alone may read past all others of these two.
pub(crate) fn list(connection: &Connection, filter: &JobFilter) -> Result<Vec<Job>> {
    if filter.limit == 0 {
        return Ok(Vec::new());
    }
    // One moment for all statements, so that a job which changes its state is seen once. In memory the writer's
    // transaction is that.
    let moment = connection.is_autocommit().then(|| connection.unchecked_transaction());
    let _moment = moment.transpose().map_err(failed)?;
    let owner = filter.owner.as_ref().map(to_json);
    let wanted = filter.skip.saturating_add(filter.limit);
    let mut newest: Vec<(i64, Uuid)> = Vec::new();
    for part in parts(filter.status) {
        let part = Part { owner: owner.as_deref(), task: filter.task.as_deref(), ..part };
        newest.extend(part.newest(connection, wanted)?);
    }
    newest.sort_unstable_by(|one, other| other.cmp(one));
    let ids: Vec<_> =
        newest.into_iter().skip(filter.skip).take(filter.limit).map(|(_, id)| JobId(id)).collect();
    load(connection, &ids)
}

/// Jobs that one index has in the order of lists.
#[derive(Default)]
struct Part<'a> {
    owner: Option<&'a str>,
    task: Option<&'a str>,
    ended: bool,
    status: Option<i64>,
}

/// Together the jobs with this status, or all.
fn parts(status: Option<JobStatus>) -> Vec<Part<'static>> {
    let ended = |status| Part { ended: true, status: Some(status_number(status)), ..Part::default() };
    match status {
        Some(status) if status.is_final() => vec![ended(status)],
        Some(status) => vec![Part { status: Some(status_number(status)), ..Part::default() }],
        None => {
            let all = [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled].map(ended);
            std::iter::once(Part::default()).chain(all).collect()
        }
    }
}

impl Part<'_> {
    /// When the newest were made, and their ids.
    fn newest(&self, connection: &Connection, limit: usize) -> Result<Vec<(i64, Uuid)>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (sql, mut values) = self.statement();
        values.push(&limit);
        let mut select = connection.prepare_cached(&sql).map_err(failed)?;
        select
            .query_map(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .map_err(failed)
    }

    /// The statement, and its values without the limit.
    fn statement(&self) -> (String, Vec<&dyn ToSql>) {
        let ended = if self.ended { "finished_at IS NOT NULL" } else { "finished_at IS NULL" };
        let mut sql = format!("SELECT created_at, id FROM jobs WHERE {ended}");
        let mut values = Vec::<&dyn ToSql>::new();
        let mut and = |column: &str, value| {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ?{}", values.len()));
        };
        if let Some(owner) = &self.owner {
            and("owner", owner);
        }
        if let Some(status) = &self.status {
            and("status", status);
        }
        if let Some(task) = &self.task {
            and("task", task);
        }
        sql.push_str(&format!(" ORDER BY created_at DESC, id DESC LIMIT ?{}", values.len() + 1));
        (sql, values)
    }
}

pub(super) const EXPIRED: &str =
    "SELECT id FROM jobs WHERE expires_at <= ?1 AND expires_at IS NOT NULL ORDER BY expires_at LIMIT ?2";

pub(super) const FORGOTTEN: &str = "SELECT id FROM ended WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ?2";

/// Whether there is something for [`maintain`](super::maintain); reads only.
pub(crate) fn need_maintenance(connection: &Connection, now: i64) -> Result<bool> {
    let due = |sql| connection.prepare_cached(sql).and_then(|mut look| look.exists([now, 1])).map_err(failed);
    Ok(due(EXPIRED)? || due(FORGOTTEN)?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn lists_are_read_from_an_index_in_its_order() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../db/schema.sql")).unwrap();

        for (owner, ended, status, index) in [
            (None, false, None, "jobs_open"),
            (None, true, Some(2), "jobs_ended"),
            (Some("1"), false, None, "jobs_open_of_owner"),
            (Some("1"), true, Some(2), "jobs_ended_of_owner"),
        ] {
            let part = Part { owner, task: Some("t"), ended, status };
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", part.statement().0)).unwrap();
            let values = vec![1; plan.parameter_count()];
            let rows = plan.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<_> = rows.map(Result::unwrap).collect();

            // One step: nothing is sorted.
            assert!(
                steps.len() == 1 && steps[0].contains(&format!("COVERING INDEX {index}")),
                "{index}: {steps:?}"
            );
        }
    }
}
