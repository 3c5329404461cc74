//! Who in this process watches which job, and what it is shown.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    time::Instant,
};

use crate::backend::redis::snapshot::Present;
use crate::job::{Job, JobId, JobStatus};

/// What a watcher asks of the subscription connection.
pub(crate) enum Ask {
    /// Somebody watches it; say so when its channel is subscribed to.
    Enter(JobId, oneshot::Sender<()>),
    /// Perhaps nobody watches it any more.
    Leave(JobId),
}

/// Who watches what.
pub(crate) struct Hub {
    watched: Mutex<HashMap<JobId, Watched>>,
    pub(crate) to_stop: broadcast::Sender<JobId>,
    asks: Mutex<Option<mpsc::UnboundedSender<Ask>>>,
}

struct Watched {
    shown: watch::Sender<Shown>,
    last: Last,
    missing_since: Option<Instant>,
}

/// What a watcher is shown; only the newest, the record tells what came before. It grows in place, so that a change costs what
/// is new.
#[derive(Default)]
pub(crate) enum Shown {
    #[default]
    Nothing,
    Record(Box<Job>),
    /// Redis has no record of it any more.
    Gone,
}

/// The record that was shown last, as far as the next one is compared with it.
#[derive(Debug, Default)]
struct Last {
    version: u64,
    /// How many entries of the list of its partial results the record has.
    listed: usize,
    /// What another service wrote.
    foreign: Option<Vec<u8>>,
    /// Until when a worker of ours holds the job.
    held_until: Option<DateTime<Utc>>,
    /// Changes that did not raise the version: those shown later are raised by as many.
    raised: u64,
}

impl Last {
    /// Whether the record is news, and then how much its version is raised. Another service may leave the version as it is, or
    /// set it back; what it writes about a job that one of our workers holds is not believed, as in `record.lua`.
    fn raises(&self, present: &Present, now: DateTime<Utc>) -> Option<u64> {
        if present.foreign.is_some() && self.is_held(now) {
            return None;
        }
        if present.record.version > self.version {
            return Some(self.raised);
        }
        let changed = match &present.foreign {
            Some(text) => self.foreign.as_ref() != Some(text),
            None => self.foreign.is_some(),
        };
        changed.then(|| (self.raised + self.version + 1).saturating_sub(present.record.version))
    }

    fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.foreign.is_none() && self.held_until.is_some_and(|until| until > now)
    }
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self { watched: Mutex::default(), to_stop: broadcast::channel(1024).0, asks: Mutex::default() }
    }

    /// From now on this is whom watchers ask.
    pub(crate) fn answered_by(&self, asks: mpsc::UnboundedSender<Ask>) {
        *self.asks.lock().unwrap_or_else(PoisonError::into_inner) = Some(asks);
    }

    /// Whether somebody will answer.
    pub(crate) fn ask(&self, ask: Ask) -> bool {
        let asks = self.asks.lock().unwrap_or_else(PoisonError::into_inner);
        asks.as_ref().is_some_and(|asks| asks.send(ask).is_ok())
    }

    pub(crate) fn enter(&self, id: JobId) -> watch::Receiver<Shown> {
        let mut watched = self.watched();
        let entry = watched.entry(id).or_insert_with(|| Watched {
            shown: watch::channel(Shown::Nothing).0,
            last: Last::default(),
            missing_since: None,
        });
        entry.shown.subscribe()
    }

    /// A watcher left: nobody else may be there.
    pub(crate) fn leave(&self, id: JobId) {
        let mut watched = self.watched();
        if watched.get(&id).is_some_and(|entry| entry.shown.receiver_count() == 0) {
            watched.remove(&id);
            drop(watched);
            self.ask(Ask::Leave(id));
        }
    }

    pub(crate) fn contains(&self, id: JobId) -> bool {
        self.watched().contains_key(&id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.watched().is_empty()
    }

    pub(crate) fn ids(&self) -> Vec<JobId> {
        self.watched().keys().copied().collect()
    }

    /// Jobs that another service may change: no worker of ours holds them.
    pub(crate) fn unheld(&self) -> Vec<JobId> {
        let now = Utc::now();
        self.watched().iter().filter(|(_, entry)| !entry.last.is_held(now)).map(|(id, _)| *id).collect()
    }

    /// How many entries of the list of a job's partial results are known.
    pub(crate) fn listed(&self, id: JobId) -> usize {
        self.watched().get(&id).map_or(0, |entry| entry.last.listed)
    }

    /// `false` where partial results before it are not known, so that the record must be read.
    pub(crate) fn show(&self, present: Present) -> bool {
        let mut watched = self.watched();
        let Some(entry) = watched.get_mut(&present.record.id) else { return true };
        entry.missing_since = None;
        let raised = match &*entry.shown.borrow() {
            Shown::Gone => Some(entry.last.raised),
            _ => entry.last.raises(&present, Utc::now()),
        };
        let Present { record: mut job, listed, from, foreign } = present;
        let held = (job.status == JobStatus::Processing).then_some(job.lease_until).flatten();
        let Some(raised) = raised else {
            // A renewed lease makes no new version.
            if foreign.is_none() && job.version == entry.last.version {
                entry.last.held_until = held;
            }
            return true;
        };
        if from > entry.last.listed || (from > 0 && !matches!(&*entry.shown.borrow(), Shown::Record(_))) {
            return false;
        }
        entry.last = Last { version: job.version, listed, foreign, held_until: held, raised };
        job.version = job.version.saturating_add(raised);
        entry.shown.send_modify(|shown| {
            if let Shown::Record(earlier) = std::mem::take(shown)
                && from > 0
            {
                job.put_partials_before(*earlier, from);
            }
            *shown = Shown::Record(Box::new(job));
        });
        true
    }

    /// Redis has no record of this job. Its worker or its message may still make it anew: only one that stays away, and
    /// whose lease is over, is gone.
    pub(crate) fn missing(&self, id: JobId, patience: Duration) {
        let mut watched = self.watched();
        let Some(entry) = watched.get_mut(&id) else { return };
        let since = *entry.missing_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= patience && !entry.last.is_held(Utc::now()) {
            entry.shown.send_replace(Shown::Gone);
        }
    }

    /// All watches end.
    pub(crate) fn close(&self) {
        self.watched().clear();
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<JobId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn present(version: u64, foreign: Option<&str>) -> Present {
        let mut job = Job::new(JobId::new(), "t", Utc::now());
        job.version = version;
        let foreign = foreign.map(|text| text.as_bytes().to_vec());
        Present { record: job, listed: 0, from: 0, foreign }
    }

    fn last(version: u64, foreign: Option<&str>) -> Last {
        Last { version, foreign: foreign.map(|text| text.as_bytes().to_vec()), ..Last::default() }
    }

    #[test]
    fn a_foreign_change_is_news_whatever_its_version() {
        let now = Utc::now();
        assert_eq!(last(5, Some("a")).raises(&present(5, Some("a")), now), None);
        assert_eq!(last(5, Some("a")).raises(&present(5, Some("b")), now), Some(1));
        assert_eq!(last(5, Some("a")).raises(&present(2, Some("b")), now), Some(4));
        assert_eq!(last(5, None).raises(&present(5, Some("b")), now), Some(1));
        assert_eq!(last(5, Some("a")).raises(&present(2, None), now), Some(4));
        assert_eq!(last(5, None).raises(&present(5, None), now), None);
        assert_eq!(last(5, None).raises(&present(6, None), now), Some(0));
    }

    #[test]
    fn what_is_raised_once_stays_above_what_was_shown() {
        let last = Last { raised: 4, ..last(5, Some("a")) };
        assert_eq!(last.raises(&present(6, Some("b")), Utc::now()), Some(4));
        let raised = last.raises(&present(1, Some("b")), Utc::now()).unwrap();
        assert_eq!(1 + raised, 5 + 4 + 1);
    }

    #[test]
    fn a_foreign_change_of_a_job_that_a_worker_holds_is_not_believed() {
        let now = Utc::now();
        let held = Last { held_until: Some(now + Duration::from_secs(1)), ..last(5, None) };
        assert_eq!(held.raises(&present(9, Some("b")), now), None);
        assert_eq!(held.raises(&present(9, Some("b")), now + Duration::from_secs(2)), Some(0));
        assert_eq!(held.raises(&present(6, None), now), Some(0));
    }
}
