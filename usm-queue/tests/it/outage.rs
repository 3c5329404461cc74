//! The backend does not answer for a while: nothing is lost, nothing runs twice to completion.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::sync::{Semaphore, mpsc};
use usm_queue::{
    JobContext, JobStatus, Worker,
    testing::{QUIET, eventually},
};

use crate::{
    flaky::Flaky,
    shared::{Note, ended, note, start, with_worker},
};

#[tokio::test]
async fn while_the_store_is_away_nothing_is_lost_and_nothing_new_is_taken() {
    let flaky = Flaky::new().await;
    let queue = &flaky.queue;
    let (told, mut heard) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let worker = Worker::new(queue.clone(), (told, gate.clone())).concurrency(2).handle(
        async |task: Note, job: JobContext<(mpsc::UnboundedSender<String>, Arc<Semaphore>)>| {
            job.state.0.send(task.text.clone()).unwrap();
            job.state.1.acquire().await?.forget();
            Ok::<_, usm_queue::TaskError>(task.text)
        },
    );
    let names = ["1", "2", "3", "4", "5"];
    let jobs = queue.enqueue_many(names.map(note)).await.unwrap();
    let running = start(worker);
    let mut begun = [heard.recv().await.unwrap(), heard.recv().await.unwrap()];
    begun.sort();
    assert_eq!(begun, ["1", "2"]);

    flaky.store_switch.set(true);
    gate.add_permits(5);
    eventually("both outcomes were tried again", async || (flaky.store_switch.refused() > 5).then_some(()))
        .await;
    assert!(heard.try_recv().is_err(), "no new job was begun");
    let depth = flaky.broker.depth("work").await.unwrap();
    assert_eq!((depth.ready, depth.unsettled), (3, Some(2)));
    flaky.store_switch.set(false);

    for (job, name) in jobs.iter().zip(names) {
        assert_eq!(ended(queue, job).await.attempt, 1);
        assert_eq!(job.result().await.unwrap(), name);
    }
    running.stop().await;
}

#[tokio::test]
async fn a_job_whose_claim_fails_is_kept_until_the_store_answers() {
    let flaky = Flaky::new().await;
    let runs = Arc::new(AtomicU32::new(0));
    let worker = Worker::new(flaky.queue.clone(), runs.clone()).handle(
        async |_: Note, job: JobContext<Arc<AtomicU32>>| {
            job.state.fetch_add(1, Ordering::SeqCst);
            Ok::<_, usm_queue::TaskError>(String::new())
        },
    );
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    flaky.store_switch.set(true);
    let running = start(worker);

    eventually("the claim was tried again", async || (flaky.store_switch.refused() > 2).then_some(())).await;
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    flaky.store_switch.set(false);

    assert_eq!(ended(&flaky.queue, &job).await.status, JobStatus::Completed);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    running.stop().await;
}

#[tokio::test]
async fn an_acknowledgement_that_fails_is_repeated_and_the_job_runs_once() {
    let flaky = Flaky::new().await;
    let runs = Arc::new(AtomicU32::new(0));
    let worker = Worker::new(flaky.queue.clone(), runs.clone()).handle(
        async |_: Note, job: JobContext<Arc<AtomicU32>>| {
            job.state.fetch_add(1, Ordering::SeqCst);
            Ok::<_, usm_queue::TaskError>("done".to_owned())
        },
    );
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    flaky.settle_switch.set(true);
    let running = start(worker);

    assert_eq!(ended(&flaky.queue, &job).await.status, JobStatus::Completed);
    eventually("settling was tried again", async || (flaky.settle_switch.refused() > 1).then_some(())).await;
    flaky.settle_switch.set(false);

    eventually("the message is gone", async || {
        (flaky.broker.depth("work").await.unwrap().is_empty()).then_some(())
    })
    .await;
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(job.result().await.unwrap(), "done");
    running.stop().await;
}

#[tokio::test]
async fn a_retry_whose_settlement_is_repeated_comes_once() {
    let flaky = Flaky::new().await;
    let runs = Arc::new(AtomicU32::new(0));
    let worker = Worker::new(flaky.queue.clone(), runs.clone()).handle(
        async |_: Note, job: JobContext<Arc<AtomicU32>>| {
            if job.state.fetch_add(1, Ordering::SeqCst) == 0 {
                Err::<_, usm_queue::TaskError>("no".parse::<u32>().unwrap_err().into())
            } else {
                Ok(String::new())
            }
        },
    );
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    flaky.settle_switch.set(true);

    let record = with_worker(worker, async {
        eventually("settling was tried again", async || (flaky.settle_switch.refused() > 1).then_some(()))
            .await;
        flaky.settle_switch.set(false);
        ended(&flaky.queue, &job).await
    })
    .await;

    assert_eq!((record.status, record.attempt), (JobStatus::Completed, 2));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_worker_shuts_down_while_the_store_is_away_and_the_job_is_done_later() {
    let flaky = Flaky::new().await;
    let (told, mut heard) = mpsc::unbounded_channel();
    let worker = || {
        Worker::new(flaky.queue.clone(), told.clone())
            .lease(QUIET)
            .grace_period(QUIET)
            .stop_grace(QUIET)
            .handle(async |task: Note, job: JobContext<mpsc::UnboundedSender<u32>>| {
                job.state.send(job.attempt()).unwrap();
                Ok::<_, usm_queue::TaskError>(task.text)
            })
    };
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    let running = start(worker());
    heard.recv().await.unwrap();
    flaky.store_switch.set(true);
    // Either the outcome was written before, or the worker has to give up on it.
    running.stop().await;
    flaky.store_switch.set(false);

    let record = with_worker(worker(), ended(&flaky.queue, &job)).await;

    assert_eq!(record.status, JobStatus::Completed);
    assert!(record.attempt <= 2);
}

#[tokio::test]
async fn health_tells_whether_the_queue_is_consumed() {
    let flaky = Flaky::new().await;
    let worker = Worker::new(flaky.queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, usm_queue::TaskError>(task.text));
    let health = worker.health();
    assert!(!health.is_consuming(), "it does not run yet");
    let running = start(worker);
    eventually("the queue is consumed", async || health.is_consuming().then_some(())).await;

    flaky.consume_switch.set(true);
    eventually("the loss is seen", async || (!health.is_consuming()).then_some(())).await;
    let lost = health.queues().pop().unwrap();
    assert_eq!((lost.queue.as_str(), lost.consuming), ("work", false));
    assert!(lost.reason.unwrap().contains("switched off"), "the reason is told");
    let job = flaky.queue.enqueue(note("kept")).await.unwrap();

    flaky.consume_switch.set(false);
    eventually("the queue is consumed again", async || health.is_consuming().then_some(())).await;
    assert_eq!(job.result().await.unwrap(), "kept");
    running.stop().await;
    assert!(health.queues().is_empty(), "an ended worker consumes nothing");
}
