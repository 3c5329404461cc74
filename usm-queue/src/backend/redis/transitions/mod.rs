//! Changes of jobs: each is one call of a script, and more calls in rare cases only.
//!
//! Two cases need a second call. A job may have no record of ours, as its record was lost or another service wrote it: then
//! the script answers so, and is called again with the record to use. And Redis may have lost the record of a running job:
//! then the worker's process rebuilds it.

mod claim;
mod edit;
mod insert;
mod update;

use std::sync::Arc;

use chrono::Utc;
use redis::Script;

use super::{
    claims::Claims,
    connection::{Connection, Request},
    index::JobIndex,
    options::RedisOptions,
    record,
    request_ids::RequestIds,
    scripts::{FallbackRecord, ScriptCalls, ScriptReply},
};
use crate::{
    backend::{Lease, NewJob},
    error::{Error, ErrorKind, Result},
    job::{Job, JobId},
};

/// How often a script is called when another service keeps changing the record in between.
const MAX_CALLS: usize = 5;

/// For scripts that take no arguments of their own.
const NO_ARGUMENTS: Option<&str> = None;

/// Everything that a change of a job needs.
pub(super) struct Transitions {
    pub(super) connection: Arc<Connection>,
    pub(super) calls: ScriptCalls,
    pub(super) index: Arc<JobIndex>,
    claims: Claims,
    request_ids: RequestIds,
}

impl Transitions {
    pub(super) fn new(connection: Arc<Connection>, options: &RedisOptions) -> Self {
        Self {
            index: Arc::new(JobIndex::new(connection.clone())),
            connection,
            calls: ScriptCalls::new(options),
            claims: Claims::default(),
            request_ids: RequestIds::default(),
        }
    }

    /// Calls a script that changes a job without a lease. `message` is the record to use if the job has none; `None` is
    /// returned if there is neither.
    pub(super) async fn change_unfenced(
        &self,
        script: &'static Script,
        id: JobId,
        message: Option<&NewJob>,
        arguments: &(impl redis::ToRedisArgs + Sync),
    ) -> Result<Option<ScriptReply>> {
        let alias = message.and_then(|message| message.job.alias.as_deref());
        let mut fallback: Option<FallbackRecord> = None;
        for _ in 0..MAX_CALLS {
            let call = self.calls.transition(script, id, alias, fallback.as_ref(), arguments);
            let reply: ScriptReply = self.connection.request(&Request::Script(script, call)).await?;
            fallback = match reply.outcome() {
                "unknown" => {
                    let Some(message) = message else { return Ok(None) };
                    reply.warn_overwritten(1, id);
                    Some(FallbackRecord::of_unknown(message))
                }
                "foreign" => {
                    let text = reply.bytes(1);
                    let record = match record::taken_over(id, text, message.map(|message| &message.job)) {
                        Some(record) => NewJob {
                            job: record,
                            ..message.cloned().unwrap_or_else(|| Job::new(id, "", Utc::now()).into())
                        },
                        None => {
                            tracing::warn!(job.id = %id, "the value of job:{id} is not a job record");
                            let Some(message) = message else { return Ok(None) };
                            message.clone()
                        }
                    };
                    Some(FallbackRecord::of_foreign(&record, text))
                }
                _ => return Ok(Some(reply)),
            };
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!("another service keeps changing the record of job {id}; try again later"),
        ))
    }

    /// Removes the record of an ended job and takes it off all lists. What the scripts keep of an ended job stays.
    pub(super) async fn delete(&self, id: JobId) -> Result<bool> {
        let keys = self.connection.keys();
        let Some(job) = self.connection.read_one(id).await?.map(|found| found.record) else {
            return Ok(false);
        };
        // What another service wrote alone is not remembered as ended: a message of it would run.
        let mut known = redis::cmd("EXISTS");
        known.arg(keys.state(id));
        if !job.status.is_final() || !self.connection.request::<bool>(&Request::Command(known)).await? {
            return Ok(false);
        }
        let mut removal = redis::pipe();
        removal.del(&[keys.record(id), keys.partials(id), keys.alias(id)]).ignore();
        for list in keys.lists_of_ended(&job) {
            removal.zrem(list, id.to_string()).ignore();
        }
        if let Some(alias) = &job.alias
            && self.connection.called(alias).await? == Some(Some(id))
        {
            removal.del(keys.record(alias)).ignore();
        }
        self.connection.request(&Request::Commands(removal)).await.map(|()| true)
    }

    /// The record of a running job that Redis has lost, as far as this process knows it.
    fn lost_record(&self, lease: Lease) -> Option<FallbackRecord> {
        let record = self.claims.record(lease)?;
        tracing::warn!(job.id = %lease.id, attempt = record.job.attempt, "Redis lost this attempt of a running job; rebuilding its record");
        Some(FallbackRecord::of_lost(&record, lease.token))
    }
}

fn unreadable(id: JobId) -> Error {
    Error::new(
        ErrorKind::Backend,
        format!(
            "the record of job {id} in Redis cannot be read; another program may have written usm:job:{id}"
        ),
    )
}
