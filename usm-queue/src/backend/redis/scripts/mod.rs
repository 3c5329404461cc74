//! The Lua scripts, and how they are called.
//!
//! A script that changes one job begins with `record.lua`, which holds what these have in common.

mod call;
mod reply;

use std::sync::LazyLock;

use redis::Script;

pub(super) use self::{
    call::{FallbackRecord, ScriptCalls, on_lists},
    reply::ScriptReply,
};

macro_rules! transition {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("record.lua"), include_str!($file))));
    };
}

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!($file)));
    };
}

transition!(INSERT, "insert.lua");
transition!(CLAIM, "claim.lua");
transition!(UPDATE, "update.lua");
transition!(RENEW, "renew.lua");
transition!(FAIL, "fail.lua");
transition!(POSTPONE, "postpone.lua");
transition!(CANCEL, "cancel.lua");
transition!(RESERVE_EDIT, "reserve_edit.lua");
transition!(COMMIT_EDIT, "commit_edit.lua");
transition!(WITHDRAW, "withdraw.lua");
script!(INSERT_NEW, "insert_new.lua");
script!(UNCONFIRMED, "unconfirmed.lua");
script!(IDS, "ids.lua");
script!(GONE, "gone.lua");
script!(COUNT, "count.lua");
script!(REINDEX, "reindex.lua");
script!(NOTE, "note.lua");
script!(NOTES, "notes.lua");
script!(SWEEP, "sweep.lua");
script!(HEARTBEAT, "heartbeat.lua");
script!(CONTROL, "control.lua");
script!(RIGHTS, "rights.lua");
