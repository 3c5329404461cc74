//! Actions on many jobs whose process is killed in the midst, on one file.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
};

use usm_queue::{
    Job, JobEvent, JobFilter, JobHandle, JobState, TaskQueue,
    bulk::{BulkAction, BulkHandle, BulkReport, BulkState},
    testing::eventually,
};
use usm_tests::{Act, Chore, Kind, Order, QUEUE};

use super::place::Place;
use crate::processes::Process;

/// Jobs a second.
const RATE: u32 = 600;

async fn enqueued(queue: &TaskQueue, count: u64, kind: Kind) -> Vec<JobHandle<Chore>> {
    let mut jobs = Vec::new();
    for first in (0..count).step_by(500) {
        let chores = (first..count.min(first + 500)).map(|key| Chore::new(key, kind.clone()));
        jobs.extend(queue.enqueue_many(chores).await.unwrap());
    }
    jobs
}

/// Every job.
async fn all(queue: &TaskQueue) -> Vec<Job> {
    let (mut jobs, mut filter) = (Vec::new(), JobFilter::new().limit(500));
    loop {
        let page = queue.jobs(&filter).await.unwrap();
        jobs.extend(page.jobs);
        match page.next {
            Some(next) => filter = filter.after(next),
            None => return jobs,
        }
    }
}

/// Starts the action in a process, kills that in the midst of it, lets another take it over, and tells the report.
async fn killed_and_taken_over(
    place: &Place,
    queue: &TaskQueue,
    action: BulkAction,
    jobs: u64,
) -> BulkReport {
    let act = Act { queue: place.file().into(), action, per_second: NonZeroU32::new(RATE).unwrap() };
    let mut acting = Process::start(&mut place.command(&Order::Act(act)));
    let handle: BulkHandle = queue.bulk_handle(acting.line("acting ").parse().unwrap());
    eventually("a part is done", async || (handle.report().await.unwrap().done > jobs / 5).then_some(()))
        .await;
    acting.kill();
    let at_death = handle.report().await.unwrap();
    assert_eq!(at_death.state, BulkState::Running);
    assert!(at_death.done < jobs * 4 / 5, "it came too late to show anything: {at_death:?}");

    let _other = place.worker(place.work());
    let report = handle.wait().await.unwrap();

    assert_eq!((report.state, report.failed), (BulkState::Done, 0), "{:?}", report.errors);
    // What the dead process did after it had saved for the last time, half a second at most, is met again or not at all.
    let met = report.done + report.skipped;
    assert!(met <= jobs && met + u64::from(RATE) >= jobs, "{report:?}");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_thousands_of_jobs_is_cancelled_once_though_the_process_is_killed_in_the_midst() {
    let place = Place::new();
    let queue = place.open().await;
    // The process that takes over is a worker.
    queue.pause(QUEUE, "the test").await.unwrap();
    let jobs = enqueued(&queue, 3_000, Kind::Quick).await;

    killed_and_taken_over(&place, &queue, BulkAction::Cancel, 3_000).await;

    let found = all(&queue).await;
    assert_eq!(found.len(), jobs.len());
    for job in found {
        let cancelled = job.timeline.iter().filter(|entry| entry.event == JobEvent::Cancelled).count();
        assert_eq!((cancelled, job.timeline.len()), (1, 2), "{job:?}");
    }
    let counts = queue.counts().await.unwrap();
    assert_eq!(counts.iter().map(|of| of.of(JobState::Cancelled)).sum::<u64>(), 3_000);
    queue.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failed_job_is_retried_once_though_the_process_is_killed_in_the_midst() {
    let place = Place::new();
    let queue = place.open().await;
    let jobs = enqueued(&queue, 1_200, Kind::Panics).await;
    let mut worker = place.worker(place.work());
    for job in &jobs {
        queue.wait(job.id()).await.unwrap();
    }
    worker.kill();

    killed_and_taken_over(&place, &queue, BulkAction::Retry, 1_200).await;

    let replays: Vec<_> =
        all(&queue).await.into_iter().filter_map(|job| job.metadata.get("replay_of").cloned()).collect();
    let replayed: BTreeSet<_> = replays.iter().filter_map(|id| id.as_str()).collect();
    let expected: BTreeMap<_, _> = jobs.iter().map(|job| (job.id().to_string(), ())).collect();
    assert!(replayed.iter().copied().eq(expected.keys().map(String::as_str)), "{} of them", replayed.len());
    assert_eq!(replays.len(), jobs.len(), "each of them once");
    queue.close().await;
}
