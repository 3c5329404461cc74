//! What went wrong, sorted by what the caller does next.

use std::{fmt, sync::Arc};

use crate::job_id::{InvalidJobId, JobId};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error of the queue: a kind to branch on, a sentence for people, and the cause where there is one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    #[source]
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    in_doubt: bool,
    cause_label: Option<&'static str>,
    jobs: Vec<(JobId, Acceptance)>,
}

/// Whether a job was accepted by an enqueue that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Acceptance {
    /// It will be worked: others of the same batch were not accepted.
    Accepted,
    /// Nothing of it is left; it will not be worked unless it is enqueued again.
    NotAccepted,
    /// The answer was lost: it may be worked or not. Enqueueing it again under its id makes sure that it is, once.
    Unknown,
}

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The routing key reaches no queue: nothing was accepted. Bind a queue or fix the key.
    Unroutable,
    /// The topology contradicts itself; it was refused before anything was declared.
    InvalidTopology,
    /// A queue or exchange exists with other arguments than this program wants.
    TopologyMismatch,
    /// An option or value is out of range, or a payload cannot be written as JSON.
    InvalidInput,
    /// A job with this id and another payload was enqueued before, and stands.
    Conflict,
    /// The queue is at its length limit and set to refuse. Try again later.
    QueueFull,
    /// No job, queue or dead letter with this name is known.
    NotFound,
    /// The job does not wait any more, or not yet again: it runs, has ended or is about to be cancelled.
    NotWaiting,
    /// The job ended without a result: it failed, expired or was cancelled.
    JobNotCompleted,
    /// The backend cannot answer now: locked, out of space, unreachable. Trying again may help.
    Unavailable,
    /// The file is not a queue file, or it is damaged.
    Corrupt,
    /// The file was written by a newer version of this library.
    NewerVersion,
    /// The queue handle was closed.
    Closed,
    /// Anything else the backend said.
    Backend,
}

impl ErrorKind {
    fn label(self) -> &'static str {
        match self {
            Self::Unroutable => "unroutable",
            Self::InvalidTopology => "invalid_topology",
            Self::TopologyMismatch => "topology_mismatch",
            Self::InvalidInput => "invalid_input",
            Self::Conflict => "conflict",
            Self::QueueFull => "queue_full",
            Self::NotFound => "not_found",
            Self::NotWaiting => "not_waiting",
            Self::JobNotCompleted => "job_not_completed",
            Self::Unavailable => "unavailable",
            Self::Corrupt => "corrupt",
            Self::NewerVersion => "newer_version",
            Self::Closed => "closed",
            Self::Backend => "backend",
        }
    }
}

impl From<InvalidJobId> for Error {
    fn from(error: InvalidJobId) -> Self {
        Self::invalid(error.to_string())
    }
}

impl Error {
    /// An error of `kind` with a sentence: lower case, naming the thing and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            in_doubt: false,
            cause_label: None,
            jobs: Vec::new(),
        }
    }

    /// The same with its cause kept.
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// The same, saying that what was asked may have been done all the same: the answer was lost.
    pub fn in_doubt(mut self) -> Self {
        self.in_doubt = true;
        self
    }

    /// The same, saying that what was asked was not done.
    pub(crate) fn certain(mut self) -> Self {
        self.in_doubt = false;
        self
    }

    /// The same with a more exact cause than its kind, for spans and metrics.
    pub(crate) fn because(mut self, cause: &'static str) -> Self {
        self.cause_label = Some(cause);
        self
    }

    /// Why, as one of few words, for spans and metrics.
    pub(crate) fn label(&self) -> &'static str {
        self.cause_label.unwrap_or(self.kind.label())
    }

    /// Whether what was asked may have been done all the same.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// What became of the jobs that an enqueue was to accept, in the order given; empty for other errors. Enqueueing those
    /// that were not accepted, or may have been, again under these ids is always right.
    pub fn jobs(&self) -> &[(JobId, Acceptance)] {
        &self.jobs
    }

    pub(crate) fn of_jobs(mut self, jobs: Vec<(JobId, Acceptance)>) -> Self {
        self.jobs = jobs;
        self
    }

    /// The same with more to read.
    pub(crate) fn explained(mut self, more: impl fmt::Display) -> Self {
        self.message = format!("{}; {more}", self.message);
        self
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error that caused it, or one that caused that, where it is a `T`: for example a
    /// [`TopologyDrift`](crate::topology::TopologyDrift).
    pub fn cause<T: std::error::Error + 'static>(&self) -> Option<&T> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> =
            self.source.as_deref().map(|source| source as _);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }

    pub(crate) fn closed() -> Self {
        Self::new(ErrorKind::Closed, "the queue is closed; open it again")
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    pub(crate) fn not_found(what: impl fmt::Display) -> Self {
        Self::new(
            ErrorKind::NotFound,
            format!("{what} is not known; it may have been removed after its time to live"),
        )
    }
}

/// The message of an error and of everything that caused it, `: ` between, for storing as text.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Many errors already print their cause.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// At most `chars` characters of `text`, `…` where something was cut: for error messages and history.
pub(crate) fn short(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
