//! What all handlers ask of their job: whose it is, under which key its effects are kept, how it reports.

use serde::Serialize;
use serde_json::Value;
use usm_queue::{ErrorKind, Job, JobContext, Owner, TaskError};
use uuid::Uuid;

use crate::{
    app::{App, DATABASE},
    entities::user::LOCAL_USER_ID,
};

/// The user a job belongs to; one that names none is the local user's.
pub(super) fn owner(job: &Job) -> Result<i64, TaskError> {
    match &job.owner {
        None => Ok(LOCAL_USER_ID),
        Some(Owner::Id(id)) => Ok(*id),
        Some(Owner::Name(name)) => Err(TaskError::permanent(format!(
            "the job's owner is `{name}`, and users here have numbers; enqueue it with a user_id that is a number"
        ))),
    }
}

/// Refuses a job that was started beside another database, whose ids mean other rows here. Jobs of other programs do not
/// say which.
pub(super) fn is_for_this_database(job: &JobContext<App>) -> Result<(), TaskError> {
    let named = job.job().metadata.get(DATABASE).and_then(Value::as_str);
    match named {
        Some(id) if id != &*job.state.database_id => Err(TaskError::permanent(
            "the job was started beside another database than this worker's; set the same DATABASE_URL for every process \
             and start the job again",
        )),
        _ => Ok(()),
    }
}

/// The same for every attempt, redelivery and replay: what the job saves is saved under it, once.
pub(super) fn key(job: &JobContext<App>) -> Uuid {
    let key = job.idempotency_key();
    Uuid::parse_str(key).unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()))
}

/// Tells watchers how far the job is. Fails only when the job is no longer this worker's.
pub(super) async fn report(
    job: &JobContext<App>,
    current: usize,
    total: usize,
    message: impl Into<String>,
) -> Result<(), TaskError> {
    held(job.progress(current as u64, total as u64, message).await)
}

/// Adds a partial result. Fails only when the job is no longer this worker's.
pub(super) async fn partial(job: &JobContext<App>, value: impl Serialize) -> Result<(), TaskError> {
    held(job.partial(value).await)
}

/// A report that the store did not take is no reason to throw the work away; a lost lease is.
fn held(reported: usm_queue::Result<()>) -> Result<(), TaskError> {
    match reported {
        Err(error) if error.kind() == ErrorKind::Closed => Err(TaskError::retry(error)),
        Err(error) => {
            tracing::debug!(%error, "a report was not stored");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
