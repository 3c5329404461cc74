//! What is kept of an action on many jobs, and how any process finds it.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    backend::{Cursor, Expect, JobFilter, JobStore, Note},
    clock,
    error::{Error, Result, chain, short},
    job::{JobId, JobState},
};

/// How long the report of an action is kept after its end.
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);
/// How many errors a report tells.
const ERRORS: usize = 5;
/// How long one of them may be, in characters.
const ERROR_CHARS: usize = 300;
/// Names of these notes begin so.
const PREFIX: &str = "bulk/";

/// What is done with each job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BulkAction {
    /// Cancels what waits, and asks the workers of running jobs to stop.
    Cancel,
    /// Removes the records of ended jobs for good. That they have ended is remembered, so that no late message runs one again.
    /// Dead letters stay.
    Delete,
    /// Tries again now: jobs that wait for their next attempt are due at once, as
    /// [rescheduled](crate::TaskQueue::reschedule); failed jobs are enqueued again, each as a new job, and their dead letters removed.
    /// A failed job without a dead letter is left alone.
    Retry,
}

impl BulkAction {
    /// The name in JSON and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Delete => "delete",
            Self::Retry => "retry",
        }
    }

    /// States of jobs that it applies to.
    pub(super) fn states(self) -> &'static [JobState] {
        match self {
            Self::Cancel => &[JobState::Waiting, JobState::Scheduled, JobState::Retrying, JobState::Running],
            Self::Delete => &[JobState::Completed, JobState::Failed, JobState::Cancelled],
            Self::Retry => &[JobState::Retrying, JobState::Failed],
        }
    }
}

/// Identity of an action on many jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BulkId(Uuid);

impl fmt::Display for BulkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BulkId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Uuid::try_parse(text).map(Self).map_err(|_| {
            Error::invalid(format!("`{}` is not the id of an action on many jobs", short(text, 80)))
        })
    }
}

/// Whether an action goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BulkState {
    /// It does.
    Running,
    /// It met every job.
    Done,
    /// Somebody stopped it.
    Aborted,
}

/// How far an action on many jobs is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BulkReport {
    /// Its identity.
    pub id: BulkId,
    /// What is done with each job.
    pub action: BulkAction,
    /// With which jobs.
    pub filter: JobFilter,
    /// How many a second at most.
    pub per_second: Option<NonZeroU32>,
    /// Who wanted it.
    pub by: Option<String>,
    /// Whether it goes on.
    pub state: BulkState,
    /// Jobs that it acted on.
    pub done: u64,
    /// Jobs that it met and left alone, as they had changed meanwhile or had been acted on before.
    pub skipped: u64,
    /// Jobs that it could not act on.
    pub failed: u64,
    /// The first few reasons.
    pub errors: Vec<String>,
    /// When it was started, by the clock of that process.
    pub started_at: DateTime<Utc>,
    /// When it was last saved.
    pub updated_at: DateTime<Utc>,
    /// Where it goes on after a crash.
    pub(super) cursor: Option<Cursor>,
}

impl BulkReport {
    pub(super) fn new(
        action: BulkAction,
        filter: JobFilter,
        per_second: Option<NonZeroU32>,
        by: Option<String>,
    ) -> Self {
        let now = clock::now();
        Self {
            id: BulkId(Uuid::now_v7()),
            action,
            filter,
            per_second,
            by,
            state: BulkState::Running,
            done: 0,
            skipped: 0,
            failed: 0,
            errors: Vec::new(),
            started_at: now,
            updated_at: now,
            cursor: None,
        }
    }

    /// Counts what became of one job: whether it was acted on.
    pub(super) fn count(&mut self, id: JobId, acted: Result<bool>) {
        match acted {
            Ok(true) => self.done += 1,
            Ok(false) => self.skipped += 1,
            Err(error) => {
                self.failed += 1;
                if self.errors.len() < ERRORS {
                    self.errors.push(short(&format!("job {id}: {}", chain(&error)), ERROR_CHARS));
                }
            }
        }
    }
}

/// A report as the store has it.
pub(super) struct Stored {
    pub(super) report: BulkReport,
    version: u64,
}

impl Stored {
    pub(super) async fn insert(store: &dyn JobStore, report: BulkReport) -> Result<Self> {
        let mut stored = Self { report, version: 0 };
        let value = stored.value()?;
        let version = store.put_note(&key(stored.report.id), value, Expect::Absent, None).await?;
        stored.version = version
            .ok_or_else(|| Error::invalid(format!("there is an action {} already", stored.report.id)))?;
        Ok(stored)
    }

    pub(super) async fn get(store: &dyn JobStore, id: BulkId) -> Result<Self> {
        let notes = store.notes(&key(id)).await?;
        let found = notes.into_iter().find_map(Self::of);
        found.ok_or_else(|| Error::not_found(format!("the action on many jobs {id}")))
    }

    /// Those that this version of the library can read.
    pub(super) async fn all(store: &dyn JobStore) -> Result<Vec<Self>> {
        Ok(store.notes(PREFIX).await?.into_iter().filter_map(Self::of).collect())
    }

    /// Saves it, unless somebody else has since it was read.
    pub(super) async fn save(&mut self, store: &dyn JobStore) -> Result<bool> {
        self.report.updated_at = clock::now();
        let keep = (self.report.state != BulkState::Running).then_some(KEEP);
        let expect = Expect::Version(self.version);
        let saved = store.put_note(&key(self.report.id), self.value()?, expect, keep).await?;
        self.version = saved.unwrap_or(self.version);
        Ok(saved.is_some())
    }

    /// Takes over that somebody aborted it, and keeps what it counted.
    pub(super) fn abort_as(&mut self, newer: Self) {
        (self.report.state, self.version) = (newer.report.state, newer.version);
    }

    fn of(note: Note) -> Option<Self> {
        let report = serde_json::from_value(note.value).ok()?;
        Some(Self { report, version: note.version })
    }

    fn value(&self) -> Result<serde_json::Value> {
        serde_json::to_value(&self.report)
            .map_err(|error| Error::invalid("the filter cannot be kept").with_source(error))
    }
}

fn key(id: BulkId) -> String {
    format!("{PREFIX}{id}")
}
