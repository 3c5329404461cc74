//! Actions on many jobs whose process is killed in the midst, on whatever backend.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::{collections::BTreeSet, num::NonZeroU32, process::Command, time::Duration};

use usm_queue::{
    Job, JobEvent, JobFilter, JobHandle, JobState, TaskQueue,
    bulk::{BulkAction, BulkHandle, BulkState},
};

use crate::{Act, Chore, Kind, Order, QUEUE, Work, processes::Process};

/// How soon a part of an action must be done.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a test has.
#[expect(missing_debug_implementations, reason = "it has a function")]
pub struct Scene<'a> {
    /// Its queue, opened in this process.
    pub queue: &'a TaskQueue,
    /// How a process is started that does this.
    pub command: &'a dyn Fn(&Order) -> Command,
    /// How a worker works.
    pub work: Work,
    /// Jobs a second that an action may act on.
    pub rate: NonZeroU32,
}

impl Scene<'_> {
    /// Each of so many waiting jobs is cancelled once.
    pub async fn cancels(&self, count: u64) {
        // The process that takes over is a worker.
        self.queue.pause(QUEUE, "the test").await.unwrap();
        let jobs = self.enqueued(count, Kind::Quick).await;

        self.kill_and_take_over(BulkAction::Cancel, count).await;

        let found = self.all().await;
        assert_eq!(found.len(), jobs.len());
        for job in found {
            let cancelled = job.timeline.iter().filter(|entry| entry.event == JobEvent::Cancelled).count();
            assert_eq!((cancelled, job.timeline.len()), (1, 2), "{job:?}");
        }
        let counts = self.queue.counts().await.unwrap();
        assert_eq!(counts.iter().map(|of| of.of(JobState::Cancelled)).sum::<u64>(), count);
    }

    /// Each of so many failed jobs is retried once.
    pub async fn retries(&self, count: u64) {
        let jobs = self.enqueued(count, Kind::Panics).await;
        let mut worker = self.worker();
        for job in &jobs {
            self.queue.wait(job.id()).await.unwrap();
        }
        worker.kill();

        self.kill_and_take_over(BulkAction::Retry, count).await;

        let replays: Vec<_> =
            self.all().await.into_iter().filter_map(|job| job.metadata.get("replay_of").cloned()).collect();
        let replayed: BTreeSet<_> = replays.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        let expected: BTreeSet<_> = jobs.iter().map(|job| job.id().to_string()).collect();
        assert!(replayed == expected, "{} of them", replayed.len());
        assert_eq!(replays.len(), jobs.len(), "each of them once");
    }

    /// Starts the action in a process, kills that in the midst of it, and lets another take it over.
    async fn kill_and_take_over(&self, action: BulkAction, jobs: u64) {
        let act = Act { queue: self.work.queue.clone(), action, per_second: self.rate };
        let mut acting = Process::start(&mut (self.command)(&Order::Act(act)));
        let handle = self.queue.bulk_handle(acting.line("acting ").parse().unwrap());
        let a_part = tokio::time::timeout(PATIENCE, done(&handle, jobs / 5)).await;
        a_part.expect("a part is done");
        acting.kill();
        let at_death = handle.report().await.unwrap();
        assert_eq!(at_death.state, BulkState::Running);
        assert!(at_death.done < jobs * 4 / 5, "it came too late to show anything: {at_death:?}");

        let _other = self.worker();
        let report = handle.wait().await.unwrap();

        assert_eq!((report.state, report.failed), (BulkState::Done, 0), "{:?}", report.errors);
        // What the dead process did after it had saved for the last time, half a second at most, is met again or not at all.
        let met = report.done + report.skipped;
        assert!(met <= jobs && met + u64::from(self.rate.get()) >= jobs, "{report:?}");
    }

    fn worker(&self) -> Process {
        Process::start(&mut (self.command)(&Order::Work(self.work.clone())))
    }

    async fn enqueued(&self, count: u64, kind: Kind) -> Vec<JobHandle<Chore>> {
        let mut jobs = Vec::new();
        for first in (0..count).step_by(500) {
            let chores = (first..count.min(first + 500)).map(|key| Chore::new(key, kind.clone()));
            jobs.extend(self.queue.enqueue_many(chores).await.unwrap());
        }
        jobs
    }

    async fn all(&self) -> Vec<Job> {
        let (mut jobs, mut filter) = (Vec::new(), JobFilter::new().limit(500));
        loop {
            let page = self.queue.jobs(&filter).await.unwrap();
            jobs.extend(page.jobs);
            match page.next {
                Some(next) => filter = filter.after(next),
                None => return jobs,
            }
        }
    }
}

/// Ready when an action has done more than this.
async fn done(handle: &BulkHandle, jobs: u64) {
    while handle.report().await.unwrap().done <= jobs {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
