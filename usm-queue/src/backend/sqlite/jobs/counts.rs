//! The counters of jobs by queue, task and state.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::{
    error::failed,
    rows::{DELAYED, RUNNING, state_number},
};
use crate::{
    backend::{
        JobUpdate, OpenTask, QueueCounts,
        sqlite::db::{Added, Tally, Tx, moment},
    },
    error::Result,
    job::{JobId, JobState, JobStatus},
};

/// Adds what a transaction collected; before it commits.
pub(crate) fn write(connection: &Connection, tally: &Tally) -> Result<()> {
    for (queue, task, added) in tally.changes() {
        connection
            .prepare_cached(
                "INSERT INTO job_counts (queue, task, waiting, scheduled, retrying, running, completed, failed, cancelled)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (queue, task) DO UPDATE SET
                    waiting = waiting + ?3, scheduled = scheduled + ?4, retrying = retrying + ?5, running = running + ?6,
                    completed = completed + ?7, failed = failed + ?8, cancelled = cancelled + ?9",
            )
            .and_then(|mut add| {
                add.execute(params![
                    queue, task, added[0], added[1], added[2], added[3], added[4], added[5], added[6]
                ])
            })
            .map_err(failed)?;
    }
    Ok(())
}

/// How a job is counted. Read before it changes: what an `UPDATE` returns goes through a table of its own, which takes longer.
#[derive(Default)]
pub(super) struct Counted {
    queue: String,
    task: String,
    state: i64,
    pub(super) attempt: u32,
}

impl Counted {
    pub(super) fn of(connection: &Connection, id: JobId) -> Result<Self> {
        let read = |row: &Row<'_>| {
            Ok(Self { queue: row.get(0)?, task: row.get(1)?, state: row.get(2)?, attempt: row.get(3)? })
        };
        let found = connection
            .prepare_cached("SELECT queue, task, state, attempt FROM jobs WHERE id = ?1")
            .and_then(|mut counted| counted.query_row([id.0], read).optional());
        // One that is gone does not change.
        found.map(Option::unwrap_or_default).map_err(failed)
    }

    pub(super) fn state(&self) -> i64 {
        self.state
    }

    /// It is counted under another state from now on.
    pub(super) fn becomes(&self, tx: &mut Tx<'_>, state: i64) {
        tx.effects.tally.change(&self.queue, &self.task, self.state, state);
    }
}

/// The number of the state in which this change leaves a running job.
pub(super) fn state_after(change: &JobUpdate, attempt: u32) -> i64 {
    match change {
        JobUpdate::Retry { delay, counted, .. } => {
            waits(!delay.is_zero(), attempt.saturating_sub(u32::from(!counted)))
        }
        JobUpdate::Released => waits(false, attempt),
        JobUpdate::Completed(_) => state_number(JobState::Completed),
        JobUpdate::Failed(_) => state_number(JobState::Failed),
        JobUpdate::Cancelled => state_number(JobState::Cancelled),
        JobUpdate::Progress(_) | JobUpdate::Partial(_) => RUNNING,
    }
}

/// The number of a pending job's state.
pub(super) fn waits(delayed: bool, attempt: u32) -> i64 {
    state_number(JobState::of(JobStatus::Pending, delayed, attempt))
}

/// Runs a statement that returns queue, task and state of every row it changed from this state, or removed, and counts them.
pub(super) fn run_counted(
    tx: &mut Tx<'_>,
    sql: &str,
    values: &[&dyn ToSql],
    from: Option<i64>,
) -> Result<usize> {
    let mut statement = tx.connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(values).map_err(failed)?;
    let mut changed = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        let text = |column| row.get_ref(column).and_then(|value| Ok(value.as_str()?)).map_err(failed);
        let (queue, task, state) = (text(0)?, text(1)?, row.get(2).map_err(failed)?);
        match from {
            Some(from) => tx.effects.tally.change(queue, task, from, state),
            None => tx.effects.tally.add(queue, task, state, -1),
        }
        changed += 1;
    }
    Ok(changed)
}

/// The counters of one queue and task.
pub(super) struct Counters {
    pub(super) queue: String,
    pub(super) task: String,
    pub(super) by_state: Added,
}

/// All counters.
pub(super) fn read(connection: &Connection) -> Result<Vec<Counters>> {
    let sql = "SELECT queue, task, waiting, scheduled, retrying, running, completed, failed, cancelled FROM job_counts";
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let rows = select.query_map([], |row| {
        let mut by_state = Added::default();
        for (place, count) in by_state.iter_mut().enumerate() {
            *count = row.get(place + 2)?;
        }
        Ok(Counters { queue: row.get(0)?, task: row.get(1)?, by_state })
    });
    rows.and_then(Iterator::collect).map_err(failed)
}

/// What [`TaskQueue::counts`](crate::TaskQueue::counts) shows. Jobs that fell due since the last maintenance are counted as
/// waiting.
pub(crate) fn counts(connection: &Connection, now: i64) -> Result<Vec<QueueCounts>> {
    let moment_ = connection.is_autocommit().then(|| connection.unchecked_transaction());
    let _moment = moment_.transpose().map_err(failed)?;
    let mut queues: BTreeMap<String, QueueCounts> = BTreeMap::new();
    let mut oldest = connection
        .prepare_cached(
            "SELECT created_at FROM jobs INDEXED BY jobs_listed WHERE queue = ?1 AND task = ?2 AND state = 0
             ORDER BY created_at LIMIT 1",
        )
        .map_err(failed)?;
    for counted in read(connection)? {
        let counts = entry(&mut queues, &counted.queue);
        for state in JobState::ALL {
            let count = usize::try_from(state_number(state)).map_or(0, |place| counted.by_state[place]);
            *counts.of_mut(state) += u64::try_from(count).unwrap_or_default();
        }
        if counted.by_state[0] > 0 {
            let mut rows = oldest.query([&counted.queue, &counted.task]).map_err(failed)?;
            if let Some(row) = rows.next().map_err(failed)? {
                counts.waits_since(moment(row.get(0).map_err(failed)?));
            }
        }
    }
    let due = format!(
        "SELECT queue, state, count(*), min(created_at) FROM jobs INDEXED BY jobs_due
         WHERE {DELAYED} AND next_attempt_at <= ?1 GROUP BY queue, state"
    );
    let mut due = connection.prepare_cached(&due).map_err(failed)?;
    let mut rows = due.query([now]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let read = (row.get(0), row.get(1), row.get::<_, u64>(2), row.get(3));
        let (queue, state, jobs, created): (String, i64, u64, i64) = (
            read.0.map_err(failed)?,
            read.1.map_err(failed)?,
            read.2.map_err(failed)?,
            read.3.map_err(failed)?,
        );
        let counts = entry(&mut queues, &queue);
        let from = counts.of_mut(if state == 1 { JobState::Scheduled } else { JobState::Retrying });
        *from = from.saturating_sub(jobs);
        counts.waiting += jobs;
        counts.waits_since(moment(created));
    }
    Ok(queues.into_values().collect())
}

fn entry<'a>(queues: &'a mut BTreeMap<String, QueueCounts>, queue: &str) -> &'a mut QueueCounts {
    queues.entry(queue.to_owned()).or_insert_with(|| QueueCounts::new(named(queue)))
}

pub(crate) fn open_tasks(connection: &Connection) -> Result<Vec<OpenTask>> {
    let open = read(connection)?.into_iter().filter_map(|counted| {
        let jobs = u64::try_from(counted.by_state[..4].iter().sum::<i64>()).ok().filter(|jobs| *jobs > 0)?;
        Some(OpenTask::new(named(&counted.queue), counted.task, jobs))
    });
    Ok(open.collect())
}

/// The queue, where it is known.
pub(super) fn named(queue: &str) -> Option<String> {
    (!queue.is_empty()).then(|| queue.to_owned())
}
