//! The record that watchers of a job were shown last: whether another one is news to them, and with which version.

use chrono::{DateTime, Utc};

use crate::backend::redis::snapshot::Snapshot;

/// What the next record is compared with.
#[derive(Debug, Default)]
pub(super) struct LastShown {
    /// As Redis had it.
    pub(super) version: u64,
    /// How many partial results of the job's list the record has.
    pub(super) listed: usize,
    /// The text, if another service wrote it.
    pub(super) foreign: Option<Vec<u8>>,
    /// Until when a worker of ours holds the job.
    pub(super) held_until: Option<DateTime<Utc>>,
    /// By how much the version shown is above that in Redis.
    pub(super) raised: u64,
}

impl LastShown {
    /// By how much the version of this record must be raised to show it; `None` if it is no news. Watchers are shown growing
    /// versions, but another service may leave the version as it is or set it back. What it writes about a job that one of
    /// our workers holds is ignored, as in `record.lua`.
    pub(super) fn raise_for(&self, snapshot: &Snapshot, now: DateTime<Utc>) -> Option<u64> {
        if snapshot.foreign.is_some() && self.is_held(now) {
            return None;
        }
        if snapshot.record.version > self.version {
            return Some(self.raised);
        }
        let changed = match &snapshot.foreign {
            Some(text) => self.foreign.as_ref() != Some(text),
            None => self.foreign.is_some(),
        };
        changed.then(|| (self.raised + self.version + 1).saturating_sub(snapshot.record.version))
    }

    pub(super) fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.foreign.is_none() && self.held_until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::time::Duration;

    use super::*;
    use crate::job::{Job, JobId};

    fn snapshot(version: u64, foreign: Option<&str>) -> Snapshot {
        let mut job = Job::new(JobId::new(), "t", Utc::now());
        job.version = version;
        let foreign = foreign.map(|text| text.as_bytes().to_vec());
        Snapshot { record: job, listed: 0, from: 0, foreign }
    }

    fn last(version: u64, foreign: Option<&str>) -> LastShown {
        LastShown { version, foreign: foreign.map(|text| text.as_bytes().to_vec()), ..LastShown::default() }
    }

    #[test]
    fn a_foreign_change_is_news_whatever_its_version() {
        let now = Utc::now();
        assert_eq!(last(5, Some("a")).raise_for(&snapshot(5, Some("a")), now), None);
        assert_eq!(last(5, Some("a")).raise_for(&snapshot(5, Some("b")), now), Some(1));
        assert_eq!(last(5, Some("a")).raise_for(&snapshot(2, Some("b")), now), Some(4));
        assert_eq!(last(5, None).raise_for(&snapshot(5, Some("b")), now), Some(1));
        assert_eq!(last(5, Some("a")).raise_for(&snapshot(2, None), now), Some(4));
        assert_eq!(last(5, None).raise_for(&snapshot(5, None), now), None);
        assert_eq!(last(5, None).raise_for(&snapshot(6, None), now), Some(0));
    }

    #[test]
    fn what_is_raised_once_stays_above_what_was_shown() {
        let last = LastShown { raised: 4, ..last(5, Some("a")) };
        assert_eq!(last.raise_for(&snapshot(6, Some("b")), Utc::now()), Some(4));
        let raised = last.raise_for(&snapshot(1, Some("b")), Utc::now()).unwrap();
        assert_eq!(1 + raised, 5 + 4 + 1);
    }

    #[test]
    fn a_foreign_change_of_a_job_that_a_worker_holds_is_not_believed() {
        let now = Utc::now();
        let held = LastShown { held_until: Some(now + Duration::from_secs(1)), ..last(5, None) };
        assert_eq!(held.raise_for(&snapshot(9, Some("b")), now), None);
        assert_eq!(held.raise_for(&snapshot(9, Some("b")), now + Duration::from_secs(2)), Some(0));
        assert_eq!(held.raise_for(&snapshot(6, None), now), Some(0));
    }
}
