//! What the file holds, as its threads see it: messages and jobs, and who waits for them.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rusqlite::Connection;
use tokio::sync::watch;

use super::{
    db::{Effects, Tables, Tx},
    jobs,
    messages::{self, Routes},
    notes, steering,
    subscribers::Subscribers,
};
use crate::{backend::QueueControl, error::Result};

/// Messages and jobs in one file.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) subscribers: Subscribers,
    /// The declared topology.
    routes: RwLock<Option<Arc<Routes>>>,
    /// When the next delayed message was due at the last look.
    next_due: Mutex<Option<i64>>,
    /// Changes when what operators want of queues may have.
    pub(super) control_changes: watch::Sender<()>,
    /// That, at the last look; `None` where it may have changed since.
    controls: Mutex<Option<Vec<QueueControl>>>,
}

impl Contents {
    pub(super) fn routes(&self) -> Option<Arc<Routes>> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_routes(&self, routes: Routes) {
        *self.routes.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(routes));
    }
}

impl Tables for Contents {
    fn need_maintenance(&self, connection: &Connection, member: i64, now: i64) -> Result<bool> {
        Ok(messages::need_maintenance(connection, member, now)?
            || jobs::need_maintenance(connection, now)?
            || notes::need_maintenance(connection, now)?)
    }

    fn maintain(&self, tx: &mut Tx<'_>, may_reap: bool) -> Result<()> {
        messages::maintain(tx, self.routes().as_deref(), may_reap)?;
        jobs::maintain(tx)?;
        notes::maintain(tx)
    }

    fn release(&self, tx: &mut Tx<'_>) -> Result<()> {
        messages::release_member(tx, tx.member).map(drop)
    }

    fn count(&self, connection: &Connection, effects: &Effects) -> Result<()> {
        jobs::write_counts(connection, &effects.tally)
    }

    fn committed(&self, connection: &Connection, effects: &Effects) {
        if effects.controls {
            *self.controls.lock().unwrap_or_else(PoisonError::into_inner) = None;
            self.control_changes.send_replace(());
        }
        self.subscribers.tell(effects, |ids| jobs::load_newer(connection, ids));
    }

    fn changed(&self, connection: &Connection) {
        // A new earliest delayed message moves every consumer's alarm.
        let due = messages::next_due(connection).ok().flatten();
        let mut next_due = self.next_due.lock().unwrap_or_else(PoisonError::into_inner);
        let alarm = due != std::mem::replace(&mut *next_due, due);
        drop(next_due);
        if self.control_changes.receiver_count() > 0 {
            // Locked before it is read, so that a commit of this process is not overlooked.
            let mut known = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
            let controls = steering::controls(connection).ok();
            if *known != controls || controls.is_none() {
                *known = controls;
                self.control_changes.send_replace(());
            }
        }
        let has_work = |queue| alarm || messages::has_ready(connection, queue).unwrap_or(true);
        self.subscribers.look(
            has_work,
            |ids| jobs::load_newer(connection, ids),
            || jobs::to_stop(connection),
        );
    }
}
