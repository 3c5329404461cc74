//! Jobs of other services whose ids are no UUIDs, as the guide's `test-job-123`: `job:{id}` follows them under that id.

use std::time::Duration;

use serde_json::{Value, json};
use usm_queue::{
    CancelOutcome, DeadLetterFilter, Job, JobContext, JobEvent, JobId, JobStatus, SqliteOptions, TaskError,
    TaskQueue, Topology, Worker,
    backend::{Claimed, JobUpdate, Message},
    testing::{self, eventually, soon},
};

use super::{LONG, Server, claim, new_job, now, server::Raw};
use crate::shared::{Note, with_worker};

fn record(id: &str, status: &str) -> Value {
    json!({
        "job_id": id, "user_id": 42, "job_type": "ai_map_generation", "status": status,
        "created_at": "2025-12-01T10:00:00.123456", "updated_at": "2025-12-01T10:05:00.654321",
        "metadata": {"project_name": "Доставка"}, "result": null, "error": null,
    })
}

async fn set(raw: &mut Raw, id: &str, record: &Value) {
    let json = record.to_string().replace("\":", "\": ");
    raw.run_args::<()>(&["SET", &format!("job:{id}"), &json, "EX", "3600"]).await;
}

/// As the other service reads it.
async fn read(raw: &mut Raw, id: &str) -> Value {
    let text: String = raw.run_args(&["GET", &format!("job:{id}")]).await;
    serde_json::from_str(&text).unwrap()
}

/// What a message of such a service tells.
fn message(id: &str) -> Job {
    let mut job = new_job();
    (job.id, job.alias, job.max_attempts, job.owner) = (id.parse().unwrap(), Some(id.to_owned()), 3, None);
    job.metadata.clear();
    job.timeline[0].event = JobEvent::Rebuilt;
    job
}

#[tokio::test]
async fn the_record_of_a_job_follows_it_under_the_id_of_the_service_that_enqueued_it() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    for id in ["test-job-123", "\"a/b\" \\ж", "0190AAAA-BBBB-7CCC-8DDD-EEEEEEEEEEEE"] {
        set(&mut raw, id, &record(id, "pending")).await;

        let (taken, lease) = claim(&*store, &message(id), LONG).await;

        assert_eq!((taken.owner, taken.alias.as_deref()), (Some(42.into()), Some(id)));
        assert_eq!(taken.metadata["project_name"], "Доставка");
        let running = read(&mut raw, id).await;
        assert_eq!((&running["job_id"], &running["status"]), (&json!(id), &json!("processing")));
        assert_eq!(running["usm_job_id"], json!(taken.id));
        store.update(lease, JobUpdate::Completed(json!({"project_id": 456}))).await.unwrap();
        let ended = read(&mut raw, id).await;
        assert_eq!((&ended["status"], &ended["result"]), (&json!("completed"), &json!({"project_id": 456})));
        assert_eq!((&ended["job_type"], &ended["user_id"]), (&json!("ai_map_generation"), &json!(42)));
        assert_eq!(now(&*store, taken.id).await.status, JobStatus::Completed);
        assert_eq!(store.resolve(id).await.unwrap(), taken.id);
    }
}

#[tokio::test]
async fn a_foreign_job_with_any_id_is_seen_and_cancelled_before_a_worker_has_it() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    set(&mut raw, "test-job-123", &record("test-job-123", "pending")).await;

    let id = store.resolve("test-job-123").await.unwrap();

    assert_eq!(
        (now(&*store, id).await.status, now(&*store, id).await.owner),
        (JobStatus::Pending, Some(42.into()))
    );
    assert_eq!(store.cancel(id).await.unwrap(), CancelOutcome::Cancelled);
    assert_eq!(read(&mut raw, "test-job-123").await["status"], "cancelled");
    assert_eq!(
        store.claim(message("test-job-123").into(), "worker", LONG).await.unwrap(),
        Claimed::Final(JobStatus::Cancelled)
    );
    let unknown = store.resolve("test-job-124").await.unwrap();
    assert_eq!(store.get(unknown).await.unwrap(), None);
    assert_eq!(store.cancel(unknown).await.unwrap(), CancelOutcome::Unknown);
}

#[tokio::test]
async fn what_another_service_writes_under_its_id_is_believed_and_watched() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let name = "test-job-123";
    let (taken, lease) = claim(&*store, &message(name), LONG).await;
    let retry = JobUpdate::Retry { error: "later".into(), delay: Duration::ZERO, counted: true };
    store.update(lease, retry).await.unwrap();
    let mut watch = store.watch(taken.id).await.unwrap();
    let first = soon("a state is shown", watch.next()).await.unwrap().unwrap();
    assert_eq!(first.status, JobStatus::Pending);

    set(&mut raw, name, &record(name, "completed")).await;

    let last = soon("its end is shown", watch.next()).await.unwrap().unwrap();
    assert_eq!((last.id, last.status), (taken.id, JobStatus::Completed));
    assert_eq!(
        store.claim(message(name).into(), "worker", LONG).await.unwrap(),
        Claimed::Final(JobStatus::Completed)
    );
}

#[tokio::test]
async fn a_replay_that_is_not_accepted_does_not_wait_in_view() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let mut replay = new_job();
    replay.alias = Some("test-job-123".to_owned());
    store.insert_unconfirmed(&[replay.clone().into()]).await.unwrap();
    assert_eq!(read(&mut raw, "test-job-123").await["status"], "pending");

    store.withdraw(&[replay.id]).await.unwrap();

    assert_eq!(store.get(replay.id).await.unwrap(), None);
    assert_eq!(read(&mut raw, "test-job-123").await["status"], "failed");
}

/// With its type, and the id by which the other service's worker or client knows it, a UUID or not.
#[tokio::test]
async fn a_replayed_foreign_dead_letter_is_the_same_job_to_the_other_service() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let (broker, _) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let queue =
        TaskQueue::new(broker.clone(), store.clone(), Topology::single("work").unwrap()).await.unwrap();
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let worker = || {
        Worker::new(queue.clone(), runs.clone()).handle(
            async |task: Note, job: JobContext<std::sync::Arc<std::sync::atomic::AtomicUsize>>| match job
                .state
                .fetch_add(1, std::sync::atomic::Ordering::SeqCst)
                % 2
            {
                0 => Err(TaskError::permanent("not yet")),
                _ => Ok(task.text),
            },
        )
    };
    for name in ["test-job-123".to_owned(), JobId::new().to_string(), uuid::Uuid::new_v4().to_string()] {
        set(&mut raw, &name, &record(&name, "pending")).await;
        let body = json!({"job_id": name, "user_id": 42, "text": "x", "created_at": "2025-12-01T10:00:00"})
            .to_string();
        broker
            .publish(vec![Message::new("work.tasks", "work.note", "m1", body.clone().into_bytes())])
            .await
            .unwrap();
        let dead = queue.dead_letters();
        let letter =
            with_worker(worker(), eventually("it is a dead letter", async || dead.get(&name).await.ok()))
                .await;
        let old = letter.job_id.unwrap();
        assert_eq!(read(&mut raw, &name).await["status"], "failed");
        assert_eq!(dead.get(&old.to_string()).await.unwrap().id, "m1");

        let id = dead.replay(&name).await.unwrap();

        assert_ne!(id, old);
        let pending = read(&mut raw, &name).await;
        assert_eq!((&pending["job_id"], &pending["status"]), (&json!(name), &json!("pending")));
        assert_eq!(
            (&pending["job_type"], &pending["metadata"]["replay_of"]),
            (&json!("ai_map_generation"), &json!(name))
        );
        let sent = broker.browse("work", 0, 1).await.unwrap().remove(0);
        assert_eq!((String::from_utf8(sent.body).unwrap(), sent.routing_key.as_str()), (body, "work.note"));
        with_worker(worker(), queue.wait(id)).await.unwrap();
        let ended = read(&mut raw, &name).await;
        assert_eq!(
            (&ended["job_id"], &ended["status"], &ended["result"]),
            (&json!(name), &json!("completed"), &json!("x"))
        );
        assert_eq!(queue.job(id).await.unwrap().status, JobStatus::Completed);
        if old.to_string() != name {
            assert_eq!(queue.job(old).await.unwrap().status, JobStatus::Failed);
        }
        assert!(dead.list(&DeadLetterFilter::default(), 0, 9).await.unwrap().is_empty());
    }
    assert_eq!(runs.load(std::sync::atomic::Ordering::SeqCst), 6);
}
