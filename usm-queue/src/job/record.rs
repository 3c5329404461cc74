//! The record of a job.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    status::JobStatus,
    timeline::{JobEvent, TimelineEntry, is_zero},
};
use crate::{job_id::JobId, trace_context::TraceContext};

/// Whose job it is: the guide's `user_id`, or any name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Owner {
    /// A numeric user id.
    Id(i64),
    /// Any other name, for example a UUID.
    Name(String),
}

impl From<i64> for Owner {
    fn from(id: i64) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for Owner {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for Owner {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// How far a running job has come, in the handler's own units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Units done.
    pub current: u64,
    /// Units in all; 0 when unknown.
    pub total: u64,
    /// The present stage, for people.
    pub message: String,
}

/// The record of a job. Its JSON form has the field names of the guide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Job {
    /// Identity.
    #[serde(rename = "job_id")]
    pub id: JobId,
    /// What the service calls the job that enqueued it, where that is not the text of [`id`](Self::id).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alias: Option<String>,
    /// Whose job it is.
    #[serde(rename = "user_id")]
    pub owner: Option<Owner>,
    /// Name of its task.
    #[serde(rename = "job_type")]
    pub task: String,
    /// The queue it was enqueued to; `None` where the message or an earlier version of this library does not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub queue: Option<String>,
    /// What the caller called it, to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tags: Vec<String>,
    /// Where it stands.
    pub status: JobStatus,
    /// 0 is the lowest; what the queue makes of it is the queue's `max_priority`.
    pub priority: u8,
    /// Attempts begun so far; attempts handed back by a shutdown are not counted.
    pub attempt: u32,
    /// Attempts in all.
    pub max_attempts: u32,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When this record last changed.
    pub updated_at: DateTime<Utc>,
    /// When a delayed job or the next attempt is due.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Ties jobs and requests together across services.
    pub correlation_id: Option<String>,
    /// What the caller attached.
    pub metadata: Map<String, Value>,
    /// The span that enqueued it, where the caller told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trace: Option<TraceContext>,
    /// How far the running attempt has come.
    pub progress: Option<Progress>,
    /// The version of this record that the progress made; 0 where an earlier version of this library wrote it.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub progress_version: u64,
    /// Partial results in the order the handler reported them; kept across attempts. At most
    /// [`MAX_PARTIAL_RESULTS`](crate::limits::MAX_PARTIAL_RESULTS).
    #[serde(default)]
    pub partial_results: Vec<Value>,
    /// The version of this record that each of them made, in the same order; 0 as above.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub partial_versions: Vec<u64>,
    /// The task's output, once completed.
    pub result: Option<Value>,
    /// Why the last attempt failed; nothing once the job has completed. The timeline has the errors of all attempts.
    pub error: Option<String>,
    /// Whether somebody asked to cancel it.
    pub cancel_requested: bool,
    /// The worker that runs it or ran it last.
    pub worker: Option<String>,
    /// Until when that worker holds it; past it the job is stalled and another worker may take it.
    pub lease_until: Option<DateTime<Utc>>,
    /// Which of its messages counts: 0 for the one it was enqueued with, greater after every
    /// [edit](crate::TaskQueue::edit) that published another.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub generation: u64,
    /// What its messages carry that the other fields do not tell, for one that takes their place: headers, and the time to live.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub carried: BTreeMap<String, Value>,
    /// Grows by one with every change of this record.
    pub version: u64,
    /// Transitions, oldest first: all, or of more than 80 the first ten and the last ones, at least 50.
    pub timeline: Vec<TimelineEntry>,
    /// How many transitions were left out behind the first ten.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub timeline_left_out: u64,
}

impl Job {
    /// The record of a job enqueued at `now`.
    pub fn new(id: JobId, task: impl Into<String>, now: DateTime<Utc>) -> Self {
        Self {
            id,
            alias: None,
            owner: None,
            task: task.into(),
            queue: None,
            tags: Vec::new(),
            status: JobStatus::Pending,
            priority: 0,
            attempt: 0,
            max_attempts: 1,
            created_at: now,
            updated_at: now,
            next_attempt_at: None,
            finished_at: None,
            correlation_id: None,
            metadata: Map::new(),
            trace: None,
            progress: None,
            progress_version: 0,
            partial_results: Vec::new(),
            partial_versions: Vec::new(),
            result: None,
            error: None,
            cancel_requested: false,
            worker: None,
            lease_until: None,
            generation: 0,
            carried: BTreeMap::new(),
            version: 1,
            timeline: vec![TimelineEntry {
                at: now,
                event: JobEvent::Enqueued,
                attempt: 0,
                version: 1,
                worker: None,
                error: None,
            }],
            timeline_left_out: 0,
        }
    }

    /// Whether its worker let the lease lapse: the worker died or lost its connection, and the job will be
    /// delivered again.
    pub fn is_stalled(&self, now: DateTime<Utc>) -> bool {
        self.status == JobStatus::Processing && self.lease_until.is_some_and(|until| until < now)
    }

    /// The states between `seen` and this later record. Built from the timeline, so that a watcher that reads late still
    /// sees every transition. The partial results of `seen` do not matter.
    pub(crate) fn transitions_since(&self, seen: &Job) -> Vec<Job> {
        let missed = self.transitions().saturating_sub(seen.transitions());
        let missed = usize::try_from(missed).unwrap_or(usize::MAX).min(self.timeline.len());
        let first_missed = self.timeline.len() - missed;
        let mut states = Vec::new();
        if missed <= 1 {
            // The last one is this record.
            return states;
        }
        let mut state = seen.clone();
        for entry in &self.timeline[first_missed..self.timeline.len() - 1] {
            state.apply(entry);
            state.version = entry.version.max(state.version + 1);
            if state.version < self.version {
                let mut shown = state.clone();
                shown.take_partials_of(self);
                states.push(shown);
            }
        }
        states
    }

    /// Transitions in all, told or left out.
    fn transitions(&self) -> u64 {
        self.timeline_left_out.saturating_add(u64::try_from(self.timeline.len()).unwrap_or(u64::MAX))
    }

    /// The partial results that a later record has, up to this version.
    fn take_partials_of(&mut self, later: &Job) {
        let known = later.partial_versions.partition_point(|number| *number <= self.version);
        self.partial_results = later.partial_results.get(..known).unwrap_or_default().to_vec();
        self.partial_versions = later.partial_versions.get(..known).unwrap_or_default().to_vec();
    }

    /// A copy but for its partial results, which may be many.
    pub(crate) fn clone_without_partials(&mut self) -> Job {
        let results = std::mem::take(&mut self.partial_results);
        let versions = std::mem::take(&mut self.partial_versions);
        let copy = self.clone();
        (self.partial_results, self.partial_versions) = (results, versions);
        copy
    }

    /// Partial results without a number, which come first.
    pub(crate) fn unnumbered_partials(&self) -> usize {
        self.partial_versions.partition_point(|number| *number == 0)
    }

    /// Puts the first `numbered` ones of an earlier record before those of this one that have a number.
    pub(crate) fn put_partials_before(&mut self, mut earlier: Job, numbered: usize) {
        fn join<T>(mut earlier: Vec<T>, old: usize, keep: usize, later: &mut Vec<T>, new: usize) {
            earlier.truncate(old + keep);
            earlier.splice(..old, later.drain(..new));
            earlier.append(later);
            *later = earlier;
        }
        let (old, new) = (earlier.unnumbered_partials(), self.unnumbered_partials());
        let (results, versions) = (&mut earlier.partial_results, &mut earlier.partial_versions);
        join(std::mem::take(results), old, numbered, &mut self.partial_results, new);
        join(std::mem::take(versions), old, numbered, &mut self.partial_versions, new);
    }

    /// One more partial result.
    pub(crate) fn add_partial(&mut self, version: u64, value: Value) {
        self.partial_results.push(value);
        self.partial_versions.push(version);
    }

    fn apply(&mut self, entry: &TimelineEntry) {
        if let Some(status) = entry.event.status() {
            self.status = status;
        }
        self.attempt = entry.attempt;
        self.updated_at = entry.at;
        self.worker.clone_from(&entry.worker);
        if entry.error.is_some() {
            self.error.clone_from(&entry.error);
        }
        if entry.event == JobEvent::Completed {
            self.error = None;
        }
        self.cancel_requested |= entry.event == JobEvent::CancelRequested;
        if entry.event.status().is_some() {
            // The timeline does not tell them, and those of the state before are over.
            (self.next_attempt_at, self.lease_until, self.progress) = (None, None, None);
            self.progress_version = 0;
        }
        self.timeline.push(entry.clone());
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn entry(event: JobEvent, attempt: u32) -> TimelineEntry {
        TimelineEntry { at: Utc::now(), event, attempt, version: 0, worker: None, error: None }
    }

    #[test]
    fn a_late_watcher_sees_every_transition_in_order() {
        let seen = Job::new(JobId::new(), "t", Utc::now());
        let mut now = seen.clone();
        now.timeline.extend([
            entry(JobEvent::Started, 1),
            entry(JobEvent::RetryScheduled, 1),
            entry(JobEvent::Started, 2),
        ]);
        now.timeline.push(entry(JobEvent::Completed, 2));
        now.status = JobStatus::Completed;
        now.version = 5;

        let states: Vec<_> =
            now.transitions_since(&seen).iter().map(|job| (job.version, job.status)).collect();

        use JobStatus::*;
        assert_eq!(states, [(2, Processing), (3, Pending), (4, Processing)]);
    }

    #[test]
    fn a_state_that_was_missed_has_the_partial_results_of_its_time() {
        let seen = Job::new(JobId::new(), "t", Utc::now());
        let mut now = seen.clone();
        for (event, version) in [(JobEvent::Started, 2), (JobEvent::Released, 4), (JobEvent::Started, 5)] {
            now.timeline.push(TimelineEntry { version, ..entry(event, 1) });
        }
        now.version = 6;
        now.add_partial(3, "one".into());
        now.add_partial(6, "two".into());

        let states: Vec<_> = now
            .transitions_since(&seen)
            .into_iter()
            .map(|job| (job.version, job.partial_results.len()))
            .collect();

        assert_eq!(states, [(2, 0), (4, 1)]);
    }

    #[test]
    fn a_watcher_that_is_up_to_date_sees_nothing_new() {
        let job = Job::new(JobId::new(), "t", Utc::now());

        assert!(job.transitions_since(&job).is_empty());
    }

    #[test]
    fn the_json_form_has_the_field_names_of_the_guide() {
        let mut job = Job::new(JobId::new(), "ai_map_generation", Utc::now());
        job.owner = Some(Owner::Id(42));

        let json = serde_json::to_value(&job).unwrap();

        for field in [
            "job_id",
            "user_id",
            "job_type",
            "status",
            "created_at",
            "updated_at",
            "metadata",
            "result",
            "error",
            "progress",
        ] {
            assert!(json.get(field).is_some(), "{field} is missing");
        }
        assert_eq!(json["user_id"], 42);
        assert_eq!(serde_json::from_value::<Job>(json).unwrap(), job);
    }
}
