//! The history of a job.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::status::JobStatus;

/// What happened to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobEvent {
    /// Accepted.
    Enqueued,
    /// The record was lost and rebuilt from the message, after a worker had had it: what happened before is not told.
    Rebuilt,
    /// An attempt began.
    Started,
    /// An attempt failed; another will follow.
    RetryScheduled,
    /// Handed back by a worker that shut down; the attempt does not count.
    Released,
    /// Somebody asked to cancel it while it ran.
    CancelRequested,
    /// It ended with a result.
    Completed,
    /// It ended without one.
    Failed,
    /// It ended by request.
    Cancelled,
}

impl JobEvent {
    /// The status a job has right after this event, where the event changes it.
    pub(crate) fn status(self) -> Option<JobStatus> {
        match self {
            Self::Enqueued | Self::Rebuilt | Self::RetryScheduled | Self::Released => {
                Some(JobStatus::Pending)
            }
            Self::Started => Some(JobStatus::Processing),
            Self::CancelRequested => None,
            Self::Completed => Some(JobStatus::Completed),
            Self::Failed => Some(JobStatus::Failed),
            Self::Cancelled => Some(JobStatus::Cancelled),
        }
    }
}

/// One line of a job's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When, by the clock of the process that wrote it.
    pub at: DateTime<Utc>,
    /// What.
    pub event: JobEvent,
    /// The attempt it belongs to, counted from 1; 0 before the first.
    pub attempt: u32,
    /// The version of the record that it made; 0 where an earlier version of this library wrote it.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub version: u64,
    /// The worker that ran or settled it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub worker: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// Lines of a job's history that are kept: the first ones, and the last ones.
pub(crate) const TIMELINE_FIRST: usize = 10;
const TIMELINE_LAST: usize = 50;
/// Further ones before some are left out, so that it is not done for each.
const TIMELINE_SPARE: usize = 20;

/// Which lines of so long a history are left out; none mostly.
pub(crate) fn left_out_of_timeline(lines: usize) -> std::ops::Range<usize> {
    match lines > TIMELINE_FIRST + TIMELINE_LAST + TIMELINE_SPARE {
        true => TIMELINE_FIRST..lines - TIMELINE_LAST,
        false => 0..0,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_history_the_beginning_and_the_end_are_kept() {
        assert!(left_out_of_timeline(80).is_empty());
        assert_eq!(left_out_of_timeline(81), 10..31);
    }
}
