//! Panics and extreme values in what the application wrote: a failed attempt, or nothing at all.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use usm_queue::{
    EnqueueOptions, JobContext, JobStatus, RetryPolicy, Task, TaskError, TaskPolicy, Worker,
    testing::{eventually, soon},
};

use crate::shared::{Note, ended, in_memory, note, start, with_worker};

#[tokio::test]
async fn an_error_whose_text_panics_is_a_failed_attempt() {
    #[derive(Debug)]
    struct Unspeakable;
    impl fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("a bug in somebody's Display")
        }
    }
    impl std::error::Error for Unspeakable {}
    let queue = in_memory().await;
    let worker = Worker::new(queue.clone(), ())
        .handle(async |_: Note, _: JobContext<()>| Err::<String, TaskError>(Unspeakable.into()));
    let job = queue.enqueue(note("x")).await.unwrap();

    let record = with_worker(worker, ended(&queue, &job)).await;

    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 3));
    assert!(record.error.unwrap().contains("somebody's Display"));
}

#[tokio::test]
async fn a_handler_that_panics_when_it_is_dropped_is_a_failed_attempt() {
    struct Trap;
    impl Drop for Trap {
        fn drop(&mut self) {
            panic!("a bug in somebody's Drop")
        }
    }
    #[derive(Serialize, Deserialize)]
    struct Slow;
    impl Task for Slow {
        const NAME: &'static str = "slow";
        const ROUTING_KEY: &'static str = "slow";
        type Output = ();
        fn policy() -> TaskPolicy {
            let retry = RetryPolicy::exponential(2, Duration::from_millis(1));
            TaskPolicy::default().timeout(Duration::from_millis(20)).retry(retry)
        }
    }
    let queue = in_memory().await;
    let worker = Worker::new(queue.clone(), ()).handle(async |_: Slow, _: JobContext<()>| {
        let _trap = Trap;
        std::future::pending::<()>().await;
        Ok::<_, TaskError>(())
    });
    let job = queue.enqueue(Slow).await.unwrap();

    let record = with_worker(worker, ended(&queue, &job)).await;

    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 2));
    assert!(record.error.unwrap().contains("longer than 20ms"));
}

#[tokio::test]
async fn a_state_whose_clone_panics_is_a_failed_attempt() {
    struct Single;
    impl Clone for Single {
        fn clone(&self) -> Self {
            panic!("a bug in somebody's Clone")
        }
    }
    let queue = in_memory().await;
    let worker = Worker::new(queue.clone(), Single)
        .handle(async |_: Note, _: JobContext<Single>| Ok::<_, TaskError>(String::new()));
    let job = queue.enqueue(note("x")).await.unwrap();

    let record = with_worker(worker, ended(&queue, &job)).await;

    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 3));
    assert!(record.error.unwrap().contains("somebody's Clone"));
}

#[tokio::test]
async fn a_panic_whose_value_panics_too_is_a_failed_attempt() {
    struct Trap;
    impl Drop for Trap {
        fn drop(&mut self) {
            panic!("again")
        }
    }
    let queue = in_memory().await;
    let worker = Worker::new(queue.clone(), ()).handle(async |_: Note, _: JobContext<()>| {
        if true {
            std::panic::panic_any(Trap);
        }
        Ok::<_, TaskError>(String::new())
    });
    let job = queue.enqueue(note("x")).await.unwrap();

    assert_eq!(with_worker(worker, ended(&queue, &job)).await.status, JobStatus::Failed);
}

#[derive(Serialize, Deserialize)]
struct Extreme;
impl Task for Extreme {
    const NAME: &'static str = "extreme";
    const ROUTING_KEY: &'static str = "extreme";
    type Output = u32;

    fn policy() -> TaskPolicy {
        let mut retry = RetryPolicy::exponential(u32::MAX, Duration::ZERO);
        (retry.jitter, retry.factor, retry.give_up_after) = (f64::NAN, f64::NAN, Duration::MAX);
        retry.max_delay = Duration::MAX;
        TaskPolicy::default().timeout(Duration::MAX).retry(retry)
    }
}

#[tokio::test]
async fn settings_at_their_ends_work() {
    let queue = in_memory().await;
    let longest = Worker::new(queue.clone(), ())
        .concurrency(usize::MAX)
        .lease(Duration::MAX)
        .grace_period(Duration::MAX)
        .stop_grace(Duration::MAX)
        .unknown_task_patience(Duration::MAX);
    let shortest = Worker::new(queue.clone(), ())
        .concurrency(0)
        .lease(Duration::ZERO)
        .grace_period(Duration::ZERO)
        .stop_grace(Duration::ZERO)
        .unknown_task_patience(Duration::ZERO);
    for worker in [longest, shortest] {
        let worker = worker.handle(async |_: Extreme, job: JobContext<()>| match job.attempt() {
            5 => Ok(5),
            attempt => Err(TaskError::retry(format!("not at {attempt}"))),
        });
        let job = queue.enqueue(Extreme).await.unwrap();
        assert_eq!(with_worker(worker, ended(&queue, &job)).await.attempt, 5);
    }
}

#[tokio::test]
async fn options_at_their_ends_work() {
    let queue = in_memory().await;
    let years = Duration::from_secs(10 * 365 * 24 * 3600);
    let worker =
        Worker::new(queue.clone(), ()).handle(async |_: Extreme, _: JobContext<()>| Ok::<_, TaskError>(0));
    let running = start(worker);
    let options = |delay, ttl| EnqueueOptions::new().delay(delay).ttl(ttl).first_retry_delay(ttl);
    for delay in [Duration::ZERO, Duration::from_millis(1)] {
        let job = queue.enqueue_with(Extreme, options(delay, Duration::MAX).priority(10)).await.unwrap();
        assert_eq!(ended(&queue, &job).await.status, JobStatus::Completed);
    }
    for delay in [years, Duration::MAX] {
        let job = queue.enqueue_with(Extreme, options(delay, years)).await.unwrap();
        assert!(job.status().await.unwrap().next_attempt_at.is_some());
    }
    let expired = queue.enqueue_with(Extreme, options(Duration::ZERO, Duration::ZERO)).await;
    if let Ok(expired) = expired {
        soon("it ends", queue.wait(expired.id())).await.unwrap();
    }
    eventually("the years are still waited for", async || {
        (queue.depth("work").await.unwrap().delayed == Some(2)).then_some(())
    })
    .await;
    running.stop().await;
}
