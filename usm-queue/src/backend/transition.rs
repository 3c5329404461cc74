//! How the record of a job changes: the rules that every job store keeps, in one place, without I/O and without a clock.
//!
//! [`transition`] says of each call of a [`JobStore`](super::JobStore) that changes a job what becomes of it and what is
//! answered. A store may carry the rules out in other ways, in SQL or in scripts: a contract in `usm_queue::testing` compares it
//! with them call by call. How much is kept is not among them: the time to live of records, the bounds of partial results and
//! of the timeline.
//!
//! ```
//! # use std::time::Duration;
//! # use chrono::Utc;
//! # use usm_queue::{Job, JobId, JobStatus, backend::{NewJob, transition::*}};
//! let told = NewJob::from(Job::new(JobId::new(), "send_mail", Utc::now()));
//! let mut known = None;
//! let claim = Event::Claim { worker: "w".to_owned(), lease: Duration::from_secs(60), alone: None };
//!
//! let answer = transition(&mut known, &claim, &told, Utc::now());
//!
//! assert_eq!(answer, Answer::Claim(Ok(Taken::ToRun)));
//! assert_eq!(known.map(|known| (known.job.status, known.job.attempt)), Some((JobStatus::Processing, 1)));
//! ```

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    CancelOutcome, Inserted, JobUpdate, LeaseState, NewJob, Updated,
    store::{SUSPICIOUS, same_payload},
};
use crate::job::{Job, JobEvent, JobStatus, TimelineEntry};

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
}

/// A call that concerns one job.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// [`JobStore::insert`](super::JobStore::insert).
    Insert,
    /// [`JobStore::insert_unconfirmed`](super::JobStore::insert_unconfirmed).
    InsertUnconfirmed,
    /// [`JobStore::confirm`](super::JobStore::confirm).
    Confirm,
    /// [`JobStore::withdraw`](super::JobStore::withdraw).
    Withdraw,
    /// [`JobStore::claim`](super::JobStore::claim), or [`JobStore::claim_suspect`](super::JobStore::claim_suspect) when the job
    /// is to run `alone` for so long.
    Claim {
        /// Who.
        worker: String,
        /// For how long.
        lease: Duration,
        /// How long the worker runs no other suspect.
        alone: Option<Duration>,
    },
    /// [`JobStore::renew`](super::JobStore::renew) with a lease of this token.
    Renew {
        /// Of the lease.
        token: u64,
        /// For how long.
        lease: Duration,
    },
    /// [`JobStore::update`](super::JobStore::update) with a lease of this token.
    Update {
        /// Of the lease.
        token: u64,
        /// What the worker reports.
        update: JobUpdate,
    },
    /// [`JobStore::postpone`](super::JobStore::postpone).
    Postpone {
        /// Why.
        error: String,
        /// How long from now.
        delay: Duration,
    },
    /// [`JobStore::fail_unclaimed`](super::JobStore::fail_unclaimed).
    FailUnclaimed {
        /// Why.
        error: String,
    },
    /// [`JobStore::cancel`](super::JobStore::cancel).
    Cancel,
}

/// What a call answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Nothing.
    Done,
    /// Of [`Event::InsertUnconfirmed`].
    Insert(Inserted),
    /// Of [`Event::Claim`].
    Claim(Result<Taken, NotTaken>),
    /// Of [`Event::Renew`].
    Renew(LeaseState),
    /// Of [`Event::Update`].
    Update(Updated),
    /// Of [`Event::Postpone`].
    Postpone(JobStatus),
    /// Of [`Event::FailUnclaimed`].
    FailUnclaimed(bool),
    /// Of [`Event::Cancel`].
    Cancel(CancelOutcome),
}

/// What a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// To run the job.
    ToRun,
    /// To end it only.
    ToEnd,
}

/// Why a job cannot be claimed: as in [`Claimed`](super::Claimed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// It has ended.
    Final(JobStatus),
    /// Another worker holds it, or it is not due, for so long.
    Busy(Duration),
    /// So many of its workers died in a row.
    Suspect(u32),
}

/// Changes a job as this event does, and tells what is answered. `None` is a job that the store does not know; `told` is its
/// record as the call, or the job's message, has it.
pub fn transition(known: &mut Option<Known>, event: &Event, told: &NewJob, now: DateTime<Utc>) -> Answer {
    let found = known.as_ref().map_or(Inserted::New, |known| known.found(told));
    let fresh = || Known::new(told, now);
    match event {
        Event::Insert => {
            known.get_or_insert_with(fresh);
            Answer::Done
        }
        Event::InsertUnconfirmed => {
            known.get_or_insert_with(|| Known { confirmed: false, ..fresh() });
            Answer::Insert(found)
        }
        Event::Confirm => {
            known.get_or_insert_with(fresh).confirmed = true;
            Answer::Done
        }
        Event::Withdraw => {
            known.take_if(|known| !known.confirmed && known.job.version == 1);
            known.iter_mut().for_each(|known| known.confirmed = true);
            Answer::Done
        }
        Event::Claim { worker, lease, alone } => {
            Answer::Claim(known.get_or_insert_with(fresh).claim(worker, *lease, *alone, now))
        }
        Event::Renew { token, lease } => {
            let known = known.as_mut();
            Answer::Renew(known.map_or(LeaseState::Lost, |known| known.renew(*token, *lease, now)))
        }
        Event::Update { token, update } => {
            let known = known.as_mut();
            Answer::Update(known.map_or(Updated::Lost, |known| known.update(*token, update, now)))
        }
        Event::Postpone { error, delay } => {
            Answer::Postpone(known.get_or_insert_with(fresh).postpone(error, *delay, now))
        }
        Event::FailUnclaimed { error } => {
            let known = known.get_or_insert_with(fresh);
            Answer::FailUnclaimed(known.end_unclaimed(JobEvent::Failed, Some(error), now))
        }
        Event::Cancel => {
            Answer::Cancel(known.as_mut().map_or(CancelOutcome::Unknown, |known| known.cancel(now)))
        }
    }
}

impl Known {
    /// A job that is stored now. When it is due is told by the caller's clock, as its creation is.
    fn new(told: &NewJob, now: DateTime<Utc>) -> Self {
        let mut known = Self::of(told.job.clone());
        let wait = |due: DateTime<Utc>| (due - told.job.created_at).to_std().unwrap_or_default();
        known.job.next_attempt_at = told.job.next_attempt_at.map(|due| after(now, wait(due)));
        known.digest = told.digest;
        known
    }

    /// A job of which there is nothing but the record.
    pub fn of(job: Job) -> Self {
        Self { job, token: 0, digest: None, confirmed: true, crashes: 0, alone_until: None }
    }

    /// What an enqueuer is told that stores the job again.
    fn found(&self, told: &NewJob) -> Inserted {
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

    /// Takes it for a worker. A suspect is taken only to run `alone` for so long.
    pub fn claim(
        &mut self,
        worker: &str,
        lease: Duration,
        alone: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Result<Taken, NotTaken> {
        let job = &self.job;
        if job.status.is_final() {
            return Err(NotTaken::Final(job.status));
        }
        if let Some(wait) = self.busy(now) {
            return Err(NotTaken::Busy(wait));
        }
        let mut is_counted = true;
        if job.status == JobStatus::Processing {
            // Its worker died. The attempt counts only if the job alone can have been the cause.
            is_counted = self.alone_until.is_some() && self.alone_until >= job.lease_until;
            if is_counted && job.attempt >= job.max_attempts {
                // Whoever is to end it may die too; nothing is begun again.
                self.alone_until = Some(DateTime::<Utc>::MAX_UTC);
                self.take(lease, now);
                return Ok(Taken::ToEnd);
            }
            let crashes = self.crashes.saturating_add(1);
            if crashes >= SUSPICIOUS && alone.is_none() && !job.cancel_requested {
                return Err(NotTaken::Suspect(crashes));
            }
            (self.crashes, self.alone_until) = (crashes, alone.map(|alone| after(after(now, alone), lease)));
        }
        self.take(lease, now);
        let job = &mut self.job;
        job.attempt = job.attempt.saturating_add(u32::from(is_counted));
        job.worker = Some(worker.to_owned());
        (job.next_attempt_at, job.progress, job.progress_version) = (None, None, 0);
        self.tell(JobEvent::Started, self.job.worker.clone(), None);
        Ok(Taken::ToRun)
    }

    /// A new lease; earlier ones are refused from now on.
    fn take(&mut self, lease: Duration, now: DateTime<Utc>) {
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
    fn renew(&mut self, token: u64, lease: Duration, now: DateTime<Utc>) -> LeaseState {
        if self.check(token) != Updated::Applied {
            return LeaseState::Lost;
        }
        self.job.lease_until = Some(after(now, lease));
        if self.job.cancel_requested { LeaseState::CancelRequested } else { LeaseState::Held }
    }

    fn update(&mut self, token: u64, update: &JobUpdate, now: DateTime<Utc>) -> Updated {
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

    /// Puts it off, if it waits and is due.
    fn postpone(&mut self, error: &str, delay: Duration, now: DateTime<Utc>) -> JobStatus {
        if self.job.status == JobStatus::Pending && self.busy(now).is_none() {
            self.change(now);
            self.job.error = Some(error.to_owned());
            self.job.next_attempt_at = Some(after(now, delay));
        }
        self.job.status
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

    fn cancel(&mut self, now: DateTime<Utc>) -> CancelOutcome {
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
