//! Transitions that take more than one call in rare cases: of jobs without a record of ours, and of records that were lost.

use std::sync::Arc;

use chrono::Utc;
use redis::{Pipeline, Script};

use super::{
    claims::{ClaimedJobs, Doubtful, Requests},
    connection::{Ask, Link},
    index::Lists,
    record::{self, to_json},
    scripts::{Call, Given, INSERT, INSERT_NEW, Keep, UPDATE, WITHDRAW, insert_new},
    store::{micros, number},
};
use crate::{
    backend::{
        Inserted, JobUpdate, Lease, MAX_PARTIAL_BYTES, MAX_PARTIAL_RESULTS, NewJob, Updated,
        store::too_many_partials,
    },
    error::{Error, ErrorKind, Result, chain},
    job::{Job, JobId, Progress},
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

/// What `insert_new.lua` answers: the record is stored, or there is one of ours.
const STORED: u8 = 1;
const THERE: u8 = 2;

/// What a script answers.
pub(super) type Answer = Vec<Vec<u8>>;

impl Shared {
    /// Stores records, and tells what was there before.
    pub(super) async fn insert(&self, jobs: &[NewJob], unconfirmed: bool) -> Result<Vec<Inserted>> {
        let mut inserted = vec![Inserted::New; jobs.len()];
        let mut calls = Pipeline::with_capacity(jobs.len());
        let (mut called, mut others) = (Vec::with_capacity(jobs.len()), Vec::new());
        for (place, new) in jobs.iter().enumerate() {
            match insert_new(new, &self.keep, unconfirmed) {
                Some(call) => {
                    calls.add_command(call);
                    called.push(place);
                }
                None => others.push(place),
            }
        }
        if !called.is_empty() {
            let answers: Vec<u8> = self.link.ask(&Ask::Scripts(&INSERT_NEW, calls)).await?;
            let done = |answer| answer == STORED || (answer == THERE && !unconfirmed);
            others.extend(
                called.into_iter().zip(answers).filter(|(_, answer)| !done(*answer)).map(|(place, _)| place),
            );
        }
        if !others.is_empty() {
            let closer: Vec<_> = others.iter().map(|place| &jobs[*place]).collect();
            let answers = self.insert_others(&closer, unconfirmed).await?;
            others.into_iter().zip(answers).for_each(|(place, answer)| inserted[place] = answer);
        }
        if let Some(last) = jobs.last() {
            self.lists.grew(&last.job, jobs.len());
        }
        Ok(inserted)
    }

    /// Stores records that are not simply new: those that wait for a time, and those whose keys hold something.
    pub(super) async fn insert_others(&self, jobs: &[&NewJob], unconfirmed: bool) -> Result<Vec<Inserted>> {
        let mut calls = Pipeline::with_capacity(jobs.len());
        for new in jobs {
            let given = Given::unknown(new);
            let call = Call::new(&INSERT, new.job.id, &self.keep, Some(&given)).arg(u8::from(unconfirmed));
            calls.add_command(call.given(Some(&given)));
        }
        let answers: Vec<Answer> = self.link.ask(&Ask::Scripts(&INSERT, calls)).await?;
        jobs.iter().zip(&answers).map(|(new, answer)| inserted(new, answer)).collect()
    }

    /// Takes unconfirmed records away that nobody has claimed; tells for each whether it was one.
    pub(super) async fn withdraw(&self, ids: &[JobId]) -> Result<Vec<bool>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut calls = Pipeline::with_capacity(ids.len());
        for id in ids {
            calls.add_command(Call::new(&WITHDRAW, *id, &self.keep, None).given(None));
        }
        self.link.ask(&Ask::Scripts(&WITHDRAW, calls)).await
    }

    /// Calls a script about a job that needs no lease to be changed. `message` is the record for a job that has none;
    /// `None` when the job has no record and none is given.
    pub(super) async fn unfenced(
        &self,
        script: &'static Script,
        id: JobId,
        message: Option<&NewJob>,
        args: impl Fn(Call) -> Call,
    ) -> Result<Option<Answer>> {
        let mut given: Option<Given> = None;
        for _ in 0..ROUNDS {
            let alias = message.and_then(|message| message.job.alias.as_deref());
            let call = args(Call::of(script, id, alias, &self.keep, given.as_ref())).given(given.as_ref());
            let answer: Answer = self.link.ask(&Ask::Script(script, call)).await?;
            given = match answer.first().map(Vec::as_slice) {
                Some(b"unknown") => {
                    let Some(message) = message else { return Ok(None) };
                    warn_overwritten(id, answer.get(1));
                    Some(Given::unknown(message))
                }
                Some(b"foreign") => {
                    let text = answer.get(1).map(Vec::as_slice).unwrap_or_default();
                    let record = match record::taken_over(id, text, message.map(|message| &message.job)) {
                        Some(record) => NewJob {
                            job: record,
                            ..message.cloned().unwrap_or_else(|| Job::new(id, "", Utc::now()).into())
                        },
                        None => {
                            tracing::warn!(job.id = %id, "the value of job:{id} is no job record");
                            let Some(message) = message else { return Ok(None) };
                            message.clone()
                        }
                    };
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
            Ok((Updated::Applied, version)) => {
                self.claimed.applied(lease, &update, progress, version);
                Ok(Updated::Applied)
            }
            Ok((refused @ (Updated::Stale | Updated::Lost), _)) => {
                self.claimed.forget(lease);
                Ok(refused)
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

    /// Also the version that it made.
    async fn write_update(
        &self,
        lease: Lease,
        update: &JobUpdate,
        progress: Option<&Progress>,
        request: &str,
    ) -> Result<(Updated, u64)> {
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
            JobUpdate::Retry { delay, .. } => micros(*delay).to_string(),
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
                .arg(MAX_PARTIAL_RESULTS)
                .arg(MAX_PARTIAL_BYTES)
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
        match answer.first().map(Vec::as_slice) {
            Some(b"applied") => {
                let version = answer.get(2).and_then(|version| std::str::from_utf8(version).ok()).map(number);
                Ok((Updated::Applied, version.unwrap_or_default()))
            }
            Some(b"unknown") => Ok((Updated::Lost, 0)),
            Some(b"full") => Err(too_many_partials(lease.id)),
            _ => Ok((Updated::Stale, 0)),
        }
    }

    /// Writes the progress that was answered from memory.
    pub(super) async fn write_promised(&self, lease: Lease) {
        let Some(progress) = self.claimed.promised_progress(lease) else { return };
        if let Err(error) = self.update(lease, JobUpdate::Progress(progress)).await {
            tracing::debug!(job.id = %lease.id, error = chain(&error), "progress is not written; it goes with the next write");
        }
    }

    /// The record of a running job, to be written anew.
    pub(super) fn lost_record(&self, lease: Lease) -> Option<NewJob> {
        let record = self.claimed.record(lease)?;
        tracing::warn!(job.id = %lease.id, attempt = record.job.attempt, "Redis lost this attempt of a running job; writing it anew");
        Some(record)
    }
}

/// What `insert.lua` answers.
fn inserted(new: &NewJob, answer: &Answer) -> Result<Inserted> {
    warn_overwritten(new.job.id, answer.get(4));
    let word = |at: usize| answer.get(at).and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default();
    if word(0) == "new" {
        return Ok(Inserted::New);
    }
    let known = u64::from_str_radix(word(3), 16).ok();
    let same_payload = known.zip(new.digest).is_none_or(|(known, digest)| known == digest);
    Ok(Inserted::Known { status: word(1).parse()?, confirmed: word(2) == "1", same_payload })
}

pub(super) fn warn_overwritten(id: JobId, key: Option<&Vec<u8>>) {
    if let Some(key) = key.filter(|key| !key.is_empty()) {
        tracing::warn!(job.id = %id, key = %String::from_utf8_lossy(key), "this key held a value of another type; it was overwritten with the job's record");
    }
}
