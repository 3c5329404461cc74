//! Why a command did not do what it was asked: the text for people, the event for machines, the exit code.

use std::fmt;

use serde_json::{Value, json};
use usm_queue::{Job, JobId};

pub(super) const DONE: u8 = 0;
pub(super) const FAILED: u8 = 1;
pub(super) const USAGE: u8 = 2;
pub(super) const INTERRUPTED: u8 = 130;

/// What went wrong, to which job if to one, and what to do next.
#[derive(Debug)]
pub(super) struct Failure {
    code: u8,
    message: String,
    job: Option<JobId>,
    next: Vec<Next>,
}

/// A command that helps, and what it does.
#[derive(Debug)]
struct Next {
    command: String,
    purpose: &'static str,
}

impl Failure {
    /// Wrong usage, input or settings; nothing was started.
    pub(super) fn usage(message: impl fmt::Display) -> Self {
        Self { code: USAGE, message: message.to_string(), job: None, next: Vec::new() }
    }

    /// Anything else that failed.
    pub(super) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self { code: FAILED, message: chain(&error.into()), job: None, next: Vec::new() }
    }

    /// A job that ended without a result.
    pub(super) fn job(what: &str, job: &Job) -> Self {
        let attempts = match job.attempt {
            0 => String::new(),
            1 => " after 1 attempt".to_owned(),
            many => format!(" after {many} attempts"),
        };
        let reason = job.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
        let message = match job.error {
            None => format!("{what}: the job was {}", job.status),
            Some(_) => format!("{what}{attempts}{reason}"),
        };
        let mut failure = Self { code: FAILED, message, job: Some(job.id), next: Vec::new() };
        failure = failure.or_try(format!("usm job show {}", job.id), "what happened, step by step");
        if job.status == usm_queue::JobStatus::Failed {
            let replay = format!("usm dead-letter replay {}", job.id);
            failure = failure.or_try(replay, "try again when the cause is gone");
        }
        failure
    }

    /// Stopped by a signal while a job was under way.
    pub(super) fn interrupted(message: impl Into<String>, job: JobId) -> Self {
        Self { code: INTERRUPTED, message: message.into(), job: Some(job), next: Vec::new() }
    }

    /// Stopped by a signal before there was a job.
    pub(super) fn stopped(message: impl Into<String>) -> Self {
        Self { code: INTERRUPTED, message: message.into(), job: None, next: Vec::new() }
    }

    /// Names a command to go on with.
    pub(super) fn or_try(mut self, command: impl Into<String>, purpose: &'static str) -> Self {
        self.next.push(Next { command: command.into(), purpose });
        self
    }

    pub(super) fn code(&self) -> u8 {
        self.code
    }

    /// The last line of `--json`.
    pub(super) fn event(&self) -> Value {
        let event = if self.code == INTERRUPTED { "interrupted" } else { "failed" };
        let next: Vec<&str> = self.next.iter().map(|next| next.command.as_str()).collect();
        json!({ "event": event, "error": self.message, "job_id": self.job, "exit_code": self.code, "next": next })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(job) = self.job {
            write!(f, "\n  job {job}")?;
        }
        let width = self.next.iter().map(|next| next.command.chars().count()).max().unwrap_or(0);
        self.next.iter().try_for_each(|next| write!(f, "\n  {:width$}  {}", next.command, next.purpose))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(error)
    }
}

impl From<usm_queue::Error> for Failure {
    fn from(error: usm_queue::Error) -> Self {
        let in_doubt = error.jobs().first().filter(|_| error.is_in_doubt()).map(|(id, _)| *id);
        let failure = Self::failed(error);
        match in_doubt {
            Some(id) => Self { job: Some(id), ..failure }
                .or_try(format!("usm job show {id}"), "whether it was accepted; only if not, start it again"),
            None => failure,
        }
    }
}

impl From<sea_orm::DbErr> for Failure {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::failed(anyhow::Error::new(error).context("the database does not answer"))
    }
}

/// The error and what caused it, without what a text has said already.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use usm_queue::JobStatus;

    use super::*;

    #[test]
    fn a_failed_job_is_told_with_reason_id_and_what_to_do_next() {
        let mut job = Job::new(JobId::new(), "t", Utc::now());
        (job.status, job.attempt, job.error) = (JobStatus::Failed, 3, Some("no answer in time".to_owned()));

        let failure = Failure::job("no map was made", &job);

        let text = failure.to_string();
        assert!(text.starts_with("no map was made after 3 attempts: no answer in time\n"), "{text}");
        for part in [format!("job {}", job.id), format!("usm dead-letter replay {}", job.id)] {
            assert!(text.contains(&part), "{part} in {text}");
        }
        assert_eq!(failure.code(), FAILED);
        assert_eq!(failure.event()["event"], "failed");
    }

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("disk full").context("cannot write a.md: disk full").context("no files");

        assert_eq!(chain(&error), "no files: cannot write a.md: disk full");
    }
}
