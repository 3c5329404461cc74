//! Settings of the embedded backend.

use std::time::Duration;

/// Settings of the embedded backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// How long a process may give no sign of life before its deliveries go to others; it gives one every third of
    /// it. Default 15 s.
    pub lease: Duration,
    /// How long the record of an ended job is kept. Default 7 days.
    pub keep_ended: Duration,
    /// How long a call waits while another process holds the file's lock, counted from the call. Default 10 s.
    pub lock_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            keep_ended: Duration::from_secs(7 * 24 * 3600),
            lock_timeout: Duration::from_secs(10),
        }
    }
}

impl SqliteOptions {
    /// Sets the time after which a silent process counts as dead; 10 ms at least.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(10));
        self
    }

    /// Sets how long the record of an ended job is kept.
    pub fn keep_ended(mut self, keep: Duration) -> Self {
        self.keep_ended = keep;
        self
    }

    /// Sets how long a call waits while another process holds the file's lock, counted from the call; an hour at most. All
    /// that wait behind one lock fail together, each as `Unavailable`.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout.min(Duration::from_secs(3600));
        self
    }

    /// Its fields are public, so the setters' bounds may have been bypassed.
    pub(super) fn within_bounds(self) -> Self {
        self.lease(self.lease).lock_timeout(self.lock_timeout)
    }
}
