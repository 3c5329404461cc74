//! Edits of waiting jobs: a number for another message is reserved, then committed.

use std::time::Duration;

use super::{NO_ARGUMENTS, Transitions, unreadable};
use crate::{
    backend::{
        EditCommit, NotEdited, Reservation,
        redis::{
            encoding::{duration_micros, parse_number},
            record::parse,
            scripts::{COMMIT_EDIT, RESERVE_EDIT, ScriptReply},
        },
    },
    error::Result,
    job::JobId,
};

impl Transitions {
    pub(crate) async fn reserve_edit(&self, id: JobId) -> Result<Result<Reservation, NotEdited>> {
        let reply = self.change_unfenced(&RESERVE_EDIT, id, None, &NO_ARGUMENTS).await?;
        let Some(reply) = reply else { return Ok(Err(NotEdited::Unknown)) };
        reply.warn_overwritten(1, id);
        if reply.outcome() != "reserved" {
            return refused(&reply).map(Err);
        }
        let job = parse(id, reply.bytes(4)).ok_or_else(|| unreadable(id))?;
        let wait = Duration::from_micros(parse_number(reply.word(3)));
        Ok(Ok(Reservation::new(parse_number(reply.word(2)), job, wait)))
    }

    pub(crate) async fn commit_edit(&self, id: JobId, commit: EditCommit) -> Result<Result<(), NotEdited>> {
        let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let digest = commit.digest.map(|digest| format!("{digest:016x}")).unwrap_or_default();
        let arguments = (text(commit.generation), text(commit.delay.map(duration_micros)), digest);
        let reply = self.change_unfenced(&COMMIT_EDIT, id, None, &arguments).await?;
        let Some(reply) = reply else { return Ok(Err(NotEdited::Unknown)) };
        reply.warn_overwritten(1, id);
        if reply.outcome() == "committed" { Ok(Ok(())) } else { refused(&reply).map(Err) }
    }
}

fn refused(reply: &ScriptReply) -> Result<NotEdited> {
    Ok(match reply.outcome() {
        "unconfirmed" => NotEdited::Unknown,
        "cancelling" => NotEdited::CancelRequested,
        "superseded" => NotEdited::Superseded,
        "processing" => NotEdited::Running,
        status => NotEdited::Final(status.parse()?),
    })
}
