//! Edits of waiting jobs: a number for another message is reserved, then committed.

use std::time::Duration;

use rusqlite::Connection;

use super::{
    change::{find, remembered},
    rows::StoredJob,
    waiting::Waiting,
};
use crate::{
    backend::{
        EditCommit, NotEdited,
        sqlite::db::{Tx, moment},
    },
    error::Result,
    job::JobId,
};

/// A number for another message of a waiting job.
pub(crate) struct Reserved {
    pub(crate) generation: u64,
    /// How long the job still waits.
    pub(crate) wait: Duration,
    /// The record, not yet parsed.
    pub(crate) stored: Box<StoredJob>,
}

pub(crate) fn reserve_edit(tx: &mut Tx<'_>, id: JobId) -> Result<Result<Reserved, NotEdited>> {
    let (Some(stored), Some(mut waiting)) = (find(tx.connection, id)?, Waiting::find(tx.connection, id)?)
    else {
        return Ok(Err(unknown(tx.connection, id)?));
    };
    let reserved = waiting.known.reserve_edit(moment(tx.now));
    if reserved.is_ok() {
        waiting.write_generations(tx)?;
    }
    Ok(reserved.map(|(generation, wait)| Reserved { generation, wait, stored }))
}

/// Lets what was published under a reserved number count.
pub(crate) fn commit_edit(tx: &mut Tx<'_>, id: JobId, commit: &EditCommit) -> Result<Result<(), NotEdited>> {
    let Some(mut waiting) = Waiting::find(tx.connection, id)? else {
        return Ok(Err(unknown(tx.connection, id)?));
    };
    let committed = waiting.known.commit_edit(commit, moment(tx.now));
    if committed.is_ok() {
        waiting.write(tx)?;
    }
    Ok(committed)
}

fn unknown(connection: &Connection, id: JobId) -> Result<NotEdited> {
    Ok(remembered(connection, id)?.map_or(NotEdited::Unknown, NotEdited::Final))
}
