//! What handlers may return as errors, and what follows from it.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt};
use usm_queue::{
    ErrorKind, Job, JobContext, JobFilter, JobStatus, RetryPolicy, Task, TaskError, TaskPolicy, TaskQueue,
    Verdict, Worker, testing::TestJob,
};

use crate::shared::{Note, ended, in_memory, note, with_worker};

/// Tried three times without a pause.
#[derive(serde::Serialize, serde::Deserialize)]
struct Pay(u64);

impl Task for Pay {
    const NAME: &'static str = "pay";
    const ROUTING_KEY: &'static str = "work.pay";
    type Output = u64;

    fn policy() -> TaskPolicy {
        TaskPolicy::default().retry(RetryPolicy::exponential(3, Duration::ZERO))
    }
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the account is closed")]
    Closed,
    #[error("the bank is busy")]
    Busy,
}

fn verdict(refusal: &Refusal) -> Verdict {
    match refusal {
        Refusal::Closed => Verdict::Permanent,
        Refusal::Busy => Verdict::Retry,
    }
}

async fn ends(queue: &TaskQueue, worker: Worker<()>) -> Job {
    let job = queue.enqueue(Pay(7)).await.unwrap();
    with_worker(worker, ended(queue, &job)).await
}

fn worker(queue: &TaskQueue) -> Worker<()> {
    Worker::new(queue.clone(), ())
}

#[tokio::test]
async fn an_error_of_any_type_is_tried_again_and_told_with_its_causes() {
    let queue = in_memory().await;
    let own = worker(&queue).handle(async |_: Pay, _: JobContext<()>| Err::<u64, _>(Refusal::Busy));
    let text = worker(&queue).handle(async |_: Pay, _: JobContext<()>| Err::<u64, _>("no money".to_owned()));
    let boxed = worker(&queue).handle(async |_: Pay, _: JobContext<()>| {
        Err::<u64, Box<dyn std::error::Error + Send + Sync>>(Refusal::Busy.into())
    });
    let any = worker(&queue).handle(async |_: Pay, _: JobContext<()>| {
        Err::<u64, _>(anyhow::Error::new(Refusal::Busy).context("paying"))
    });

    for (worker, error) in [
        (own, "the bank is busy"),
        (text, "no money"),
        (boxed, "the bank is busy"),
        (any, "paying: the bank is busy"),
    ] {
        let job = ends(&queue, worker).await;
        assert_eq!((job.status, job.attempt, job.error.as_deref()), (JobStatus::Failed, 3, Some(error)));
    }
}

#[tokio::test]
async fn a_classifier_says_once_which_errors_are_permanent() {
    let queue = in_memory().await;
    let classified = || worker(&queue).classify(verdict);
    let closed = classified().handle(async |_: Pay, _: JobContext<()>| Err::<u64, _>(Refusal::Closed));
    let busy = classified().handle(async |_: Pay, _: JobContext<()>| Err::<u64, _>(Refusal::Busy));
    let by_question_mark = classified().handle(async |_: Pay, _: JobContext<()>| {
        Err::<(), _>(Refusal::Closed)?;
        Ok::<_, TaskError>(0)
    });
    let as_a_cause = classified().handle(async |_: Pay, _: JobContext<()>| {
        Err::<u64, _>(anyhow::Error::new(Refusal::Closed).context("paying"))
    });
    let said_otherwise = classified().handle(async |_: Pay, _: JobContext<()>| {
        Err::<u64, _>(TaskError::retry_after(Duration::ZERO, Refusal::Closed))
    });

    let expected = [(closed, 1), (busy, 3), (by_question_mark, 1), (as_a_cause, 1), (said_otherwise, 3)];
    for (place, (worker, attempts)) in expected.into_iter().enumerate() {
        let job = ends(&queue, worker).await;
        assert_eq!((job.status, job.attempt), (JobStatus::Failed, attempts), "worker {place}: {job:?}");
    }
}

#[tokio::test]
async fn a_handler_can_cancel_its_own_job() {
    let queue = in_memory().await;
    let cancels = worker(&queue)
        .handle(async |_: Pay, _: JobContext<()>| Err::<u64, _>(TaskError::cancel("not needed")));

    let job = ends(&queue, cancels).await;

    assert_eq!((job.status, job.attempt), (JobStatus::Cancelled, 1));
    assert!(queue.dead_letters().list(&Default::default(), 0, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn two_handlers_for_one_task_are_refused() {
    let queue = in_memory().await;
    let twice = worker(&queue)
        .handle(async |_: Note, _: JobContext<()>| Ok::<_, TaskError>("one".to_owned()))
        .handle(async |_: Note, _: JobContext<()>| Ok::<_, TaskError>("two".to_owned()));

    let refused = twice.run_until(std::future::pending()).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains(Note::NAME), "{refused}");
}

#[tokio::test]
async fn a_completed_job_keeps_no_error_of_the_attempts_before() {
    let queue = in_memory().await;
    let second_time = worker(&queue).handle(
        async |Pay(cents): Pay, job: JobContext<()>| {
            if job.attempt() == 1 { Err(Refusal::Busy) } else { Ok(cents) }
        },
    );

    let job = ends(&queue, second_time).await;

    assert_eq!((job.status, job.attempt, job.error), (JobStatus::Completed, 2, None));
    assert!(job.timeline.iter().any(|entry| entry.error.is_some()), "the history tells it");
}

#[tokio::test]
async fn a_result_can_be_asked_for_without_waiting_by_any_clone_of_the_handle() {
    let queue = in_memory().await;
    let job = queue.enqueue(Pay(7)).await.unwrap();
    let clone = job.clone();
    assert_eq!(clone.try_result().await.unwrap(), None);
    let states = job.watch().await.unwrap().map_ok(|job| job.status).try_collect::<Vec<_>>();

    let pays = worker(&queue).handle(async |Pay(cents): Pay, _: JobContext<()>| Ok::<_, Refusal>(cents));
    let states = with_worker(pays, states).await.unwrap();

    assert_eq!(states, [JobStatus::Pending, JobStatus::Processing, JobStatus::Completed]);
    assert_eq!(clone.try_result().await.unwrap(), Some(7));
    let changes = job.changes(0).await.unwrap().count().await;
    assert_eq!(changes, 3);
}

#[tokio::test]
async fn tasks_of_several_kinds_are_enqueued_in_one_batch() {
    let queue = in_memory().await;
    let mut batch = queue.batch();
    let (paid, noted) = (batch.add(Pay(7)).unwrap(), batch.add(note("x")).unwrap());
    assert!(queue.jobs(&JobFilter::new()).await.unwrap().jobs.is_empty(), "not yet");

    let accepted = batch.enqueue().await.unwrap();

    assert_eq!(accepted.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [paid.id(), noted.id()]);
    let both = worker(&queue)
        .handle(async |Pay(cents): Pay, _: JobContext<()>| Ok::<_, TaskError>(cents))
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, TaskError>(task.text));
    with_worker(both, async {
        assert_eq!((paid.result().await.unwrap(), noted.result().await.unwrap()), (7, "x".to_owned()));
    })
    .await;
    let filter = JobFilter::new().task(Pay::NAME).status(JobStatus::Completed).limit(9);
    assert_eq!(queue.jobs(&filter).await.unwrap().jobs.len(), 1);
}

#[tokio::test]
async fn a_handler_is_tested_without_a_queue() {
    async fn count(_: Pay, job: JobContext<Arc<str>>) -> Result<u64, TaskError> {
        job.progress(1, 2, "half").await?;
        job.partial(1).await?;
        job.cancelled().await;
        Err(TaskError::permanent(format!("{} stopped in attempt {}", job.state, job.attempt())))
    }
    let test = TestJob::new().attempt(2);
    test.cancel();

    let stopped = count(Pay(1), test.context("it".into())).await.unwrap_err();

    assert_eq!(
        (stopped.to_string(), stopped.verdict()),
        ("it stopped in attempt 2".to_owned(), Verdict::Permanent)
    );
    assert_eq!(test.progress().iter().map(|progress| progress.current).collect::<Vec<_>>(), [1]);
    assert_eq!(test.partials::<u64>(), [1]);
}
