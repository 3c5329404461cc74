//! How often progress is written: a handler may report it thousands of times a second, people read it a few times.

use std::time::Duration;

use tokio::time::Instant;

use crate::job::Progress;

/// Reports written at once before the pace counts.
const BURST: u32 = 10;
/// One report is written in this time.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);

/// What becomes of a report.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// Write it now.
    Write,
    /// It waits for the next write; somebody writes it then in any case.
    Kept,
    /// It waits, and the caller must see that it is written at this time.
    KeptUntil(Instant),
}

/// The newest report of one attempt and when the next one may be written.
#[derive(Debug)]
pub(super) struct Pace {
    /// The time until which the past reports have used up the interval; a generic cell rate counter.
    used_until: Instant,
    waiting: Option<Progress>,
    /// Whether somebody will write what waits.
    promised: bool,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { used_until: now, waiting: None, promised: false }
    }

    pub(super) fn report(&mut self, progress: &Progress, now: Instant) -> Report {
        let allowed = self.used_until.checked_sub(INTERVAL * (BURST - 1)).unwrap_or(now);
        if allowed <= now && !self.promised {
            self.waiting = None;
            self.spend(now);
            return Report::Write;
        }
        self.waiting = Some(progress.clone());
        if self.promised {
            return Report::Kept;
        }
        self.promised = true;
        Report::KeptUntil(allowed)
    }

    /// What waits, for a write that takes it along.
    pub(super) fn take(&mut self) -> Option<Progress> {
        self.waiting.take()
    }

    /// What waits, for the write that was promised.
    pub(super) fn keep_promise(&mut self, now: Instant) -> Option<Progress> {
        self.promised = false;
        let waiting = self.waiting.take();
        if waiting.is_some() {
            self.spend(now);
        }
        waiting
    }

    /// A write failed: what it carried goes with the next, unless there is a newer report.
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
        let mut pace = Pace::new(begun);
        let (mut written, mut promise) = (0, None);

        for millisecond in 0..10_000 {
            let now = begun + Duration::from_millis(millisecond);
            if promise.is_some_and(|at| at <= now) {
                promise = None;
                written += usize::from(pace.keep_promise(now).is_some());
            }
            match pace.report(&progress(millisecond), now) {
                Report::Write => written += 1,
                Report::Kept => assert!(promise.is_some(), "somebody writes it"),
                Report::KeptUntil(at) => promise = Some(at),
            }
        }

        assert!((100..=111).contains(&written), "{written}");
        assert_eq!(pace.take(), Some(progress(9_999)));
    }

    #[test]
    fn slow_reports_are_written_at_once() {
        let begun = Instant::now();
        let mut pace = Pace::new(begun);
        for nth in 0..100 {
            assert_eq!(pace.report(&progress(0), begun + INTERVAL * nth), Report::Write);
        }
    }

    #[test]
    fn a_failed_write_gives_its_report_back_unless_there_is_a_newer_one() {
        let mut pace = Pace::new(Instant::now());
        pace.give_back(progress(1));
        pace.give_back(progress(0));
        assert_eq!(pace.take(), Some(progress(1)));
    }
}
