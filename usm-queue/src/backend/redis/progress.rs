//! Limits how often progress is written: a handler may report it thousands of times a second, but people read it a few
//! times.

use std::time::Duration;

use tokio::time::Instant;

use crate::job::Progress;

/// Reports that are written at once before the limit takes effect.
const BURST: u32 = 10;
/// After the burst, one report is written per interval.
const INTERVAL: Duration = Duration::from_millis(100);

/// What the caller must do with a report.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReportAction {
    WriteNow,
    /// Nothing: a write is scheduled already and takes it along.
    Wait,
    /// Schedule a write at this time.
    WriteAt(Instant),
}

/// The newest report of one attempt, and when the next one may be written: a generic cell rate counter.
#[derive(Debug)]
pub(super) struct ProgressLimiter {
    /// The past reports have used up all intervals until this time.
    used_until: Instant,
    waiting: Option<Progress>,
    /// Whether a write of what waits is scheduled.
    scheduled: bool,
}

impl ProgressLimiter {
    pub(super) fn new(now: Instant) -> Self {
        Self { used_until: now, waiting: None, scheduled: false }
    }

    pub(super) fn report(&mut self, progress: &Progress, now: Instant) -> ReportAction {
        let allowed = self.used_until.checked_sub(INTERVAL * (BURST - 1)).unwrap_or(now);
        if allowed <= now && !self.scheduled {
            self.waiting = None;
            self.spend(now);
            return ReportAction::WriteNow;
        }
        self.waiting = Some(progress.clone());
        if self.scheduled {
            return ReportAction::Wait;
        }
        self.scheduled = true;
        ReportAction::WriteAt(allowed)
    }

    /// Takes what waits, for another write that carries it along.
    pub(super) fn take(&mut self) -> Option<Progress> {
        self.waiting.take()
    }

    /// Takes what waits, for the scheduled write.
    pub(super) fn take_scheduled(&mut self, now: Instant) -> Option<Progress> {
        self.scheduled = false;
        let waiting = self.waiting.take();
        if waiting.is_some() {
            self.spend(now);
        }
        waiting
    }

    /// Returns the report of a failed write, so that the next write carries it, unless there is a newer one.
    pub(super) fn give_back(&mut self, progress: Progress) {
        self.waiting.get_or_insert(progress);
    }

    fn spend(&mut self, now: Instant) {
        self.used_until = self.used_until.max(now) + INTERVAL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(current: u64) -> Progress {
        Progress { current, total: 0, message: String::new() }
    }

    #[test]
    fn a_storm_is_written_ten_times_a_second_and_its_last_report_is_kept() {
        let begun = Instant::now();
        let mut limiter = ProgressLimiter::new(begun);
        let (mut written, mut scheduled) = (0, None);

        for millisecond in 0..10_000 {
            let now = begun + Duration::from_millis(millisecond);
            if scheduled.is_some_and(|at| at <= now) {
                scheduled = None;
                written += usize::from(limiter.take_scheduled(now).is_some());
            }
            match limiter.report(&progress(millisecond), now) {
                ReportAction::WriteNow => written += 1,
                ReportAction::Wait => assert!(scheduled.is_some(), "a write is scheduled"),
                ReportAction::WriteAt(at) => scheduled = Some(at),
            }
        }

        assert!((100..=111).contains(&written), "{written}");
        assert_eq!(limiter.take(), Some(progress(9_999)));
    }

    #[test]
    fn slow_reports_are_written_at_once() {
        let begun = Instant::now();
        let mut limiter = ProgressLimiter::new(begun);
        for nth in 0..100 {
            assert_eq!(limiter.report(&progress(0), begun + INTERVAL * nth), ReportAction::WriteNow);
        }
    }

    #[test]
    fn a_failed_write_gives_its_report_back_unless_there_is_a_newer_one() {
        let mut limiter = ProgressLimiter::new(Instant::now());
        limiter.give_back(progress(1));
        limiter.give_back(progress(0));
        assert_eq!(limiter.take(), Some(progress(1)));
    }
}
