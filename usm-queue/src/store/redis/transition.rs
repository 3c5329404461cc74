//! Transitions that take more than one call in rare cases: of jobs without a record of ours, and of records that were lost.

use std::sync::Arc;

use redis::{Pipeline, Script};

use super::{
    claimed::{ClaimedJobs, Doubtful, Requests},
    link::{Ask, Link},
    list::Lists,
    record::{self, micros, to_json},
    script::{Call, Given, INSERT, Keep, UPDATE},
};
use crate::{
    error::{Error, ErrorKind, Result, chain},
    job::{Job, JobId, Progress},
    store::{JobUpdate, Lease, Updated},
};

/// A script answers about a record that another service changes meanwhile; then it is asked again.
const ROUNDS: usize = 5;

/// What a write that is done later needs too.
pub(super) struct Shared {
    pub(super) link: Arc<Link>,
    pub(super) keep: Keep,
    pub(super) lists: Arc<Lists>,
    pub(super) claimed: ClaimedJobs,
    pub(super) requests: Requests,
}

/// What a script answers.
pub(super) type Answer = Vec<Vec<u8>>;

impl Shared {
    /// Stores records that are not simply new: those that wait for a time, and those whose keys hold something.
    pub(super) async fn insert_others(&self, jobs: &[&Job]) -> Result<()> {
        let mut calls = Pipeline::with_capacity(jobs.len());
        for job in jobs {
            let given = Given::new(job);
            calls.add_command(Call::new(&INSERT, job.id, &self.keep, Some(&given)).given(Some(&given)));
        }
        let answers: Vec<Answer> = self.link.ask(&Ask::Scripts(&INSERT, calls)).await?;
        for (job, answer) in jobs.iter().zip(&answers) {
            warn_overwritten(job.id, answer.get(1));
        }
        Ok(())
    }

    /// Calls a script about a job that needs no lease to be changed. `message` is the record for a job that has none;
    /// `None` when the job has no record and none is given.
    pub(super) async fn unfenced(
        &self,
        script: &'static Script,
        id: JobId,
        message: Option<&Job>,
        args: impl Fn(Call) -> Call,
    ) -> Result<Option<Answer>> {
        let mut given: Option<Given> = None;
        for _ in 0..ROUNDS {
            let call = args(Call::new(script, id, &self.keep, given.as_ref())).given(given.as_ref());
            let answer: Answer = self.link.ask(&Ask::Script(script, call)).await?;
            given = match answer.first().map(Vec::as_slice) {
                Some(b"unknown") => {
                    let Some(message) = message else { return Ok(None) };
                    warn_overwritten(id, answer.get(1));
                    Some(Given::unknown(message))
                }
                Some(b"foreign") => {
                    let text = answer.get(1).map(Vec::as_slice).unwrap_or_default();
                    let record = record::taken_over(id, text, message).or_else(|| {
                        tracing::warn!(job.id = %id, "the value of job:{id} is no job record");
                        message.cloned()
                    });
                    let Some(record) = record else { return Ok(None) };
                    Some(Given::foreign(&record, text))
                }
                _ => return Ok(Some(answer)),
            };
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!("another service keeps changing the record of job {id}; try again later"),
        ))
    }

    pub(super) async fn update(&self, lease: Lease, update: JobUpdate) -> Result<Updated> {
        let doubtful = || Doubtful::Update(lease.token, update.clone());
        let request = self.requests.name(lease.id, doubtful);
        let progress = match &update {
            JobUpdate::Progress(progress) => Some(progress.clone()),
            _ => self.claimed.take_progress(lease),
        };
        match self.write_update(lease, &update, progress.as_ref(), &request).await {
            Ok(Updated::Applied) => {
                self.claimed.applied(lease, &update, progress);
                Ok(Updated::Applied)
            }
            Ok(Updated::Stale) => {
                self.claimed.forget(lease);
                Ok(Updated::Stale)
            }
            Err(error) => {
                if let Some(progress) = progress {
                    self.claimed.give_progress_back(lease, progress);
                }
                if error.kind() == ErrorKind::Unavailable && !matches!(update, JobUpdate::Progress(_)) {
                    self.requests.lost(lease.id, doubtful(), request);
                }
                Err(error)
            }
        }
    }

    async fn write_update(
        &self,
        lease: Lease,
        update: &JobUpdate,
        progress: Option<&Progress>,
        request: &str,
    ) -> Result<Updated> {
        let (kind, value) = match update {
            JobUpdate::Progress(_) => ("progress", String::new()),
            JobUpdate::Partial(value) => ("partial", to_json(value)),
            JobUpdate::Completed(value) => ("completed", to_json(value)),
            JobUpdate::Retry { error, .. } => ("retry_scheduled", to_json(error)),
            JobUpdate::Released => ("released", "null".to_owned()),
            JobUpdate::Failed(error) => ("failed", to_json(error)),
            JobUpdate::Cancelled => ("cancelled", "null".to_owned()),
        };
        self.link.takes(format_args!("the new value of job {} ({kind})", lease.id), value.len())?;
        let due = match update {
            JobUpdate::Retry { next_attempt_at, .. } => micros(*next_attempt_at).to_string(),
            _ => String::new(),
        };
        let given_back = matches!(update, JobUpdate::Released | JobUpdate::Retry { counted: false, .. });
        let progress = progress.map(to_json).unwrap_or_default();
        let call = |given: Option<&Given>| {
            Call::new(&UPDATE, lease.id, &self.keep, given)
                .arg(request)
                .arg(lease.token)
                .arg(kind)
                .arg(&value)
                .arg(&due)
                .arg(u8::from(given_back))
                .arg(&progress)
                .given(given)
        };
        let mut answer: Answer = self.link.ask(&Ask::Script(&UPDATE, call(None))).await?;
        if answer.first().is_some_and(|word| word == b"unknown")
            && let Some(record) = self.lost_record(lease)
        {
            let given = Given::lost(&record, lease.token);
            answer = self.link.ask(&Ask::Script(&UPDATE, call(Some(&given)))).await?;
        }
        warn_overwritten(lease.id, answer.get(1));
        let applied = answer.first().is_some_and(|word| word == b"applied");
        Ok(if applied { Updated::Applied } else { Updated::Stale })
    }

    /// Writes the progress that was answered from memory.
    pub(super) async fn write_promised(&self, lease: Lease) {
        let Some(progress) = self.claimed.promised_progress(lease) else { return };
        if let Err(error) = self.update(lease, JobUpdate::Progress(progress)).await {
            tracing::debug!(job.id = %lease.id, error = chain(&error), "progress is not written; it goes with the next write");
        }
    }

    /// The record of a running job, to be written anew.
    pub(super) fn lost_record(&self, lease: Lease) -> Option<Job> {
        let record = self.claimed.record(lease)?;
        tracing::warn!(job.id = %lease.id, attempt = record.attempt, "Redis lost the record of this running job; writing it anew");
        Some(record)
    }
}

pub(super) fn warn_overwritten(id: JobId, key: Option<&Vec<u8>>) {
    if let Some(key) = key.filter(|key| !key.is_empty()) {
        tracing::warn!(job.id = %id, key = %String::from_utf8_lossy(key), "this key held a value of another type; it was overwritten with the job's record");
    }
}
