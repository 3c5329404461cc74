//! Actions on many jobs at once: cancelled, deleted or enqueued again, in the background and across crashes.

mod apply;
mod report;
mod run;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

pub use self::report::{BulkAction, BulkId, BulkReport, BulkState};
use self::{
    report::Stored,
    run::{Runner, resume},
};
use super::TaskQueue;
use crate::{
    backend::JobFilter,
    clock,
    error::{Error, Result},
    job::JobState,
};

/// How many jobs are counted at most before an action starts.
const COUNT: u64 = 10_000;
/// Jobs read at a time to count them.
const COUNT_PAGE: usize = 500;
/// How often a waiting caller looks at a report.
const LOOK: Duration = Duration::from_millis(200);

/// An action on all jobs that match a filter, before it is started. See [`TaskQueue::bulk`].
#[derive(Debug, Clone)]
#[must_use = "nothing happens before it is started"]
pub struct Bulk {
    queue: TaskQueue,
    action: BulkAction,
    filter: JobFilter,
    per_second: Option<NonZeroU32>,
    by: Option<String>,
}

/// How many jobs an action would meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkCount {
    /// Those that were found.
    pub jobs: u64,
    /// Whether there may be more: counting stops at 10,000.
    pub or_more: bool,
}

/// An action that was started, by whatever process. Clones are the same action.
#[derive(Debug, Clone)]
pub struct BulkHandle {
    queue: TaskQueue,
    id: BulkId,
}

impl TaskQueue {
    /// Goes on with actions whose process ended, for as long as this queue is open.
    pub(super) fn resume_bulks(&self) {
        self.spawn(resume(Arc::downgrade(&self.inner)));
    }

    /// An action on all jobs that match `filter` and that the action applies to: it cancels open jobs, deletes ended ones,
    /// and tries failed and retrying ones again now. Jobs that are enqueued after its start are left alone. The filter's order, limit and cursor do
    /// not matter.
    ///
    /// It runs in this process. If the process ends, another one that has a [`TaskQueue`] on the same store goes on from where
    /// it was last saved: one that is opened then within a minute, others within a quarter of an hour. What was done in the half
    /// second before may be missing from the report.
    ///
    /// ```
    /// # use std::num::NonZeroU32;
    /// # use usm_queue::{JobFilter, TaskQueue, bulk::BulkAction};
    /// # async fn example(queue: TaskQueue) -> usm_queue::Result<()> {
    /// let bulk = queue
    ///     .bulk(BulkAction::Retry, JobFilter::new().task("send_mail").error("429"))
    ///     .per_second(NonZeroU32::MIN)
    ///     .by("ann");
    /// println!("{} jobs", bulk.count().await?.jobs);
    /// let report = bulk.start().await?.wait().await?;
    /// println!("{} done, {} skipped, {} failed", report.done, report.skipped, report.failed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bulk(&self, action: BulkAction, filter: JobFilter) -> Bulk {
        Bulk { queue: self.clone(), action, filter, per_second: None, by: None }
    }

    /// Every action on many jobs that runs or that ended within the last 7 days, the newest first.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn bulks(&self) -> Result<Vec<BulkReport>> {
        let mut reports: Vec<_> =
            Stored::all(self.store()).await?.into_iter().map(|stored| stored.report).collect();
        reports.sort_by_key(|report| std::cmp::Reverse(report.started_at));
        Ok(reports)
    }

    /// The action with this id; does not check that there is one.
    pub fn bulk_handle(&self, id: BulkId) -> BulkHandle {
        BulkHandle { queue: self.clone(), id }
    }
}

impl Bulk {
    /// How many jobs a second it acts on at most. Default: as many as it can, one after the other.
    pub fn per_second(mut self, jobs: NonZeroU32) -> Self {
        self.per_second = Some(jobs);
        self
    }

    /// Who wants it; shown in the report.
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.by = Some(who.into());
        self
    }

    /// How many jobs it would meet now. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn count(&self) -> Result<BulkCount> {
        let mut filter = self.wanted()?;
        filter.limit = COUNT_PAGE;
        let mut jobs = 0;
        loop {
            let page = self.queue.jobs(&filter).await?;
            jobs += page.jobs.len() as u64;
            match page.next {
                Some(_) if jobs >= COUNT => return Ok(BulkCount { jobs, or_more: true }),
                Some(next) => filter = filter.after(next),
                None => return Ok(BulkCount { jobs, or_more: false }),
            }
        }
    }

    /// Starts it. When this returns `Ok` the action is durable and will be carried through.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the filter names only states that the action does not apply to; `Unavailable`.
    pub async fn start(self) -> Result<BulkHandle> {
        let filter = self.wanted()?;
        let report = BulkReport::new(self.action, filter, self.per_second, self.by);
        let id = report.id;
        let stored = Stored::insert(self.queue.store(), report).await?;
        // It is durable by now: where this fails it is taken over as after a crash.
        if let Ok(Some(runner)) = Runner::take(&self.queue, stored).await {
            self.queue.spawn(runner.run());
        }
        Ok(BulkHandle { queue: self.queue, id })
    }

    /// The filter with the states that the action applies to, for jobs of before now.
    fn wanted(&self) -> Result<JobFilter> {
        let mut filter = self.filter.clone();
        let applies = self.action.states();
        let wanted: Vec<JobState> = applies
            .iter()
            .copied()
            .filter(|state| filter.states.is_empty() || filter.states.contains(state))
            .collect();
        if wanted.is_empty() {
            let states: Vec<_> = applies.iter().map(|state| state.as_str()).collect();
            return Err(Error::invalid(format!(
                "`{}` applies to jobs that are {}; name one of these states, or none",
                self.action.as_str(),
                states.join(", ")
            )));
        }
        (filter.states, filter.after, filter.oldest_first) = (wanted, None, true);
        // With what was enqueued at this very moment, which a test's paused clock makes long: times of jobs are rounded to microseconds.
        let now = clock::now() + Duration::from_micros(2);
        filter.until = Some(filter.until.map_or(now, |until| until.min(now)));
        Ok(filter)
    }
}

impl BulkHandle {
    /// Its id, by which any process finds it.
    pub fn id(&self) -> BulkId {
        self.id
    }

    /// How far it is.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such action, or it ended more than 7 days ago; `Unavailable`.
    pub async fn report(&self) -> Result<BulkReport> {
        Ok(Stored::get(self.queue.store(), self.id).await?.report)
    }

    /// Stops it: within about a second nothing more is done. What was done stays done. One that has ended stays as it is.
    ///
    /// # Errors
    ///
    /// As [`report`](Self::report).
    pub async fn abort(&self) -> Result<BulkReport> {
        loop {
            let mut stored = Stored::get(self.queue.store(), self.id).await?;
            if stored.report.state != BulkState::Running {
                return Ok(stored.report);
            }
            stored.report.state = BulkState::Aborted;
            if stored.save(self.queue.store()).await? {
                return Ok(stored.report);
            }
        }
    }

    /// Waits until it has ended, in whatever process it runs.
    ///
    /// # Errors
    ///
    /// As [`report`](Self::report).
    pub async fn wait(&self) -> Result<BulkReport> {
        loop {
            let report = self.report().await?;
            if report.state != BulkState::Running {
                return Ok(report);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
