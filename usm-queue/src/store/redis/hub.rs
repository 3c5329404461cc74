//! Who in this process watches which job, and what it is shown.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::Utc;
use futures_util::{Stream, stream::unfold};
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    time::Instant,
};

use crate::{
    error::{Error, ErrorKind, Result},
    job::{Job, JobId, JobStatus},
};

/// What a watcher asks of the subscription connection.
pub(super) enum Ask {
    /// Somebody watches it; say so when its channel is subscribed to.
    Enter(JobId, oneshot::Sender<()>),
    /// Perhaps nobody watches it any more.
    Leave(JobId),
}

/// Who watches what.
pub(super) struct Hub {
    watched: Mutex<HashMap<JobId, Watched>>,
    pub(super) to_stop: broadcast::Sender<JobId>,
    pub(super) asks: mpsc::UnboundedSender<Ask>,
}

struct Watched {
    shown: watch::Sender<Shown>,
    missing_since: Option<Instant>,
}

/// What a watcher is shown; only the newest, the timeline tells what came before.
#[derive(Clone, Default)]
enum Shown {
    #[default]
    Nothing,
    Record(Arc<Job>),
    /// Redis has no record of it any more.
    Gone,
}

impl Hub {
    pub(super) fn new(asks: mpsc::UnboundedSender<Ask>) -> Self {
        Self { watched: Mutex::default(), to_stop: broadcast::channel(1024).0, asks }
    }

    pub(super) fn enter(self: &Arc<Self>, id: JobId) -> Place {
        let mut watched = self.watched();
        let entry = watched
            .entry(id)
            .or_insert_with(|| Watched { shown: watch::channel(Shown::Nothing).0, missing_since: None });
        Place { hub: self.clone(), id, shown: Some(entry.shown.subscribe()) }
    }

    pub(super) fn contains(&self, id: JobId) -> bool {
        self.watched().contains_key(&id)
    }

    pub(super) fn ids(&self) -> Vec<JobId> {
        self.watched().keys().copied().collect()
    }

    pub(super) fn show(&self, job: Job) {
        let mut watched = self.watched();
        let Some(entry) = watched.get_mut(&job.id) else { return };
        entry.missing_since = None;
        entry.shown.send_if_modified(|shown| {
            let newer = match shown {
                Shown::Record(shown) => shown.version < job.version,
                Shown::Nothing | Shown::Gone => true,
            };
            if newer {
                *shown = Shown::Record(Arc::new(job));
            }
            newer
        });
    }

    /// Redis has no record of this job. Its worker or its message may still make it anew: only one that stays away, and
    /// whose lease is over, is gone.
    pub(super) fn missing(&self, id: JobId, patience: Duration) {
        let mut watched = self.watched();
        let Some(entry) = watched.get_mut(&id) else { return };
        let since = *entry.missing_since.get_or_insert_with(Instant::now);
        let leased = match &*entry.shown.borrow() {
            Shown::Record(job) => {
                job.status == JobStatus::Processing && job.lease_until.is_some_and(|until| until > Utc::now())
            }
            _ => false,
        };
        if since.elapsed() >= patience && !leased {
            entry.shown.send_replace(Shown::Gone);
        }
    }

    /// All watches end.
    pub(super) fn close(&self) {
        self.watched().clear();
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<JobId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One watcher. Dropping it stops watching.
pub(super) struct Place {
    hub: Arc<Hub>,
    id: JobId,
    shown: Option<watch::Receiver<Shown>>,
}

impl Place {
    /// Later records; ends with an error when the record is gone.
    pub(super) fn changes(self) -> impl Stream<Item = Result<Job>> + Send + 'static {
        unfold(Some(self), |place| async move {
            let mut place = place?;
            let shown = place.shown.as_mut()?;
            loop {
                shown.changed().await.ok()?;
                let shown = shown.borrow_and_update().clone();
                match shown {
                    Shown::Nothing => {}
                    Shown::Record(job) => return Some((Ok(Job::clone(&job)), Some(place))),
                    Shown::Gone => {
                        let text = format!(
                            "the record of job {} is gone from Redis: it expired or was flushed before the job ended",
                            place.id
                        );
                        return Some((Err(Error::new(ErrorKind::NotFound, text)), None));
                    }
                }
            }
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.shown.take());
        let mut watched = self.hub.watched();
        if watched.get(&self.id).is_some_and(|entry| entry.shown.receiver_count() == 0) {
            watched.remove(&self.id);
            drop(self.hub.asks.send(Ask::Leave(self.id)));
        }
    }
}
