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
            Ok(task.text)
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
            Ok("just in time".to_owned())
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
