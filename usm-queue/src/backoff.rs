//! How long to wait before what failed is tried again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Pauses that double from a first one to a longest one and never end, each up to twice as long by chance, so that those who
/// failed together do not come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    pauses: ExponentialBuilder,
    running: ExponentialBackoff,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(first)
            .with_max_delay(longest)
            .with_factor(2.0)
            .with_jitter()
            .without_max_times();
        Self { pauses, running: pauses.build() }
    }

    /// For a write that must succeed at last: from 50 ms to 5 s.
    pub(crate) fn of_writes() -> Self {
        Self::new(Duration::from_millis(50), Duration::from_secs(5))
    }

    /// The next pause.
    pub(crate) fn pause(&mut self) -> Duration {
        self.running.next().unwrap_or_default()
    }

    /// Begins anew, after a success.
    pub(crate) fn reset(&mut self) {
        self.running = self.pauses.build();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_never_end() {
        let (first, longest) = (Duration::from_millis(50), Duration::from_secs(5));
        let mut backoff = Backoff::new(first, longest);

        for attempt in 0..10_000 {
            let least = first.saturating_mul(1 << attempt.min(7)).min(longest);
            let pause = backoff.pause();
            assert!((least..=2 * least).contains(&pause), "{attempt}: {pause:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= 2 * first);
    }
}
