//! A running write transaction, as the work in it sees it.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{super::SqliteOptions, error::backend, tally::Tally, time::duration_micros};
use crate::{error::Result, job::JobId};

/// Messages that time moves in one transaction, because they are due or have expired: bounds it too.
const MOVES: usize = 500;
/// A running write transaction, as a command sees it.
pub(crate) struct Tx<'a> {
    pub(crate) connection: &'a Connection,
    /// The time of this transaction, in microseconds.
    pub(crate) now: i64,
    /// This process among those that share the file.
    pub(crate) member: i64,
    pub(crate) options: SqliteOptions,
    /// Who is to be told after the commit, and what is counted before it.
    pub(crate) effects: &'a mut Effects,
    pub(super) heartbeat: &'a mut Heartbeat,
    pub(super) course: &'a mut Course,
}

/// What the commands of one transaction share.
#[derive(Default)]
pub(super) struct Course {
    /// The place given last.
    last_place: Option<i64>,
    /// Messages that time has moved.
    moved: usize,
}

/// When this process is to tell the others again that it lives.
#[derive(Default)]
pub(super) struct Heartbeat {
    next: i64,
}

impl Heartbeat {
    /// What was told last does not count.
    pub(super) fn repeat(&mut self) {
        self.next = 0;
    }
}

impl Tx<'_> {
    /// The next place behind all messages, of which `last` reads the last. Places are times, so one is not used again after
    /// its message is gone.
    pub(crate) fn next_place(
        &mut self,
        last: impl FnOnce(&Connection) -> Result<Option<i64>>,
    ) -> Result<i64> {
        let last = match self.course.last_place {
            Some(last) => Some(last),
            // Nobody else writes during this transaction, so asking once is enough.
            None => last(self.connection)?,
        };
        let next = last.map_or(self.now, |last| self.now.max(last + 1));
        self.course.last_place = Some(next);
        Ok(next)
    }

    /// How many more messages may be moved because their time has come. The rest is for a later transaction, so that other
    /// commands come in between.
    pub(crate) fn moves_left(&self) -> usize {
        MOVES - self.course.moved
    }

    /// So many were moved.
    pub(crate) fn count_moves(&mut self, moved: usize) {
        self.course.moved = (self.course.moved + moved).min(MOVES);
    }

    /// Tells the other processes that this one lives, when it is time to. Whoever takes deliveries calls it.
    pub(crate) fn beat(&mut self) -> Result<()> {
        if self.now < self.heartbeat.next {
            return Ok(());
        }
        let lease = duration_micros(self.options.lease);
        self.connection
            .prepare_cached("INSERT INTO members (id, alive_until) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET alive_until = ?2")
            .and_then(|mut beat| beat.execute((self.member, self.now.saturating_add(lease))))
            .map_err(|error| backend("a heartbeat cannot be written", error))?;
        self.heartbeat.next = self.now.saturating_add(lease / 3);
        Ok(())
    }
}

/// What a transaction changed that somebody may wait for.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Queues with new or newly due messages.
    pub(crate) queues: BTreeSet<i64>,
    /// Jobs with a new version.
    pub(crate) jobs: Vec<JobId>,
    /// Running jobs that should stop.
    pub(crate) to_stop: Vec<JobId>,
    /// What the counters of jobs change by.
    pub(crate) tally: Tally,
    /// Whether what operators want of queues changed.
    pub(crate) controls: bool,
}

impl Effects {
    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.jobs.is_empty() && self.to_stop.is_empty() && !self.controls
    }
}
