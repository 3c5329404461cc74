//! The trace context of a job, from the call that enqueues it to the handler that runs it.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use usm_queue::{
    EnqueueOptions, JobContext, JobHandle, JobStatus, Task, TaskError, TaskQueue, TraceContext, Worker,
};

use crate::shared::{Note, ended, foreign, in_memory, note, with_worker};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn trace() -> TraceContext {
    TraceContext::parse(TRACEPARENT, Some("vendor=1")).unwrap()
}

type Heard = mpsc::UnboundedSender<Option<TraceContext>>;

/// A worker that tells the trace of each attempt, and fails until the text is `good`.
fn worker(queue: &TaskQueue, heard: Heard) -> Worker<Heard> {
    Worker::new(queue.clone(), heard).handle(async |task: Note, job: JobContext<Heard>| {
        job.state.send(job.trace().cloned()).unwrap();
        if task.text == "good" { Ok(task.text) } else { Err(TaskError::retry("not yet")) }
    })
}

/// What the attempts of these jobs are told.
async fn traces(queue: &TaskQueue, jobs: &[JobHandle<Note>]) -> Vec<Option<TraceContext>> {
    let (heard, mut told) = mpsc::unbounded_channel();
    with_worker(worker(queue, heard), async {
        for job in jobs {
            ended(queue, job).await;
        }
    })
    .await;
    std::iter::from_fn(|| told.try_recv().ok()).collect()
}

#[tokio::test]
async fn a_trace_goes_with_a_job_over_retries_a_dead_letter_and_its_replay() {
    let queue = in_memory().await.trace_with(|_| Some(trace()));
    let job = queue.enqueue(note("bad")).await.unwrap();
    assert_eq!(traces(&queue, std::slice::from_ref(&job)).await, vec![Some(trace()); 3]);

    let replay = queue.dead_letters().replay(&job.id().to_string()).await.unwrap();

    assert_eq!(queue.job(replay).await.unwrap().trace, Some(trace()));
}

#[tokio::test]
async fn every_job_of_a_batch_has_the_trace_of_the_call() {
    let queue = in_memory().await.trace_with(|_| Some(trace()));
    let jobs = queue.enqueue_many([note("good"), note("good")]).await.unwrap();

    assert_eq!(traces(&queue, &jobs).await, vec![Some(trace()); 2]);
}

#[tokio::test]
async fn what_the_options_say_counts_more_than_what_is_found() {
    let other = TraceContext::parse(&TRACEPARENT.replace("4bf92f", "aaaaaa"), None).unwrap();
    let queue = in_memory().await.trace_with(|_| Some(trace()));
    let options = EnqueueOptions::new().trace(other.clone());
    let job = queue.enqueue_with(note("good"), options).await.unwrap();

    assert_eq!(traces(&queue, std::slice::from_ref(&job)).await, [Some(other.clone())]);
    assert_eq!(queue.job(job.id()).await.unwrap().trace, Some(other));
}

#[tokio::test]
async fn a_job_without_a_trace_has_none() {
    let queue = in_memory().await.trace_with(|_| None);
    let job = queue.enqueue(note("good")).await.unwrap();

    assert_eq!(traces(&queue, &[job]).await, [None]);
}

#[tokio::test]
async fn the_trace_of_another_services_message_is_followed_and_garbage_is_ignored() {
    for (traceparent, expected) in [(TRACEPARENT, Some(trace())), ("00-garbage", None)] {
        let (broker, store) = usm_queue::testing::sqlite_pair(None, Default::default()).await.unwrap();
        let topology = usm_queue::Topology::single("work").unwrap();
        let queue = TaskQueue::new(broker.clone(), store, topology).await.unwrap();
        let mut message = foreign("their-1", r#"{"text": "good"}"#);
        message.headers.insert("traceparent".to_owned(), traceparent.into());
        message.headers.insert("tracestate".to_owned(), "vendor=1".into());
        let id = message.job_id().unwrap();
        broker.publish(vec![message]).await.unwrap();

        let (heard, mut told) = mpsc::unbounded_channel();
        let traced = with_worker(worker(&queue, heard), async { told.recv().await.unwrap() }).await;

        assert_eq!(traced, expected);
        let job = queue.job(id).await.unwrap();
        assert_eq!((job.status, job.trace), (JobStatus::Completed, expected));
    }
}

#[tokio::test]
async fn a_worker_links_a_span_of_every_delivery_once_and_a_panic_of_that_costs_nothing() {
    let queue = in_memory().await.trace_with(|_| Some(trace()));
    let job = queue.enqueue(note("good")).await.unwrap();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry());
    let linked = Arc::new(Mutex::new(Vec::new()));
    let link = {
        let linked = linked.clone();
        move |span: &tracing::Span, trace: &TraceContext| {
            let name = span.metadata().map(tracing::Metadata::name);
            linked.lock().unwrap().push((name, trace.clone()));
            panic!("a bug in the application");
        }
    };
    let (heard, _told) = mpsc::unbounded_channel();

    let job = with_worker(worker(&queue, heard).trace_with(link), ended(&queue, &job)).await;

    assert_eq!((job.status, job.task.as_str()), (JobStatus::Completed, Note::NAME));
    let linked = linked.lock().unwrap();
    assert!(linked.len() == 1 && linked[0].1 == trace(), "{linked:?}");
    assert!(matches!(linked[0].0, Some("process" | "attempt")));
}
