//! What an edit of a waiting job is, and what becomes of it in a store.

use std::time::Duration;

use crate::job::{Job, JobStatus};

/// What is to become of a waiting job.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// It is due so long from now.
    Due(Duration),
    /// It gets another payload, and is due when it was.
    Payload {
        /// The exchange of the job's messages.
        exchange: String,
        /// Their routing key.
        routing_key: String,
        /// The payload as JSON.
        body: Vec<u8>,
        /// What tells the payload from others.
        digest: u64,
    },
}

/// A number for a message that is to take the place of a waiting job's.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reservation {
    /// The number.
    pub generation: u64,
    /// The record. Its partial results may be missing.
    pub job: Box<Job>,
    /// How long the job still waits.
    pub wait: Duration,
}

impl Reservation {
    /// This number for this job.
    pub fn new(generation: u64, job: Job, wait: Duration) -> Self {
        Self { generation, job: Box::new(job), wait }
    }
}

/// What an edit changes in the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EditCommit {
    /// The number of the message that counts from now on; `None` when it stays the same.
    pub generation: Option<u64>,
    /// When the job is due, from now; `None` when it stays as it is.
    pub delay: Option<Duration>,
    /// What tells the new payload from others; kept where the caller of the enqueue chose the id.
    pub digest: Option<u64>,
}

impl EditCommit {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of the message that counts.
    pub fn generation(mut self, generation: u64) -> Self {
        self.generation = Some(generation);
        self
    }

    /// Sets when the job is due, from now.
    pub fn delay(mut self, delay: Option<Duration>) -> Self {
        self.delay = delay;
        self
    }

    /// Sets what tells the payload from others.
    pub fn digest(mut self, digest: Option<u64>) -> Self {
        self.digest = digest;
        self
    }
}

/// Why a job is not edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotEdited {
    /// No such job, or it is not accepted yet.
    Unknown,
    /// A worker runs it, or died over it.
    Running,
    /// It has ended so.
    Final(JobStatus),
    /// It waits for its next attempt, which will not begin: its cancellation is asked for.
    CancelRequested,
    /// Another edit came first, or a worker did and gave the job back. Reserve again.
    Superseded,
}
