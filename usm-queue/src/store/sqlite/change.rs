//! What changes records, in a write transaction.

use std::{sync::LazyLock, time::Duration};

use rusqlite::{Connection, OptionalExtension, ToSql, params};
use serde_json::Value;

use super::{
    failed,
    read::EXPIRED,
    rows::{COLUMNS, NewJob, StoredJob, status, status_number, to_json},
};
use crate::{
    broker::sqlite as messages,
    error::{Error, Result},
    job::{JobEvent, JobId, JobStatus},
    sqlite::{BulkInsert, Tx, duration_micros, micros},
    store::{CancelOutcome, JobUpdate, Lease, LeaseState, Updated},
};

/// Old records removed in one transaction.
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
    ];
    BulkInsert::new("INSERT INTO jobs", &columns, "ON CONFLICT DO NOTHING")
});

/// Stores each record unless its id is known.
pub(crate) fn insert(tx: &mut Tx<'_>, jobs: &[NewJob]) -> Result<()> {
    INSERT
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
            values.add(&job.timeline)
        })
        .map_err(failed)?;
    // Watchers of one that was known are told what they know.
    tx.effects.jobs.extend(jobs.iter().map(|job| job.id));
    Ok(())
}

/// What a claim finds, not yet parsed.
pub(super) enum Found {
    Taken(Box<StoredJob>),
    UsedUp(Box<StoredJob>),
    Held(i64),
    Ended(JobStatus),
}

pub(super) fn claim(tx: &mut Tx<'_>, job: &NewJob, worker: &str, lease: Duration) -> Result<Found> {
    if let Some(taken) = try_claim(tx, job.id, worker, lease)? {
        return Ok(Found::Taken(taken));
    }
    if state(tx.connection, job.id)?.is_none() {
        insert(tx, std::slice::from_ref(job))?;
        if let Some(taken) = try_claim(tx, job.id, worker, lease)? {
            return Ok(Found::Taken(taken));
        }
    }
    match state(tx.connection, job.id)? {
        None => Err(Error::not_found(format!("job {}", job.id))),
        Some((status, _)) if status.is_final() => Ok(Found::Ended(status)),
        Some((_, until)) => match try_take_to_end(tx, job.id, lease)? {
            Some(taken) => Ok(Found::UsedUp(taken)),
            None => Ok(Found::Held(until.unwrap_or(tx.now))),
        },
    }
}

/// Takes a job for an attempt: one that waits and is due, or whose worker let the lease lapse and that has attempts left.
fn try_claim(tx: &mut Tx<'_>, id: JobId, worker: &str, lease: Duration) -> Result<Option<Box<StoredJob>>> {
    let mut statement = tx
        .connection
        .prepare_cached(
            "UPDATE jobs SET status = 1, attempt = attempt + 1, token = token + 1, version = version + 1, worker = ?2,
                lease_until = ?3, updated_at = ?4, next_attempt_at = NULL, progress = NULL,
                timeline = timeline || '[' || ?4 || ',\"started\",' || (attempt + 1) || ',' || ?5 || ',null]' || char(10)
             WHERE id = ?1 AND ((status = 0 AND (next_attempt_at IS NULL OR next_attempt_at <= ?4))
                OR (status = 1 AND lease_until <= ?4 AND attempt < max_attempts))
             RETURNING id, task, owner, status, priority, attempt, max_attempts, token, cancel_requested, version,
                created_at, updated_at, next_attempt_at, lease_until, finished_at, worker, correlation_id, metadata, error,
                progress, result, partial_results, timeline",
        )
        .map_err(failed)?;
    let lease_until = tx.now.saturating_add(duration_micros(lease));
    let taken = statement
        .query_row(params![id.0, worker, lease_until, tx.now, to_json(worker)], |row| {
            StoredJob::read(row).map(Box::new)
        })
        .optional()
        .map_err(failed)?;
    if taken.is_some() {
        tx.effects.jobs.push(id);
    }
    Ok(taken)
}

/// Takes a job whose worker let the lease lapse, only to end it.
fn try_take_to_end(tx: &mut Tx<'_>, id: JobId, lease: Duration) -> Result<Option<Box<StoredJob>>> {
    let until = tx.now.saturating_add(duration_micros(lease));
    let taken = run(
        tx,
        "UPDATE jobs SET token = token + 1, version = version + 1, lease_until = ?2, updated_at = ?3
         WHERE id = ?1 AND status = 1 AND lease_until <= ?3",
        params![id.0, until, tx.now],
    )?;
    if taken == 0 {
        return Ok(None);
    }
    tx.effects.jobs.push(id);
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1");
    let mut select = tx.connection.prepare_cached(&sql).map_err(failed)?;
    select.query_row([id.0], |row| StoredJob::read(row).map(|job| Some(Box::new(job)))).map_err(failed)
}

pub(super) fn renew(tx: &mut Tx<'_>, lease: Lease, duration: Duration) -> Result<LeaseState> {
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
    let changed = match change {
        JobUpdate::Progress(progress) => run(
            tx,
            "UPDATE jobs SET progress = ?4, version = version + 1, updated_at = ?3 WHERE id = ?1 AND token = ?2 AND status = 1",
            params![lease.id.0, lease.token, tx.now, to_json(progress)],
        ),
        JobUpdate::Partial(value) => run(
            tx,
            "UPDATE jobs SET partial_results = partial_results || ?4 || char(10), version = version + 1, updated_at = ?3
             WHERE id = ?1 AND token = ?2 AND status = 1",
            params![lease.id.0, lease.token, tx.now, to_json(value)],
        ),
        JobUpdate::Retry { error, next_attempt_at, counted } => run(
            tx,
            "UPDATE jobs SET status = 0, attempt = attempt - ?7, error = ?4, next_attempt_at = ?5, version = version + 1,
                updated_at = ?3, lease_until = NULL,
                timeline = timeline || '[' || ?3 || ',\"retry_scheduled\",' || attempt || ',' || json_quote(worker) || ',' || ?6 || ']' || char(10)
             WHERE id = ?1 AND token = ?2 AND status = 1",
            params![lease.id.0, lease.token, tx.now, error, micros(*next_attempt_at), to_json(error), i64::from(!counted)],
        ),
        JobUpdate::Released => run(
            tx,
            "UPDATE jobs SET status = 0, attempt = attempt - 1, version = version + 1, updated_at = ?3, lease_until = NULL,
                timeline = timeline || '[' || ?3 || ',\"released\",' || attempt || ',' || json_quote(worker) || ',null]' || char(10)
             WHERE id = ?1 AND token = ?2 AND status = 1",
            params![lease.id.0, lease.token, tx.now],
        ),
        JobUpdate::Completed(result) => end(tx, lease, JobEvent::Completed, None, Some(result)),
        JobUpdate::Failed(error) => end(tx, lease, JobEvent::Failed, Some(error), None),
        JobUpdate::Cancelled => end(tx, lease, JobEvent::Cancelled, None, None),
    }?;
    if changed == 0 {
        return Ok(Updated::Stale);
    }
    if change.is_final() {
        messages::remove_delayed(tx, lease.id)?;
    }
    tx.effects.jobs.push(lease.id);
    Ok(Updated::Applied)
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
        "UPDATE jobs SET status = ?4, error = coalesce(?5, error), result = ?6, version = version + 1, updated_at = ?3,
            finished_at = ?3, expires_at = ?7, lease_until = NULL,
            timeline = timeline || '[' || ?3 || ?8 || attempt || ',' || json_quote(worker) || ',' || ?9 || ']' || char(10)
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
    let changed = run(
        tx,
        "UPDATE jobs SET status = ?3, error = coalesce(?4, error), version = version + 1, updated_at = ?2, finished_at = ?2,
            expires_at = ?5, lease_until = NULL, next_attempt_at = NULL, token = token + 1,
            timeline = timeline || '[' || ?2 || ?6 || attempt || ',null,' || ?7 || ']' || char(10)
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
        messages::remove_delayed(tx, id)?;
        tx.effects.jobs.push(id);
    }
    Ok(changed > 0)
}

pub(super) fn fail_unclaimed(tx: &mut Tx<'_>, job: &NewJob, error: &str) -> Result<bool> {
    insert(tx, std::slice::from_ref(job))?;
    end_unclaimed(tx, job.id, JobEvent::Failed, Some(error))
}

pub(super) fn cancel(tx: &mut Tx<'_>, id: JobId) -> Result<CancelOutcome> {
    match state(tx.connection, id)? {
        None => Ok(CancelOutcome::Unknown),
        Some((status, _)) if status.is_final() => Ok(CancelOutcome::AlreadyFinal(status)),
        _ if end_unclaimed(tx, id, JobEvent::Cancelled, None)? => Ok(CancelOutcome::Cancelled),
        _ => {
            let asked = run(
                tx,
                "UPDATE jobs SET cancel_requested = 1, version = version + 1, updated_at = ?2,
                    timeline = timeline || '[' || ?2 || ',\"cancel_requested\",' || attempt || ',null,null]' || char(10)
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

/// The status, and until when a job is leased or waits for its time.
fn state(connection: &Connection, id: JobId) -> Result<Option<(JobStatus, Option<i64>)>> {
    connection
        .prepare_cached("SELECT status, coalesce(lease_until, next_attempt_at) FROM jobs WHERE id = ?1")
        .and_then(|mut state| {
            state.query_row([id.0], |row| Ok((status(row.get(0)?), row.get(1)?))).optional()
        })
        .map_err(failed)
}

/// Removes records whose time to live is over.
pub(crate) fn keep_house(tx: &mut Tx<'_>) -> Result<()> {
    run(tx, &format!("DELETE FROM jobs WHERE id IN ({EXPIRED})"), params![tx.now, PRUNE_AT_ONCE]).map(drop)
}

fn expiry(tx: &Tx<'_>) -> i64 {
    tx.now.saturating_add(duration_micros(tx.options.keep_ended))
}

fn run(tx: &Tx<'_>, sql: &str, values: &[&dyn ToSql]) -> Result<usize> {
    tx.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed)
}
