//! The calls that change a job, and their answers.

use std::time::Duration;

use crate::{
    backend::{CancelOutcome, EditCommit, FailOutcome, Inserted, JobUpdate, LeaseState, NotEdited, Updated},
    job::JobStatus,
};

/// A call that concerns one job.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// [`JobStore::insert`](crate::backend::JobStore::insert).
    Insert,
    /// [`JobStore::insert_unconfirmed`](crate::backend::JobStore::insert_unconfirmed).
    InsertUnconfirmed,
    /// [`JobStore::confirm`](crate::backend::JobStore::confirm).
    Confirm,
    /// [`JobStore::withdraw`](crate::backend::JobStore::withdraw).
    Withdraw,
    /// [`JobStore::claim`](crate::backend::JobStore::claim), or [`JobStore::claim_suspect`](crate::backend::JobStore::claim_suspect) when the job
    /// is to run `alone` for so long.
    Claim {
        /// Who.
        worker: String,
        /// For how long.
        lease: Duration,
        /// How long the worker runs no other suspect.
        alone: Option<Duration>,
    },
    /// [`JobStore::renew`](crate::backend::JobStore::renew) with a lease of this token.
    Renew {
        /// Of the lease.
        token: u64,
        /// For how long.
        lease: Duration,
    },
    /// [`JobStore::update`](crate::backend::JobStore::update) with a lease of this token.
    Update {
        /// Of the lease.
        token: u64,
        /// What the worker reports.
        update: JobUpdate,
    },
    /// [`JobStore::postpone`](crate::backend::JobStore::postpone).
    Postpone {
        /// Why.
        error: String,
        /// How long from now.
        delay: Duration,
    },
    /// [`JobStore::fail_unclaimed`](crate::backend::JobStore::fail_unclaimed).
    FailUnclaimed {
        /// Why.
        error: String,
    },
    /// [`JobStore::cancel`](crate::backend::JobStore::cancel).
    Cancel,
    /// [`JobStore::reserve_edit`](crate::backend::JobStore::reserve_edit).
    ReserveEdit,
    /// [`JobStore::commit_edit`](crate::backend::JobStore::commit_edit).
    CommitEdit(EditCommit),
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
    Postpone(Option<JobStatus>),
    /// Of [`Event::FailUnclaimed`].
    FailUnclaimed(FailOutcome),
    /// Of [`Event::Cancel`].
    Cancel(CancelOutcome),
    /// Of [`Event::ReserveEdit`]: the number, and how long the job still waits.
    ReserveEdit(Result<(u64, Duration), NotEdited>),
    /// Of [`Event::CommitEdit`].
    CommitEdit(Result<(), NotEdited>),
}

/// What a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// To run the job.
    ToRun,
    /// To end it only.
    ToEnd,
}

/// Why a job cannot be claimed: as in [`Claimed`](crate::backend::Claimed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// It has ended.
    Final(JobStatus),
    /// Another worker holds it, or it is not due, for so long.
    Busy(Duration),
    /// So many of its workers died in a row.
    Suspect(u32),
    /// Another message has taken the place of this one.
    Superseded,
}
