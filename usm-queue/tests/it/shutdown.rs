//! A worker that ends: what runs is finished or handed back.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Semaphore, mpsc, oneshot};
use usm_queue::{
    JobContext, JobEvent, JobStatus, TaskQueue, Worker,
    testing::{eventually, soon},
};

use crate::shared::{HOUR, Note, ended, in_memory, note, start, with_worker};

const SHORT: Duration = Duration::from_millis(100);

#[derive(Clone)]
struct Gate {
    begun: mpsc::UnboundedSender<u32>,
    open: Arc<Semaphore>,
}

fn gated(queue: &TaskQueue) -> (Worker<Gate>, mpsc::UnboundedReceiver<u32>, Arc<Semaphore>) {
    let (begun, heard) = mpsc::unbounded_channel();
    let open = Arc::new(Semaphore::new(0));
    let worker = Worker::new(queue.clone(), Gate { begun, open: open.clone() }).handle(
        async |task: Note, job: JobContext<Gate>| {
            job.state.begun.send(job.attempt()).unwrap();
            job.state.open.acquire().await?.forget();
            Ok::<_, usm_queue::TaskError>(task.text)
        },
    );
    (worker, heard, open)
}

async fn echo(task: Note, _: JobContext<()>) -> Result<String, usm_queue::TaskError> {
    Ok(task.text)
}

#[tokio::test]
async fn a_running_job_is_finished_and_no_other_is_begun() {
    let queue = in_memory().await;
    let [running, waiting] =
        [queue.enqueue(note("runs")).await.unwrap(), queue.enqueue(note("waits")).await.unwrap()];
    let (worker, mut begun, open) = gated(&queue);
    let (stop, stopped) = oneshot::channel::<()>();
    let worker = tokio::spawn(worker.grace_period(HOUR).run_until(async {
        let _ = stopped.await;
    }));
    begun.recv().await.unwrap();

    stop.send(()).unwrap();
    open.add_permits(2);

    soon("the worker shuts down", worker).await.unwrap().unwrap();
    let record = running.status().await.unwrap();
    assert_eq!((record.status, record.result), (JobStatus::Completed, Some("runs".into())));
    assert_eq!(waiting.status().await.unwrap().attempt, 0);
    eventually("the other job waits in its queue", async || {
        let depth = queue.depth("work").await.unwrap();
        (depth.ready == 1 && depth.unsettled == Some(0)).then_some(())
    })
    .await;
    assert!(begun.try_recv().is_err());
}

#[tokio::test]
async fn a_job_that_does_not_end_in_time_is_handed_back_uncounted() {
    let queue = in_memory().await;
    let job = queue.enqueue(note("x")).await.unwrap();
    let (worker, mut begun, _open) = gated(&queue);
    let running = start(worker.grace_period(SHORT).stop_grace(SHORT));
    begun.recv().await.unwrap();

    running.stop().await;

    let record = job.status().await.unwrap();
    assert_eq!((record.status, record.attempt, record.error), (JobStatus::Pending, 0, None));
    assert_eq!(record.timeline.last().unwrap().event, JobEvent::Released);
    let record = with_worker(Worker::new(queue.clone(), ()).handle(echo), ended(&queue, &job)).await;
    assert_eq!((record.status, record.attempt), (JobStatus::Completed, 1));
}

#[tokio::test]
async fn a_handler_that_stops_when_asked_is_handed_back_uncounted() {
    let queue = in_memory().await;
    let job = queue.enqueue(note("x")).await.unwrap();
    let (told, mut heard) = mpsc::unbounded_channel();
    let worker = Worker::new(queue.clone(), told).grace_period(SHORT).stop_grace(HOUR).handle(
        async |_: Note, job: JobContext<mpsc::UnboundedSender<()>>| {
            job.state.send(()).unwrap();
            job.cancelled().await;
            assert!(job.is_cancelled());
            Err::<String, _>(usm_queue::TaskError::retry("stopped half way"))
        },
    );
    let running = start(worker);
    heard.recv().await.unwrap();

    running.stop().await;

    let record = job.status().await.unwrap();
    assert_eq!((record.status, record.attempt, record.error), (JobStatus::Pending, 0, None));
}

#[tokio::test]
async fn what_a_handler_returns_after_it_was_asked_to_stop_counts() {
    let queue = in_memory().await;
    let job = queue.enqueue(note("x")).await.unwrap();
    let (told, mut heard) = mpsc::unbounded_channel();
    let worker = Worker::new(queue.clone(), told).grace_period(SHORT).stop_grace(HOUR).handle(
        async |_: Note, job: JobContext<mpsc::UnboundedSender<()>>| {
            job.state.send(()).unwrap();
            job.cancelled().await;
            Ok::<_, usm_queue::TaskError>("just in time".to_owned())
        },
    );
    let running = start(worker);
    heard.recv().await.unwrap();

    running.stop().await;

    assert_eq!(job.result().await.unwrap(), "just in time");
}

#[tokio::test]
async fn what_a_worker_had_taken_and_not_begun_is_there_for_the_next() {
    let queue = in_memory().await;
    let jobs = queue.enqueue_many((0..30).map(|number| note(&number.to_string()))).await.unwrap();
    for _ in 0..10 {
        // Each is stopped at another moment of taking and beginning.
        let worker = Worker::new(queue.clone(), ()).concurrency(3).handle(echo);
        soon("the worker shuts down", worker.run_until(tokio::task::yield_now())).await.unwrap();
    }

    with_worker(Worker::new(queue.clone(), ()).handle(echo), async {
        for job in &jobs {
            let record = ended(&queue, job).await;
            assert_eq!((record.status, record.attempt), (JobStatus::Completed, 1));
        }
    })
    .await;
}

#[tokio::test]
async fn a_handler_hears_of_a_shutdown_when_it_begins() {
    let queue = in_memory().await;
    let [saved, given_back] =
        [queue.enqueue(note("saves")).await.unwrap(), queue.enqueue(note("gives up")).await.unwrap()];
    let (told, mut heard) = mpsc::unbounded_channel();
    let worker = Worker::new(queue.clone(), told).concurrency(2).grace_period(HOUR).handle(
        async |task: Note, job: JobContext<mpsc::UnboundedSender<()>>| {
            assert!(!job.is_stopping());
            job.state.send(()).unwrap();
            job.stopping().await;
            assert!(job.is_stopping() && !job.is_cancelled(), "there is time left");
            if task.text == "saves" { Ok(task.text) } else { Err(usm_queue::TaskError::retry("half way")) }
        },
    );
    let running = start(worker);
    heard.recv().await.unwrap();
    heard.recv().await.unwrap();

    running.stop().await;

    assert_eq!(saved.result().await.unwrap(), "saves");
    let record = given_back.status().await.unwrap();
    assert_eq!((record.status, record.attempt, record.error), (JobStatus::Pending, 0, None));
}

#[tokio::test]
async fn a_failure_during_a_shutdown_that_has_nothing_to_do_with_it_counts() {
    let queue = in_memory().await;
    let job = queue.enqueue(note("x")).await.unwrap();
    let (told, mut heard) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let worker = Worker::new(queue.clone(), (told, gate.clone())).grace_period(HOUR).handle(
        async |_: Note, job: JobContext<(mpsc::UnboundedSender<()>, Arc<Semaphore>)>| {
            job.state.0.send(()).unwrap();
            job.state.1.acquire().await?.forget();
            Err::<String, _>(usm_queue::TaskError::retry_after(HOUR, "no use"))
        },
    );
    let health = worker.health();
    let running = tokio::spawn({
        let running = start(worker);
        heard.recv().await.unwrap();
        running.stop()
    });
    eventually("it is shutting down", async || health.queues().is_empty().then_some(())).await;

    gate.add_permits(1);

    running.await.unwrap();
    let record = job.status().await.unwrap();
    assert_eq!((record.attempt, record.error.as_deref()), (1, Some("no use")));
}

#[tokio::test]
async fn a_claim_that_succeeds_after_the_shutdown_began_starts_no_handler() {
    let flaky = crate::flaky::Flaky::new().await;
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    let (begun, mut heard) = mpsc::unbounded_channel();
    let worker = Worker::new(flaky.queue.clone(), begun).grace_period(HOUR).handle(
        async |_: Note, job: JobContext<mpsc::UnboundedSender<()>>| {
            job.state.send(()).unwrap();
            Ok::<_, usm_queue::TaskError>(String::new())
        },
    );
    let health = worker.health();
    flaky.store_switch.set(true);
    let running = start(worker);
    eventually("the claim is tried", async || (flaky.store_switch.refused() > 1).then_some(())).await;
    let stopped = tokio::spawn(running.stop());
    eventually("it is shutting down", async || health.queues().is_empty().then_some(())).await;

    flaky.store_switch.set(false);

    stopped.await.unwrap();
    let record = flaky.store.get(job.id()).await.unwrap().unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Pending, 0));
    assert!(heard.try_recv().is_err(), "no handler was started");
    assert_eq!(flaky.broker.depth("work").await.unwrap().ready, 1, "its message waits");
}

#[tokio::test]
async fn a_shutdown_fits_into_the_ten_seconds_of_docker() {
    let queue = in_memory().await;
    let job = queue.enqueue(note("x")).await.unwrap();
    let (worker, mut begun, _open) = gated(&queue);
    let running = start(worker);
    begun.recv().await.unwrap();
    let asked = std::time::Instant::now();

    running.stop().await;

    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(job.status().await.unwrap().status, JobStatus::Pending);
}

#[tokio::test]
async fn a_worker_whose_queue_is_closed_ends_and_says_why() {
    let queue = in_memory().await;
    let job = queue.enqueue(note("x")).await.unwrap();
    let (worker, mut begun, _open) = gated(&queue);
    let running = tokio::spawn(worker.stop_grace(SHORT).grace_period(HOUR).run_until(std::future::pending()));
    begun.recv().await.unwrap();

    queue.close().await;

    let reason = soon("the worker ends", running).await.unwrap().unwrap_err();
    assert_eq!(reason.kind(), usm_queue::ErrorKind::Closed, "{reason}");
    drop(job);
}

#[tokio::test]
async fn a_worker_whose_consumer_panics_ends_and_says_why() {
    let flaky = crate::flaky::Flaky::new().await;
    let worker = Worker::new(flaky.queue.clone(), ()).handle(echo);
    let health = worker.health();
    let running = tokio::spawn(worker.run_until(std::future::pending()));
    eventually("it consumes", async || health.is_consuming().then_some(())).await;

    flaky.consume_switch.panic();

    let reason = soon("the worker ends", running).await.unwrap().unwrap_err();
    assert_eq!(reason.kind(), usm_queue::ErrorKind::Backend);
    assert!(reason.to_string().contains("a consumer of the worker"), "{reason}");
}

#[tokio::test]
async fn a_worker_that_never_gets_to_consume_says_what_it_lacks() {
    let flaky = crate::flaky::Flaky::new().await;
    flaky.consume_switch.set(true);
    let worker = Worker::new(flaky.queue.clone(), ()).handle(echo);
    let health = worker.health();

    with_worker(
        worker,
        eventually("it says so", async || {
            let [queue] = health.queues().try_into().ok()?;
            queue.reason.filter(|reason| reason.contains("switched off by the test"))
        }),
    )
    .await;

    assert!(!health.is_consuming());
}
