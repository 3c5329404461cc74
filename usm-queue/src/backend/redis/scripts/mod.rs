//! The scripts, and how they are called.

use std::{sync::LazyLock, time::Duration};

use redis::{Cmd, Script, ToRedisArgs};

use super::{RedisOptions, connection::Ask, index, keys::Names, record};
use crate::{backend::NewJob, job::JobId};

macro_rules! transition {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("record.lua"), include_str!($file))));
    };
}

transition!(INSERT, "insert.lua");
transition!(CLAIM, "claim.lua");
transition!(UPDATE, "update.lua");
transition!(RENEW, "renew.lua");
transition!(FAIL, "fail.lua");
transition!(POSTPONE, "postpone.lua");
transition!(CANCEL, "cancel.lua");
transition!(WITHDRAW, "withdraw.lua");
pub(super) static INSERT_NEW: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("insert_new.lua")));
pub(super) static UNCONFIRMED: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("unconfirmed.lua")));
pub(super) static LIST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("list.lua")));
pub(super) static REGROUP: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("reindex_status.lua")));
pub(super) static SWEEP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("sweep.lua")));
pub(super) static TASKS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("backfill_task_lists.lua")));
pub(super) static RIGHTS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("rights.lua")));

/// A record that the caller gives a script, and what it saw before: see `unfenced` in `record.lua`.
pub(super) struct Given {
    seen: Vec<u8>,
    fields: Vec<String>,
}

impl Given {
    /// For a job that is new, or has no record.
    pub(super) fn unknown(job: &NewJob) -> Self {
        Self { seen: b"=".to_vec(), fields: record::fields(job, 0).into() }
    }

    /// For a job whose record another service wrote as this text.
    pub(super) fn foreign(job: &NewJob, text: &[u8]) -> Self {
        Self { seen: [b"=", text].concat(), fields: record::fields(job, 0).into() }
    }

    /// For a running job whose record was lost beneath its worker.
    pub(super) fn lost(job: &NewJob, token: u64) -> Self {
        let mut fields: Vec<_> = record::fields(job, token).into();
        // Beyond every version the lost record can have had.
        fields[4] = "0".to_owned();
        fields.extend(record::partials(&job.job));
        Self { seen: b"+".to_vec(), fields }
    }
}

/// Under which names and for how long records are kept, as the scripts take it.
#[derive(Clone, Debug)]
pub(super) struct Keep {
    names: Names,
    ended: String,
    unfinished: String,
    lists: String,
}

impl Keep {
    pub(super) fn new(options: &RedisOptions) -> Self {
        let millis = |keep: Duration| keep.as_millis().min(u128::from(u32::MAX) * 100);
        let (ended, unfinished) = (millis(options.keep_ended), millis(options.keep_unfinished));
        // A list of an owner or a task that does nothing any more goes after its records, as in `record.lua`.
        let lists = (2 * unfinished + ended).to_string();
        Self {
            names: Names::new(&options.key_prefix),
            ended: ended.to_string(),
            unfinished: unfinished.to_string(),
            lists,
        }
    }

    /// Tells what another service calls a job of which there is no record of ours yet.
    pub(super) fn pointer(&self, id: JobId, alias: &str) -> Cmd {
        let mut set = redis::cmd("SET");
        set.arg(self.names.alias(id)).arg(alias).arg("PX").arg(&self.unfinished).arg("NX");
        set
    }
}

/// One call of a transition.
pub(super) struct Call(Cmd);

impl Call {
    pub(super) fn new(script: &Script, id: JobId, keep: &Keep, given: Option<&Given>) -> Self {
        Self::of(script, id, None, keep, given)
    }

    /// About a job that another service calls `alias`, as far as the caller knows.
    pub(super) fn of(
        script: &Script,
        id: JobId,
        alias: Option<&str>,
        keep: &Keep,
        given: Option<&Given>,
    ) -> Self {
        let mut command = redis::cmd("EVALSHA");
        command
            .arg(script.get_hash())
            .arg(2 + usize::from(alias.is_some()))
            .arg(keep.names.record(id))
            .arg(keep.names.state(id))
            .arg(alias.map(|alias| keep.names.record(alias)))
            .arg(id.to_string())
            .arg(&keep.ended)
            .arg(&keep.unfinished)
            .arg(given.map_or(b"-".as_slice(), |given| given.seen.as_slice()));
        Self(command)
    }

    pub(super) fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        self.0.arg(arg);
        self
    }

    /// The given record comes last.
    pub(super) fn given(mut self, given: Option<&Given>) -> Cmd {
        if let Some(given) = given {
            self.0.arg(given.fields.as_slice());
        }
        self.0
    }
}

/// A call of [`INSERT_NEW`]; `None` for a job that [`INSERT`] must store.
pub(super) fn insert_new(new: &NewJob, keep: &Keep, unconfirmed: bool) -> Option<Cmd> {
    let (record, job) = (record::new(new)?, &new.job);
    let names = &keep.names;
    let lists: Vec<_> = index::of_new(names, job).collect();
    let mut command = redis::cmd("EVALSHA");
    command
        .arg(INSERT_NEW.get_hash())
        .arg(3 + lists.len())
        .arg(names.record(job.id))
        .arg(names.state(job.id))
        .arg(names.unconfirmed())
        .arg(lists)
        .arg(job.id.to_string())
        .arg(&keep.unfinished)
        .arg(&keep.lists)
        .arg(record::micros(job.created_at))
        .arg(record.json)
        .arg(record.packed)
        .arg(names.changed(job.id))
        .arg(u8::from(unconfirmed));
    Some(command)
}

/// A call of a script that works on lists.
pub(super) fn on_lists(script: &'static Script, lists: &[String], args: impl ToRedisArgs) -> Ask {
    let mut command = redis::cmd("EVALSHA");
    command.arg(script.get_hash()).arg(lists.len()).arg(lists).arg(args);
    Ask::Script(script, command)
}
