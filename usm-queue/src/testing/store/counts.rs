//! How many jobs there are, after each transition.

use std::time::Duration;

use super::story::{LONG, Story, new_job, now, retry};
use crate::{
    backend::{JobFilter, JobStore, JobUpdate, NewJob, OpenTask, QueueCounts},
    job::{Job, JobState, JobStatus},
    testing::{eventually, unique},
};

async fn counts_of(store: &dyn JobStore, queue: &str) -> QueueCounts {
    let counts = store.counts().await.unwrap();
    let found = counts.into_iter().find(|counts| counts.queue.as_deref() == Some(queue));
    found.unwrap_or_else(|| QueueCounts::new(Some(queue.to_owned())))
}

/// Those of a queue but for `oldest_waiting`, in the order of [`JobState::ALL`].
async fn numbers(store: &dyn JobStore, queue: &str) -> [u64; 7] {
    let counts = counts_of(store, queue).await;
    JobState::ALL.map(|state| counts.of(state))
}

async fn open_of(store: &dyn JobStore, queue: &str) -> Vec<OpenTask> {
    let mut open = store.open_tasks().await.unwrap();
    open.retain(|open| open.queue.as_deref() == Some(queue));
    open.sort();
    open
}

fn in_queue(queue: &str) -> Job {
    let mut job = new_job();
    job.queue = Some(queue.to_owned());
    job
}

/// Whatever makes it.
pub async fn each_transition_is_counted(store: &dyn JobStore) {
    let queue = unique("queue");
    let story = Story { store, job: in_queue(&queue) };
    store.insert(&[story.job.clone().into()]).await.unwrap();
    store.insert(&[story.job.clone().into()]).await.unwrap();
    assert_eq!(numbers(store, &queue).await, [1, 0, 0, 0, 0, 0, 0], "stored, and known");
    let (_, lease) = story.claim(LONG).await;
    assert_eq!(numbers(store, &queue).await, [0, 0, 0, 1, 0, 0, 0], "claimed");
    story.update(lease, JobUpdate::Partial(1.into())).await;
    store.renew(&[lease], LONG).await.unwrap();
    assert_eq!(numbers(store, &queue).await, [0, 0, 0, 1, 0, 0, 0], "renewed");
    story.update(lease, JobUpdate::Released).await;
    assert_eq!(numbers(store, &queue).await, [1, 0, 0, 0, 0, 0, 0], "released");
    let (_, lease) = story.claim(LONG).await;
    story.update(lease, retry(true)).await;
    assert_eq!(numbers(store, &queue).await, [1, 0, 0, 0, 0, 0, 0], "due at once");
    let (_, lease) = story.claim(LONG).await;
    story.update(lease, JobUpdate::Retry { error: "later".into(), delay: LONG, counted: true }).await;
    assert_eq!(numbers(store, &queue).await, [0, 0, 1, 0, 0, 0, 0], "retrying");
    store.cancel(story.id()).await.unwrap();
    store.cancel(story.id()).await.unwrap();
    assert_eq!(numbers(store, &queue).await, [0, 0, 0, 0, 0, 0, 1], "cancelled");

    for (status, counted) in [
        (JobStatus::Completed, [0, 0, 0, 0, 1, 0, 1]),
        (JobStatus::Failed, [0, 0, 0, 0, 1, 1, 1]),
        (JobStatus::Cancelled, [0, 0, 0, 0, 1, 1, 2]),
    ] {
        // Unknown to the store: rebuilt by the claim.
        let story = Story { store, job: in_queue(&queue) };
        story.end(status).await;
        assert_eq!(numbers(store, &queue).await, counted, "{status}");
    }
    let expired = in_queue(&queue);
    store.fail_unclaimed(expired.clone().into(), "expired".into()).await.unwrap();
    store.fail_unclaimed(expired.into(), "expired".into()).await.unwrap();
    assert_eq!(numbers(store, &queue).await, [0, 0, 0, 0, 1, 2, 2], "failed by the broker");
    let withdrawn = in_queue(&queue);
    store.insert_unconfirmed(&[withdrawn.clone().into()]).await.unwrap();
    assert_eq!(numbers(store, &queue).await, [1, 0, 0, 0, 1, 2, 2], "unconfirmed");
    store.withdraw(&[withdrawn.id]).await.unwrap();
    assert_eq!(numbers(store, &queue).await, [0, 0, 0, 0, 1, 2, 2], "withdrawn");
}

/// By a worker that does not know the task, by a takeover, and from outside.
pub async fn what_happens_to_stalled_and_postponed_jobs_is_counted(store: &dyn JobStore) {
    let queue = unique("queue");
    let story = Story { store, job: in_queue(&queue) };
    store.postpone(story.job.clone().into(), "unknown task".into(), LONG).await.unwrap();
    store.postpone(story.job.clone().into(), "unknown task".into(), LONG).await.unwrap();
    assert_eq!(numbers(store, &queue).await, [0, 1, 0, 0, 0, 0, 0], "it is not due");
    store.cancel(story.id()).await.unwrap();

    let story = Story { store, job: in_queue(&queue) };
    let (_, lease) = story.take_over().await;
    assert_eq!(numbers(store, &queue).await, [0, 0, 0, 1, 0, 0, 1], "taken over");
    story.update(lease, JobUpdate::Completed(1.into())).await;
    let story = Story { store, job: in_queue(&queue) };
    story.stall().await;
    store.fail_unclaimed(story.job.clone().into(), "expired".into()).await.unwrap();
    assert_eq!(numbers(store, &queue).await, [0, 0, 0, 0, 1, 1, 1], "a stalled one failed");
}

/// Without anybody doing anything.
pub async fn a_scheduled_job_counts_as_waiting_once_it_is_due(store: &dyn JobStore) {
    let queue = unique("queue");
    let mut job = in_queue(&queue);
    job.next_attempt_at = Some(job.created_at + Duration::from_millis(300));
    let later = Job { next_attempt_at: Some(now() + LONG), ..in_queue(&queue) };
    store.insert(&[job.clone().into(), later.into()]).await.unwrap();

    eventually("it waits", async || (numbers(store, &queue).await == [1, 1, 0, 0, 0, 0, 0]).then_some(()))
        .await;

    assert_eq!(counts_of(store, &queue).await.oldest_waiting, Some(job.created_at));
    // Also when maintenance has long seen it.
    eventually("it is listed", async || {
        let waiting = JobFilter::new().queue(&queue).state(JobState::Waiting);
        (store.list(&waiting).await.unwrap().jobs.len() == 1).then_some(())
    })
    .await;
    assert_eq!(numbers(store, &queue).await, [1, 1, 0, 0, 0, 0, 0]);
    let story = Story { store, job };
    story.claim(LONG).await;
    assert_eq!(numbers(store, &queue).await, [0, 1, 0, 1, 0, 0, 0]);
}

/// Of each queue, over all its tasks, and none where none waits.
pub async fn the_oldest_waiting_job_is_told(store: &dyn JobStore) {
    let queue = unique("queue");
    let begun = now();
    let jobs: Vec<_> = (0..3)
        .map(|number| Job { created_at: begun + chrono::Duration::milliseconds(number), ..in_queue(&queue) })
        .collect();
    store.insert(&jobs.iter().rev().cloned().map(NewJob::from).collect::<Vec<_>>()).await.unwrap();
    let oldest = async || counts_of(store, &queue).await.oldest_waiting;
    assert_eq!(oldest().await, Some(jobs[0].created_at));
    assert_eq!(store.counts_of(&queue).await.unwrap(), counts_of(store, &queue).await, "of this queue alone");

    let first = Story { store, job: jobs[0].clone() };
    let (_, lease) = first.claim(LONG).await;
    assert_eq!(oldest().await, Some(jobs[1].created_at));
    first.update(lease, JobUpdate::Released).await;
    assert_eq!(oldest().await, Some(jobs[0].created_at));

    for job in &jobs {
        store.cancel(job.id).await.unwrap();
    }
    assert_eq!(oldest().await, None);
}

/// As long as one job of it has not ended.
pub async fn tasks_with_open_jobs_are_told(store: &dyn JobStore) {
    let (queue, mail, report) = (unique("queue"), unique("mail \"\\ж"), unique("report"));
    let story = |task: &str| Story { store, job: Job { task: task.to_owned(), ..in_queue(&queue) } };
    let (first, second, third) = (story(&mail), story(&mail), story(&report));
    for story in [&first, &second, &third] {
        store.insert(&[story.job.clone().into()]).await.unwrap();
    }
    let open = |task: &str, jobs| OpenTask::new(Some(queue.clone()), task.to_owned(), jobs);
    assert_eq!(open_of(store, &queue).await, [open(&mail, 2), open(&report, 1)]);

    first.claim(LONG).await;
    second.end(JobStatus::Completed).await;
    third.end(JobStatus::Failed).await;
    assert_eq!(open_of(store, &queue).await, [open(&mail, 1)]);
    store.cancel(first.id()).await.unwrap();
    assert_eq!(open_of(store, &queue).await, [open(&mail, 1)], "it still runs");
}

/// From many tasks at once, with what each does left to chance.
pub async fn the_counts_are_right_after_random_operations(store: &dyn JobStore) {
    let queue = unique("queue");
    let work = (0..8).map(|_| async {
        for _ in 0..12 {
            let mut job = in_queue(&queue);
            if fastrand::u8(..4) == 0 {
                job.next_attempt_at = Some(now() + LONG);
            }
            let story = Story { store, job };
            store.insert(&[story.job.clone().into()]).await.unwrap();
            if fastrand::bool() && story.job.next_attempt_at.is_none() {
                let (_, lease) = story.claim(LONG).await;
                let error = "error".to_owned();
                match fastrand::u8(..7) {
                    0 => story.update(lease, JobUpdate::Completed(1.into())).await,
                    1 => story.update(lease, JobUpdate::Failed(error)).await,
                    2 => story.update(lease, JobUpdate::Cancelled).await,
                    3 => story.update(lease, JobUpdate::Retry { error, delay: LONG, counted: true }).await,
                    4 => story.update(lease, JobUpdate::Retry { error, delay: LONG, counted: false }).await,
                    5 => story.update(lease, JobUpdate::Released).await,
                    _ => {}
                }
            }
            if fastrand::u8(..4) == 0 {
                store.cancel(story.id()).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(work).await;

    let counted = numbers(store, &queue).await;

    let mut found = [0; 7];
    let all = JobFilter::new().queue(&queue).limit(usize::MAX);
    for job in store.list(&all).await.unwrap() {
        let state = job.state(now());
        found[JobState::ALL.iter().position(|known| *known == state).unwrap()] += 1;
    }
    assert_eq!(counted, found);
    assert_eq!(counted.iter().sum::<u64>(), 8 * 12);
    assert_eq!(
        open_of(store, &queue).await.iter().map(|open| open.jobs).sum::<u64>(),
        counted[..4].iter().sum::<u64>()
    );
}
