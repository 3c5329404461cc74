//! The job store in a SQLite file.

use std::{
    any::Any,
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::{CancelOutcome, Claimed, JobFilter, JobStore, JobUpdate, JobWatch, Lease, LeaseState, Updated};
use crate::{
    error::{Error, Result},
    job::{Job, JobEvent, JobId, JobStatus, TimelineEntry},
    sqlite::{BulkInsert, Db, Tx, backend, duration_micros, micros, moment},
};

/// Old records removed in one transaction.
const PRUNE_AT_ONCE: usize = 500;

const COLUMNS: &str = "id, task, owner, status, priority, attempt, max_attempts, token, cancel_requested, version, created_at,
    updated_at, next_attempt_at, lease_until, finished_at, worker, correlation_id, metadata, error, progress, result,
    partial_results, timeline";

/// Jobs in a SQLite file.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    db: Arc<Db>,
}

impl SqliteStore {
    pub(crate) fn new(db: Arc<Db>) -> Self {
        Self { db }
    }

    pub(crate) fn is_in(&self, db: &Arc<Db>) -> bool {
        Arc::ptr_eq(&self.db, db)
    }
}

#[async_trait]
impl JobStore for SqliteStore {
    async fn insert(&self, jobs: Vec<Job>) -> Result<()> {
        let rows: Vec<_> = jobs.into_iter().map(NewJob::from).collect();
        self.db.write(move |tx| insert(tx, &rows)).await
    }

    async fn get(&self, id: JobId) -> Result<Option<Job>> {
        Ok(self.db.read(move |connection| load(connection, &[id])).await?.pop())
    }

    async fn list(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        let filter = filter.clone();
        self.db.read(move |connection| list(connection, &filter)).await
    }

    async fn claim(&self, job: Job, worker: &str, lease: Duration) -> Result<Claimed> {
        let row = NewJob::from(job);
        let worker = worker.to_owned();
        let found = self.db.write(move |tx| claim(tx, &row, &worker, lease)).await?;
        Ok(match found {
            Found::Taken(stored) => {
                let lease = stored.lease();
                Claimed::Run(Box::new(stored.parse()), lease)
            }
            Found::UsedUp(stored) => {
                let lease = stored.lease();
                Claimed::End(Box::new(stored.parse()), lease)
            }
            Found::Held(until) => Claimed::Busy(moment(until)),
            Found::Ended(status) => Claimed::Final(status),
        })
    }

    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<LeaseState>> {
        let leases = leases.to_vec();
        self.db.write(move |tx| leases.iter().map(|held| renew(tx, *held, lease)).collect()).await
    }

    async fn update(&self, lease: Lease, change: JobUpdate) -> Result<Updated> {
        self.db.write(move |tx| update(tx, lease, &change)).await
    }

    async fn fail_unclaimed(&self, job: Job, error: String) -> Result<bool> {
        let row = NewJob::from(job);
        self.db.write(move |tx| fail_unclaimed(tx, &row, &error)).await
    }

    async fn cancel(&self, id: JobId) -> Result<CancelOutcome> {
        self.db.write(move |tx| cancel(tx, id)).await
    }

    async fn watch(&self, id: JobId) -> Result<JobWatch> {
        // Before the record is read, so that no change falls in between.
        let changes = self.db.hub().watch(id);
        let present = match self.get(id).await? {
            Some(present) if !present.status.is_final() => present,
            unchanging => {
                self.db.hub().forget_idle(id, changes);
                let present = unchanging.ok_or_else(|| Error::not_found(format!("job {id}")))?;
                return Ok(JobWatch::new(present, futures_util::stream::empty()));
            }
        };
        let changes = futures_util::stream::unfold(changes, |mut changes| async move {
            changes.changed().await.ok()?;
            let job = changes.borrow_and_update().as_deref().cloned();
            Some((job, changes))
        });
        Ok(JobWatch::new(present, changes.filter_map(|job| async { job.map(Ok) })))
    }

    fn cancellations(&self) -> broadcast::Receiver<JobId> {
        self.db.hub().cancellations()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A new record with everything written that can be before the transaction.
pub(crate) struct NewJob {
    id: JobId,
    task: String,
    owner: Option<String>,
    status: i64,
    priority: u8,
    attempt: u32,
    max_attempts: u32,
    version: u64,
    created_at: i64,
    updated_at: i64,
    next_attempt_at: Option<i64>,
    correlation_id: Option<String>,
    metadata: Option<String>,
    timeline: String,
}

impl From<Job> for NewJob {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            owner: job.owner.as_ref().map(to_json),
            status: status_number(job.status),
            priority: job.priority,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            version: job.version,
            created_at: micros(job.created_at),
            updated_at: micros(job.updated_at),
            next_attempt_at: job.next_attempt_at.map(micros),
            metadata: (!job.metadata.is_empty()).then(|| to_json(&job.metadata)),
            timeline: new_timeline(&job),
            task: job.task,
            correlation_id: job.correlation_id,
        }
    }
}

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
enum Found {
    Taken(Box<StoredJob>),
    UsedUp(Box<StoredJob>),
    Held(i64),
    Ended(JobStatus),
}

fn claim(tx: &mut Tx<'_>, job: &NewJob, worker: &str, lease: Duration) -> Result<Found> {
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

fn renew(tx: &mut Tx<'_>, lease: Lease, duration: Duration) -> Result<LeaseState> {
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
        tx.effects.jobs.push(id);
    }
    Ok(changed > 0)
}

fn fail_unclaimed(tx: &mut Tx<'_>, job: &NewJob, error: &str) -> Result<bool> {
    insert(tx, std::slice::from_ref(job))?;
    end_unclaimed(tx, job.id, JobEvent::Failed, Some(error))
}

fn cancel(tx: &mut Tx<'_>, id: JobId) -> Result<CancelOutcome> {
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

fn list(connection: &Connection, filter: &JobFilter) -> Result<Vec<Job>> {
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

const EXPIRED: &str =
    "SELECT id FROM jobs WHERE expires_at <= ?1 AND expires_at IS NOT NULL ORDER BY expires_at LIMIT ?2";

/// Whether [`keep_house`] would find something; reads only.
pub(crate) fn house_is_due(connection: &Connection, now: i64) -> Result<bool> {
    connection.prepare_cached(EXPIRED).and_then(|mut look| look.exists([now, 1])).map_err(failed)
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

/// A row of [`COLUMNS`], not yet parsed: parsing is for the caller's thread, not the writer's.
struct StoredJob {
    job: Job,
    token: u64,
    owner: Option<String>,
    metadata: Option<String>,
    progress: Option<String>,
    result: Option<String>,
    partial_results: String,
    timeline: String,
}

impl StoredJob {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let time = |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(moment));
        let mut job = Job::new(JobId(row.get::<_, Uuid>(0)?), row.get::<_, String>(1)?, moment(row.get(10)?));
        job.status = status(row.get(3)?);
        job.priority = row.get(4)?;
        job.attempt = row.get(5)?;
        job.max_attempts = row.get(6)?;
        job.cancel_requested = row.get(8)?;
        job.version = row.get(9)?;
        job.updated_at = moment(row.get(11)?);
        job.next_attempt_at = time(12)?;
        job.lease_until = time(13)?;
        job.finished_at = time(14)?;
        job.worker = row.get(15)?;
        job.correlation_id = row.get(16)?;
        job.error = row.get(18)?;
        Ok(Self {
            job,
            token: row.get(7)?,
            owner: row.get(2)?,
            metadata: row.get(17)?,
            progress: row.get(19)?,
            result: row.get(20)?,
            partial_results: row.get(21)?,
            timeline: row.get(22)?,
        })
    }

    fn lease(&self) -> Lease {
        Lease { id: self.job.id, token: self.token }
    }

    fn parse(self) -> Job {
        fn json<T: DeserializeOwned>(text: Option<String>) -> Option<T> {
            text.and_then(|text| serde_json::from_str(&text).ok())
        }
        let mut job = self.job;
        job.owner = json(self.owner);
        job.metadata = json(self.metadata).unwrap_or_default();
        job.progress = json(self.progress);
        job.result = json(self.result);
        job.partial_results = lines(&self.partial_results).collect();
        let mut told = lines(&self.timeline).map(timeline_entry).peekable();
        if told.peek().is_some_and(|first| matches!(first.event, JobEvent::Enqueued | JobEvent::Rebuilt)) {
            job.timeline.clear();
        }
        job.timeline.extend(told);
        job
    }
}

fn lines<T: DeserializeOwned>(text: &str) -> impl Iterator<Item = T> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// The timeline of a new record. That it was enqueued when it was made goes without saying.
fn new_timeline(job: &Job) -> String {
    let told = match job.timeline.as_slice() {
        [TimelineEntry { at, event: JobEvent::Enqueued, attempt: 0, worker: None, error: None }]
            if *at == job.created_at =>
        {
            &[]
        }
        all => all,
    };
    told.iter().map(timeline_line).collect()
}

fn timeline_line(entry: &TimelineEntry) -> String {
    format!("{}\n", to_json(&(micros(entry.at), entry.event, entry.attempt, &entry.worker, &entry.error)))
}

type TimelineLine = (i64, JobEvent, u32, Option<String>, Option<String>);

fn timeline_entry((at, event, attempt, worker, error): TimelineLine) -> TimelineEntry {
    TimelineEntry { at: moment(at), event, attempt, worker, error }
}

fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    // Only for values whose serialisation cannot fail: strings, numbers, JSON itself.
    serde_json::to_string(value).unwrap_or_default()
}

fn status_number(status: JobStatus) -> i64 {
    match status {
        JobStatus::Pending => 0,
        JobStatus::Processing => 1,
        JobStatus::Completed => 2,
        JobStatus::Failed => 3,
        JobStatus::Cancelled => 4,
    }
}

fn status(number: i64) -> JobStatus {
    match number {
        0 => JobStatus::Pending,
        1 => JobStatus::Processing,
        2 => JobStatus::Completed,
        3 => JobStatus::Failed,
        _ => JobStatus::Cancelled,
    }
}

fn failed(error: rusqlite::Error) -> Error {
    backend("the jobs in the queue file cannot be read or written", error)
}
