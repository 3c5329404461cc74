//! Records that a service wrote as the guide shows it, with nothing of ours beside them: `SET job:{id} {json} EX 3600`.

use serde_json::{Value, json};
use std::time::{Duration, Instant};

use usm_queue::{
    CancelOutcome, Job, JobEvent, JobFilter, JobId, JobStatus,
    backend::{Claimed, FailOutcome, JobUpdate, Updated},
    testing::{eventually, redis_store, soon},
};

use super::{LONG, Server, as_new, claim, new_job, now, server::Raw};

/// As Python's `json.dumps` writes it: spaces, no zone, `null` and missing fields.
fn record(id: JobId, status: &str) -> Value {
    json!({
        "job_id": id.to_string(),
        "user_id": 42,
        "job_type": "ai_map_generation",
        "status": status,
        "created_at": "2025-12-01T10:00:00.123456",
        "updated_at": "2025-12-01T10:05:00.654321",
        "metadata": {"project_name": "Доставка", "stories": [], "big": 9007199254740993u64},
        "result": null,
        "error": null,
    })
}

async fn set(raw: &mut Raw, id: JobId, record: &Value) {
    let json = record.to_string().replace("\":", "\": ");
    raw.run_args::<()>(&["SET", &format!("job:{id}"), &json, "EX", "3600"]).await;
}

/// What a message of such a service tells.
fn message(id: JobId) -> Job {
    let mut job = new_job();
    (job.id, job.max_attempts, job.owner) = (id, 3, None);
    job.metadata.clear();
    job.timeline[0].event = JobEvent::Rebuilt;
    job
}

#[tokio::test]
async fn a_foreign_record_is_read_and_taken_over_with_what_it_tells() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    for status in ["pending", "processing"] {
        let id = JobId::new();
        set(&mut raw, id, &record(id, status)).await;
        let read = now(&*store, id).await;
        assert_eq!(
            (read.status.as_str(), &read.owner, read.task.as_str()),
            (status, &Some(42.into()), "ai_map_generation")
        );
        assert_eq!(read.created_at.to_rfc3339(), "2025-12-01T10:00:00.123456+00:00");

        let (taken, lease) = claim(&*store, &message(id), LONG).await;

        assert_eq!((taken.attempt, taken.max_attempts, &taken.owner), (1, 3, &Some(42.into())));
        assert_eq!((&taken.metadata, taken.created_at), (&read.metadata, read.created_at));
        assert_eq!(taken.metadata["big"], 9_007_199_254_740_993_u64);
        assert!(taken.version > read.version);
        assert!(matches!(store.claim(message(id).into(), "other", LONG).await.unwrap(), Claimed::Busy(_)));
        assert_eq!(
            store.update(lease, JobUpdate::Completed(json!({"project_id": 456}))).await.unwrap(),
            Updated::Applied
        );
        let filter = JobFilter::new().owner(42).status(JobStatus::Completed);
        assert!(store.list(&filter).await.unwrap().jobs.iter().any(|job| job.id == id));

        // What the service reads.
        let text: String = raw.run(&format!("GET job:{id}")).await;
        let written: Value = serde_json::from_str(&text).unwrap();
        for (field, value) in record(id, "completed").as_object().unwrap() {
            match field.as_str() {
                "created_at" => assert_eq!(written[field], "2025-12-01T10:00:00.123456Z"),
                "updated_at" => assert!(written[field].as_str().unwrap().ends_with('Z')),
                "result" => assert_eq!(written[field], json!({"project_id": 456})),
                _ => assert_eq!(&written[field], value, "{field}"),
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_end_is_an_end() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    for (name, status) in [("completed", JobStatus::Completed), ("failed", JobStatus::Failed)] {
        let (unknown, ours) = (JobId::new(), new_job());
        store.insert(&[ours.clone().into()]).await.unwrap();
        for id in [unknown, ours.id] {
            set(&mut raw, id, &record(id, name)).await;

            assert_eq!(
                store.claim(message(id).into(), "worker", LONG).await.unwrap(),
                Claimed::Final(status)
            );
            assert_eq!(store.cancel(id).await.unwrap(), CancelOutcome::AlreadyFinal(status));
            assert_ne!(
                store.fail_unclaimed(message(id).into(), "expired".into()).await.unwrap(),
                FailOutcome::Failed
            );
            let job = now(&*store, id).await;
            assert_eq!(job.status, status);
            assert!(job.finished_at.is_some());
        }
        let filter = JobFilter::new().status(status);
        assert_eq!(
            store.list(&filter).await.unwrap().jobs.iter().map(|job| job.id).collect::<Vec<_>>(),
            [ours.id]
        );
    }
}

/// A worker of ours holds it: a late write of the service that enqueued it changes nothing for it.
#[tokio::test]
async fn a_foreign_write_does_not_take_a_job_from_its_worker() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let job = new_job();
    let (_, lease) = claim(&*store, &job, LONG).await;
    set(&mut raw, job.id, &record(job.id, "pending")).await;

    assert!(matches!(store.claim(job.clone().into(), "other", LONG).await.unwrap(), Claimed::Busy(_)));
    assert_eq!(store.cancel(job.id).await.unwrap(), CancelOutcome::Requested);
    assert_eq!(store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap(), Updated::Applied);

    let done = now(&*store, job.id).await;
    assert_eq!((done.status, done.created_at, done.attempt), (JobStatus::Completed, job.created_at, 1));
}

#[tokio::test]
async fn a_foreign_job_can_be_cancelled_and_failed() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let (cancelled, failed) = (JobId::new(), JobId::new());
    for id in [cancelled, failed] {
        set(&mut raw, id, &record(id, "pending")).await;
    }

    assert_eq!(store.cancel(cancelled).await.unwrap(), CancelOutcome::Cancelled);
    assert_eq!(
        store.fail_unclaimed(message(failed).into(), "expired".into()).await.unwrap(),
        FailOutcome::Failed
    );

    for (id, status) in [(cancelled, JobStatus::Cancelled), (failed, JobStatus::Failed)] {
        let job = now(&*store, id).await;
        assert_eq!((job.status, job.metadata["project_name"].as_str()), (status, Some("Доставка")));
        assert_eq!(store.claim(message(id).into(), "worker", LONG).await.unwrap(), Claimed::Final(status));
    }
}

/// Although nobody tells of its changes.
#[tokio::test]
async fn a_foreign_job_can_be_watched() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let id = JobId::new();
    let mut state = record(id, "pending");
    set(&mut raw, id, &state).await;
    let mut watch = store.watch(id).await.unwrap();
    let mut seen = Vec::new();

    for (status, time) in [("processing", "2025-12-01T10:06:00"), ("completed", "2025-12-01T10:07:00")] {
        seen.push(soon("a state is shown", watch.next()).await.unwrap().unwrap().status);
        (state["status"], state["updated_at"]) = (json!(status), json!(time));
        set(&mut raw, id, &state).await;
    }
    seen.push(soon("a state is shown", watch.next()).await.unwrap().unwrap().status);

    assert_eq!(seen, [JobStatus::Pending, JobStatus::Processing, JobStatus::Completed]);
    assert!(soon("the watch ends", watch.next()).await.is_none());
}

/// With the defaults, and whatever it does to the time of the change, or leaves it as it was.
#[tokio::test]
async fn a_foreign_change_of_a_watched_job_is_seen_within_two_seconds() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (redis_store(server.url()).await.unwrap(), server.raw().await);
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let mut watch = store.watch(job.id).await.unwrap();
    soon("the present state is shown", watch.next()).await.unwrap().unwrap();
    let mut last = 0;

    for (status, updated_at, message) in [
        ("processing", "2025-12-01T10:06:00", "one"),
        ("processing", "2025-12-01T10:06:00", "two"),
        ("processing", "2025-12-01T10:05:59", "three"),
        ("completed", "2025-12-01T10:05:59", "four"),
    ] {
        let mut state = record(job.id, status);
        state["updated_at"] = json!(updated_at);
        state["progress"] = json!({"current": 1, "total": 4, "message": message});
        let written = Instant::now();
        set(&mut raw, job.id, &state).await;
        let seen = soon("the change is seen", watch.next()).await.unwrap().unwrap();
        assert!(written.elapsed() < Duration::from_secs(2), "{message}: {:?}", written.elapsed());
        assert_eq!((seen.status.as_str(), seen.progress.unwrap().message.as_str()), (status, message));
        assert!(seen.version > last);
        last = seen.version;
    }
    assert!(soon("the watch ends", watch.next()).await.is_none());
}

/// The record that its worker writes is shown, however new the foreign one called itself.
#[tokio::test]
async fn a_watcher_of_a_job_that_a_worker_holds_is_not_misled_by_a_foreign_write() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let job = new_job();
    let (_, lease) = claim(&*store, &job, LONG).await;
    let mut watch = store.watch(job.id).await.unwrap();
    let first = soon("a state is shown", watch.next()).await.unwrap().unwrap();
    assert_eq!(first.status, JobStatus::Processing);
    let mut state = record(job.id, "failed");
    state["updated_at"] = json!("2035-12-01T10:06:00");
    set(&mut raw, job.id, &state).await;
    let gets = server.calls("mget").await;
    eventually("all records were read", async || (server.calls("mget").await > gets).then_some(())).await;

    store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap();

    let last = soon("its end is shown", watch.next()).await.unwrap().unwrap();
    assert_eq!((last.status, last.result), (JobStatus::Completed, Some(json!(1))));
}

/// Without our scripts, which would have put it on the list of its state.
#[tokio::test]
async fn jobs_that_another_service_moved_are_listed_by_their_state() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let jobs: Vec<_> = (0..2500).map(|_| new_job()).collect();
    for jobs in jobs.chunks(500) {
        store.insert(&as_new(jobs)).await.unwrap();
    }
    let (ended, begun) = (jobs[1234].id, jobs[1].id);
    claim(&*store, &jobs[1235], Duration::from_millis(1)).await;
    for (id, status) in [(ended, "completed"), (begun, "processing"), (jobs[1235].id, "failed")] {
        set(&mut raw, id, &record(id, status)).await;
    }
    let listed = async |status| {
        let filter = JobFilter::new().status(status).limit(usize::MAX);
        store.list(&filter).await.unwrap().jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };

    assert_eq!(listed(JobStatus::Completed).await, [ended]);
    assert_eq!(listed(JobStatus::Processing).await, [begun]);
    assert_eq!(listed(JobStatus::Failed).await, [jobs[1235].id]);
    let pending = listed(JobStatus::Pending).await;
    assert!(pending.len() == jobs.len() - 3 && !pending.contains(&ended));

    set(&mut raw, begun, &record(begun, "cancelled")).await;
    assert_eq!(listed(JobStatus::Cancelled).await, [begun]);
    assert_eq!(listed(JobStatus::Processing).await, []);
    // A message that comes late finds it ended, and it is listed as before.
    assert_eq!(
        store.claim(message(ended).into(), "worker", LONG).await.unwrap(),
        Claimed::Final(JobStatus::Completed)
    );
    assert_eq!(listed(JobStatus::Completed).await, [ended]);
}

/// It is no record: what the message tells takes its place.
#[tokio::test]
async fn a_value_that_is_no_record_is_unknown_and_replaced() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    for value in ["gibberish", "[1]", ""] {
        let id = JobId::new();
        raw.run_args::<()>(&["SET", &format!("job:{id}"), value]).await;
        assert_eq!(store.get(id).await.unwrap(), None);
        assert_eq!(store.cancel(id).await.unwrap(), CancelOutcome::Unknown);

        let (taken, _) = claim(&*store, &message(id), LONG).await;

        assert_eq!((taken.attempt, taken.status), (1, JobStatus::Processing));
    }
}
