//! How long a message waits that this worker cannot run and another version of the program may: arithmetic only.

use std::time::Duration;

/// How long it waits first.
const FIRST: Duration = Duration::from_millis(500);
/// No wait is longer, so that each of many workers gets its turn with it.
const LONGEST: Duration = Duration::from_secs(10);

/// The next wait of a message that has waited `waited` in all; `None` when that was long enough. Each wait is as long as all
/// before it together, within bounds.
pub(super) fn next_wait(waited: Duration, patience: Duration) -> Option<Duration> {
    let left = patience.checked_sub(waited).filter(|left| !left.is_zero())?;
    Some(waited.clamp(FIRST, LONGEST).min(left))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn waits(patience: Duration) -> Vec<Duration> {
        let mut waited = Duration::ZERO;
        std::iter::from_fn(|| {
            let wait = next_wait(waited, patience)?;
            waited += wait;
            Some(wait)
        })
        .collect()
    }

    #[test]
    fn ten_minutes_are_some_seventy_waits_of_at_most_ten_seconds() {
        let waits = waits(Duration::from_secs(600));

        let begin: Vec<_> = waits.iter().take(7).map(|wait| wait.as_millis()).collect();
        assert_eq!(begin, [500, 500, 1000, 2000, 4000, 8000, 10_000]);
        assert!((60..80).contains(&waits.len()), "{}", waits.len());
    }

    proptest! {
        #[test]
        fn a_message_waits_exactly_as_long_as_patience_lasts(patience_ms in 0u64..1_000_000) {
            let patience = Duration::from_millis(patience_ms);

            prop_assert_eq!(waits(patience).iter().sum::<Duration>(), patience);
        }
    }
}
