//! Payloads and results arrive as they were sent, or are refused by those who send them.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use usm_queue::{
    EnqueueOptions, ErrorKind, JobContext, JobFilter, JobStatus, Task, TaskError, TaskQueue, Topology,
    Worker,
    limits::{MAX_JSON_DEPTH, MAX_RESULT_BYTES},
};

use crate::shared::{Note, ended, in_memory, note, with_worker};

/// Everything of which a part of JSON's readers makes something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Numbers {
    double: f64,
    single: f32,
    wide: u128,
    negative: i128,
    keys: BTreeMap<u64, Vec<f64>>,
}

impl Task for Numbers {
    const NAME: &'static str = "numbers";
    const ROUTING_KEY: &'static str = "work.numbers";
    type Output = Self;
}

fn numbers() -> Numbers {
    Numbers {
        double: 123_456_789.123_456_79,
        single: 0.1,
        wide: u64::MAX.into(),
        negative: i64::MIN.into(),
        keys: BTreeMap::from([(u64::MAX, vec![1e-320, -0.0, f64::MAX])]),
    }
}

#[derive(Serialize, Deserialize)]
struct Any(Value);

impl Task for Any {
    const NAME: &'static str = "any";
    const ROUTING_KEY: &'static str = "work.any";
    type Output = ();
}

/// One queue on each backend that runs here.
async fn queues() -> Vec<TaskQueue> {
    let mut queues = vec![in_memory().await];
    #[cfg(all(feature = "rabbitmq", feature = "redis"))]
    if let (Some(broker), Some(store)) = (crate::rabbitmq::open().await, crate::redis::shared_store().await) {
        let name = usm_queue::testing::unique("payloads");
        let (exchange, dead) = (format!("{name}.tasks"), format!("{name}.dead"));
        let spec = usm_queue::QueueSpec::new(&name).bind(&exchange, "work.#").dead_letter_exchange(&dead);
        let topology = Topology::builder(&exchange).dead_letters(&dead, format!("{name}.failed")).queue(spec);
        drop(broker);
        let broker = usm_queue::RabbitMqOptions::new(crate::rabbitmq::url()).connect().await.unwrap();
        queues.push(TaskQueue::new(broker, store, topology.build().unwrap()).await.unwrap());
    }
    queues
}

#[tokio::test]
async fn numbers_keep_every_bit_on_the_way_to_the_handler_and_back() {
    for queue in queues().await {
        let worker = Worker::new(queue.clone(), ()).handle(async |task: Numbers, _: JobContext<()>| {
            assert_eq!(task.keys, numbers().keys);
            Ok::<_, TaskError>(task)
        });
        let job = queue.enqueue(numbers()).await.unwrap();

        let result = with_worker(worker, job.result()).await.unwrap();

        assert_eq!(result, numbers());
        assert!(result.keys[&u64::MAX][1].is_sign_negative());
    }
}

#[tokio::test]
async fn a_payload_that_would_arrive_otherwise_is_refused_when_enqueued() {
    let deep = (0..MAX_JSON_DEPTH).fold(json!([]), |inner, _| json!([inner]));
    for queue in queues().await {
        let refused = [
            (queue.enqueue(Numbers { double: f64::NAN, ..numbers() }).await.err(), ".double: "),
            (queue.enqueue(Numbers { single: f32::INFINITY, ..numbers() }).await.err(), ".single: "),
            (queue.enqueue(Numbers { wide: 1 << 64, ..numbers() }).await.err(), ".wide: "),
            (queue.enqueue(Numbers { negative: i128::MIN, ..numbers() }).await.err(), ".negative: "),
            (
                queue
                    .enqueue(Numbers { keys: BTreeMap::from([(7, vec![0.0, f64::NAN])]), ..numbers() })
                    .await
                    .err(),
                ".keys[7][1]: ",
            ),
        ];
        for (error, place) in refused {
            let error = error.unwrap();
            let why = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains("task `numbers`") && why.starts_with(place), "{error}: {why}");
        }
        assert_eq!(queue.enqueue(Any(deep.clone())).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let options = EnqueueOptions::new().metadata("ratio", f64::NAN).metadata("fine", 1);
        let error = queue.enqueue_with(note("x"), options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("`ratio` of the metadata"), "{error}");
    }
    let queue = in_memory().await;
    queue.enqueue(Numbers { double: f64::NAN, ..numbers() }).await.unwrap_err();
    assert!(queue.jobs(&JobFilter::default()).await.unwrap().jobs.is_empty(), "nothing of it is kept");
}

/// A result that says what each test wants to return.
#[derive(Serialize, Deserialize)]
struct Give(String);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Given {
    ratio: f64,
    pairs: BTreeMap<Pair, u8>,
    text: String,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Pair(u8, u8);

impl Task for Give {
    const NAME: &'static str = "give";
    const ROUTING_KEY: &'static str = "work.give";
    type Output = Given;
}

/// The work is done and its result is lost: no further attempt, and the error tells both.
#[tokio::test]
async fn a_result_that_cannot_be_stored_fails_the_job_and_says_what_was_done() {
    for queue in queues().await {
        let worker = Worker::new(queue.clone(), ()).handle(async |Give(what): Give, _: JobContext<()>| {
            let mut given = Given::default();
            match what.as_str() {
                "nan" => given.ratio = f64::NAN,
                "keys" => drop(given.pairs.insert(Pair(1, 2), 3)),
                _ => given.text = "x".repeat(MAX_RESULT_BYTES),
            }
            Ok::<_, TaskError>(given)
        });
        let wanted =
            [("nan", ".ratio: "), ("keys", ".pairs[[1,2]]: key must be a string"), ("size", "bytes")];
        let mut jobs = Vec::new();
        for (what, _) in wanted {
            jobs.push(queue.enqueue(Give(what.into())).await.unwrap());
        }
        let records = with_worker(worker, async {
            let mut records = Vec::new();
            for job in &jobs {
                records.push(ended(&queue, job).await);
            }
            records
        });
        for (record, (what, why)) in records.await.into_iter().zip(wanted) {
            let error = record.error.unwrap();
            assert_eq!((record.status, record.attempt), (JobStatus::Failed, 1), "{what}: {error}");
            assert!(error.contains("handler of task `give` has ended") && error.contains(why), "{error}");
        }
    }
}

#[tokio::test]
async fn a_partial_result_that_cannot_be_stored_is_told_to_the_handler() {
    let queue = in_memory().await;
    let told = Arc::new(std::sync::Mutex::new(None));
    let worker = Worker::new(queue.clone(), told.clone()).handle(
        async |_: Note, job: JobContext<Arc<std::sync::Mutex<Option<usm_queue::Error>>>>| {
            let error = job.partial([1.0, f64::NAN]).await.unwrap_err();
            *job.state.lock().unwrap() = Some(error);
            Ok::<_, TaskError>(String::new())
        },
    );
    let job = queue.enqueue(note("x")).await.unwrap();

    let record = with_worker(worker, ended(&queue, &job)).await;

    let error = told.lock().unwrap().take().unwrap();
    assert_eq!((error.kind(), record.partial_results), (ErrorKind::InvalidInput, vec![]));
    assert!(error.to_string().contains("task `note`"), "{error}");
}
