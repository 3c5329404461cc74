//! When a failed job is tried again: arithmetic only.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How often and after which delays a failed job is tried again.
///
/// The delay doubles (or grows by [`factor`](Self::factor)) from [`first_delay`](Self::first_delay) up to
/// [`max_delay`](Self::max_delay), spread by [`jitter`](Self::jitter) so that jobs that failed together do not
/// come back together.
///
/// The default is three attempts, 5 s and 10 s apart, ±10 %, at most 10 minutes apart, given up after 24 hours.
///
/// Every value is allowed in every field: one beyond a field's range counts as the nearest end of it, and what is no number
/// as the lower end. A first delay of 0 stays 0.
///
/// A crash of the worker is no failed attempt as long as another job may have caused it: the attempt is begun again under its
/// number, even of a job that is [`never`](Self::never) retried. Only a crash during a trial counts, in which the job ran
/// without another suspect beside it; two crashes in the same attempt lead to such a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Attempts in all, the first included; at least 1. Default 3.
    pub max_attempts: u32,
    /// Delay after the first failed attempt. Default 5 s.
    pub first_delay: Duration,
    /// What each following delay is multiplied by; at least 1. Default 2.
    pub factor: f64,
    /// No delay is longer. Default 10 minutes.
    pub max_delay: Duration,
    /// Share of the delay by which it is spread in both directions, 0 to 1. Default 0.1.
    pub jitter: f64,
    /// Time since its first attempt began after which a job is not tried again whatever its attempts; it bounds waits
    /// that cost no attempt, such as rate limits. When the job was enqueued does not matter. Default 24 hours.
    pub give_up_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            first_delay: Duration::from_secs(5),
            factor: 2.0,
            max_delay: Duration::from_secs(600),
            jitter: 0.1,
            give_up_after: Duration::from_secs(24 * 3600),
        }
    }
}

impl RetryPolicy {
    /// `max_attempts` attempts, the delay doubling from `first_delay`; the rest as the default.
    pub fn exponential(max_attempts: u32, first_delay: Duration) -> Self {
        Self { max_attempts, first_delay, ..Self::default() }
    }

    /// One attempt only. A worker that dies in it does not use it up the first times, so that a crash or a kill does not
    /// lose the job: the handler may run again. Where that must not be, look for the traces of
    /// [`JobContext::idempotency_key`](crate::JobContext::idempotency_key) first.
    pub fn never() -> Self {
        Self { max_attempts: 1, ..Self::default() }
    }

    /// Sets the attempts in all; 0 counts as 1.
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = max_attempts.max(1);
        self
    }

    /// Sets the delay after the first failed attempt; any length, and 0 stays 0 however often it is multiplied.
    pub fn first_delay(mut self, first_delay: Duration) -> Self {
        self.first_delay = first_delay;
        self
    }

    /// Sets what each following delay is multiplied by; below 1, or no number, counts as 1.
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor.max(1.0);
        self
    }

    /// Sets the share of the delay by which it is spread in both directions; clamped to 0..=1.
    pub fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = share(jitter);
        self
    }

    /// Sets the longest delay; any length.
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = max_delay;
        self
    }

    /// Sets the time since its first attempt after which a job is not tried again; any length.
    pub fn give_up_after(mut self, give_up_after: Duration) -> Self {
        self.give_up_after = give_up_after;
        self
    }

    /// Delay before the attempt that follows `attempt` (counted from 1), without jitter; `None` when the
    /// attempts are used up.
    ///
    /// ```
    /// # use {std::time::Duration, usm_queue::RetryPolicy};
    /// let policy = RetryPolicy::exponential(3, Duration::from_secs(2));
    /// assert_eq!(policy.next_delay(2), Some(Duration::from_secs(4)));
    /// assert_eq!(policy.next_delay(3), None);
    /// ```
    pub fn next_delay(&self, attempt: u32) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        // Not a number counts as 1, as everything below 1.
        let growth = self.factor.max(1.0).powi(exponent);
        // Nothing, however often doubled.
        if self.first_delay.is_zero() {
            return Some(Duration::ZERO);
        }
        // What is too long for a `Duration` is longer than the longest.
        let delay =
            Duration::try_from_secs_f64(self.first_delay.as_secs_f64() * growth).unwrap_or(Duration::MAX);
        Some(delay.min(self.max_delay))
    }

    /// `delay` moved by the jitter: `random` in 0..1 chooses the place in the spread, 0.5 the middle.
    pub fn spread(&self, delay: Duration, random: f64) -> Duration {
        let share = share(self.jitter) * (2.0 * share(random) - 1.0);
        Duration::try_from_secs_f64(delay.as_secs_f64() * (1.0 + share)).unwrap_or(Duration::MAX)
    }
}

/// A number from 0 to 1: the nearest end for those beyond, 0 for what is no number.
fn share(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number.clamp(0.0, 1.0) }
}

/// `delay` after `moment`; the far future instead of an overflow.
pub(crate) fn later(moment: DateTime<Utc>, delay: Duration) -> DateTime<Utc> {
    chrono::Duration::from_std(delay)
        .ok()
        .and_then(|delay| moment.checked_add_signed(delay))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn delays_never_shrink_and_stay_below_the_longest(
            first_ms in 0u64..100_000, max_ms in 0u64..10_000_000, factor in 0.0f64..1e9, attempts in 1u32..2000,
        ) {
            let policy = RetryPolicy { factor, ..RetryPolicy::exponential(attempts, Duration::from_millis(first_ms)) }
                .max_delay(Duration::from_millis(max_ms));

            let delays: Vec<_> = (1..attempts).map(|attempt| policy.next_delay(attempt)).collect();

            prop_assert!(delays.iter().all(Option::is_some));
            prop_assert!(delays.is_sorted());
            prop_assert!(delays.iter().flatten().all(|delay| *delay <= policy.max_delay));
            prop_assert_eq!(policy.next_delay(attempts), None);
        }

        #[test]
        fn jitter_stays_within_its_share(delay_ms in 0u64..10_000_000, jitter in 0.0f64..1.0, random in 0.0f64..1.0) {
            let delay = Duration::from_millis(delay_ms);

            let spread = RetryPolicy::default().jitter(jitter).spread(delay, random).as_secs_f64();

            let (low, high) = (delay.as_secs_f64() * (1.0 - jitter), delay.as_secs_f64() * (1.0 + jitter));
            prop_assert!(spread >= low - 1e-6 && spread <= high + 1e-6);
        }
    }

    #[test]
    fn the_default_tries_three_times_five_and_ten_seconds_apart() {
        let policy = RetryPolicy::default();

        assert_eq!(policy.next_delay(1), Some(Duration::from_secs(5)));
        assert_eq!(policy.next_delay(2), Some(Duration::from_secs(10)));
        assert_eq!(policy.next_delay(3), None);
    }

    #[test]
    fn no_delay_stays_no_delay_at_any_attempt() {
        let policy = RetryPolicy::exponential(u32::MAX, Duration::ZERO);

        for attempt in [1, 2, 1_025, 10_000, u32::MAX - 1] {
            assert_eq!(policy.next_delay(attempt), Some(Duration::ZERO), "after attempt {attempt}");
        }
    }

    #[test]
    fn what_is_no_number_counts_as_the_lower_end() {
        let policy = RetryPolicy { factor: f64::NAN, jitter: f64::NAN, ..RetryPolicy::default() };

        assert_eq!(policy.next_delay(2), Some(policy.first_delay));
        assert_eq!(policy.spread(policy.first_delay, 0.9), policy.first_delay);
    }

    #[test]
    fn the_longest_durations_are_no_panic() {
        let policy = RetryPolicy::exponential(u32::MAX, Duration::MAX).max_delay(Duration::MAX).jitter(1.0);

        assert_eq!(policy.next_delay(10_000), Some(Duration::MAX));
        assert_eq!(policy.spread(Duration::MAX, 1.0), Duration::MAX);
    }

    #[test]
    fn a_policy_that_never_retries_has_one_attempt() {
        assert_eq!(RetryPolicy::never().next_delay(1), None);
    }
}
