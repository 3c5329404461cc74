//! What decides over a waiting job, read and written without the rest of its record.

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    counts::{Counted, waits},
    error::failed,
    rows::{generations, kept, status},
};
use crate::{
    backend::{
        sqlite::db::{Tx, micros, moment},
        transition::Known,
    },
    error::Result,
    job::{Job, JobId},
};

/// A job as the model knows it, as far as it matters while it waits.
pub(super) struct Waiting {
    /// Of the record status, due time, lease, error, version, attempt, generation and whether it should stop.
    pub(super) known: Known,
}

impl Waiting {
    pub(super) fn find(connection: &Connection, id: JobId) -> Result<Option<Self>> {
        let sql = "SELECT status, attempt, version, updated_at, next_attempt_at, lease_until, cancel_requested, generations, digest, error,
                NOT EXISTS (SELECT 1 FROM unconfirmed WHERE unconfirmed.id = jobs.id), created_at
            FROM jobs WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            let time =
                |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(moment));
            let mut job = Job::new(id, "", moment(row.get(11)?));
            job.status = status(row.get(0)?);
            (job.attempt, job.version) = (row.get(1)?, row.get(2)?);
            job.updated_at = moment(row.get(3)?);
            (job.next_attempt_at, job.lease_until) = (time(4)?, time(5)?);
            job.cancel_requested = row.get(6)?;
            job.error = row.get(9)?;
            let generations = generations(row.get_ref(7)?.as_str_or_null()?);
            job.generation = generations.current;
            let mut known = Known::of(job);
            known.generations = generations;
            known.digest = row.get::<_, Option<i64>>(8)?.map(i64::cast_unsigned);
            known.confirmed = row.get(10)?;
            Ok(Self { known })
        };
        let found =
            connection.prepare_cached(sql).and_then(|mut find| find.query_row([id.0], read).optional());
        found.map_err(failed)
    }

    /// Writes what postponing and editing change.
    pub(super) fn write(&self, tx: &mut Tx<'_>) -> Result<()> {
        let job = &self.known.job;
        let before = Counted::of(tx.connection, job.id)?;
        let delayed = job.next_attempt_at.is_some_and(|due| micros(due) > tx.now);
        // An edit that a worker was faster than leaves a job that does not wait any more.
        let state = if job.status.is_final() || job.lease_until.is_some() {
            before.state()
        } else {
            waits(delayed, job.attempt)
        };
        tx.connection
            .prepare_cached(
                "UPDATE jobs SET error = ?2, next_attempt_at = ?3, state = ?4, version = ?5, updated_at = ?6, generations = ?7, digest = ?8
                 WHERE id = ?1",
            )
            .and_then(|mut write| {
                write.execute(params![
                    job.id.0,
                    job.error,
                    job.next_attempt_at.map(micros),
                    state,
                    job.version,
                    micros(job.updated_at),
                    kept(self.known.generations),
                    self.known.digest.map(u64::cast_signed),
                ])
            })
            .map_err(failed)?;
        before.becomes(tx, state);
        tx.effects.jobs.push(job.id);
        Ok(())
    }

    /// Writes which of its messages counts.
    pub(super) fn write_generations(&self, tx: &Tx<'_>) -> Result<()> {
        tx.connection
            .prepare_cached("UPDATE jobs SET generations = ?2 WHERE id = ?1")
            .and_then(|mut write| write.execute(params![self.known.job.id.0, kept(self.known.generations)]))
            .map(drop)
            .map_err(failed)
    }
}
