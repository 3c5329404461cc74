//! A job as a store knows it, and the rules by which it changes.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    event::{NotTaken, Taken},
    generations::Generations,
};
use crate::{
    backend::{
        CancelOutcome, EditCommit, FailOutcome, Inserted, JobUpdate, LeaseState, NewJob, NotEdited, Updated,
        store::{SUSPICIOUS, same_payload},
    },
    job::{Job, JobEvent, JobStatus, TimelineEntry},
};

/// What a store knows of a job.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Known {
    /// The record.
    pub job: Job,
    /// The newest fencing token. 0 before the first claim.
    pub token: u64,
    /// Tells the payload from others, where the caller chose the id.
    pub digest: Option<u64>,
    /// Whether the broker has confirmed its message.
    pub confirmed: bool,
    /// How many workers died in a row.
    pub crashes: u32,
    /// A lease that ends then or earlier was last renewed while the job was tried alone.
    pub alone_until: Option<DateTime<Utc>>,
    /// Which of its messages counts.
    pub generations: Generations,
}

impl Known {
    /// A job that is stored now. When it is due is told by the caller's clock, as its creation is.
    pub(super) fn new(told: &NewJob, now: DateTime<Utc>) -> Self {
        let mut known = Self::of(told.job.clone());
        let wait = |due: DateTime<Utc>| (due - told.job.created_at).to_std().unwrap_or_default();
        known.job.next_attempt_at = told.job.next_attempt_at.map(|due| after(now, wait(due)));
        known.digest = told.digest;
        known
    }

    /// A job of which there is nothing but the record.
    pub fn of(job: Job) -> Self {
        let generations = Generations::of(job.generation);
        Self { job, token: 0, digest: None, confirmed: true, crashes: 0, alone_until: None, generations }
    }

    /// What an enqueuer is told that stores the job again.
    pub(super) fn found(&self, told: &NewJob) -> Inserted {
        Inserted::Known {
            status: self.job.status,
            confirmed: self.confirmed,
            same_payload: same_payload(self.digest, told.digest),
        }
    }

    /// Whether a worker holds it, or it waits for its time: how much longer.
    fn busy(&self, now: DateTime<Utc>) -> Option<Duration> {
        let until = match self.job.status {
            JobStatus::Pending => self.job.next_attempt_at,
            JobStatus::Processing => self.job.lease_until,
            _ => None,
        };
        (until? - now).to_std().ok().filter(|wait| !wait.is_zero())
    }

    /// The same for who has this message. One that an edit published is due when it arrives, whatever the record says: the edit
    /// may not have been committed yet.
    fn busy_for(&self, generation: u64, now: DateTime<Utc>) -> Option<Duration> {
        let is_news = self.job.status == JobStatus::Pending && generation != self.generations.current;
        self.busy(now).filter(|_| !is_news)
    }

    /// From now on this message counts, and no other.
    fn adopt(&mut self, generation: u64) {
        self.generations.adopt(generation);
        self.job.generation = self.generations.current;
    }

    /// Takes it for a worker that has the message of this generation. A suspect is taken only to run `alone` for so long.
    pub fn claim(
        &mut self,
        generation: u64,
        worker: &str,
        lease: Duration,
        alone: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Result<Taken, NotTaken> {
        let job = &self.job;
        if job.status.is_final() {
            return Err(NotTaken::Final(job.status));
        }
        if !self.generations.counts(generation) {
            return Err(NotTaken::Superseded);
        }
        if let Some(wait) = self.busy_for(generation, now) {
            return Err(NotTaken::Busy(wait));
        }
        let mut is_counted = true;
        if job.status == JobStatus::Processing {
            // Its worker died. The attempt counts only if the job alone can have been the cause.
            is_counted = self.alone_until.is_some() && self.alone_until >= job.lease_until;
            if is_counted && job.attempt >= job.max_attempts {
                // Whoever is to end it may die too; nothing is begun again.
                self.alone_until = Some(DateTime::<Utc>::MAX_UTC);
                self.take(generation, lease, now);
                return Ok(Taken::ToEnd);
            }
            let crashes = self.crashes.saturating_add(1);
            if crashes >= SUSPICIOUS && alone.is_none() && !job.cancel_requested {
                return Err(NotTaken::Suspect(crashes));
            }
            (self.crashes, self.alone_until) = (crashes, alone.map(|alone| after(after(now, alone), lease)));
        }
        self.take(generation, lease, now);
        let job = &mut self.job;
        job.attempt = job.attempt.saturating_add(u32::from(is_counted));
        job.worker = Some(worker.to_owned());
        (job.next_attempt_at, job.progress, job.progress_version) = (None, None, 0);
        self.tell(JobEvent::Started, self.job.worker.clone(), None);
        Ok(Taken::ToRun)
    }

    /// A new lease; earlier ones are refused from now on.
    fn take(&mut self, generation: u64, lease: Duration, now: DateTime<Utc>) {
        self.adopt(generation);
        self.token += 1;
        self.change(now);
        self.job.lease_until = Some(after(now, lease));
    }

    /// Whether writes under this token are accepted.
    fn check(&self, token: u64) -> Updated {
        match self.job.status {
            _ if self.token < token => Updated::Lost,
            JobStatus::Processing if self.token == token => Updated::Applied,
            _ => Updated::Stale,
        }
    }

    /// A lapsed lease that nobody took over holds again. It makes no new version.
    pub(super) fn renew(&mut self, token: u64, lease: Duration, now: DateTime<Utc>) -> LeaseState {
        if self.check(token) != Updated::Applied {
            return LeaseState::Lost;
        }
        self.job.lease_until = Some(after(now, lease));
        if self.job.cancel_requested { LeaseState::CancelRequested } else { LeaseState::Held }
    }

    pub(super) fn update(&mut self, token: u64, update: &JobUpdate, now: DateTime<Utc>) -> Updated {
        let checked = self.check(token);
        if checked != Updated::Applied {
            return checked;
        }
        self.change(now);
        let worker = self.job.worker.clone();
        let job = &mut self.job;
        match update {
            JobUpdate::Progress(progress) => {
                (job.progress, job.progress_version) = (Some(progress.clone()), job.version);
            }
            JobUpdate::Partial(value) => job.add_partial(job.version, value.clone()),
            JobUpdate::Retry { error, delay, counted } => {
                job.next_attempt_at = Some(after(now, *delay));
                self.tell(JobEvent::RetryScheduled, worker, Some(error));
                self.wait(*counted);
            }
            JobUpdate::Released => {
                self.tell(JobEvent::Released, worker, None);
                self.wait(false);
            }
            JobUpdate::Completed(result) => {
                (job.result, job.error) = (Some(result.clone()), None);
                self.tell(JobEvent::Completed, worker, None);
            }
            JobUpdate::Failed(error) => self.tell(JobEvent::Failed, worker, Some(error)),
            JobUpdate::Cancelled => self.tell(JobEvent::Cancelled, worker, None),
        }
        Updated::Applied
    }

    /// The attempt ended in order, and another follows.
    fn wait(&mut self, counted: bool) {
        self.job.attempt = self.job.attempt.saturating_sub(u32::from(!counted));
        (self.crashes, self.alone_until) = (0, None);
    }

    /// Puts it off, if it waits and is due. `None` where the message is superseded.
    pub fn postpone(
        &mut self,
        generation: u64,
        error: &str,
        delay: Duration,
        now: DateTime<Utc>,
    ) -> Option<JobStatus> {
        if !self.job.status.is_final() && !self.generations.counts(generation) {
            return None;
        }
        if self.job.status == JobStatus::Pending && self.busy_for(generation, now).is_none() {
            self.adopt(generation);
            self.change(now);
            self.job.error = Some(error.to_owned());
            self.job.next_attempt_at = Some(after(now, delay));
        }
        Some(self.job.status)
    }

    /// Fails it for who has this message and cannot run it.
    pub fn fail_unclaimed(&mut self, generation: u64, error: &str, now: DateTime<Utc>) -> FailOutcome {
        let status = self.job.status;
        if status.is_final() {
            return FailOutcome::AlreadyFinal(status);
        }
        if !self.generations.counts(generation) {
            return FailOutcome::Superseded;
        }
        match self.busy_for(generation, now) {
            Some(wait) if status == JobStatus::Pending => FailOutcome::NotDue(wait),
            Some(wait) => FailOutcome::Held(wait),
            None => {
                self.adopt(generation);
                self.end_unclaimed(JobEvent::Failed, Some(error), now);
                FailOutcome::Failed
            }
        }
    }

    /// Whether its message may be replaced.
    fn check_edit(&self) -> Result<(), NotEdited> {
        match self.job.status {
            _ if !self.confirmed => Err(NotEdited::Unknown),
            JobStatus::Pending if self.job.cancel_requested => Err(NotEdited::CancelRequested),
            JobStatus::Pending => Ok(()),
            JobStatus::Processing => Err(NotEdited::Running),
            status => Err(NotEdited::Final(status)),
        }
    }

    /// A number for another message, and how long the job still waits. It makes no new version.
    pub fn reserve_edit(&mut self, now: DateTime<Utc>) -> Result<(u64, Duration), NotEdited> {
        self.check_edit()?;
        Ok((self.generations.reserve(), self.busy(now).unwrap_or_default()))
    }

    /// What was published under a reserved number takes the place of the message before.
    pub fn commit_edit(&mut self, commit: &EditCommit, now: DateTime<Utc>) -> Result<(), NotEdited> {
        // Kept where the caller of the enqueue chose the id.
        let digest = self.digest.and(commit.digest).or(self.digest);
        if commit.generation.is_some_and(|generation| generation == self.generations.current) {
            // A worker has taken it already.
            if !self.job.status.is_final() {
                self.digest = digest;
            }
            return Ok(());
        }
        self.check_edit()?;
        if let Some(generation) = commit.generation {
            if !self.generations.counts(generation) {
                return Err(NotEdited::Superseded);
            }
            self.adopt(generation);
        }
        self.change(now);
        self.digest = digest;
        if let Some(delay) = commit.delay {
            self.job.next_attempt_at = Some(after(now, delay));
        }
        Ok(())
    }

    /// Ends it, unless a worker holds it or it has ended.
    fn end_unclaimed(&mut self, event: JobEvent, error: Option<&str>, now: DateTime<Utc>) -> bool {
        let is_held = self.job.status == JobStatus::Processing && self.busy(now).is_some();
        if is_held || self.job.status.is_final() {
            return false;
        }
        // Its worker may be alive, and late.
        self.token += 1;
        self.change(now);
        self.tell(event, None, error);
        true
    }

    pub(super) fn cancel(&mut self, now: DateTime<Utc>) -> CancelOutcome {
        if self.job.status.is_final() {
            return CancelOutcome::AlreadyFinal(self.job.status);
        }
        if self.end_unclaimed(JobEvent::Cancelled, None, now) {
            return CancelOutcome::Cancelled;
        }
        if !self.job.cancel_requested {
            self.job.cancel_requested = true;
            self.change(now);
            self.tell(JobEvent::CancelRequested, None, None);
        }
        CancelOutcome::Requested
    }

    /// A new version.
    fn change(&mut self, now: DateTime<Utc>) {
        self.job.version += 1;
        self.job.updated_at = now;
    }

    /// Adds an event to the timeline, and what follows from it.
    fn tell(&mut self, event: JobEvent, worker: Option<String>, error: Option<&str>) {
        let job = &mut self.job;
        let error = error.map(str::to_owned);
        job.error = error.clone().or(job.error.take());
        if let Some(status) = event.status() {
            job.status = status;
            if status != JobStatus::Processing {
                job.lease_until = None;
            }
            if status.is_final() {
                (job.finished_at, job.next_attempt_at) = (Some(job.updated_at), None);
            }
        }
        let (at, attempt, version) = (job.updated_at, job.attempt, job.version);
        job.timeline.push(TimelineEntry { at, event, attempt, version, worker, error });
    }
}

/// The latest moment there is, where a duration reaches beyond.
fn after(now: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    let later = chrono::Duration::from_std(duration).ok().and_then(|later| now.checked_add_signed(later));
    later.unwrap_or(DateTime::<Utc>::MAX_UTC)
}
