//! What a user writes: a kind of work, its policy, and how a handler says what went wrong.

use std::{fmt, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use crate::retry::RetryPolicy;

/// Whatever went wrong.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// A kind of work: the payload, the name it is stored under, and how it is routed and retried.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use usm_queue::{Task, TaskPolicy};
///
/// #[derive(Serialize, Deserialize)]
/// struct SendMail {
///     to: String,
/// }
///
/// impl Task for SendMail {
///     const NAME: &'static str = "send_mail";
///     const ROUTING_KEY: &'static str = "mail.send";
///     type Output = ();
///
///     fn policy() -> TaskPolicy {
///         TaskPolicy::default().priority(7)
///     }
/// }
/// ```
///
/// Payload types may live in a crate that knows no handlers: who enqueues need not link who works. Fields named
/// `job_id`, `user_id`, `created_at` or `_metadata` keep the payload's own value on the wire.
///
/// Payloads, results, partial results and metadata travel as JSON and arrive as they were sent; what JSON or its readers
/// would alter is refused with the name of the field: NaN and infinity, integers beyond 64 bits, keys that are no text or
/// number, lists and objects nested deeper than [`MAX_JSON_DEPTH`](crate::limits::MAX_JSON_DEPTH). A payload is refused when it is
/// enqueued. A result fails its job for good, and the error says that the handler had ended.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    label = "this type does not implement `usm_queue::Task`",
    note = "a handler takes its task first and its `JobContext` second; implement `Task` for the payload: its NAME, ROUTING_KEY and Output",
    note = "`Task` also needs `serde::Serialize` and `serde::Deserialize` on the payload"
)]
pub trait Task: Serialize + DeserializeOwned + Send + 'static {
    /// Stored with every job: renaming it makes waiting jobs unknown. To rename, register a handler under both names
    /// until the old jobs are gone.
    const NAME: &'static str;

    /// Decides the queue, through the topology's bindings.
    const ROUTING_KEY: &'static str;

    /// What a handler returns; stored as JSON with the job.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// How it is run, unless the caller's options say otherwise.
    fn policy() -> TaskPolicy {
        TaskPolicy::default()
    }
}

/// How jobs of a task are run.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TaskPolicy {
    /// Priority in queues that know priorities. Default 0, the lowest.
    pub priority: u8,
    /// An attempt that takes longer is stopped and counts as failed. Default 5 minutes.
    pub timeout: Duration,
    /// When a failed attempt is followed by another.
    pub retry: RetryPolicy,
}

impl Default for TaskPolicy {
    fn default() -> Self {
        Self { priority: 0, timeout: Duration::from_secs(300), retry: RetryPolicy::default() }
    }
}

impl TaskPolicy {
    /// Sets the priority.
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the time one attempt may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the retry policy.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }
}

/// Why a handler did not return a result, and what follows: another attempt, or none.
///
/// `?` on any error means "try again": on those of [`std::error::Error`], and in a handler whose own error type is another, on
/// whatever converts into a boxed error, as `String` and `anyhow::Error` do. [`Worker::classify`](crate::Worker::classify) tells
/// once for all handlers which errors are permanent. This type is deliberately no `std::error::Error`, so that it can be made
/// from every one.
pub struct TaskError {
    pub(crate) verdict: Verdict,
    source: Source,
}

/// What a [`TaskError`] asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Another attempt after the policy's delay.
    Retry,
    /// Another attempt after this delay; it costs an attempt.
    RetryAfter(Duration),
    /// Another attempt after this delay; this one is not counted, since the work itself was not at fault.
    Snooze(Duration),
    /// Never again: the job fails.
    Permanent,
    /// Never again: the job is cancelled.
    Cancel,
}

impl TaskError {
    /// Another attempt after the policy's delay; what `?` does.
    pub fn retry(source: impl Into<Source>) -> Self {
        Self { verdict: Verdict::Retry, source: source.into() }
    }

    /// No other attempt: the job fails now, and is kept as a dead letter.
    pub fn permanent(source: impl Into<Source>) -> Self {
        Self { verdict: Verdict::Permanent, source: source.into() }
    }

    /// Another attempt after exactly `delay`, instead of the policy's. It costs an attempt.
    pub fn retry_after(delay: Duration, source: impl Into<Source>) -> Self {
        Self { verdict: Verdict::RetryAfter(delay), source: source.into() }
    }

    /// As [`retry_after`](Self::retry_after), and the attempt is not counted: somebody else's rate limit is not the
    /// job's fault. [`RetryPolicy::give_up_after`] bounds such waits.
    pub fn snooze(delay: Duration, source: impl Into<Source>) -> Self {
        Self { verdict: Verdict::Snooze(delay), source: source.into() }
    }

    /// No other attempt, as nobody needs the job any more: it ends as cancelled, without a dead letter. The reason is logged at
    /// debug level.
    pub fn cancel(reason: impl Into<Source>) -> Self {
        Self { verdict: Verdict::Cancel, source: reason.into() }
    }

    /// What it asks for.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What a handler returned, which may be a `TaskError` itself.
    pub(crate) fn of(error: impl Into<Source>) -> Self {
        match error.into().downcast::<Boxed>() {
            Ok(boxed) => boxed.0,
            Err(source) => Self::retry(source),
        }
    }

    /// The error and what caused it.
    pub(crate) fn causes(&self) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
        std::iter::successors(Some(self.source.as_ref() as &(dyn std::error::Error + 'static)), |error| {
            error.source()
        })
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for TaskError {
    fn from(source: E) -> Self {
        Self::retry(source)
    }
}

/// So that a handler may return it where it may return any error.
impl From<TaskError> for Source {
    fn from(error: TaskError) -> Self {
        Self::from(Boxed(error))
    }
}

/// A [`TaskError`] on its way through a boxed error.
#[derive(Debug)]
struct Boxed(TaskError);

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Boxed {}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::error::chain(self.source.as_ref()))
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskError").field("verdict", &self.verdict).field("source", &self.source).finish()
    }
}
