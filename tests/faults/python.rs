//! Services written in Python after the guide, on the same queues: both directions.

use std::{path::Path, process::Command};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use usm_queue::{
    EnqueueOptions, ErrorKind, JobContext, JobId, JobStatus, Owner, Task, TaskError, TaskQueue, Worker,
    testing::eventually,
};
use usm_tests::{
    processes::Process,
    python::{python, script},
};

use crate::stage::{PATIENCE, Stage};

/// A task as the guide's services publish it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GenerateMap {
    requirements_text: String,
    use_enhancement: bool,
}

impl GenerateMap {
    pub(crate) fn of(text: &str) -> Self {
        Self { requirements_text: text.to_owned(), use_enhancement: false }
    }
}

impl Task for GenerateMap {
    const NAME: &'static str = "ai_map_generation";
    const ROUTING_KEY: &'static str = "ai.task.map.generation";
    type Output = Value;
}

const TEXT: &str = "Доставка еды: меню, корзина, «оплата» 🚀";

/// A worker that fails what it is told to fail and holds what it is told to hold.
pub(crate) async fn generate_map(task: GenerateMap, job: JobContext<()>) -> Result<Value, TaskError> {
    job.progress(2, 5, "Processing story 2 of 5").await?;
    match task.requirements_text.as_str() {
        "hold" => std::future::pending().await,
        "fail" => Err(TaskError::permanent("no such provider")),
        text => Ok(json!({"project_id": 456, "text": text, "enhanced": task.use_enhancement})),
    }
}

async fn open(stage: &Stage) -> TaskQueue {
    let topology = usm_app::app::topology().unwrap();
    TaskQueue::connect(stage.rabbit.url(&stage.vhost), stage.redis.url(), topology).await.unwrap()
}

fn run(python: &Path, name: &str, arguments: &[&str]) -> String {
    let output = Command::new(python).arg(script(name)).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.trim().to_owned()
}

/// Publishes a job from Python and returns its id.
fn produce(python: &Path, stage: &Stage, text: &str, record: bool) -> JobId {
    let job = json!({
        "routing_key": "ai.task.map.generation",
        "priority": 7,
        "job_type": "ai_map_generation",
        "user_id": 42,
        "fields": {"requirements_text": text, "use_enhancement": true},
        "record": record,
    });
    let amqp = stage.rabbit.url(&stage.vhost);
    run(python, "produce.py", &[&amqp, &stage.redis.url(), &job.to_string()]).parse().unwrap()
}

/// The job record as Python code reads it that expects the guide's schema.
fn read(python: &Path, stage: &Stage, id: JobId) -> (Value, i64) {
    let text = run(python, "read_job.py", &[&stage.redis.url(), &id.to_string()]);
    let read: Value = serde_json::from_str(&text).unwrap();
    (read["record"].clone(), read["ttl"].as_i64().unwrap())
}

async fn until_status(queue: &TaskQueue, id: JobId, status: JobStatus) {
    eventually("its status is so", async || {
        let job = match queue.job(id).await {
            Ok(job) => job,
            // Nobody wrote a record, and nobody took the message yet.
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => panic!("{error}"),
        };
        (job.status == status && job.progress.is_some() | job.status.is_final()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_python_service_publishes_is_worked_and_its_record_follows() {
    let (Some(stage), Some(python)) = (Stage::shared().await, python()) else { return };
    // Its services are there first and declare everything; ours find it as it should be.
    let early = produce(&python, &stage, TEXT, true);
    let queue = open(&stage).await;
    let known = queue.job(early).await.unwrap();
    assert_eq!((known.status, &known.owner), (JobStatus::Pending, &Some(Owner::Id(42))), "{known:#?}");
    let mut watch = queue.watch(early).await.unwrap();
    let worker = Worker::new(queue.clone(), ()).handle(generate_map).concurrency(8);
    let stop = tokio_util::sync::CancellationToken::new();
    let working = tokio::spawn(worker.run_until(stop.clone().cancelled_owned()));

    let [without_record, failing, holding] = [(TEXT, false), ("fail", true), ("hold", true)]
        .map(|(text, record)| produce(&python, &stage, text, record));

    let mut last = None;
    while let Some(job) = tokio::time::timeout(PATIENCE, watch.next()).await.unwrap() {
        last = Some(job.unwrap());
    }
    assert_eq!(last.unwrap().status, JobStatus::Completed);
    for id in [early, without_record] {
        until_status(&queue, id, JobStatus::Completed).await;
        let (record, ttl) = read(&python, &stage, id);
        assert_eq!(record["status"], "completed", "{record:#}");
        assert_eq!(record["job_type"], "ai_map_generation", "{record:#}");
        assert_eq!(record["user_id"], 42, "{record:#}");
        assert_eq!(
            record["result"],
            json!({"project_id": 456, "text": TEXT, "enhanced": true}),
            "{record:#}"
        );
        assert_eq!(record["error"], Value::Null, "{record:#}");
        assert!((3_000..=3_600).contains(&ttl), "kept for {ttl} s");
    }
    let (record, _) = read(&python, &stage, early);
    assert_eq!(record["metadata"], json!({"from": "python"}), "what it attached is kept: {record:#}");
    let created: String = known.created_at.to_rfc3339().chars().take(19).collect();
    assert!(record["created_at"].as_str().unwrap().starts_with(&created), "{record:#}");
    until_status(&queue, failing, JobStatus::Failed).await;
    let (record, _) = read(&python, &stage, failing);
    assert_eq!(
        (&record["status"], &record["error"]),
        (&json!("failed"), &json!("no such provider")),
        "{record:#}"
    );
    until_status(&queue, holding, JobStatus::Processing).await;
    let (record, _) = read(&python, &stage, holding);
    let progress = json!({"current": 2, "total": 5, "message": "Processing story 2 of 5"});
    assert_eq!((&record["status"], &record["progress"]), (&json!("processing"), &progress), "{record:#}");
    queue.cancel(holding).await.unwrap();
    stop.cancel();
    working.await.unwrap().unwrap();
    let letters = crate::stage::letters(&queue).await;
    assert_eq!(letters.len(), 1, "{letters:#?}");
    assert_eq!(
        (letters[0].job_id, letters[0].reason.as_str()),
        (Some(failing), "permanent error"),
        "{letters:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_publish_is_worked_by_a_python_service_and_we_see_it_end() {
    let (Some(stage), Some(python)) = (Stage::shared().await, python()) else { return };
    let queue = open(&stage).await;
    let task = GenerateMap::of(TEXT);
    let options =
        EnqueueOptions::new().priority(8).owner(42).metadata("story_count", 3).correlation_id("trace-1");
    let job = queue.enqueue_with(task.clone(), options).await.unwrap();
    let waiting = tokio::spawn({
        let queue = queue.clone();
        let id = job.id();
        async move { queue.wait(id).await.unwrap() }
    });
    let (record, ttl) = read(&python, &stage, job.id());
    assert_eq!(
        (&record["status"], &record["metadata"]),
        (&json!("pending"), &json!({"story_count": 3})),
        "{record:#}"
    );
    assert!(ttl >= 3_600 - 60, "kept for {ttl} s");

    let arguments = [&stage.rabbit.url(&stage.vhost), &stage.redis.url(), "ai.map.generation", "1"];
    let mut service = Process::start(Command::new(&python).arg(script("consume.py")).args(arguments));
    service.line("consuming");
    let seen: Value = service.says("what it got", |line| serde_json::from_str(line).ok());

    let id = json!(job.id());
    let body = &seen["body"];
    assert_eq!(
        (&body["requirements_text"], &body["use_enhancement"]),
        (&json!(TEXT), &json!(false)),
        "{seen:#}"
    );
    assert_eq!((&body["job_id"], &body["user_id"]), (&id, &json!(42)), "{seen:#}");
    assert!(body["created_at"].is_string(), "{seen:#}");
    let metadata = &body["_metadata"];
    assert_eq!(metadata["routing_key"], "ai.task.map.generation", "{seen:#}");
    assert_eq!(metadata["message_id"], seen["message_id"], "{seen:#}");
    assert!(metadata["timestamp"].is_string() && metadata["producer"].is_string(), "{seen:#}");
    for (name, value) in [
        ("routing_key", json!("ai.task.map.generation")),
        ("priority", json!(8)),
        ("delivery_mode", json!(2)),
        ("content_type", json!("application/json")),
        ("content_encoding", json!("utf-8")),
        ("correlation_id", json!("trace-1")),
    ] {
        assert_eq!(seen[name], value, "{name}: {seen:#}");
    }
    assert!(service.end().success(), "{:?}", service.errors());
    // It tells nobody; the record is looked at from time to time.
    let done = tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert_eq!(done.status, JobStatus::Completed, "{done:#?}");
    assert_eq!(done.result, Some(json!({"worked_by": "python"})), "{done:#?}");
    assert_eq!(done.metadata["story_count"], 3, "{done:#?}");
    eventually("nothing is left", async || stage.unfinished().is_empty().then_some(())).await;
}
