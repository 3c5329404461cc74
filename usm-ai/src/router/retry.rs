//! How often and after what pauses a failed attempt is repeated.

use std::time::Duration;

use backon::ExponentialBuilder;

/// How often and after what pauses one candidate is asked again after a transient failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// Times to ask the same candidate again; 2 by default, 0 turns retries off.
    pub retries: usize,
    /// Pause before the first retry, doubled for each further one; 500 ms by default. Jitter adds up to the same again.
    pub first_delay: Duration,
    /// Longest of these pauses, before jitter; 8 s by default.
    pub longest_delay: Duration,
    /// A call does not wait longer than this: the error carries the wait instead. 10 s by default.
    pub longest_retry_after: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            retries: 2,
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(8),
            longest_retry_after: Duration::from_secs(10),
        }
    }
}

impl RetrySettings {
    pub(super) fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(self.first_delay)
            .with_max_delay(self.longest_delay)
            .with_max_times(self.retries)
            .with_jitter()
    }
}
