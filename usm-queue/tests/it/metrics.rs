//! What is measured, and that the number of series grows neither with jobs nor with workers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{
    Counter, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use serde::{Deserialize, Serialize};
use usm_queue::{
    EnqueueOptions, JobContext, RetryPolicy, Task, TaskError, TaskPolicy, TaskQueue, Topology, Worker,
    backend::Message,
    testing::{self, eventually},
};

use crate::{
    flaky::Flaky,
    shared::{HOUR, Note, ended, note, start},
};

/// Keeps every series by name and labels.
#[derive(Default)]
struct Series {
    values: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    described: Mutex<Vec<String>>,
}

impl Series {
    fn of(&self, key: &Key) -> Arc<AtomicU64> {
        let mut labels: Vec<_> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        self.values.lock().unwrap().entry(name).or_default().clone()
    }

    fn all(&self) -> Vec<String> {
        self.values.lock().unwrap().keys().cloned().collect()
    }

    /// A counter, the number of values in a histogram, or a gauge.
    fn value(&self, name: &str) -> u64 {
        self.values.lock().unwrap().get(name).map_or(0, |value| value.load(Ordering::SeqCst))
    }
}

struct Whole(Arc<AtomicU64>);

impl GaugeFn for Whole {
    fn increment(&self, value: f64) {
        self.0.fetch_add(value as u64, Ordering::SeqCst);
    }
    fn decrement(&self, value: f64) {
        self.0.fetch_sub(value as u64, Ordering::SeqCst);
    }
    fn set(&self, value: f64) {
        self.0.store(value as u64, Ordering::SeqCst);
    }
}

impl HistogramFn for Whole {
    fn record(&self, value: f64) {
        assert!((0.0..60.0).contains(&value), "{value} s");
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Recorder for Series {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().unwrap().push(name.as_str().to_owned());
    }
    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().unwrap().push(name.as_str().to_owned());
    }
    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().unwrap().push(name.as_str().to_owned());
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.of(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::new(Whole(self.of(key))))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Whole(self.of(key))))
    }
}

/// Another kind of work in the same queue.
#[derive(Serialize, Deserialize)]
struct Other;

impl Task for Other {
    const NAME: &'static str = "other";
    const ROUTING_KEY: &'static str = "work.other";
    type Output = ();

    fn policy() -> TaskPolicy {
        TaskPolicy::default().retry(RetryPolicy::never())
    }
}

/// By what the text begins with.
async fn by_text(task: Note, job: JobContext<()>) -> Result<String, TaskError> {
    match task.text.as_str() {
        "fails" => Err(TaskError::permanent("never")),
        "panics" if job.attempt() == 1 => panic!("a bug"),
        _ => Ok(task.text),
    }
}

fn worker(queue: &TaskQueue) -> Worker<()> {
    Worker::new(queue.clone(), ())
        .concurrency(8)
        .unknown_task_patience(std::time::Duration::ZERO)
        .handle(by_text)
        .handle(async |_: Other, _: JobContext<()>| Err::<(), _>(TaskError::retry("no")))
}

async fn work(queue: &TaskQueue, workers: usize, jobs: usize) {
    let workers: Vec<_> = (0..workers).map(|_| start(worker(queue))).collect();
    let notes = queue.enqueue_many((0..jobs).map(|_| note("x"))).await.unwrap();
    let others = queue.enqueue_many((0..jobs / 10).map(|_| Other)).await.unwrap();
    for job in &notes {
        ended(queue, job).await;
    }
    for job in &others {
        ended(queue, job).await;
    }
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn the_number_of_series_grows_neither_with_jobs_nor_with_workers_nor_with_unknown_tasks() {
    let series = Series::default();
    let _guard = metrics::set_default_local_recorder(&series);
    let (broker, store) = testing::sqlite_pair(None, Default::default()).await.unwrap();
    let queue = TaskQueue::new(broker.clone(), store, Topology::single("work").unwrap()).await.unwrap();
    let strange = |name: String| {
        let mut message = Message::new("work.tasks", "work.note", &name, b"{}".to_vec());
        message.headers.insert("x-usm-task".to_owned(), name.into());
        message
    };
    broker.publish(vec![strange("strange".to_owned())]).await.unwrap();
    work(&queue, 1, 20).await;
    let any = usm_queue::DeadLetterFilter::default();
    queue.dead_letters().replay_all(&any).await.unwrap();
    let before = series.all();

    broker.publish((0..50).map(|number| strange(format!("strange-{number}"))).collect()).await.unwrap();
    work(&queue, 50, 1000).await;
    eventually("the strange messages are dead letters", async || {
        let left = queue.depth("work").await.unwrap();
        left.is_empty().then_some(())
    })
    .await;
    queue.dead_letters().replay_all(&any).await.unwrap();

    assert_eq!(series.all(), before);
    assert!(
        before.iter().all(|name| name.starts_with("usm_queue_") && !name.contains("strange")),
        "{before:?}"
    );
}

#[tokio::test]
async fn what_happens_to_jobs_is_counted_by_queue_task_and_outcome() {
    let series = Series::default();
    let _guard = metrics::set_default_local_recorder(&series);
    let queue = TaskQueue::in_memory(Topology::single("work").unwrap()).await.unwrap();
    let waiting = queue.enqueue(note("cancelled")).await.unwrap();
    waiting.cancel().await.unwrap();
    let running = start(worker(&queue));
    let jobs = queue.enqueue_many(["x", "fails", "panics"].map(note)).await.unwrap();
    for job in &jobs {
        ended(&queue, job).await;
    }
    let value = |name: &str| series.value(name);
    assert_eq!(value("usm_queue_concurrency{queue=work}"), 8);
    assert_eq!((value("usm_queue_consumers{queue=work}"), value("usm_queue_consuming{queue=work}")), (1, 1));
    running.stop().await;

    assert_eq!(value("usm_queue_jobs_enqueued_total{queue=work,task=note}"), 4);
    for (outcome, attempts) in [("ok", 2), ("permanent", 1), ("panic", 1), ("retry", 0)] {
        let name = format!("usm_queue_job_attempts_total{{outcome={outcome},queue=work,task=note}}");
        assert_eq!(value(&name), attempts, "{outcome}");
    }
    assert_eq!(value("usm_queue_jobs_finished_total{outcome=completed,queue=work,task=note}"), 2);
    assert_eq!(value("usm_queue_jobs_finished_total{outcome=cancelled,queue=work,task=note}"), 1);
    assert_eq!(value("usm_queue_jobs_finished_total{outcome=failed,queue=work,task=note}"), 1);
    for (histogram, values) in [("wait", 4), ("run", 4), ("total", 3)] {
        let name = format!("usm_queue_job_{histogram}_seconds{{queue=work,task=note}}");
        assert_eq!(value(&name), values, "{histogram}");
    }
    assert_eq!(value("usm_queue_publish_seconds{}"), 2);
    assert_eq!(value("usm_queue_dead_letters_total{queue=work,reason=permanent error,task=note}"), 1);
    for gauge in ["running", "concurrency", "consumers", "consuming"] {
        assert_eq!(value(&format!("usm_queue_{gauge}{{queue=work}}")), 0, "{gauge}");
    }

    queue.close().await;
    queue.enqueue(note("late")).await.unwrap_err();
    assert_eq!(value("usm_queue_publish_failures_total{cause=closed}"), 1);
}

/// On each measuring round, also while the queue is paused, and on a broker that does not count its jobs itself.
#[tokio::test(start_paused = true)]
async fn how_long_the_oldest_job_waits_is_measured() {
    for shared in [true, false] {
        let series = Series::default();
        let _guard = metrics::set_default_local_recorder(&series);
        let queue = match shared {
            true => TaskQueue::in_memory(Topology::single("work").unwrap()).await.unwrap(),
            false => Flaky::new().await.queue,
        };
        queue.pause("work", "the test").await.unwrap();
        let old = queue.enqueue(note("x")).await.unwrap();
        queue.enqueue_with(note("x"), EnqueueOptions::new().delay(HOUR)).await.unwrap();
        let value = |name: &str| series.value(&format!("usm_queue_{name}"));
        let running = start(worker(&queue));

        eventually("it waits longer and longer", async || {
            (value("oldest_waiting_seconds{queue=work}") > 60).then_some(())
        })
        .await;
        assert_eq!(value("depth{queue=work,state=ready}"), 1);
        assert_eq!(value("depth{queue=work,state=delayed}"), 1);
        queue.resume("work").await.unwrap();
        ended(&queue, &old).await;
        eventually("nothing waits", async || {
            (value("oldest_waiting_seconds{queue=work}") == 0).then_some(())
        })
        .await;

        running.stop().await;
    }
}

#[tokio::test]
async fn everything_that_is_measured_is_described() {
    let series = Series::default();
    let _guard = metrics::set_default_local_recorder(&series);
    let queue = TaskQueue::in_memory(Topology::single("work").unwrap()).await.unwrap();
    work(&queue, 1, 10).await;

    let described = series.described.lock().unwrap();
    for name in series.all() {
        let (name, _) = name.split_once('{').unwrap();
        assert!(described.iter().any(|described| described == name), "{name}");
    }
}
