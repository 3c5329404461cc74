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

mod event;
mod generations;
mod known;

use chrono::{DateTime, Utc};

pub use self::{
    event::{Answer, Event, NotTaken, Taken},
    generations::Generations,
    known::Known,
};
use super::{CancelOutcome, Inserted, LeaseState, NewJob, NotEdited, Updated};

/// Changes a job as this event does, and tells what is answered. `None` is a job that the store does not know; `told` is its
/// record as the call, or the job's message, has it, with the message's generation.
pub fn transition(known: &mut Option<Known>, event: &Event, told: &NewJob, now: DateTime<Utc>) -> Answer {
    let found = known.as_ref().map_or(Inserted::New, |known| known.found(told));
    let fresh = || Known::new(told, now);
    let generation = told.job.generation;
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
            Answer::Claim(known.get_or_insert_with(fresh).claim(generation, worker, *lease, *alone, now))
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
            Answer::Postpone(known.get_or_insert_with(fresh).postpone(generation, error, *delay, now))
        }
        Event::FailUnclaimed { error } => {
            let known = known.get_or_insert_with(fresh);
            Answer::FailUnclaimed(known.fail_unclaimed(generation, error, now))
        }
        Event::Cancel => {
            Answer::Cancel(known.as_mut().map_or(CancelOutcome::Unknown, |known| known.cancel(now)))
        }
        Event::ReserveEdit => {
            let reserved = known.as_mut().ok_or(NotEdited::Unknown).and_then(|known| known.reserve_edit(now));
            Answer::ReserveEdit(reserved)
        }
        Event::CommitEdit(commit) => {
            let known = known.as_mut().ok_or(NotEdited::Unknown);
            Answer::CommitEdit(known.and_then(|known| known.commit_edit(commit, now)))
        }
    }
}
