//! The record of a job as its message tells it.

use serde::Deserialize;
use serde_json::Value;

use super::{
    Message,
    edit::carried,
    headers::{ATTEMPT, MAX_ATTEMPTS, METADATA, OWNER, TAGS, TASK, UNKNOWN_MS},
};
use crate::{
    clock,
    job::{Job, JobEvent, JobId, Owner, add_tag},
};

/// The job record as far as the message tells it, for a store that lost or never had it. `task` is the name the
/// registry found; `max_attempts` counts where the message names none; `redelivered` is a message that a worker may have had
/// before.
pub(crate) fn record(message: &Message, id: JobId, task: &str, max_attempts: u32, redelivered: bool) -> Job {
    let mut job = Job::new(id, task, message.timestamp);
    job.alias = message.job_alias();
    let owner = message.headers.get(OWNER).cloned().or_else(|| {
        let others = !message.headers.contains_key(TASK);
        let body: Value = others.then(|| serde_json::from_slice(&message.body).ok()).flatten()?;
        body.get("user_id").filter(|value| !value.is_null()).cloned()
    });
    job.owner = owner.and_then(|owner| Owner::deserialize(owner).ok());
    job.priority = message.priority;
    job.attempt = message.header_u64(ATTEMPT).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    job.max_attempts =
        message.header_u64(MAX_ATTEMPTS).and_then(|n| u32::try_from(n).ok()).unwrap_or(max_attempts).max(1);
    job.generation = message.generation();
    job.carried = carried(message);
    job.correlation_id.clone_from(&message.correlation_id);
    if let Some(Value::Array(tags)) = message.headers.get(TAGS) {
        // From anybody: what cannot be a tag is none.
        tags.iter().filter_map(Value::as_str).for_each(|tag| drop(add_tag(&mut job.tags, tag)));
    }
    job.trace = message.trace();
    if let Some(Value::Object(metadata)) = message.headers.get(METADATA) {
        job.metadata.clone_from(metadata);
    }
    if !redelivered && job.attempt == 0 && !message.headers.contains_key(UNKNOWN_MS) {
        // Nothing has happened yet that the record would not tell, and it may be only on its way.
        return job;
    }
    for entry in &mut job.timeline {
        entry.event = JobEvent::Rebuilt;
        entry.at = clock::now();
        entry.attempt = job.attempt;
    }
    job
}
