//! Keeps jobs apart that come back from a dead worker. One of them may be what killed it: begun together again, it would
//! take the others with it each time, until none of them has an attempt left.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long a suspect is alone: long enough for one that kills its worker at once, short enough that the jobs of a worker
/// that died of something else are soon all at work again.
const APART: Duration = Duration::from_secs(2);

/// The suspects of one worker.
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
    /// Waits until the suspect before has dropped its guard or had its time apart; then the next waits for this one.
    /// `None` when the worker stops first.
    pub(crate) async fn stand_apart(&self, stopping: &CancellationToken) -> Option<DropGuard> {
        let place = stopping.run_until_cancelled(self.place.clone().acquire_owned()).await?.ok()?;
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        tokio::spawn(async move {
            // Its turn is over in either case.
            let _ = tokio::time::timeout(APART, ended.cancelled()).await;
            drop(place);
        });
        Some(guard)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_suspect_begins_when_the_one_before_has_ended() {
        let (suspects, stopping, begun) = (Suspects::default(), CancellationToken::new(), Instant::now());

        for _ in 0..5 {
            drop(suspects.stand_apart(&stopping).await.unwrap());
        }

        assert!(begun.elapsed() < APART);
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspect_that_goes_on_is_alone_for_its_time_only() {
        let (suspects, stopping, begun) = (Suspects::default(), CancellationToken::new(), Instant::now());

        let _first = suspects.stand_apart(&stopping).await.unwrap();
        let _second = suspects.stand_apart(&stopping).await.unwrap();

        assert!(begun.elapsed() >= APART && begun.elapsed() < 2 * APART, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspect_that_waits_when_the_worker_stops_does_not_begin() {
        let (suspects, stopping) = (Suspects::default(), CancellationToken::new());
        let _first = suspects.stand_apart(&stopping).await.unwrap();

        stopping.cancel();

        assert!(suspects.stand_apart(&stopping).await.is_none());
    }
}
