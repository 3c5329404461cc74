//! Lists of jobs, read from indexes in the order wanted.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, ToSql, params_from_iter, types::Value};

use super::{
    counts,
    error::failed,
    read::load,
    rows::{state_number, status, to_json},
};
use crate::{
    backend::{
        Cursor, JobFilter, JobPage,
        find::{LOOK_AT, Span, first},
        sqlite::db::moment,
    },
    clock,
    error::Result,
    job::{Job, JobId, JobState, Owner},
};

/// Jobs looked at between two reads of an index.
const PART: usize = 1000;

/// The jobs that match, and where to go on.
pub(crate) fn list(connection: &Connection, filter: &JobFilter) -> Result<JobPage> {
    if filter.limit == 0 {
        return Ok(JobPage::new(Vec::new(), filter.after));
    }
    // One moment for all statements, so that a job which changes its state is seen once. In memory the writer's
    // transaction is that.
    let moment = connection.is_autocommit().then(|| connection.unchecked_transaction());
    let _moment = moment.transpose().map_err(failed)?;
    let source = Source::of(connection, filter)?;
    let (ranges, exact) = (source.ranges(connection, filter)?, source.is_exact(filter));
    let (mut span, now) = (filter.span(), clock::now());
    let (mut found, mut looked_at, mut next) = (Vec::new(), 0, None);
    'parts: while looked_at < LOOK_AT {
        let part = if exact { filter.limit } else { PART };
        let positions = read(connection, &ranges, span, part, filter.oldest_first)?;
        for position in &positions {
            looked_at += 1;
            next = Some(*position);
            if exact || check(connection, position.id(), filter, now)? {
                found.push(position.id());
                if found.len() == filter.limit {
                    break 'parts;
                }
            }
        }
        if positions.len() < part {
            next = None;
            break;
        }
        next.iter().for_each(|position| span.go_on(*position, filter.oldest_first));
    }
    let mut jobs = load(connection, &found)?;
    // A job that just fell due, or that a program of an older version changed, is not in the state that its row tells.
    jobs.retain(|job| filter.matches(job, now));
    Ok(JobPage::new(jobs, next))
}

/// Whether a job is what is asked for, by the few columns that tell it.
fn check(connection: &Connection, id: JobId, filter: &JobFilter, now: DateTime<Utc>) -> Result<bool> {
    let sql = "SELECT task, created_at, status, attempt, next_attempt_at, queue, owner, tags, error FROM jobs WHERE id = ?1";
    let read = |row: &Row<'_>| {
        let mut job = Job::new(id, row.get::<_, String>(0)?, moment(row.get(1)?));
        job.status = status(row.get(2)?);
        job.attempt = row.get(3)?;
        job.next_attempt_at = row.get::<_, Option<i64>>(4)?.map(moment);
        job.queue = Some(row.get(5)?);
        let json = |column| row.get::<_, Option<String>>(column);
        job.owner = json(6)?.and_then(|owner| serde_json::from_str::<Owner>(&owner).ok());
        job.tags = json(7)?.and_then(|tags| serde_json::from_str(&tags).ok()).unwrap_or_default();
        job.error = row.get(8)?;
        Ok(filter.matches(&job, now))
    };
    connection.prepare_cached(sql).and_then(|mut select| select.query_row([id.0], read)).map_err(failed)
}

/// Which index leads to the jobs asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    Tag,
    Owner,
    Error,
    /// By queue, task and state.
    Listed,
}

impl Source {
    fn of(connection: &Connection, filter: &JobFilter) -> Result<Self> {
        let narrow = match filter {
            JobFilter { tag: Some(_), .. } => Self::Tag,
            JobFilter { owner: Some(_), .. } => Self::Owner,
            JobFilter { error: Some(_), .. } => Self::Error,
            _ => return Ok(Self::Listed),
        };
        let by_list = filter.queue.is_some() || filter.task.is_some() || !filter.states.is_empty();
        let few = by_list && listed(connection, filter)? <= LOOK_AT as u64;
        Ok(if few { Self::Listed } else { narrow })
    }

    /// Whether every job it leads to is one that is asked for.
    fn is_exact(self, filter: &JobFilter) -> bool {
        let by_list = filter.queue.is_some() || filter.task.is_some() || !filter.states.is_empty();
        let (tag, owner, error) = (filter.tag.is_some(), filter.owner.is_some(), filter.error.is_some());
        match self {
            Self::Tag => !owner && !error && !by_list,
            Self::Owner => !tag && !error && !by_list,
            Self::Error => false,
            Self::Listed => !tag && !owner && !error,
        }
    }

    fn ranges(self, connection: &Connection, filter: &JobFilter) -> Result<Vec<Range>> {
        let text = |text: &Option<String>| text.clone().into();
        Ok(match self {
            Self::Tag => vec![Range(self, vec![text(&filter.tag)])],
            Self::Owner => vec![Range(self, vec![text(&filter.owner.as_ref().map(to_json))])],
            Self::Error => vec![Range(self, Vec::new())],
            Self::Listed => kinds(connection, filter)?
                .into_iter()
                .map(|(queue, task, state)| Range(self, vec![queue.into(), task.into(), state.into()]))
                .collect(),
        })
    }

    /// Reads positions in an order; the values of the range come first.
    fn sql(self, oldest_first: bool) -> String {
        let (from, n) = match self {
            Self::Tag => ("job_tags WHERE tag = ?1", 1),
            Self::Owner => ("jobs INDEXED BY jobs_of_owner WHERE owner = ?1", 1),
            Self::Error => ("jobs INDEXED BY jobs_with_error WHERE error IS NOT NULL", 0),
            Self::Listed => ("jobs INDEXED BY jobs_listed WHERE queue = ?1 AND task = ?2 AND state = ?3", 3),
        };
        let order = if oldest_first { "ASC" } else { "DESC" };
        format!(
            "SELECT created_at, id FROM {from} AND (created_at, id) > (?{}, ?{}) AND (created_at, id) < (?{}, ?{})
             ORDER BY created_at {order}, id {order} LIMIT ?{}",
            n + 1,
            n + 2,
            n + 3,
            n + 4,
            n + 5
        )
    }
}

/// A part of an index in which all jobs have these values.
struct Range(Source, Vec<Value>);

/// How many jobs the counters tell of what is asked for by queue, task and state.
fn listed(connection: &Connection, filter: &JobFilter) -> Result<u64> {
    let all = counts::read(connection)?;
    let wanted = all.iter().filter(|counted| {
        filter.queue.as_ref().is_none_or(|queue| counted.queue == *queue)
            && filter.task.as_ref().is_none_or(|task| counted.task == *task)
    });
    let jobs: i64 = wanted
        .flat_map(|counted| {
            states(filter).filter_map(|state| counted.by_state.get(usize::try_from(state).ok()?))
        })
        .sum();
    Ok(u64::try_from(jobs).unwrap_or_default())
}

/// The states that are asked for, as rows tell them: also those of rows that do not tell.
fn states(filter: &JobFilter) -> impl Iterator<Item = i64> {
    let wanted = JobState::ALL.into_iter().filter(|state| filter.wants(*state)).map(state_number);
    wanted.chain([JobState::ALL.len() as i64])
}

/// The next queue, task and state behind these and any time: without the time SQLite would begin with the first job of the same kind
/// and pass over each of them.
const NEXT_KIND: &str = "SELECT queue, task, state FROM jobs INDEXED BY jobs_listed
    WHERE (queue, task, state, created_at) > (?1, ?2, ?3, ?4) ORDER BY queue, task, state, created_at LIMIT 1";

/// Every queue, task and state of the jobs there are and that are asked for, found by jumping from each to the next.
fn kinds(connection: &Connection, filter: &JobFilter) -> Result<Vec<(String, String, i64)>> {
    let mut jump = connection.prepare_cached(NEXT_KIND).map_err(failed)?;
    let states: Vec<i64> = states(filter).collect();
    let least = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut behind = (least(&filter.queue), least(&filter.task), -1);
    let mut found = Vec::new();
    loop {
        let mut rows = jump.query((&behind.0, &behind.1, behind.2, i64::MAX)).map_err(failed)?;
        let Some(row) = rows.next().map_err(failed)? else { return Ok(found) };
        let kind = <(String, String, i64)>::try_from(row).map_err(failed)?;
        if filter.queue.as_ref().is_some_and(|queue| kind.0 != *queue) {
            return Ok(found);
        }
        behind = match &filter.task {
            Some(task) if kind.1 < *task => (kind.0, task.clone(), -1),
            // The next text in the order of bytes.
            Some(task) if kind.1 > *task => (kind.0 + "\0", String::new(), -1),
            _ => {
                if states.contains(&kind.2) {
                    found.push(kind.clone());
                }
                kind
            }
        };
    }
}

/// The first positions of all these ranges together.
fn read(
    connection: &Connection,
    ranges: &[Range],
    mut span: Span,
    limit: usize,
    oldest_first: bool,
) -> Result<Vec<Cursor>> {
    let mut positions = Vec::new();
    for Range(source, values) in ranges {
        let mut select = connection.prepare_cached(&source.sql(oldest_first)).map_err(failed)?;
        let ends: [&dyn ToSql; 4] = [&span.from.0, &span.from.1, &span.to.0, &span.to.1];
        let rows = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = values.iter().map(|value| value as &dyn ToSql).chain(ends).chain([&rows as &dyn ToSql]);
        let read = select
            .query_map(params_from_iter(values), |row| Ok(Cursor((row.get(0)?, row.get(1)?))))
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(failed)?;
        if read.len() == limit
            && let Some(last) = read.last()
        {
            // There are as many up to here: of the other ranges nothing behind it is asked for.
            match oldest_first {
                true => span.to = span.to.min(last.0),
                false => span.from = span.from.max(last.0),
            }
        }
        positions.extend(read);
    }
    Ok(first(positions, limit, oldest_first))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn the_next_kind_is_found_without_passing_over_the_jobs_of_this_one() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../db/schema.sql")).unwrap();
        let many = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
            INSERT INTO jobs (id, task, queue, state, status, priority, attempt, max_attempts, version, created_at, updated_at, timeline)
            SELECT CAST('id' || n AS BLOB), 'task', 'queue', n / 1000, 0, 0, 0, 3, 1, n, n, '' FROM n";
        connection.execute_batch(many).unwrap();
        let mut next = connection.prepare(NEXT_KIND).unwrap();

        let state: i64 = next.query_row(("queue", "task", 0, i64::MAX), |row| row.get(2)).unwrap();

        assert_eq!(state, 1);
        let steps = next.get_status(StatementStatus::VmStep);
        assert!(steps < 100, "{steps} steps");
    }

    #[test]
    fn lists_are_read_from_an_index_in_its_order() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../db/schema.sql")).unwrap();

        for (source, index, ends) in [
            (Source::Tag, "PRIMARY KEY (tag=? AND (created_at,id)>(?,?) AND (created_at,id)<(?,?))", 1),
            (Source::Owner, "COVERING INDEX jobs_of_owner (owner=? AND", 1),
            (Source::Error, "INDEX jobs_with_error (", 0),
            (Source::Listed, "COVERING INDEX jobs_listed (queue=? AND task=? AND state=? AND", 3),
        ] {
            for oldest_first in [false, true] {
                let sql = source.sql(oldest_first);
                let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let values = vec![1; ends + 5];
                let rows = plan.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
                let steps: Vec<_> = rows.map(Result::unwrap).collect();

                // One step: nothing is sorted.
                assert!(steps.len() == 1 && steps[0].contains(index), "{source:?}: {steps:?}");
                assert!(steps[0].contains('>') && steps[0].contains('<'), "both ends: {steps:?}");
            }
        }
    }
}
