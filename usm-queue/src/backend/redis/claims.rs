//! What this process remembers of the jobs it claimed: enough to make a record anew when Redis lost it, the progress that
//! waits to be written, and which calls got no answer.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    progress::{Pace, Report},
    record,
};
use crate::{
    backend::{JobUpdate, Lease, NewJob},
    job::{JobId, Progress},
};

/// A worker that neither ended its attempt nor renewed its lease for so long is gone.
const FORGET_AFTER: Duration = Duration::from_secs(3600);
/// Entries from which on forgotten ones are looked for.
const MANY: usize = 4096;

/// One claimed job.
struct Claimed {
    /// Its record as the claim left it, unparsed: a flush is rare.
    text: Vec<u8>,
    digest: Option<u64>,
    remember: Duration,
    /// All partial results, as the list of them has them.
    partials: Vec<Vec<u8>>,
    /// The newest progress written, and the version it made.
    progress: Option<(Progress, u64)>,
    pace: Pace,
    used: Instant,
}

/// All of them, by lease.
#[derive(Default)]
pub(super) struct ClaimedJobs {
    jobs: Mutex<HashMap<Lease, Claimed>>,
}

impl ClaimedJobs {
    /// A claim: the record, its partial results, and what tells its payload and how long it is remembered.
    pub(super) fn insert(&self, lease: Lease, (text, partials): (Vec<u8>, Vec<Vec<u8>>), new: &NewJob) {
        let now = Instant::now();
        let mut jobs = self.jobs();
        if jobs.len() >= MANY && jobs.len().is_power_of_two() {
            jobs.retain(|_, job| now.duration_since(job.used) < FORGET_AFTER);
        }
        let claimed = Claimed {
            text,
            digest: new.digest,
            remember: new.remember,
            partials,
            progress: None,
            pace: Pace::new(now),
            used: now,
        };
        jobs.insert(lease, claimed);
    }

    pub(super) fn forget(&self, lease: Lease) {
        self.jobs().remove(&lease);
    }

    /// The record as far as this process knows it.
    pub(super) fn record(&self, lease: Lease) -> Option<NewJob> {
        let jobs = self.jobs();
        let claimed = jobs.get(&lease)?;
        let mut job = record::parse(lease.id, &claimed.text)?;
        record::add_partials(&mut job, &claimed.partials);
        if let Some((progress, version)) = &claimed.progress {
            (job.progress, job.progress_version) = (Some(progress.clone()), *version);
        }
        Some(NewJob { job, digest: claimed.digest, remember: claimed.remember })
    }

    /// A report of progress. One of a job that this process did not claim is written.
    pub(super) fn report(&self, lease: Lease, progress: &Progress) -> Report {
        let now = Instant::now();
        self.jobs().get_mut(&lease).map_or(Report::Write, |job| job.pace.report(progress, now))
    }

    /// Progress that waits, for a write that takes it along.
    pub(super) fn take_progress(&self, lease: Lease) -> Option<Progress> {
        self.jobs().get_mut(&lease)?.pace.take()
    }

    /// Progress that waits, for the write that was promised.
    pub(super) fn promised_progress(&self, lease: Lease) -> Option<Progress> {
        self.jobs().get_mut(&lease)?.pace.keep_promise(Instant::now())
    }

    pub(super) fn give_progress_back(&self, lease: Lease, progress: Progress) {
        if let Some(job) = self.jobs().get_mut(&lease) {
            job.pace.give_back(progress);
        }
    }

    /// A write was applied.
    pub(super) fn applied(&self, lease: Lease, update: &JobUpdate, progress: Option<Progress>, version: u64) {
        let mut jobs = self.jobs();
        match update {
            JobUpdate::Progress(_) | JobUpdate::Partial(_) => {
                let Some(job) = jobs.get_mut(&lease) else { return };
                job.used = Instant::now();
                let is_partial = matches!(update, JobUpdate::Partial(_));
                if let Some(progress) = progress {
                    job.progress = Some((progress, version - u64::from(is_partial && version > 0)));
                }
                if let JobUpdate::Partial(value) = update {
                    job.partials.push(record::partial(version, value).into_bytes());
                }
            }
            _ => drop(jobs.remove(&lease)),
        }
    }

    pub(super) fn renewed(&self, lease: Lease) {
        if let Some(job) = self.jobs().get_mut(&lease) {
            job.used = Instant::now();
        }
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<Lease, Claimed>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that may have been applied although its answer did not come.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doubtful {
    /// By this worker.
    Claim(String),
    /// With this token.
    Update(u64, JobUpdate),
}

/// Names of calls whose answer was lost. A caller that repeats the call gets the same name again, and the script knows
/// it.
#[derive(Default)]
pub(super) struct Requests {
    doubtful: Mutex<HashMap<JobId, Vec<(Doubtful, String)>>>,
}

impl Requests {
    /// A name for a call that is not remembered.
    pub(super) fn new_name() -> String {
        format!("{:016x}", fastrand::u64(..))
    }

    /// The name of a call: that of the same call whose answer was lost, or a new one.
    pub(super) fn name(&self, id: JobId, call: impl FnOnce() -> Doubtful) -> String {
        let mut doubtful = self.doubtful();
        // Nearly always nothing is in doubt.
        let Some(calls) = (!doubtful.is_empty()).then(|| doubtful.get_mut(&id)).flatten() else {
            return Self::new_name();
        };
        let call = call();
        let name = calls.iter().position(|(lost, _)| *lost == call).map(|at| calls.swap_remove(at).1);
        if calls.is_empty() {
            doubtful.remove(&id);
        }
        name.unwrap_or_else(Self::new_name)
    }

    /// The answer of this call was lost.
    pub(super) fn lost(&self, id: JobId, call: Doubtful, name: String) {
        let mut doubtful = self.doubtful();
        if doubtful.len() >= MANY {
            // Callers that do not repeat their calls; the oldest are not known, so one that is as good as any goes.
            let any = doubtful.keys().next().copied();
            any.map(|id| doubtful.remove(&id));
        }
        doubtful.entry(id).or_default().push((call, name));
    }

    fn doubtful(&self) -> MutexGuard<'_, HashMap<JobId, Vec<(Doubtful, String)>>> {
        self.doubtful.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
