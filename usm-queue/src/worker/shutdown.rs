//! How a worker ended.

/// How a worker ended that was asked to: what became of the jobs that it had then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Shutdown {
    /// Ended by themselves, in whatever way, within the grace periods.
    pub finished: usize,
    /// Given back uncounted: they had not begun, or did not end in time.
    pub handed_back: usize,
    /// Still running, because their handlers do not yield or the backend does not answer. Others take them over when their
    /// leases have lapsed.
    pub abandoned: usize,
}
