//! What is new in a job's record since a version of it: the log of its changes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    record::{Job, Progress},
    status::JobStatus,
    timeline::{TIMELINE_FIRST, TimelineEntry},
};

/// One change of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobChange {
    /// The version of the record that it made: greater than those of all changes before. Where to go on after it.
    pub number: u64,
    /// What changed.
    #[serde(flatten)]
    pub change: Change,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// The whole record, which replaces all that was told before: where the log does not reach back far enough, and for
    /// changes that are none of the others, for example when a job was put off or edited, or another service wrote it.
    Record {
        /// As it is now.
        job: Box<Job>,
    },
    /// The job came into another state, or its cancellation is asked for.
    Transition {
        /// The line of its history.
        entry: TimelineEntry,
        /// When the job is due, if it waits for a time since then.
        next_attempt_at: Option<DateTime<Utc>>,
        /// The task's output, if the job completed.
        result: Option<Value>,
    },
    /// How far the running attempt has come. Of these only the newest is in the log; who follows live may see more.
    Progress {
        /// In the handler's units.
        progress: Progress,
    },
    /// One more partial result.
    Partial {
        /// The value.
        value: Value,
    },
}

impl JobChange {
    /// Whether the job has ended with it.
    pub fn is_final(&self) -> bool {
        match &self.change {
            Change::Record { job } => job.status.is_final(),
            Change::Transition { entry, .. } => entry.event.status().is_some_and(JobStatus::is_final),
            Change::Progress { .. } | Change::Partial { .. } => false,
        }
    }

    fn record(job: &Job) -> Self {
        Self { number: job.version, change: Change::Record { job: Box::new(job.clone()) } }
    }
}

impl Job {
    /// The changes after this version of the record, each once and in order; all of them after 0.
    ///
    /// They begin with a [`Change::Record`] where what followed that version is not in the record any more, or was written
    /// by a version of this library that did not number changes.
    pub fn changes_since(&self, version: u64) -> Vec<JobChange> {
        if version == self.version {
            return Vec::new();
        }
        // A greater one was seen before the store was set back.
        if version > self.version || version.saturating_add(1) < self.log_begins() {
            return vec![JobChange::record(self)];
        }
        let newest = self.timeline.last().map(|entry| entry.version);
        let transitions = self.timeline.iter().filter(|entry| entry.version > version).map(|entry| {
            let is_newest = newest == Some(entry.version);
            JobChange {
                number: entry.version,
                change: Change::Transition {
                    entry: entry.clone(),
                    next_attempt_at: self.next_attempt_at.filter(|_| is_newest),
                    result: self.result.clone().filter(|_| is_newest),
                },
            }
        });
        // In order, and of thousands mostly the last is asked for.
        let partials = self.partial_results.iter().zip(&self.partial_versions).rev();
        let partials = partials.take_while(|(_, number)| **number > version).map(|(value, number)| {
            JobChange { number: *number, change: Change::Partial { value: value.clone() } }
        });
        let progress = self.progress.iter().filter(|_| self.progress_version > version).map(|progress| {
            let change = Change::Progress { progress: progress.clone() };
            JobChange { number: self.progress_version, change }
        });
        let mut changes: Vec<_> = transitions.chain(partials).chain(progress).collect();
        changes.sort_by_key(|change| change.number);
        if changes.last().is_none_or(|last| last.number < self.version) {
            changes.push(JobChange::record(self));
        }
        changes
    }

    /// The first number from which on the log is complete.
    fn log_begins(&self) -> u64 {
        let unnumbered = self.timeline.iter().rposition(|entry| entry.version == 0).map(|last| last + 1);
        let left_out = (self.timeline_left_out > 0).then_some(TIMELINE_FIRST);
        match unnumbered.max(left_out) {
            None if self.timeline.is_empty() => self.version,
            None => 0,
            Some(first) => self.timeline.get(first).map_or(self.version, |entry| entry.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobEvent, JobId};

    fn job() -> Job {
        Job::new(JobId::new(), "t", Utc::now())
    }

    fn entry(version: u64) -> TimelineEntry {
        TimelineEntry {
            at: Utc::now(),
            event: JobEvent::Started,
            attempt: 1,
            version,
            worker: None,
            error: None,
        }
    }

    fn numbers(job: &Job, after: u64) -> Vec<(u64, &'static str)> {
        let name = |change: &Change| match change {
            Change::Record { .. } => "record",
            Change::Transition { .. } => "transition",
            Change::Progress { .. } => "progress",
            Change::Partial { .. } => "partial",
        };
        job.changes_since(after).iter().map(|change| (change.number, name(&change.change))).collect()
    }

    #[test]
    fn changes_of_all_kinds_follow_each_other_by_their_numbers() {
        let mut job = job();
        job.timeline.push(entry(2));
        job.partial_results = vec!["a".into(), "b".into()];
        job.partial_versions = vec![3, 6];
        job.progress = Some(Progress { current: 1, total: 2, message: String::new() });
        job.progress_version = 5;
        job.version = 6;

        let all = [(1, "transition"), (2, "transition"), (3, "partial"), (5, "progress"), (6, "partial")];
        assert_eq!(numbers(&job, 0), all);
        assert_eq!(numbers(&job, 2), all[2..]);
        assert_eq!(numbers(&job, 4), all[3..]);
        assert_eq!(numbers(&job, 6), []);
    }

    #[test]
    fn what_the_log_does_not_tell_is_told_by_the_record() {
        let mut put_off = job();
        put_off.version = 2;
        assert_eq!(numbers(&put_off, 0), [(1, "transition"), (2, "record")]);
        assert_eq!(numbers(&put_off, 7), [(2, "record")], "the store was set back");

        let mut bounded = job();
        bounded.timeline = (1..=10).chain(101..=150).map(entry).collect();
        (bounded.timeline_left_out, bounded.version) = (90, 150);
        assert_eq!(numbers(&bounded, 99), [(150, "record")]);
        assert_eq!(numbers(&bounded, 148), [(149, "transition"), (150, "transition")]);
        assert_eq!(numbers(&bounded, 100).len(), 50);

        let mut older = job();
        older.timeline = [0, 0, 5, 6].map(entry).into();
        older.version = 6;
        assert_eq!(numbers(&older, 3), [(6, "record")]);
        assert_eq!(numbers(&older, 4), [(5, "transition"), (6, "transition")]);
    }
}
