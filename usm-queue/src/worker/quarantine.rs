//! Jobs whose workers died, and which of them is to blame.
//!
//! A worker that dies takes every job down that it ran, whichever of them killed it, or none did. The first time this costs
//! a job nothing: all are begun again at once. A job whose worker died again in the same attempt is a suspect: it is tried
//! alone, that is without another suspect beside it in this worker, healthy work going on. A crash during the trial counts
//! as an attempt; one after it does not, and makes the next trial twice as long, so that a job that kills its worker late
//! is found out too. Whatever ends an attempt in order clears the job.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::backend::store::SUSPICIOUS;

/// How long the first trial takes.
const FIRST_TRIAL: Duration = Duration::from_secs(2);
/// No trial is longer; no job is either, so that each is tried to its end some time.
const LONGEST_TRIAL: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a suspect goes back for at least, and at most, when another is on trial.
const WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// The suspects of one worker: one of them at a time is tried.
#[derive(Debug)]
pub(crate) struct Suspects {
    place: Arc<Semaphore>,
}

impl Default for Suspects {
    fn default() -> Self {
        Self { place: Arc::new(Semaphore::new(1)) }
    }
}

impl Suspects {
    /// The place of the one that is tried, when it is free.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.place.clone().try_acquire_owned().ok()
    }
}

/// How long a job is tried alone whose workers died `crashes` times in a row.
pub(crate) fn trial(crashes: u32) -> Duration {
    let doublings = crashes.saturating_sub(SUSPICIOUS);
    FIRST_TRIAL.saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(LONGEST_TRIAL)
}

/// When a suspect comes back that found the place taken.
pub(crate) fn wait(crashes: u32) -> Duration {
    (trial(crashes) / 2).clamp(WAIT.0, WAIT.1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn one_suspect_at_a_time_is_tried() {
        let suspects = Suspects::default();
        let first = suspects.place().unwrap();
        assert!(suspects.place().is_none());

        drop(first);

        assert!(suspects.place().is_some());
    }

    #[test]
    fn trials_grow_with_every_crash_and_end_some_time() {
        let trials: Vec<_> = [2, 3, 4, 13, 40, u32::MAX].map(trial).map(|trial| trial.as_secs()).into();

        assert_eq!(trials, [2, 4, 8, 4096, 2_592_000, 2_592_000]);
        assert!([2, 3, u32::MAX].map(wait).iter().all(|wait| (WAIT.0..=WAIT.1).contains(wait)));
    }
}
