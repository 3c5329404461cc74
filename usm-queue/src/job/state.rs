//! Where a job stands, with the three kinds of waiting told apart.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{record::Job, status::JobStatus};
use crate::error::{Error, short};

/// What a job waits for or how it ended: its [`JobStatus`], with `pending` told apart. Lists and counts go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobState {
    /// Pending, and due: a worker may take it now.
    Waiting,
    /// Pending, due later, and no attempt has been counted yet.
    Scheduled,
    /// Pending, due later, after an attempt that failed.
    Retrying,
    /// A worker runs its handler.
    Running,
    /// It ended with a result.
    Completed,
    /// It will not be tried again.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Scheduled,
        Self::Retrying,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The status of a job in this state.
    pub fn status(self) -> JobStatus {
        match self {
            Self::Waiting | Self::Scheduled | Self::Retrying => JobStatus::Pending,
            Self::Running => JobStatus::Processing,
            Self::Completed => JobStatus::Completed,
            Self::Failed => JobStatus::Failed,
            Self::Cancelled => JobStatus::Cancelled,
        }
    }

    /// The name in JSON and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Scheduled => "scheduled",
            Self::Retrying => "retrying",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a job with this status; `delayed` tells whether it is due later.
    pub(crate) fn of(status: JobStatus, delayed: bool, attempt: u32) -> Self {
        match status {
            JobStatus::Pending if delayed && attempt > 0 => Self::Retrying,
            JobStatus::Pending if delayed => Self::Scheduled,
            JobStatus::Pending => Self::Waiting,
            JobStatus::Processing => Self::Running,
            JobStatus::Completed => Self::Completed,
            JobStatus::Failed => Self::Failed,
            JobStatus::Cancelled => Self::Cancelled,
        }
    }
}

impl Job {
    /// Where it stands at `now`: a job that was scheduled waits once it is due.
    pub fn state(&self, now: DateTime<Utc>) -> JobState {
        JobState::of(self.status, self.next_attempt_at.is_some_and(|due| due > now), self.attempt)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
            Error::invalid(format!(
                "`{}` is not a job state; use one of {}",
                short(text, 80),
                Self::ALL.map(Self::as_str).join(", ")
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::time::Duration;

    use super::*;
    use crate::job_id::JobId;

    #[test]
    fn a_pending_job_is_told_by_its_time_and_its_attempts() {
        let now = Utc::now();
        let mut job = Job::new(JobId::new(), "t", now);
        assert_eq!(job.state(now), JobState::Waiting);
        job.next_attempt_at = Some(now + Duration::from_secs(1));
        assert_eq!(job.state(now), JobState::Scheduled);
        job.attempt = 1;
        assert_eq!(job.state(now), JobState::Retrying);
        assert_eq!(job.state(now + Duration::from_secs(1)), JobState::Waiting);
    }

    #[test]
    fn every_state_is_read_by_its_name() {
        for state in JobState::ALL {
            assert_eq!(state.to_string().parse::<JobState>().unwrap(), state);
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert!("pending".parse::<JobState>().unwrap_err().to_string().contains("waiting, scheduled"));
    }
}
