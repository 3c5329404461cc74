//! What changes records, in a write transaction.

use std::{sync::LazyLock, time::Duration};

use rusqlite::{Connection, OptionalExtension, ToSql, params};
use serde_json::Value;

use super::{
    counts::{Counted, run_counted, state_after},
    error::failed,
    read::{EXPIRED, FORGOTTEN, fallen_due},
    rows::{COLUMNS, JobRow, RUNNING, StoredJob, state_number, status, status_number, to_json},
    waiting::Waiting,
};
use crate::{
    backend::{
        CancelOutcome, FailOutcome, Inserted, JobUpdate, Lease, LeaseState, MAX_PARTIAL_BYTES,
        MAX_PARTIAL_RESULTS, Updated,
        sqlite::db::{BulkInsert, Tx, duration_micros, moment},
        store::{REMEMBER_UNBOUNDED, same_payload, too_many_partials},
        transition::{NotTaken, Taken},
    },
    error::{Error, ErrorKind, Result},
    job::{JobEvent, JobId, JobState, JobStatus},
};

/// Old records removed in one transaction, and jobs that are counted as waiting because they fell due.
const PRUNE_AT_ONCE: usize = 500;

static INSERT: LazyLock<BulkInsert> = LazyLock::new(|| {
    let columns = [
        "id",
        "task",
        "owner",
        "status",
        "priority",
        "attempt",
        "max_attempts",
        "version",
        "created_at",
        "updated_at",
        "next_attempt_at",
        "correlation_id",
        "metadata",
        "timeline",
        "digest",
        "remember",
        "alias",
        "queue",
        "tags",
        "state",
        "trace",
        "generations",
        "carried",
    ];
    BulkInsert::new("INSERT INTO jobs", &columns, "ON CONFLICT DO NOTHING")
});

/// Stores new records, marked as unconfirmed, and tells what was there before.
pub(crate) fn insert_unconfirmed(tx: &mut Tx<'_>, jobs: &[JobRow]) -> Result<Vec<Inserted>> {
    let mut found = Vec::with_capacity(jobs.len());
    for job in jobs {
        let known = known(tx.connection, job)?;
        if known == Inserted::New {
            insert(tx, &[job])?;
            run(tx, "INSERT INTO unconfirmed (id, since) VALUES (?1, ?2)", params![job.id.0, tx.now])?;
        }
        found.push(known);
    }
    Ok(found)
}

/// What is known of a job that is about to be stored.
pub(crate) fn known(connection: &Connection, job: &JobRow) -> Result<Inserted> {
    let sql =
        "SELECT status, digest, NOT EXISTS (SELECT 1 FROM unconfirmed WHERE id = ?1) FROM jobs WHERE id = ?1
               UNION ALL SELECT status, digest, 1 FROM ended WHERE id = ?1";
    let row: Option<(i64, Option<i64>, bool)> = connection
        .prepare_cached(sql)
        .and_then(|mut known| {
            known.query_row([job.id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
        })
        .map_err(failed)?;
    Ok(row.map_or(Inserted::New, |(number, digest, confirmed)| Inserted::Known {
        status: status(number),
        confirmed,
        same_payload: same_payload(digest.map(i64::cast_unsigned), job.digest.map(i64::cast_unsigned)),
    }))
}

/// Stores the records of which nothing is known.
pub(crate) fn insert_missing(tx: &mut Tx<'_>, jobs: &[JobRow]) -> Result<()> {
    for job in jobs {
        if known(tx.connection, job)? == Inserted::New {
            insert(tx, &[job])?;
        }
    }
    Ok(())
}

pub(crate) fn confirm(tx: &mut Tx<'_>, jobs: &[JobRow]) -> Result<()> {
    for job in jobs {
        run(tx, "DELETE FROM unconfirmed WHERE id = ?1", &[&job.id.0])?;
    }
    insert_missing(tx, jobs)
}

/// Removes unconfirmed records that nobody has claimed; tells which.
pub(crate) fn withdraw(tx: &mut Tx<'_>, ids: &[JobId]) -> Result<Vec<JobId>> {
    let mut removed = Vec::new();
    for id in ids {
        let remove =
            "DELETE FROM jobs WHERE id = ?1 AND status = 0 AND version = 1 RETURNING queue, task, state";
        if run(tx, "DELETE FROM unconfirmed WHERE id = ?1", &[&id.0])? > 0
            && run_counted(tx, remove, &[&id.0], None)? > 0
        {
            removed.push(*id);
        }
    }
    Ok(removed)
}

pub(crate) fn remove_unconfirmed(tx: &mut Tx<'_>, age: Duration) -> Result<Vec<JobId>> {
    let before = tx.now.saturating_sub(duration_micros(age));
    let old: Vec<JobId> = tx
        .connection
        .prepare_cached("SELECT id FROM unconfirmed WHERE since <= ?1 LIMIT ?2")
        .and_then(|mut old| {
            old.query_map(params![before, PRUNE_AT_ONCE], |row| row.get(0).map(JobId))?.collect()
        })
        .map_err(failed)?;
    withdraw(tx, &old)
}

/// Stores records whose ids are not known.
pub(crate) fn insert(tx: &mut Tx<'_>, jobs: &[&JobRow]) -> Result<()> {
    let now = tx.now;
    let inserted = INSERT
        .run(tx.connection, jobs, |job, values| {
            values.add(job.id.0)?;
            values.add(&job.task)?;
            values.add_some(job.owner.as_ref())?;
            values.add(job.status)?;
            values.add(job.priority)?;
            values.add(job.attempt)?;
            values.add(job.max_attempts)?;
            values.add(job.version)?;
            values.add(job.created_at)?;
            values.add(job.updated_at)?;
            values.add_some(job.next_attempt_at)?;
            values.add_some(job.correlation_id.as_ref())?;
            values.add_some(job.metadata.as_ref())?;
            values.add(&job.timeline)?;
            values.add_some(job.digest)?;
            values.add_some(job.remember)?;
            values.add_some(job.alias.as_ref())?;
            values.add(&job.queue)?;
            values.add_some((!job.tags.is_empty()).then(|| to_json(&job.tags)))?;
            values.add(job.state(now))?;
            values.add_some(job.trace.as_ref())?;
            values.add_some(job.generations())?;
            values.add_some(job.carried.as_ref())
        })
        .map_err(failed)?;
    if inserted == jobs.len() {
        for job in jobs {
            tx.effects.tally.add(&job.queue, &job.task, job.state(now), 1);
            for tag in &job.tags {
                let sql = "INSERT INTO job_tags (tag, created_at, id) VALUES (?1, ?2, ?3)";
                run(tx, sql, params![tag, job.created_at, job.id.0])?;
            }
        }
    } else if inserted > 0 {
        return Err(Error::new(
            ErrorKind::Conflict,
            "two jobs that are accepted together have one id; give each its own",
        ));
    }
    // Watchers of one that was known are told what they know.
    tx.effects.jobs.extend(jobs.iter().map(|job| job.id));
    Ok(())
}

/// Takes a job; a suspect only when it is to be `alone` for so long. The record is not yet parsed.
pub(crate) fn claim(
    tx: &mut Tx<'_>,
    job: &JobRow,
    worker: &str,
    lease: Duration,
    alone: Option<Duration>,
) -> Result<Result<(Taken, Box<StoredJob>), NotTaken>> {
    let mut stored = find(tx.connection, job.id)?;
    if stored.is_none() {
        if let Some(status) = remembered(tx.connection, job.id)? {
            return Ok(Err(NotTaken::Final(status)));
        }
        insert(tx, &[job])?;
        stored = find(tx.connection, job.id)?;
    }
    let mut stored = stored.ok_or_else(|| Error::not_found(format!("job {}", job.id)))?;
    let worker_died = stored.is_running();
    if worker_died {
        stored.read_crashes(tx.connection).map_err(failed)?;
    }
    let taken = match stored.claim(job.generation, worker, lease, alone, tx.now) {
        Ok(taken) => taken,
        Err(not_taken) => return Ok(Err(not_taken)),
    };
    if worker_died {
        stored.write_crashes(tx.connection).map_err(failed)?;
    }
    stored.shorten_timeline();
    let (queue, task, state) = stored.counted();
    tx.effects.tally.change(queue, task, state, RUNNING);
    stored.write(tx.connection).and_then(|()| stored.read_partials(tx.connection, 0)).map_err(failed)?;
    tx.effects.jobs.push(job.id);
    Ok(Ok((taken, stored)))
}

pub(super) fn find(connection: &Connection, id: JobId) -> Result<Option<Box<StoredJob>>> {
    static FIND: LazyLock<String> = LazyLock::new(|| format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1"));
    connection
        .prepare_cached(&FIND)
        .and_then(|mut find| find.query_row([id.0], |row| StoredJob::read(row).map(Box::new)).optional())
        .map_err(failed)
}

/// The job of a message, stored if it is not known; or how it ended, where only that is remembered.
fn of_message(tx: &mut Tx<'_>, job: &JobRow) -> Result<Result<Waiting, JobStatus>> {
    if let Some(waiting) = Waiting::find(tx.connection, job.id)? {
        return Ok(Ok(waiting));
    }
    if let Some(ended) = remembered(tx.connection, job.id)? {
        return Ok(Err(ended));
    }
    insert(tx, &[job])?;
    let stored = Waiting::find(tx.connection, job.id)?;
    stored.map(Ok).ok_or_else(|| Error::not_found(format!("job {}", job.id)))
}

/// Puts a waiting job off that is due; returns the job's status, unless the message is superseded.
pub(crate) fn postpone(
    tx: &mut Tx<'_>,
    job: &JobRow,
    error: &str,
    delay: Duration,
) -> Result<Option<JobStatus>> {
    let mut waiting = match of_message(tx, job)? {
        Ok(waiting) => waiting,
        Err(ended) => return Ok(Some(ended)),
    };
    let before = waiting.known.job.version;
    let status = waiting.known.postpone(job.generation, error, delay, moment(tx.now));
    if waiting.known.job.version > before {
        waiting.write(tx)?;
    }
    Ok(status)
}

pub(crate) fn renew(tx: &mut Tx<'_>, lease: Lease, duration: Duration) -> Result<LeaseState> {
    let cancel_requested: Option<bool> = tx
        .connection
        .prepare_cached("UPDATE jobs SET lease_until = ?3 WHERE id = ?1 AND token = ?2 AND status = 1 RETURNING cancel_requested")
        .and_then(|mut renew| {
            let until = tx.now.saturating_add(duration_micros(duration));
            renew.query_row(params![lease.id.0, lease.token, until], |row| row.get(0)).optional()
        })
        .map_err(failed)?;
    Ok(match cancel_requested {
        None => LeaseState::Lost,
        Some(true) => LeaseState::CancelRequested,
        Some(false) => LeaseState::Held,
    })
}

/// Changes a claimed job; every statement is fenced by the lease's token.
pub(crate) fn update(tx: &mut Tx<'_>, lease: Lease, change: &JobUpdate) -> Result<Updated> {
    let now = tx.now;
    let before = match change {
        JobUpdate::Progress(_) | JobUpdate::Partial(_) => None,
        _ => Some(Counted::of(tx.connection, lease.id)?),
    };
    let state = before.as_ref().map_or(RUNNING, |before| state_after(change, before.attempt));
    let changed = match change {
        JobUpdate::Progress(progress) => run(
            tx,
            "UPDATE jobs SET progress = ?4, progress_version = version + 1, version = version + 1, updated_at = ?3 WHERE id = ?1 AND token = ?2 AND status = 1",
            params![lease.id.0, lease.token, tx.now, to_json(progress)],
        ),
        JobUpdate::Partial(value) => add_partial(tx, lease, &to_json(value)),
        JobUpdate::Retry { error, delay, counted } => run(
            tx,
            "UPDATE jobs SET status = 0, attempt = attempt - ?7, error = ?4, next_attempt_at = ?5, version = version + 1,
                updated_at = ?3, lease_until = NULL, state = ?8,
                timeline = timeline || (version + 1) || char(10) || '[' || ?3 || ',\"retry_scheduled\",' || attempt || ',' || json_quote(worker) || ',' || ?6 || ']' || char(10)
             WHERE id = ?1 AND token = ?2 AND status = 1",
            params![lease.id.0, lease.token, now, error, now.saturating_add(duration_micros(*delay)), to_json(error), i64::from(!counted), state],
        ),
        JobUpdate::Released => run(
            tx,
            "UPDATE jobs SET status = 0, state = 0, attempt = attempt - 1, version = version + 1, updated_at = ?3, lease_until = NULL,
                timeline = timeline || (version + 1) || char(10) || '[' || ?3 || ',\"released\",' || attempt || ',' || json_quote(worker) || ',null]' || char(10)
             WHERE id = ?1 AND token = ?2 AND status = 1",
            params![lease.id.0, lease.token, now],
        ),
        JobUpdate::Completed(result) => end(tx, lease, JobEvent::Completed, None, Some(result)),
        JobUpdate::Failed(error) => end(tx, lease, JobEvent::Failed, Some(error), None),
        JobUpdate::Cancelled => end(tx, lease, JobEvent::Cancelled, None, None),
    }?;
    if changed == 0 {
        return refused(tx.connection, lease);
    }
    if let Some(before) = before {
        before.becomes(tx, state);
    }
    if matches!(change, JobUpdate::Retry { .. } | JobUpdate::Released) {
        run(tx, "DELETE FROM crashes WHERE job = ?1", params![lease.id.0])?;
    }
    tx.effects.jobs.push(lease.id);
    Ok(Updated::Applied)
}

/// Adds a partial result; the record stays as small as it is.
fn add_partial(tx: &Tx<'_>, lease: Lease, value: &str) -> Result<usize> {
    let values = params![lease.id.0, lease.token, tx.now, value.len()];
    let added: Option<(i64, u64, u64)> = tx
        .connection
        .prepare_cached(
            "UPDATE jobs SET version = version + 1, updated_at = ?3, partials = coalesce(partials, 0) + 1,
                partial_bytes = coalesce(partial_bytes, 0) + ?4
             WHERE id = ?1 AND token = ?2 AND status = 1
             RETURNING version, partials, partial_bytes",
        )
        .and_then(|mut update| {
            update.query_row(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
        })
        .map_err(failed)?;
    let Some((number, partials, bytes)) = added else { return Ok(0) };
    if partials > MAX_PARTIAL_RESULTS || bytes > MAX_PARTIAL_BYTES {
        // What was written is rolled back with the error.
        return Err(too_many_partials(lease.id));
    }
    run(
        tx,
        "INSERT INTO partial_results (job, number, value) VALUES (?1, ?2, ?3)",
        params![lease.id.0, number, value],
    )
}

/// Why a change was refused: a record that is gone or has an older token does not know of the claim.
fn refused(connection: &Connection, lease: Lease) -> Result<Updated> {
    let newer = connection
        .prepare_cached("SELECT 1 FROM jobs WHERE id = ?1 AND token >= ?2")
        .and_then(|mut newer| newer.exists(params![lease.id.0, lease.token]))
        .map_err(failed)?;
    let over = newer || remembered(connection, lease.id)?.is_some();
    Ok(if over { Updated::Stale } else { Updated::Lost })
}

/// How a job ended whose record is gone.
pub(super) fn remembered(connection: &Connection, id: JobId) -> Result<Option<JobStatus>> {
    connection
        .prepare_cached("SELECT status FROM ended WHERE id = ?1")
        .and_then(|mut ended| ended.query_row([id.0], |row| row.get(0).map(status)).optional())
        .map_err(failed)
}

/// Ends a claimed job.
fn end(
    tx: &Tx<'_>,
    lease: Lease,
    event: JobEvent,
    error: Option<&String>,
    result: Option<&Value>,
) -> Result<usize> {
    run(
        tx,
        "UPDATE jobs SET status = ?4, state = ?4 + 2, error = iif(?4 = 2, NULL, coalesce(?5, error)), result = ?6, version = version + 1, updated_at = ?3,
            finished_at = ?3, expires_at = ?7, lease_until = NULL,
            timeline = timeline || (version + 1) || char(10) || '[' || ?3 || ?8 || attempt || ',' || json_quote(worker) || ',' || ?9 || ']' || char(10)
         WHERE id = ?1 AND token = ?2 AND status = 1",
        params![
            lease.id.0,
            lease.token,
            tx.now,
            event.status().map(status_number),
            error,
            result.map(to_json),
            expiry(tx),
            format!(",{},", to_json(&event)),
            to_json(&error),
        ],
    )
}

/// Ends a job that nobody runs.
fn end_unclaimed(tx: &mut Tx<'_>, id: JobId, event: JobEvent, error: Option<&str>) -> Result<bool> {
    let before = Counted::of(tx.connection, id)?;
    let changed = run(
        tx,
        "UPDATE jobs SET status = ?3, state = ?3 + 2, error = coalesce(?4, error), version = version + 1, updated_at = ?2, finished_at = ?2,
            expires_at = ?5, lease_until = NULL, next_attempt_at = NULL, token = token + 1,
            remember = remember + max(0, coalesce(next_attempt_at, 0) - ?2),
            timeline = timeline || (version + 1) || char(10) || '[' || ?2 || ?6 || attempt || ',null,' || ?7 || ']' || char(10)
         WHERE id = ?1 AND (status = 0 OR (status = 1 AND lease_until <= ?2))",
        params![
            id.0,
            tx.now,
            event.status().map(status_number),
            error,
            expiry(tx),
            format!(",{},", to_json(&event)),
            to_json(&error),
        ],
    )?;
    if changed > 0 {
        before.becomes(tx, event.status().map_or(0, status_number) + 2);
        tx.effects.jobs.push(id);
    }
    Ok(changed > 0)
}

pub(crate) fn fail_unclaimed(tx: &mut Tx<'_>, job: &JobRow, error: &str) -> Result<FailOutcome> {
    let mut waiting = match of_message(tx, job)? {
        Ok(waiting) => waiting,
        Err(ended) => return Ok(FailOutcome::AlreadyFinal(ended)),
    };
    let outcome = waiting.known.fail_unclaimed(job.generation, error, moment(tx.now));
    if outcome == FailOutcome::Failed {
        waiting.write_generations(tx)?;
        end_unclaimed(tx, job.id, JobEvent::Failed, Some(error))?;
    }
    Ok(outcome)
}

/// Cancels a job that waits or asks its worker to stop; `remove_waiting` removes its message, given when that was due.
pub(crate) fn cancel(
    tx: &mut Tx<'_>,
    id: JobId,
    remove_waiting: impl FnOnce(&Tx<'_>, i64) -> Result<()>,
) -> Result<CancelOutcome> {
    match state(tx.connection, id)? {
        None => {
            Ok(remembered(tx.connection, id)?.map_or(CancelOutcome::Unknown, CancelOutcome::AlreadyFinal))
        }
        Some((status, _)) if status.is_final() => Ok(CancelOutcome::AlreadyFinal(status)),
        Some((_, since)) if end_unclaimed(tx, id, JobEvent::Cancelled, None)? => {
            remove_waiting(tx, since)?;
            Ok(CancelOutcome::Cancelled)
        }
        _ => {
            let asked = run(
                tx,
                "UPDATE jobs SET cancel_requested = 1, version = version + 1, updated_at = ?2,
                    timeline = timeline || (version + 1) || char(10) || '[' || ?2 || ',\"cancel_requested\",' || attempt || ',null,null]' || char(10)
                 WHERE id = ?1 AND cancel_requested = 0",
                params![id.0, tx.now],
            )?;
            if asked > 0 {
                tx.effects.jobs.push(id);
                tx.effects.to_stop.push(id);
            }
            Ok(CancelOutcome::Requested)
        }
    }
}

/// The status of a job, and when it was enqueued or its next attempt is due.
fn state(connection: &Connection, id: JobId) -> Result<Option<(JobStatus, i64)>> {
    connection
        .prepare_cached("SELECT status, coalesce(next_attempt_at, created_at) FROM jobs WHERE id = ?1")
        .and_then(|mut state| {
            state.query_row([id.0], |row| Ok((status(row.get(0)?), row.get(1)?))).optional()
        })
        .map_err(failed)
}

/// Removes the record of an ended job.
pub(crate) fn delete(tx: &mut Tx<'_>, id: JobId) -> Result<bool> {
    remove_ended(tx, "SELECT id FROM jobs WHERE id = ?2 AND finished_at <= ?1", &id.0)
        .map(|removed| removed > 0)
}

/// Removes the records of the ended jobs that `which` selects by the time in ?1 and `value` in ?2, but remembers for as long as
/// another message may come that the jobs have ended.
fn remove_ended(tx: &mut Tx<'_>, which: &str, value: &dyn ToSql) -> Result<usize> {
    let unbounded = duration_micros(REMEMBER_UNBOUNDED);
    let remember = format!(
        "INSERT INTO ended (id, status, digest, forget_at)
         SELECT id, status, digest, finished_at + coalesce(remember, ?3) FROM jobs
         WHERE id IN ({which}) AND finished_at + coalesce(remember, ?3) > ?1"
    );
    run(tx, &remember, params![tx.now, value, unbounded])?;
    let now = tx.now;
    let remove = format!("DELETE FROM jobs WHERE id IN ({which}) RETURNING queue, task, state");
    run_counted(tx, &remove, params![now, value], None)
}

/// Removes records whose time to live is over, but remembers for as long as another message may come that the jobs have
/// ended.
pub(crate) fn maintain(tx: &mut Tx<'_>) -> Result<()> {
    let (now, at_once) = (tx.now, PRUNE_AT_ONCE);
    remove_ended(tx, EXPIRED, &at_once)?;
    // One statement for each, as what a statement returns is how it left the row.
    for from in [JobState::Scheduled, JobState::Retrying].map(state_number) {
        let wait = format!(
            "UPDATE jobs SET state = 0 WHERE state = {from} AND id IN ({}) RETURNING queue, task, state",
            fallen_due()
        );
        run_counted(tx, &wait, params![now, at_once], Some(from))?;
    }
    run(
        tx,
        "DELETE FROM job_counts WHERE waiting = 0 AND scheduled = 0 AND retrying = 0 AND running = 0 AND completed = 0 AND failed = 0 AND cancelled = 0",
        params![],
    )?;
    run(tx, &format!("DELETE FROM ended WHERE id IN ({FORGOTTEN})"), params![tx.now, PRUNE_AT_ONCE])?;
    let over = "DELETE FROM crashes WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE id = job AND status = 1)";
    run(tx, over, params![]).map(drop)
}

fn expiry(tx: &Tx<'_>) -> i64 {
    tx.now.saturating_add(duration_micros(tx.options.keep_ended))
}

fn run(tx: &Tx<'_>, sql: &str, values: &[&dyn ToSql]) -> Result<usize> {
    tx.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn partial_results_go_with_their_record() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../db/schema.sql")).unwrap();
        connection
            .execute_batch(
                "INSERT INTO jobs (id, task, status, priority, attempt, max_attempts, version, created_at, updated_at, timeline, partials)
                     VALUES (x'01', 't', 2, 0, 1, 1, 4, 0, 0, '', 1), (x'02', 't', 2, 0, 1, 1, 4, 0, 0, '', 1);
                 INSERT INTO partial_results VALUES (x'01', 3, '1'), (x'02', 3, '2');
                 DELETE FROM jobs WHERE id = x'01';",
            )
            .unwrap();

        let left: String = connection
            .query_row("SELECT group_concat(value) FROM partial_results", [], |row| row.get(0))
            .unwrap();

        assert_eq!(left, "2");
    }
}
