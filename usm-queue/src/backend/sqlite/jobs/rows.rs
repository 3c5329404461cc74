//! Records as rows: made before the transaction, parsed after it.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    backend::{
        Lease, NewJob,
        sqlite::db::{duration_micros, micros, moment},
        store::REMEMBER_UNBOUNDED,
        transition::{Generations, Known, NotTaken, Taken},
    },
    job::{Job, JobEvent, JobId, JobState, JobStatus, TimelineEntry, left_out_of_timeline},
};

/// What [`StoredJob::read`] wants, in this order.
pub(super) const COLUMNS: &str = "id, task, owner, status, priority, attempt, max_attempts, token, cancel_requested, version, created_at,
    updated_at, next_attempt_at, lease_until, finished_at, worker, correlation_id, metadata, error, progress, result,
    partial_results, timeline, progress_version, partials, alias, queue, tags, state, trace, generations, carried";

/// A new record with everything written that can be before the transaction.
pub(crate) struct JobRow {
    pub(super) id: JobId,
    pub(super) alias: Option<String>,
    pub(super) task: String,
    /// Empty where it is not known.
    pub(super) queue: String,
    pub(super) tags: Vec<String>,
    pub(super) owner: Option<String>,
    pub(super) status: i64,
    pub(super) priority: u8,
    pub(super) attempt: u32,
    pub(super) max_attempts: u32,
    pub(super) version: u64,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) next_attempt_at: Option<i64>,
    pub(super) correlation_id: Option<String>,
    pub(super) metadata: Option<String>,
    pub(super) trace: Option<String>,
    /// Of the message that tells it.
    pub(super) generation: u64,
    pub(super) carried: Option<String>,
    pub(super) timeline: String,
    pub(super) digest: Option<i64>,
    /// Unless it is the default.
    pub(super) remember: Option<i64>,
}

impl JobRow {
    pub(crate) fn id(&self) -> JobId {
        self.id
    }

    /// The number of its state once it is stored.
    pub(super) fn state(&self, now: i64) -> i64 {
        let delayed = self.next_attempt_at.is_some_and(|due| due > now);
        state_number(JobState::of(status(self.status), delayed, self.attempt))
    }

    /// As the column has it.
    pub(super) fn generations(&self) -> Option<String> {
        (self.generation > 0).then(|| Generations::of(self.generation).to_string())
    }

    /// Whether the caller chose the id.
    pub(crate) fn may_be_known(&self) -> bool {
        self.digest.is_some()
    }
}

impl From<NewJob> for JobRow {
    fn from(new: NewJob) -> Self {
        let job = new.job;
        Self {
            digest: new.digest.map(u64::cast_signed),
            remember: (new.remember != REMEMBER_UNBOUNDED).then(|| duration_micros(new.remember)),
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
            trace: job.trace.as_ref().map(to_json),
            generation: job.generation,
            carried: (!job.carried.is_empty()).then(|| to_json(&job.carried)),
            timeline: new_timeline(&job),
            task: job.task,
            queue: job.queue.unwrap_or_default(),
            tags: job.tags,
            correlation_id: job.correlation_id,
            alias: job.alias,
        }
    }
}

/// A row of [`COLUMNS`], not yet parsed: parsing is for the caller's thread, not the writer's.
pub(crate) struct StoredJob {
    /// Without what is text below. Of the crashes only after [`read_crashes`](Self::read_crashes).
    known: Known,
    owner: Option<String>,
    tags: Option<String>,
    /// As it is counted.
    state: i64,
    metadata: Option<String>,
    trace: Option<String>,
    carried: Option<String>,
    progress: Option<String>,
    result: Option<String>,
    /// As programs of version 1 kept them.
    partial_results: String,
    timeline: String,
    /// How many rows of partial results there are.
    rows: u64,
    partials: Vec<(u64, String)>,
}

impl StoredJob {
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
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
        job.progress_version = row.get::<_, Option<u64>>(23)?.unwrap_or_default();
        job.alias = row.get(25)?;
        job.queue = row.get::<_, Option<String>>(26)?.filter(|queue| !queue.is_empty());
        let mut known = Known::of(job);
        known.token = row.get(7)?;
        known.generations = generations(row.get_ref(30)?.as_str_or_null()?);
        known.job.generation = known.generations.current;
        Ok(Self {
            known,
            owner: row.get(2)?,
            tags: row.get(27)?,
            state: row.get(28)?,
            metadata: row.get(17)?,
            trace: row.get(29)?,
            carried: row.get(31)?,
            progress: row.get(19)?,
            result: row.get(20)?,
            partial_results: row.get(21)?,
            timeline: row.get(22)?,
            rows: row.get::<_, Option<u64>>(24)?.unwrap_or_default(),
            partials: Vec::new(),
        })
    }

    /// Adds the rows of its partial results after this version.
    pub(crate) fn read_partials(&mut self, connection: &Connection, after: u64) -> rusqlite::Result<()> {
        if self.rows > 0 {
            let sql =
                "SELECT number, value FROM partial_results WHERE job = ?1 AND number > ?2 ORDER BY number";
            let mut select = connection.prepare_cached(sql)?;
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let rows = select
                .query_map(params![self.known.job.id.0, after], |row| Ok((row.get(0)?, row.get(1)?)))?;
            self.partials = rows.collect::<rusqlite::Result<_>>()?;
        }
        Ok(())
    }

    pub(crate) fn lease(&self) -> Lease {
        Lease { id: self.known.job.id, token: self.known.token }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.known.job.status == JobStatus::Processing
    }

    /// Reads how often its workers died.
    pub(crate) fn read_crashes(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "SELECT count, alone_until FROM crashes WHERE job = ?1";
        let crashes = connection.prepare_cached(sql)?.query_row([self.known.job.id.0], |row| {
            Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(moment)))
        });
        (self.known.crashes, self.known.alone_until) = crashes.optional()?.unwrap_or_default();
        Ok(())
    }

    pub(crate) fn write_crashes(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO crashes (job, count, alone_until) VALUES (?1, ?2, ?3)";
        let Known { job, crashes, alone_until, .. } = &self.known;
        connection.prepare_cached(sql)?.execute(params![job.id.0, crashes, alone_until.map(micros)]).map(drop)
    }

    /// The queue, the task and the state that it is counted under.
    pub(crate) fn counted(&self) -> (&str, &str, i64) {
        let job = &self.known.job;
        (job.queue.as_deref().unwrap_or_default(), &job.task, self.state)
    }

    /// Claims it, as the model says.
    pub(crate) fn claim(
        &mut self,
        generation: u64,
        worker: &str,
        lease: Duration,
        alone: Option<Duration>,
        now: i64,
    ) -> Result<Taken, NotTaken> {
        let taken = self.known.claim(generation, worker, lease, alone, moment(now))?;
        if taken == Taken::ToRun {
            self.progress = None;
            self.timeline.extend(self.known.job.timeline.pop().as_ref().map(timeline_line));
        }
        Ok(taken)
    }

    /// Leaves entries out of a history that has become too long.
    pub(crate) fn shorten_timeline(&mut self) {
        if let Some(shorter) = shortened(&self.timeline) {
            self.timeline = shorter;
        }
    }

    /// Writes what a claim changes.
    pub(crate) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let job = &self.known.job;
        let sql = "UPDATE jobs SET status = ?2, attempt = ?3, token = ?4, version = ?5, updated_at = ?6, lease_until = ?7,
                next_attempt_at = ?8, worker = ?9, progress = ?10, timeline = ?11, state = ?12,
                generations = ?13
            WHERE id = ?1";
        let values = params![
            job.id.0,
            status_number(job.status),
            job.attempt,
            self.known.token,
            job.version,
            micros(job.updated_at),
            job.lease_until.map(micros),
            job.next_attempt_at.map(micros),
            job.worker,
            self.progress,
            self.timeline,
            RUNNING,
            kept(self.known.generations),
        ];
        connection.prepare_cached(sql)?.execute(values).map(drop)
    }

    pub(crate) fn parse(self) -> Job {
        fn json<T: DeserializeOwned>(text: Option<String>) -> Option<T> {
            text.and_then(|text| serde_json::from_str(&text).ok())
        }
        let mut job = self.known.job;
        job.owner = json(self.owner);
        job.tags = json(self.tags).unwrap_or_default();
        job.metadata = json(self.metadata).unwrap_or_default();
        job.trace = json(self.trace);
        job.carried = json(self.carried).unwrap_or_default();
        job.progress = json(self.progress);
        if job.progress.is_none() {
            // It was of an attempt before.
            job.progress_version = 0;
        }
        job.result = json(self.result);
        job.partial_results = self.partial_results.lines().filter_map(parse).collect();
        job.partial_versions.resize(job.partial_results.len(), 0);
        for (number, value) in self.partials {
            job.add_partial(number, parse(&value).unwrap_or_default());
        }
        let (told, left_out) = timeline(&self.timeline);
        if told.first().is_some_and(|first| is_first(first.event)) {
            job.timeline.clear();
        }
        job.timeline.extend(told);
        job.timeline_left_out = left_out;
        job
    }
}

/// The column of a job's generations.
pub(crate) fn generations(text: Option<&str>) -> Generations {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// The same to be written.
pub(crate) fn kept(generations: Generations) -> Option<String> {
    (generations != Generations::default()).then(|| generations.to_string())
}

fn parse<T: DeserializeOwned>(line: &str) -> Option<T> {
    serde_json::from_str(line).ok()
}

/// Whether a history begins with it.
fn is_first(event: JobEvent) -> bool {
    matches!(event, JobEvent::Enqueued | JobEvent::Rebuilt)
}

#[derive(Deserialize)]
struct LeftOut {
    left_out: u64,
}

/// The entries, and how many were left out. Programs of version 1 skip lines that are no entries.
fn timeline(text: &str) -> (Vec<TimelineEntry>, u64) {
    let (mut entries, mut left_out, mut next) = (Vec::new(), 0, 0);
    for line in text.lines() {
        match line.as_bytes().first() {
            Some(b'[') => {
                let version = std::mem::take(&mut next);
                let Some((at, event, attempt, worker, error)) = parse::<TimelineLine>(line) else { continue };
                entries.push(TimelineEntry { at: moment(at), event, attempt, version, worker, error });
            }
            Some(b'{') => left_out += parse::<LeftOut>(line).map_or(0, |line| line.left_out),
            _ => next = line.parse().unwrap_or_default(),
        }
    }
    (entries, left_out)
}

type TimelineLine = (i64, JobEvent, u32, Option<String>, Option<String>);

/// A timeline without the entries that are left out; `None` where it is short enough.
fn shortened(text: &str) -> Option<String> {
    // Mostly so.
    if text.len() < 4096 {
        return None;
    }
    let (entries, before) = timeline(text);
    // That it was enqueued may go without saying.
    let untold = usize::from(entries.first().is_some_and(|first| !is_first(first.event)));
    let out = left_out_of_timeline(entries.len() + untold);
    if out.is_empty() {
        return None;
    }
    let (first, last) = (&entries[..out.start - untold], &entries[out.end - untold..]);
    let left_out = before + u64::try_from(out.len()).unwrap_or_default();
    let line = format!("{{\"left_out\":{left_out}}}\n");
    Some(first.iter().map(timeline_line).chain([line]).chain(last.iter().map(timeline_line)).collect())
}

/// The timeline of a new record. That it was enqueued when it was made goes without saying.
fn new_timeline(job: &Job) -> String {
    let told = match job.timeline.as_slice() {
        [TimelineEntry { at, event: JobEvent::Enqueued, attempt: 0, worker: None, error: None, .. }]
            if *at == job.created_at =>
        {
            &[]
        }
        all => all,
    };
    told.iter().map(timeline_line).collect()
}

fn timeline_line(entry: &TimelineEntry) -> String {
    let line = to_json(&(micros(entry.at), entry.event, entry.attempt, &entry.worker, &entry.error));
    match entry.version {
        0 => format!("{line}\n"),
        version => format!("{version}\n{line}\n"),
    }
}

pub(crate) fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    // Only for values whose serialisation cannot fail: strings, numbers, JSON itself.
    serde_json::to_string(value).unwrap_or_default()
}

pub(crate) fn status_number(status: JobStatus) -> i64 {
    match status {
        JobStatus::Pending => 0,
        JobStatus::Processing => 1,
        JobStatus::Completed => 2,
        JobStatus::Failed => 3,
        JobStatus::Cancelled => 4,
    }
}

pub(crate) fn status(number: i64) -> JobStatus {
    match number {
        0 => JobStatus::Pending,
        1 => JobStatus::Processing,
        2 => JobStatus::Completed,
        3 => JobStatus::Failed,
        _ => JobStatus::Cancelled,
    }
}

/// The state of a running job.
pub(crate) const RUNNING: i64 = 3;
/// Whether a row's state is one of the two that wait for their time.
pub(crate) const DELAYED: &str = "state IN (1, 2)";

/// As in the column `state`. There the number after these stands for rows that programs of version 2 made.
pub(crate) fn state_number(state: JobState) -> i64 {
    match state {
        JobState::Waiting => 0,
        JobState::Scheduled => 1,
        JobState::Retrying => 2,
        JobState::Running => RUNNING,
        JobState::Completed => 4,
        JobState::Failed => 5,
        JobState::Cancelled => 6,
    }
}
