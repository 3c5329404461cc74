//! Which jobs are watched in this process, and what their watchers are shown.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::Utc;
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    time::Instant,
};

use super::last_shown::LastShown;
use crate::{
    backend::redis::snapshot::Snapshot,
    job::{Job, JobId, JobStatus},
};

/// What watchers ask of the subscription connection.
pub(super) enum ChannelRequest {
    /// Subscribe to the job's channel, and say when that is done.
    Subscribe(JobId, oneshot::Sender<()>),
    /// Unsubscribe, unless somebody watches the job again.
    Unsubscribe(JobId),
}

pub(super) struct WatchedJobs {
    jobs: Mutex<HashMap<JobId, WatchedJob>>,
    /// Ids of running jobs that should stop.
    pub(super) cancellations: broadcast::Sender<JobId>,
    /// Changes when what operators want of queues may have.
    pub(super) control_changes: watch::Sender<()>,
    requests: Mutex<Option<mpsc::UnboundedSender<ChannelRequest>>>,
}

struct WatchedJob {
    latest: watch::Sender<LatestRecord>,
    last_shown: LastShown,
    missing_since: Option<Instant>,
}

/// The newest record only: its timeline tells what came before. It is changed in place, so that a partial result does not cost
/// a copy of all earlier ones.
#[derive(Default)]
pub(super) enum LatestRecord {
    #[default]
    None,
    Known(Box<Job>),
    /// Redis has no record of the job any more.
    Gone,
}

impl WatchedJobs {
    pub(super) fn new() -> Self {
        Self {
            jobs: Mutex::default(),
            cancellations: broadcast::channel(1024).0,
            control_changes: watch::Sender::default(),
            requests: Mutex::default(),
        }
    }

    /// Sends the requests of watchers to this subscription from now on.
    pub(super) fn send_requests_to(&self, requests: mpsc::UnboundedSender<ChannelRequest>) {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner) = Some(requests);
    }

    /// Whether somebody receives the request.
    pub(super) fn request_channel(&self, request: ChannelRequest) -> bool {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.as_ref().is_some_and(|requests| requests.send(request).is_ok())
    }

    pub(super) fn add_watcher(&self, id: JobId) -> watch::Receiver<LatestRecord> {
        let mut jobs = self.jobs();
        let job = jobs.entry(id).or_insert_with(|| WatchedJob {
            latest: watch::channel(LatestRecord::None).0,
            last_shown: LastShown::default(),
            missing_since: None,
        });
        job.latest.subscribe()
    }

    /// A watcher has dropped its receiver; it may have been the last one.
    pub(super) fn remove_watcher(&self, id: JobId) {
        let mut jobs = self.jobs();
        if jobs.get(&id).is_some_and(|job| job.latest.receiver_count() == 0) {
            jobs.remove(&id);
            drop(jobs);
            self.request_channel(ChannelRequest::Unsubscribe(id));
        }
    }

    pub(super) fn contains(&self, id: JobId) -> bool {
        self.jobs().contains_key(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs().is_empty()
    }

    pub(super) fn ids(&self) -> Vec<JobId> {
        self.jobs().keys().copied().collect()
    }

    /// Jobs that no worker of ours holds, so that another service may change them.
    pub(super) fn unheld_ids(&self) -> Vec<JobId> {
        let now = Utc::now();
        self.jobs().iter().filter(|(_, job)| !job.last_shown.is_held(now)).map(|(id, _)| *id).collect()
    }

    /// How many partial results of the job's list are known.
    pub(super) fn listed(&self, id: JobId) -> usize {
        self.jobs().get(&id).map_or(0, |job| job.last_shown.listed)
    }

    /// Shows watchers a record. `false` if it lacks partial results that are not known here, so that it must be read.
    pub(super) fn show(&self, snapshot: Snapshot) -> bool {
        let mut jobs = self.jobs();
        let Some(watched) = jobs.get_mut(&snapshot.record.id) else { return true };
        watched.missing_since = None;
        let raised = match &*watched.latest.borrow() {
            LatestRecord::Gone => Some(watched.last_shown.raised),
            _ => watched.last_shown.raise_for(&snapshot, Utc::now()),
        };
        let Snapshot { record: mut job, listed, from, foreign } = snapshot;
        let held_until = (job.status == JobStatus::Processing).then_some(job.lease_until).flatten();
        let Some(raised) = raised else {
            // Renewing a lease makes no new version.
            if foreign.is_none() && job.version == watched.last_shown.version {
                watched.last_shown.held_until = held_until;
            }
            return true;
        };
        if from > watched.last_shown.listed
            || (from > 0 && !matches!(&*watched.latest.borrow(), LatestRecord::Known(_)))
        {
            return false;
        }
        watched.last_shown = LastShown { version: job.version, listed, foreign, held_until, raised };
        job.version = job.version.saturating_add(raised);
        watched.latest.send_modify(|latest| {
            if let LatestRecord::Known(earlier) = std::mem::take(latest)
                && from > 0
            {
                job.put_partials_before(*earlier, from);
            }
            *latest = LatestRecord::Known(Box::new(job));
        });
        true
    }

    /// Redis has no record of this job. Its worker or its message may still rebuild it, so it is gone only after a while, and
    /// once its lease has lapsed.
    pub(super) fn missing(&self, id: JobId, gone_after: Duration) {
        let mut jobs = self.jobs();
        let Some(watched) = jobs.get_mut(&id) else { return };
        let since = *watched.missing_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= gone_after && !watched.last_shown.is_held(Utc::now()) {
            watched.latest.send_replace(LatestRecord::Gone);
        }
    }

    /// Ends all watches.
    pub(super) fn close(&self) {
        self.jobs().clear();
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<JobId, WatchedJob>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
