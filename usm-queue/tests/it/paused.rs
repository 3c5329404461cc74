//! A queue in memory keeps tokio's time: with paused time nothing is waited for.

use std::time::{Duration, Instant};

use usm_queue::{EnqueueOptions, JobContext, JobStatus, RetryPolicy, Task, TaskError, TaskPolicy, Worker};

use crate::shared::{HOUR, Note, in_memory, note};

#[derive(serde::Serialize, serde::Deserialize)]
struct Stubborn;
impl Task for Stubborn {
    const NAME: &'static str = "stubborn";
    const ROUTING_KEY: &'static str = "work.stubborn";
    type Output = u32;

    fn policy() -> TaskPolicy {
        TaskPolicy::default().retry(RetryPolicy::exponential(3, HOUR).max_delay(2 * HOUR))
    }
}

#[tokio::test(start_paused = true)]
async fn delays_and_retries_of_hours_pass_at_once_and_in_order() {
    let (begun, virtually) = (Instant::now(), tokio::time::Instant::now());
    let queue = in_memory().await;
    let worker = Worker::new(queue.clone(), ())
        .concurrency(4)
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, TaskError>(task.text))
        .handle(
            async |_: Stubborn, job: JobContext<()>| {
                if job.attempt() < 3 { Err(TaskError::retry("not yet")) } else { Ok(job.attempt()) }
            },
        );
    let stubborn = queue.enqueue(Stubborn).await.unwrap();
    let delayed = queue.enqueue_with(note("late"), EnqueueOptions::new().delay(2 * HOUR)).await.unwrap();

    let results = async {
        assert_eq!(stubborn.result().await.unwrap(), 3);
        assert_eq!(delayed.result().await.unwrap(), "late");
    };
    worker.run_until(results).await.unwrap();

    let (third, late) = (stubborn.status().await.unwrap(), delayed.status().await.unwrap());
    // One hour and two, spread by a tenth.
    let took = |job: &usm_queue::Job| (job.finished_at.unwrap() - job.created_at).to_std().unwrap();
    assert!(took(&third) >= HOUR.mul_f64(2.6), "{:?}", took(&third));
    assert!(took(&late) >= 2 * HOUR && took(&late) < took(&third), "{:?}", took(&late));
    assert!(virtually.elapsed() >= took(&third));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_nobody_takes_in_time_expires() {
    let queue = in_memory().await;
    let job = queue.enqueue_with(note("nobody"), EnqueueOptions::new().ttl(HOUR)).await.unwrap();

    let record = queue.wait(job.id()).await.unwrap();

    assert_eq!(record.status, JobStatus::Failed);
    assert!(record.error.unwrap().contains("expired"));
}
