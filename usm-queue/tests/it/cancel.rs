//! Cancelling waiting and running jobs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;
use usm_queue::{
    CancelOutcome, EnqueueOptions, ErrorKind, Job, JobContext, JobEvent, JobId, JobStatus, SqliteOptions,
    TaskError, TaskQueue, Topology, Worker,
    backend::Message,
    testing::{self, eventually},
};

use crate::shared::{HOUR, Note, ended, in_memory, note, start, with_worker};

type Told = mpsc::UnboundedSender<&'static str>;

#[tokio::test]
async fn a_waiting_job_is_cancelled_at_once_and_never_run() {
    let queue = in_memory().await;
    let runs = Arc::new(AtomicU32::new(0));
    let job = queue.enqueue(note("x")).await.unwrap();
    let delayed = queue.enqueue_with(note("x"), EnqueueOptions::new().delay(HOUR)).await.unwrap();
    let after = queue.enqueue(note("after")).await.unwrap();

    assert_eq!(job.cancel().await.unwrap(), CancelOutcome::Cancelled);
    assert_eq!(delayed.cancel().await.unwrap(), CancelOutcome::Cancelled);
    assert_eq!(job.cancel().await.unwrap(), CancelOutcome::AlreadyFinal(JobStatus::Cancelled));
    // Their messages go with them: one could outlast the record.
    let depth = queue.depth("work").await.unwrap();
    assert_eq!((depth.ready, depth.delayed), (1, Some(0)));

    let worker =
        Worker::new(queue.clone(), runs.clone()).handle(async |_: Note, job: JobContext<Arc<AtomicU32>>| {
            job.state.fetch_add(1, Ordering::SeqCst);
            Ok::<_, TaskError>(String::new())
        });
    with_worker(worker, ended(&queue, &after)).await;
    assert_eq!(runs.load(Ordering::SeqCst), 1, "only the job after it ran");
    let error = job.result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobNotCompleted);
    assert!(error.to_string().contains("was cancelled"), "{error}");
}

/// In a file, where both have the job's id. Nobody reads the notice that it has expired.
#[tokio::test]
async fn cancelling_a_job_leaves_its_dead_letter() {
    let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let topology = Topology::single("work").unwrap();
    broker.declare(&topology).await.unwrap();
    let job = Job::new(JobId::new(), "note", chrono::Utc::now());
    let mut message = Message::new("work.tasks", "work.note", job.id.to_string(), b"{}".to_vec());
    message.ttl = Some(Duration::from_millis(1));
    store.insert(&[job.clone().into()]).await.unwrap();
    broker.publish(vec![message]).await.unwrap();
    let letter = async || broker.find(topology.failed_queue(), &job.id.to_string()).await.unwrap();
    eventually("it has expired", &letter).await;

    assert_eq!(store.cancel(job.id).await.unwrap(), CancelOutcome::Cancelled);

    assert!(letter().await.is_some());
}

async fn cancel_while_it_runs(
    queue: &TaskQueue,
    worker: Worker<Told>,
    mut heard: mpsc::UnboundedReceiver<&str>,
) -> usm_queue::Job {
    let job = queue.enqueue(note("x")).await.unwrap();
    let running = start(worker);
    assert_eq!(heard.recv().await, Some("begun"));

    assert_eq!(job.cancel().await.unwrap(), CancelOutcome::Requested);

    let record = ended(queue, &job).await;
    eventually("the message is gone", async || (queue.depth("work").await.unwrap().is_empty()).then_some(()))
        .await;
    running.stop().await;
    record
}

#[tokio::test]
async fn a_running_handler_that_stops_when_asked_ends_the_job() {
    let queue = in_memory().await;
    let (told, heard) = mpsc::unbounded_channel();
    let worker =
        Worker::new(queue.clone(), told).stop_grace(HOUR).handle(async |_: Note, job: JobContext<Told>| {
            job.state.send("begun").unwrap();
            job.cancelled().await;
            Err::<String, _>(TaskError::retry("stopped"))
        });

    let record = cancel_while_it_runs(&queue, worker, heard).await;

    assert_eq!((record.status, record.cancel_requested), (JobStatus::Cancelled, true));
    let events: Vec<_> = record.timeline.iter().map(|entry| entry.event).collect();
    assert_eq!(
        events,
        [JobEvent::Enqueued, JobEvent::Started, JobEvent::CancelRequested, JobEvent::Cancelled]
    );
    assert_eq!(queue.dead_letters().purge().await.unwrap(), 0, "a cancelled job leaves no dead letter");
}

#[tokio::test]
async fn a_running_handler_that_ignores_it_is_dropped_after_its_grace() {
    let queue = in_memory().await;
    let (told, heard) = mpsc::unbounded_channel();
    let grace = Duration::from_millis(150);
    let worker =
        Worker::new(queue.clone(), told).stop_grace(grace).handle(async |_: Note, job: JobContext<Told>| {
            job.state.send("begun").unwrap();
            std::future::pending::<()>().await;
            Ok::<_, TaskError>(String::new())
        });

    let record = cancel_while_it_runs(&queue, worker, heard).await;

    assert_eq!(record.status, JobStatus::Cancelled);
    let [asked, stopped] = [record.timeline[2].at, record.timeline[3].at];
    assert!(
        stopped - asked >= chrono::Duration::from_std(grace).unwrap() - chrono::Duration::milliseconds(2)
    );
}

#[tokio::test]
async fn a_result_that_comes_in_spite_of_it_counts() {
    let queue = in_memory().await;
    let (told, heard) = mpsc::unbounded_channel();
    let worker = Worker::new(queue.clone(), told).handle(async |_: Note, job: JobContext<Told>| {
        job.state.send("begun").unwrap();
        job.cancelled().await;
        Ok::<_, TaskError>("done all the same".to_owned())
    });

    let record = cancel_while_it_runs(&queue, worker, heard).await;

    assert_eq!((record.status, record.result), (JobStatus::Completed, Some("done all the same".into())));
}

#[tokio::test]
async fn cancelling_an_unknown_job_says_so() {
    let queue = in_memory().await;

    assert_eq!(queue.cancel(JobId::new()).await.unwrap(), CancelOutcome::Unknown);
    assert_eq!(queue.job(JobId::new()).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(queue.wait(JobId::new()).await.unwrap_err().kind(), ErrorKind::NotFound);
}
