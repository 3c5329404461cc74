//! Calls of the scripts: keys and arguments in the order in which the Lua files read them.

use std::time::Duration;

use redis::{Cmd, Script, ToRedisArgs};

use super::INSERT_NEW;
use crate::{
    backend::{
        NewJob,
        redis::{connection::Request, encoding::timestamp_micros, keys::Keys, options::RedisOptions, record},
    },
    job::JobId,
};

/// Makes calls of the scripts that change one job. Each tells the script which keys to use and how long to keep them.
#[derive(Debug)]
pub(crate) struct ScriptCalls {
    keys: Keys,
    keep_ended_ms: String,
    keep_unfinished_ms: String,
    keep_lists_ms: String,
}

impl ScriptCalls {
    pub(crate) fn new(options: &RedisOptions) -> Self {
        let millis = |keep: Duration| keep.as_millis().min(u128::from(u32::MAX) * 100);
        let (ended, unfinished) = (millis(options.keep_ended), millis(options.keep_unfinished));
        Self {
            keys: Keys::new(&options.key_prefix),
            keep_ended_ms: ended.to_string(),
            keep_unfinished_ms: unfinished.to_string(),
            // The list of an idle owner or task expires after its records do, as in `record.lua`.
            keep_lists_ms: (2 * unfinished + ended).to_string(),
        }
    }

    /// A call of a script that begins with `record.lua`. `alias` is the id by which another service knows the job, as far
    /// as the caller knows it.
    pub(crate) fn transition(
        &self,
        script: &Script,
        id: JobId,
        alias: Option<&str>,
        fallback: Option<&FallbackRecord>,
        arguments: impl ToRedisArgs,
    ) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command
            .arg(script.get_hash())
            .arg(2 + usize::from(alias.is_some()))
            .arg(self.keys.record(id))
            .arg(self.keys.state(id))
            .arg(alias.map(|alias| self.keys.record(alias)))
            .arg(id.to_string())
            .arg(&self.keep_ended_ms)
            .arg(&self.keep_unfinished_ms)
            .arg(fallback.map_or(b"-".as_slice(), |fallback| fallback.seen.as_slice()))
            .arg(arguments);
        if let Some(fallback) = fallback {
            command.arg(fallback.fields.as_slice());
        }
        command
    }

    /// A call of [`INSERT_NEW`]; `None` for a job that [`INSERT`](super::INSERT) must store. The job's kind is put on the list of kinds
    /// where it is given.
    pub(crate) fn insert_new(&self, new: &NewJob, unconfirmed: bool, new_kind: &str) -> Option<Cmd> {
        let (record, job) = (record::encode_new(new)?, &new.job);
        let lists: Vec<_> = self.keys.lists_of_new(job).collect();
        let mut command = redis::cmd("EVALSHA");
        command
            .arg(INSERT_NEW.get_hash())
            .arg(4 + lists.len())
            .arg(self.keys.record(job.id))
            .arg(self.keys.state(job.id))
            .arg(self.keys.unconfirmed())
            .arg(self.keys.kinds())
            .arg(lists)
            .arg(job.id.to_string())
            .arg(&self.keep_unfinished_ms)
            .arg(&self.keep_lists_ms)
            .arg(timestamp_micros(job.created_at))
            .arg(record.json)
            .arg(record.packed)
            .arg(self.keys.changes_channel(job.id))
            .arg(u8::from(unconfirmed))
            .arg(new_kind);
        Some(command)
    }

    /// Remembers the id by which another service knows a job that has no record of ours yet.
    pub(crate) fn remember_alias(&self, id: JobId, alias: &str) -> Cmd {
        let mut set = redis::cmd("SET");
        set.arg(self.keys.alias(id)).arg(alias).arg("PX").arg(&self.keep_unfinished_ms).arg("NX");
        set
    }
}

/// A record for the script to use if Redis has none, and what the caller has seen there: see `unfenced` and `claimed` in
/// `record.lua`.
pub(crate) struct FallbackRecord {
    seen: Vec<u8>,
    fields: Vec<String>,
}

impl FallbackRecord {
    /// For a job that is new or has no record.
    pub(crate) fn of_unknown(job: &NewJob) -> Self {
        Self { seen: b"=".to_vec(), fields: record::fields(job, 0).into() }
    }

    /// For a job whose record another service wrote as this text.
    pub(crate) fn of_foreign(job: &NewJob, text: &[u8]) -> Self {
        Self { seen: [b"=", text].concat(), fields: record::fields(job, 0).into() }
    }

    /// For a running job whose record Redis lost while its worker was at work.
    pub(crate) fn of_lost(job: &NewJob, token: u64) -> Self {
        let mut fields: Vec<_> = record::fields(job, token).into();
        // The script makes a version beyond any that the lost record can have had.
        fields[record::VERSION_FIELD] = "0".to_owned();
        fields.extend(record::list_entries(&job.job));
        Self { seen: b"+".to_vec(), fields }
    }
}

/// A call of a script that works on lists of jobs.
pub(crate) fn on_lists(script: &'static Script, lists: &[String], arguments: impl ToRedisArgs) -> Request {
    let mut command = redis::cmd("EVALSHA");
    command.arg(script.get_hash()).arg(lists.len()).arg(lists).arg(arguments);
    Request::Script(script, command)
}
