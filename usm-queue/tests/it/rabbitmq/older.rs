//! Messages that the version before published, beside the records it wrote in Redis, are worked by this one.

use std::sync::{Arc, Mutex};

use lapin::{BasicProperties, options::BasicPublishOptions};
use serde::Deserialize;
use serde_json::Value;
use usm_queue::{
    DeadLetterFilter, JobContext, JobStatus, RabbitMqOptions, TaskQueue, Topology, Worker,
    testing::eventually,
};

use super::{open, raw, url};
use crate::{
    redis::older::{jobs, server_of_version_1},
    shared::{Note, with_worker},
};

/// As they lay in the queues of the program of [`server_of_version_1`]: `sent` while all its jobs waited, `left` when it was
/// gone.
const MESSAGES: &str = include_str!("../fixtures/version-1.rabbitmq.jsonl");

#[derive(Deserialize)]
struct Published {
    kind: String,
    queue: String,
    exchange: String,
    routing_key: String,
    properties: Value,
    body: String,
}

/// Texts in headers, which the client's own form has as numbers.
fn with_bytes(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| {
                    let bytes = (name == "LongString").then(|| value.as_str().unwrap().as_bytes().into());
                    let value = bytes.unwrap_or_else(|| with_bytes(value));
                    (name, value)
                })
                .collect(),
        ),
        Value::Array(values) => values.into_iter().map(with_bytes).collect(),
        other => other,
    }
}

impl Published {
    fn is_of(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.body.contains(&format!("\"{text}\"")))
    }

    async fn publish(&self, channel: &lapin::Channel) {
        let properties: BasicProperties =
            serde_json::from_value(with_bytes(self.properties.clone())).unwrap();
        let (exchange, key) = (self.exchange.as_str().into(), self.routing_key.as_str().into());
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let body = self.body.as_bytes();
        channel.basic_publish(exchange, key, options, body, properties).await.unwrap().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_records_of_version_1_are_worked() {
    let Some(guard) = open().await else { return };
    let Some(server) = server_of_version_1().await else { return };
    let topology = Topology::single("version-1").unwrap();
    guard.declare(&topology).await.unwrap();
    let broker = RabbitMqOptions::new(url()).connect().await.unwrap();
    let store = server.store().await;
    let before = jobs(&*store).await;
    let queue = TaskQueue::new(broker, store, topology).await.unwrap();
    let (_connection, channel) = raw().await;
    channel.confirm_select(Default::default()).await.unwrap();
    let messages: Vec<Published> = MESSAGES.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(messages.iter().any(|message| message.queue.starts_with("usm.delay")), "one is delayed");
    // Those of ended jobs come again, late.
    let published = messages
        .iter()
        .filter(|message| message.kind == "left" || message.is_of(&["completed", "failed", "cancelled"]));
    for message in published {
        message.publish(&channel).await;
    }

    let runs = Arc::new(Mutex::new(Vec::new()));
    let worker = Worker::new(queue.clone(), runs.clone()).handle(
        async |task: Note, job: JobContext<Arc<Mutex<Vec<String>>>>| {
            job.state.lock().unwrap().push(task.text.clone());
            Ok::<_, usm_queue::TaskError>(task.text)
        },
    );
    with_worker(worker, async {
        for text in ["retrying", "processing", "delayed", "pending"] {
            assert_eq!(queue.handle::<Note>(before[text].id).result().await.unwrap(), text);
        }
        assert_eq!(queue.wait(before["asked"].id).await.unwrap().status, JobStatus::Cancelled);
        let failed = before["failed"].id;
        let letters = eventually("the dead letter is listed", async || {
            let letters = queue.dead_letters().list(&DeadLetterFilter::default(), 0, 9).await.unwrap();
            (!letters.is_empty()).then_some(letters)
        })
        .await;
        assert!(letters.iter().all(|letter| letter.job_id == Some(failed)), "{letters:#?}");
        let letter = letters.iter().find(|letter| letter.errors == ["broken"]).unwrap();
        let replayed = queue.dead_letters().replay(&letter.id).await.unwrap();
        assert_eq!(queue.wait(replayed).await.unwrap().status, JobStatus::Completed);
        eventually("no message is left", async || {
            queue.depth("version-1").await.unwrap().is_empty().then_some(())
        })
        .await;
    })
    .await;

    let mut runs = runs.lock().unwrap().clone();
    runs.sort();
    assert_eq!(
        runs,
        ["delayed", "failed", "pending", "processing", "retrying"],
        "each once, of `failed` the replay"
    );
    queue.close().await;
}
