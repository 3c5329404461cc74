//! How one job differs from its task.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    clock,
    job::{Job, JobId, Owner, add_tag},
    json,
    retry::later,
    trace_context::TraceContext,
};

/// How one job differs from its task's policy.
///
/// ```
/// # use std::time::Duration;
/// # use usm_queue::EnqueueOptions;
/// let options = EnqueueOptions::new().priority(9).owner(42).delay(Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Default)]
pub struct EnqueueOptions {
    pub(super) id: Option<JobId>,
    priority: Option<u8>,
    pub(super) ttl: Option<Duration>,
    delay: Option<Duration>,
    owner: Option<Owner>,
    tags: Vec<String>,
    metadata: Map<String, Value>,
    /// Why a tag or a value of the metadata cannot be kept.
    pub(super) unwritable: Option<String>,
    correlation_id: Option<String>,
    trace: Option<TraceContext>,
    max_attempts: Option<u32>,
    pub(super) first_retry_delay: Option<Duration>,
}

impl EnqueueOptions {
    /// No difference.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses this id. Enqueueing the same id again changes nothing about the first job and runs nothing twice, so a
    /// caller who does not know whether an enqueue succeeded may repeat it: the first stands, and
    /// [`JobHandle::was_known`](crate::JobHandle::was_known) tells. With another payload (compared as JSON, the order of fields apart) it is an error
    /// of kind `Conflict`. An id is known for as long as its job lasts and at least 24 hours after its end, on every backend.
    pub fn id(mut self, id: JobId) -> Self {
        self.id = Some(id);
        self
    }

    /// Priority instead of the task's.
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = Some(priority);
        self
    }

    /// The job fails (reason `expired`) if no worker takes it within this time, counted from when it is due. The
    /// queue's own time to live counts too; the shorter wins.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Not delivered before this much time has passed.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Whose job it is.
    pub fn owner(mut self, owner: impl Into<Owner>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Calls the job so, to [find](crate::JobFilter::tag) it by: a customer, a campaign, a request. At most 10 tags of 1 to 100 bytes;
    /// enqueueing fails as `InvalidInput` beyond. The job keeps them for as long as its record, and so does its replay.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        if let Err(why) = add_tag(&mut self.tags, &tag.into()) {
            self.unwritable = Some(why);
        }
        self
    }

    /// Attaches a value to the record, for the caller's own use. Enqueueing fails as `InvalidInput` when JSON cannot hold it
    /// ([`Task`](crate::Task) tells what it can).
    pub fn metadata(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let name = name.into();
        match json::value(value) {
            Ok(value) => drop(self.metadata.insert(name, value)),
            Err(error) => {
                self.unwritable =
                    Some(format!("the value `{name}` of the metadata cannot be written as JSON: {error}"));
            }
        }
        self
    }

    /// Ties the job to others across services.
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// The span that the job belongs to, instead of what [`TaskQueue::trace_with`](crate::TaskQueue::trace_with) finds.
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Attempts in all instead of the task's; 0 counts as 1.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// Delay after the first failed attempt instead of the task's.
    pub fn first_retry_delay(mut self, delay: Duration) -> Self {
        self.first_retry_delay = Some(delay);
        self
    }

    pub(super) fn job(&self, task: &str, priority: u8, max_attempts: u32) -> Job {
        let now = clock::now();
        let mut job = Job::new(self.id.unwrap_or_else(JobId::new), task, now);
        job.priority = self.priority.unwrap_or(priority);
        job.max_attempts = self.max_attempts.unwrap_or(max_attempts).max(1);
        job.next_attempt_at = self.delay.filter(|delay| !delay.is_zero()).map(|delay| later(now, delay));
        job.owner.clone_from(&self.owner);
        job.tags.clone_from(&self.tags);
        job.metadata.clone_from(&self.metadata);
        job.correlation_id.clone_from(&self.correlation_id);
        job.trace.clone_from(&self.trace);
        job
    }
}
