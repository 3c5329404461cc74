//! Finding jobs: what is asked for, and the pages of the answer.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::{Error, short},
    job::{Job, JobId, JobState, JobStatus, Owner},
};

/// Jobs that a store looks at in one call, where it has no index for all that is asked for.
pub(crate) const LOOK_AT: usize = 10_000;

/// Which jobs to list; the default is the newest 50 of all. Whatever is named must be so of each job.
///
/// With one of owner, queue, task, tag, states or time only the jobs asked for are read. With several of them, or with a text
/// of the error, a call looks at 10,000 jobs at most and returns what it found among them, possibly nothing, and a
/// cursor to go on.
///
/// ```
/// # use usm_queue::{Cursor, JobFilter, JobState, TaskQueue};
/// # async fn all(queue: TaskQueue) -> usm_queue::Result<()> {
/// let mut filter = JobFilter::new().state(JobState::Failed).error("429").oldest_first().limit(100);
/// loop {
///     let page = queue.jobs(&filter).await?;
///     for job in page.jobs {
///         println!("{} {}", job.id, job.task);
///     }
///     let Some(next) = page.next else { break };
///     filter = filter.after(next);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct JobFilter {
    /// Only of this owner.
    pub owner: Option<Owner>,
    /// Only in one of these states; empty for all.
    pub states: Vec<JobState>,
    /// Only of this task.
    pub task: Option<String>,
    /// Only of this queue; an empty name for jobs whose queue is not known.
    pub queue: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only with this text in their error, in upper or lower case.
    pub error: Option<String>,
    /// Only enqueued then or later.
    pub since: Option<DateTime<Utc>>,
    /// Only enqueued before.
    pub until: Option<DateTime<Utc>>,
    /// The oldest first instead of the newest.
    pub oldest_first: bool,
    /// Only behind this position.
    pub after: Option<Cursor>,
    /// How many at most. Default 50.
    pub limit: usize,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self {
            owner: None,
            states: Vec::new(),
            task: None,
            queue: None,
            tag: None,
            error: None,
            since: None,
            until: None,
            oldest_first: false,
            after: None,
            limit: 50,
        }
    }
}

impl JobFilter {
    /// The newest 50 of all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only of this owner.
    pub fn owner(mut self, owner: impl Into<Owner>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Only in this state, or in one named before. A job that falls due is listed as waiting within about a second.
    pub fn state(mut self, state: JobState) -> Self {
        self.states.push(state);
        self
    }

    /// Only in a state with this status, or in one named before.
    pub fn status(mut self, status: JobStatus) -> Self {
        self.states.extend(JobState::ALL.iter().filter(|state| state.status() == status));
        self
    }

    /// Only of this task.
    pub fn task(mut self, task: impl Into<String>) -> Self {
        self.task = Some(task.into());
        self
    }

    /// Only of this queue; an empty name for jobs whose queue is not known.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// Only with this tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Only with this text in their error, in upper or lower case.
    pub fn error(mut self, text: impl Into<String>) -> Self {
        self.error = Some(text.into());
        self
    }

    /// Only enqueued then or later.
    pub fn since(mut self, moment: DateTime<Utc>) -> Self {
        self.since = Some(moment);
        self
    }

    /// Only enqueued before.
    pub fn until(mut self, moment: DateTime<Utc>) -> Self {
        self.until = Some(moment);
        self
    }

    /// The oldest first instead of the newest.
    pub fn oldest_first(mut self) -> Self {
        self.oldest_first = true;
        self
    }

    /// Goes on behind the last page: with its [`next`](JobPage::next).
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor);
        self
    }

    /// How many at most.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Whether a job is what is asked for at `now`, wherever it is in the order.
    pub fn matches(&self, job: &Job, now: DateTime<Utc>) -> bool {
        self.owner.as_ref().is_none_or(|owner| job.owner.as_ref() == Some(owner))
            && (self.states.is_empty() || self.states.contains(&job.state(now)))
            && self.task.as_ref().is_none_or(|task| job.task == *task)
            && self.queue.as_ref().is_none_or(|queue| job.queue.as_deref().unwrap_or_default() == queue)
            && self.tag.as_ref().is_none_or(|tag| job.tags.contains(tag))
            && self.since.is_none_or(|since| job.created_at >= since)
            && self.until.is_none_or(|until| job.created_at < until)
            && self.error.as_ref().is_none_or(|text| has_text(job.error.as_deref(), text))
    }

    pub(crate) fn wants(&self, state: JobState) -> bool {
        self.states.is_empty() || self.states.contains(&state)
    }

    /// Where the jobs are that this filter may show.
    pub(crate) fn span(&self) -> Span {
        let mut span = Span { from: (i64::MIN, Uuid::nil()), to: (i64::MAX, Uuid::max()) };
        if let Some(since) = self.since {
            span.from = (since.timestamp_micros() - 1, Uuid::max());
        }
        if let Some(until) = self.until {
            span.to = (until.timestamp_micros(), Uuid::nil());
        }
        if let Some(after) = self.after {
            span.go_on(after, self.oldest_first);
        }
        span
    }
}

/// Whether an error has this text, in upper or lower case.
fn has_text(error: Option<&str>, text: &str) -> bool {
    error.is_some_and(|error| error.to_lowercase().contains(&text.to_lowercase()))
}

/// Positions in the order of jobs, without both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: (i64, Uuid),
    pub(crate) to: (i64, Uuid),
}

impl Span {
    /// Leaves out what is not behind the cursor.
    pub(crate) fn go_on(&mut self, after: Cursor, oldest_first: bool) {
        if oldest_first {
            self.from = self.from.max(after.0);
        } else {
            self.to = self.to.min(after.0);
        }
    }
}

/// The first `limit` of these positions.
pub(crate) fn first(mut positions: Vec<Cursor>, limit: usize, oldest_first: bool) -> Vec<Cursor> {
    positions.sort_unstable();
    positions.dedup();
    if !oldest_first {
        positions.reverse();
    }
    positions.truncate(limit);
    positions
}

/// A position in the order of jobs, to go on from: when a job was made, and its id. It stays right while jobs come, change
/// and go. As text it is short and opaque.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Cursor(pub(crate) (i64, Uuid));

impl Cursor {
    /// The position of this job.
    pub fn of(job: &Job) -> Self {
        Self((job.created_at.timestamp_micros(), job.id.0))
    }

    /// The id of the job that was there.
    pub fn id(&self) -> JobId {
        JobId(self.0.1)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self((micros, id)) = self;
        write!(f, "{micros:x}.{}", id.simple())
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({self})")
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let (micros, id) = text.split_once('.')?;
            let micros = u64::from_str_radix(micros, 16).ok()?.cast_signed();
            Some(Self((micros, Uuid::try_parse(id).ok()?)))
        };
        read().ok_or_else(|| {
            Error::invalid(format!(
                "`{}` is no cursor; use one that a list of jobs returned",
                short(text, 80)
            ))
        })
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}

impl TryFrom<String> for Cursor {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

/// Jobs that were found, in their order.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Where to go on; `None` when there are no more. A page with a cursor may be short, even empty.
    pub next: Option<Cursor>,
}

impl JobPage {
    /// These jobs.
    pub fn new(jobs: Vec<Job>, next: Option<Cursor>) -> Self {
        Self { jobs, next }
    }
}

impl IntoIterator for JobPage {
    type Item = Job;
    type IntoIter = std::vec::IntoIter<Job>;

    fn into_iter(self) -> Self::IntoIter {
        self.jobs.into_iter()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_cursor_goes_through_text_and_json() {
        for micros in [0, 1, -1, i64::MIN, i64::MAX, 1_764_300_000_000_000] {
            let cursor = Cursor((micros, Uuid::new_v4()));
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
            let json = serde_json::to_string(&cursor).unwrap();
            assert_eq!(serde_json::from_str::<Cursor>(&json).unwrap(), cursor);
        }
        for text in ["", "x", "1", "1.", ".1", "zz.00", "1.00000000-0000-0000-0000-00000000000g"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_status_is_its_states() {
        let filter = JobFilter::new().status(JobStatus::Pending).state(JobState::Failed);
        let of = |status, due: i64| {
            let mut job = Job::new(JobId::new(), "t", Utc::now());
            job.status = status;
            job.next_attempt_at = Some(Utc::now() + chrono::Duration::seconds(due));
            filter.matches(&job, Utc::now())
        };
        assert!(of(JobStatus::Pending, 9) && of(JobStatus::Pending, -9) && of(JobStatus::Failed, -9));
        assert!(!of(JobStatus::Processing, -9) && !of(JobStatus::Completed, -9));
    }

    #[test]
    fn a_text_is_found_in_an_error_whatever_the_case() {
        assert!(has_text(Some("HTTP 429: Слишком МНОГО"), "много"));
        assert!(!has_text(Some("HTTP 500"), "429"));
        assert!(!has_text(None, ""));
    }
}
