//! Who waits for what in this process: consumers for messages, watchers for jobs, workers for cancellations.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Notify, broadcast, watch};

use super::db::Effects;
use crate::{
    error::Result,
    job::{Job, JobId},
};

/// The record that watchers of a job are shown: it grows in place, so that a change costs what is new.
type Watchers = HashMap<JobId, watch::Sender<Option<Job>>>;

/// Wakes whoever waits in this process.
#[derive(Debug)]
pub(super) struct Subscribers {
    queues: Mutex<HashMap<i64, Arc<Notify>>>,
    watchers: Mutex<Watchers>,
    to_stop: broadcast::Sender<JobId>,
    closed: AtomicBool,
}

impl Default for Subscribers {
    fn default() -> Self {
        Self {
            queues: Mutex::default(),
            watchers: Mutex::default(),
            to_stop: broadcast::channel(1024).0,
            closed: AtomicBool::new(false),
        }
    }
}

impl Subscribers {
    /// Rings when the queue may have something to deliver.
    pub(super) fn queue(&self, queue: i64) -> Arc<Notify> {
        lock(&self.queues).entry(queue).or_default().clone()
    }

    /// Shows every later record of the job that this process learns of; the newest only, when it is read slowly.
    pub(super) fn watch(&self, id: JobId) -> watch::Receiver<Option<Job>> {
        lock(&self.watchers).entry(id).or_insert_with(|| watch::channel(None).0).subscribe()
    }

    /// What somebody read who begins to watch: later only what is new is loaded.
    pub(super) fn begin(&self, present: &Job) {
        if let Some(watcher) = lock(&self.watchers).get(&present.id) {
            watcher.send_if_modified(|shown| {
                let newer = shown.as_ref().is_none_or(|shown| shown.version < present.version);
                if newer {
                    *shown = Some(present.clone());
                }
                newer
            });
        }
    }

    /// Drops a watch of a job that will not change again.
    pub(super) fn forget_idle(&self, id: JobId, changes: watch::Receiver<Option<Job>>) {
        drop(changes);
        let mut watchers = lock(&self.watchers);
        if watchers.get(&id).is_some_and(|watcher| watcher.receiver_count() == 0) {
            watchers.remove(&id);
        }
    }

    /// Ids of running jobs that should stop.
    pub(super) fn cancellations(&self) -> broadcast::Receiver<JobId> {
        self.to_stop.subscribe()
    }

    /// Whether the queue was closed; consumers end then.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        lock(&self.queues).values().for_each(|queue| queue.notify_waiters());
        lock(&self.watchers).clear();
    }

    /// After a commit of this process.
    pub(super) fn tell(&self, effects: &Effects, load: impl FnOnce(&[(JobId, u64)]) -> Result<Vec<Job>>) {
        {
            let queues = lock(&self.queues);
            effects
                .queues
                .iter()
                .filter_map(|queue| queues.get(queue))
                .for_each(|queue| queue.notify_waiters());
        }
        self.stop(&effects.to_stop);
        let watched: Vec<JobId> = {
            let watchers = lock(&self.watchers);
            if watchers.is_empty() {
                return;
            }
            effects.jobs.iter().copied().filter(|id| watchers.contains_key(id)).collect()
        };
        self.show(&watched, load);
    }

    /// After a commit of another process: whoever waits for what it may have changed is told.
    pub(super) fn look(
        &self,
        has_work: impl Fn(i64) -> bool,
        load: impl FnOnce(&[(JobId, u64)]) -> Result<Vec<Job>>,
        to_stop: impl FnOnce() -> Result<Vec<JobId>>,
    ) {
        let queues: Vec<_> = lock(&self.queues).iter().map(|(id, bell)| (*id, bell.clone())).collect();
        queues.into_iter().filter(|(id, _)| has_work(*id)).for_each(|(_, bell)| bell.notify_waiters());
        if self.to_stop.receiver_count() > 0 {
            match to_stop() {
                Ok(ids) => self.stop(&ids),
                Err(error) => tracing::warn!(
                    error = crate::error::chain(&error),
                    "cancellations cannot be read; leases will tell"
                ),
            }
        }
        let watched: Vec<JobId> = {
            let mut watchers = lock(&self.watchers);
            watchers.retain(|_, watcher| watcher.receiver_count() > 0);
            watchers.keys().copied().collect()
        };
        self.show(&watched, load);
    }

    fn stop(&self, ids: &[JobId]) {
        // Nobody listening is fine: leases tell too.
        ids.iter().for_each(|id| drop(self.to_stop.send(*id)));
    }

    fn show(&self, watched: &[JobId], load: impl FnOnce(&[(JobId, u64)]) -> Result<Vec<Job>>) {
        if watched.is_empty() {
            return;
        }
        let known: Vec<_> = {
            let watchers = lock(&self.watchers);
            let version = |id| watchers.get(id).and_then(|watcher| Some(watcher.borrow().as_ref()?.version));
            watched.iter().map(|id| (*id, version(id).unwrap_or_default())).collect()
        };
        let jobs = match load(&known) {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::warn!(
                    error = crate::error::chain(&error),
                    "changes of watched jobs cannot be read; trying again with the next change"
                );
                return;
            }
        };
        let mut watchers = lock(&self.watchers);
        for mut job in jobs {
            let Some(watcher) = watchers.get(&job.id) else { continue };
            let (id, ended) = (job.id, job.status.is_final());
            let after = known.iter().find(|(known, _)| *known == id).map_or(0, |(_, after)| *after);
            watcher.send_if_modified(|shown| {
                let version = shown.as_ref().map_or(0, |shown| shown.version);
                // Another thread may have shown it, or a newer one.
                let newer = version < job.version && after <= version;
                if newer {
                    if let Some(earlier) = shown.take().filter(|_| after > 0) {
                        let known = earlier.partial_versions.partition_point(|number| *number <= after);
                        let numbered = known - earlier.unnumbered_partials();
                        job.put_partials_before(earlier, numbered);
                    }
                    *shown = Some(job);
                }
                newer
            });
            if ended || watcher.receiver_count() == 0 {
                watchers.remove(&id);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
