//! The jobs that this process has claimed: what it takes to rebuild a record that Redis lost, and progress that waits to
//! be written.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    progress::{ProgressLimiter, ReportAction},
    record,
};
use crate::{
    backend::{JobUpdate, Lease, NewJob},
    job::Progress,
};

/// A worker that has neither ended its attempt nor renewed its lease for so long is gone.
const FORGET_AFTER: Duration = Duration::from_secs(3600);
/// From this many claims on, abandoned ones are looked for.
const CLEAN_UP_FROM: usize = 4096;

struct Claim {
    /// The record as the claim left it. It is parsed only when Redis has lost it, which is rare.
    record: Vec<u8>,
    digest: Option<u64>,
    remember: Duration,
    /// All partial results, as entries of their list.
    partials: Vec<Vec<u8>>,
    /// The newest progress written, and the version it made.
    progress: Option<(Progress, u64)>,
    limiter: ProgressLimiter,
    used: Instant,
}

#[derive(Default)]
pub(super) struct Claims {
    by_lease: Mutex<HashMap<Lease, Claim>>,
}

impl Claims {
    pub(super) fn insert(&self, lease: Lease, record: Vec<u8>, partials: Vec<Vec<u8>>, new: &NewJob) {
        let now = Instant::now();
        let mut claims = self.by_lease();
        if claims.len() >= CLEAN_UP_FROM && claims.len().is_power_of_two() {
            claims.retain(|_, claim| now.duration_since(claim.used) < FORGET_AFTER);
        }
        let claim = Claim {
            record,
            digest: new.digest,
            remember: new.remember,
            partials,
            progress: None,
            limiter: ProgressLimiter::new(now),
            used: now,
        };
        claims.insert(lease, claim);
    }

    pub(super) fn remove(&self, lease: Lease) {
        self.by_lease().remove(&lease);
    }

    /// The lease was renewed.
    pub(super) fn renewed(&self, lease: Lease) {
        if let Some(claim) = self.by_lease().get_mut(&lease) {
            claim.used = Instant::now();
        }
    }

    /// An update was applied and made this version.
    pub(super) fn updated(&self, lease: Lease, update: &JobUpdate, progress: Option<Progress>, version: u64) {
        let mut claims = self.by_lease();
        match update {
            JobUpdate::Progress(_) | JobUpdate::Partial(_) => {
                let Some(claim) = claims.get_mut(&lease) else { return };
                claim.used = Instant::now();
                let is_partial = matches!(update, JobUpdate::Partial(_));
                if let Some(progress) = progress {
                    // Progress that goes with a partial result makes the version before it.
                    claim.progress = Some((progress, version - u64::from(is_partial && version > 0)));
                }
                if let JobUpdate::Partial(value) = update {
                    claim.partials.push(record::list_entry(version, value).into_bytes());
                }
            }
            _ => drop(claims.remove(&lease)),
        }
    }

    /// The record as far as this process knows it.
    pub(super) fn record(&self, lease: Lease) -> Option<NewJob> {
        let claims = self.by_lease();
        let claim = claims.get(&lease)?;
        let mut job = record::parse(lease.id, &claim.record)?;
        record::add_entries(&mut job, &claim.partials);
        if let Some((progress, version)) = &claim.progress {
            (job.progress, job.progress_version) = (Some(progress.clone()), *version);
        }
        Some(NewJob { job, digest: claim.digest, remember: claim.remember })
    }

    /// What to do with a progress report. One about a job that this process has not claimed is written.
    pub(super) fn report_progress(&self, lease: Lease, progress: &Progress) -> ReportAction {
        let now = Instant::now();
        let mut claims = self.by_lease();
        claims.get_mut(&lease).map_or(ReportAction::WriteNow, |claim| claim.limiter.report(progress, now))
    }

    /// Progress that waits, for another write that carries it along.
    pub(super) fn take_progress(&self, lease: Lease) -> Option<Progress> {
        self.by_lease().get_mut(&lease)?.limiter.take()
    }

    /// Progress that waits, for the scheduled write.
    pub(super) fn take_scheduled_progress(&self, lease: Lease) -> Option<Progress> {
        self.by_lease().get_mut(&lease)?.limiter.take_scheduled(Instant::now())
    }

    /// Returns progress that could not be written.
    pub(super) fn give_back_progress(&self, lease: Lease, progress: Progress) {
        if let Some(claim) = self.by_lease().get_mut(&lease) {
            claim.limiter.give_back(progress);
        }
    }

    fn by_lease(&self) -> MutexGuard<'_, HashMap<Lease, Claim>> {
        self.by_lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
