//! What reads records.

use rusqlite::{Connection, OptionalExtension, Params, Row, ToSql, params, params_from_iter};
use uuid::Uuid;

use super::{
    failed,
    rows::{COLUMNS, StoredJob, status_number, to_json},
};
use crate::{
    error::Result,
    job::{Job, JobId, JobStatus},
    store::JobFilter,
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
pub(super) fn of_alias(connection: &Connection, alias: &str) -> Result<Option<JobId>> {
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

/// The newest records that match. The indexes for lists are sorted by time within each task, so the newest of each are
/// taken and merged: what is read depends on how much is asked for, not on how many jobs there are. Only who asks for
/// running or waiting jobs alone may read past all others of these two.
pub(super) fn list(connection: &Connection, filter: &JobFilter) -> Result<Vec<Job>> {
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
        let part = Part { owner: owner.as_deref(), ..part };
        let tasks = match &filter.task {
            Some(task) => vec![task.clone()],
            None => part.tasks(connection)?,
        };
        for task in tasks {
            let oldest = newest.get(wanted - 1).map_or(i64::MIN, |(at, _)| *at);
            newest.extend(part.newest(connection, &task, oldest, wanted)?);
            newest.sort_unstable_by(|one, other| other.cmp(one));
            newest.truncate(wanted);
        }
    }
    let ids: Vec<_> = newest.into_iter().skip(filter.skip).map(|(_, id)| JobId(id)).collect();
    load(connection, &ids)
}

/// Jobs that one index has in the order of lists, within each task.
#[derive(Default)]
struct Part<'a> {
    owner: Option<&'a str>,
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
    /// The condition on all columns but the task's, and its values.
    fn condition(&self) -> (String, Vec<&dyn ToSql>) {
        let ended = if self.ended { "finished_at IS NOT NULL" } else { "finished_at IS NULL" };
        let mut condition = ended.to_owned();
        let mut values = Vec::<&dyn ToSql>::new();
        if let Some(owner) = &self.owner {
            values.push(owner);
            condition.push_str(" AND owner = ?1");
        }
        if let Some(status) = &self.status {
            values.push(status);
            condition.push_str(&format!(" AND status = ?{}", values.len()));
        }
        (condition, values)
    }

    /// The tasks these jobs have: one look into the index for each.
    fn tasks(&self, connection: &Connection) -> Result<Vec<String>> {
        // Which of the tasks have a job that waits or runs is not in the index.
        let part = Part { status: self.status.filter(|_| self.ended), ..*self };
        let (condition, values) = part.condition();
        let sql = format!(
            "WITH RECURSIVE found (task) AS (
                 SELECT min(task) FROM jobs WHERE {condition}
                 UNION ALL
                 SELECT (SELECT min(task) FROM jobs WHERE {condition} AND task > found.task)
                 FROM found WHERE found.task IS NOT NULL)
             SELECT task FROM found WHERE task IS NOT NULL"
        );
        rows(connection, &sql, params_from_iter(values), |row| row.get(0))
    }

    /// When the newest of a task were made, and their ids.
    fn newest(
        &self,
        connection: &Connection,
        task: &str,
        oldest: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Uuid)>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (_, mut values) = self.condition();
        values.extend([&task as &dyn ToSql, &oldest, &limit]);
        rows(connection, &self.newest_sql(), params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))
    }

    fn newest_sql(&self) -> String {
        let (condition, values) = self.condition();
        let next = values.len() + 1;
        format!(
            "SELECT created_at, id FROM jobs WHERE {condition} AND task = ?{} AND created_at >= ?{}
             ORDER BY created_at DESC, id DESC LIMIT ?{}",
            next,
            next + 1,
            next + 2
        )
    }
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    select.query_map(values, read).and_then(Iterator::collect).map_err(failed)
}

pub(super) const EXPIRED: &str =
    "SELECT id FROM jobs WHERE expires_at <= ?1 AND expires_at IS NOT NULL ORDER BY expires_at LIMIT ?2";

pub(super) const FORGOTTEN: &str = "SELECT id FROM ended WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ?2";

/// Whether there is something for [`keep_house`](super::keep_house); reads only.
pub(crate) fn house_is_due(connection: &Connection, now: i64) -> Result<bool> {
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
        connection.execute_batch(include_str!("../../sqlite/schema.sql")).unwrap();

        for (owner, ended, status, index) in [
            (None, false, None, "jobs_open"),
            (None, true, Some(2), "jobs_ended"),
            (Some("1"), false, None, "jobs_open_of_owner"),
            (Some("1"), true, Some(2), "jobs_ended_of_owner"),
        ] {
            let part = Part { owner, ended, status };
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", part.newest_sql())).unwrap();
            let values = vec![1; plan.parameter_count()];
            let rows = plan.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<_> = rows.map(Result::unwrap).collect();

            // One step: nothing is sorted.
            assert!(steps.len() == 1 && steps[0].contains(&format!("INDEX {index} (")), "{index}: {steps:?}");
        }
    }
}
