//! Redis is flushed, restarted, away, or holds something else under our keys.

use std::time::Duration;

use serde_json::json;
use usm_queue::{
    CancelOutcome, ErrorKind, JobEvent, JobFilter, JobStatus, Progress, RedisOptions,
    backend::{Claimed, FailOutcome, JobUpdate, LeaseState, Updated},
    testing,
};

use super::{LONG, Server, as_new, claim, new_job, now};

fn progress(current: u64) -> Progress {
    Progress { current, total: 9, message: "на полпути".into() }
}

/// The worker that runs it remembers the record and writes it anew, with the token that fences others.
#[tokio::test]
async fn a_running_job_survives_a_flush() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &job, LONG).await;
    for update in
        [JobUpdate::Partial(json!([])), JobUpdate::Partial(json!(2)), JobUpdate::Progress(progress(1))]
    {
        store.update(lease, update).await.unwrap();
    }
    let before = now(&*store, job.id).await;

    for end in [
        JobUpdate::Progress(progress(2)),
        JobUpdate::Partial(json!(3)),
        JobUpdate::Completed(json!({"id": 1})),
    ] {
        raw.run::<()>("FLUSHALL").await;
        assert_eq!(store.get(job.id).await.unwrap(), None);
        assert_eq!(store.update(lease, end).await.unwrap(), Updated::Applied);
    }

    let after = now(&*store, job.id).await;
    assert_eq!((after.status, after.result), (JobStatus::Completed, Some(json!({"id": 1}))));
    assert_eq!(
        (&after.owner, &after.metadata, after.created_at),
        (&job.owner, &job.metadata, job.created_at)
    );
    assert_eq!(
        (after.partial_results, after.progress),
        (vec![json!([]), json!(2), json!(3)], Some(progress(2)))
    );
    assert_eq!(after.attempt, 1);
    assert!(after.version > before.version, "{} after {}", after.version, before.version);
    let owned = JobFilter::default();
    assert_eq!(store.list(&owned).await.unwrap().jobs.len(), 1);
    assert_eq!(store.claim(job.into(), "other", LONG).await.unwrap(), Claimed::Final(JobStatus::Completed));
}

#[tokio::test]
async fn a_renewal_makes_flushed_records_anew() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let jobs: Vec<_> = (0..3).map(|_| new_job()).collect();
    store.insert(&as_new(&jobs)).await.unwrap();
    let mut leases = Vec::new();
    for job in &jobs {
        leases.push(claim(&*store, job, LONG).await.1);
    }
    raw.run::<()>("FLUSHALL").await;
    // One of them alone was lost.
    store.renew(&leases[..1], LONG).await.unwrap();

    assert_eq!(store.renew(&leases, LONG).await.unwrap(), [LeaseState::Held; 3]);

    for job in &jobs {
        assert_eq!(now(&*store, job.id).await.status, JobStatus::Processing);
        assert!(matches!(store.claim(job.clone().into(), "other", LONG).await.unwrap(), Claimed::Busy(_)));
    }
    assert_eq!(store.cancel(jobs[0].id).await.unwrap(), CancelOutcome::Requested);
}

#[tokio::test]
async fn a_flushed_job_that_waits_is_made_anew_by_its_message() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let mut job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &job, LONG).await;
    let retry = JobUpdate::Retry { error: "not yet".into(), delay: Duration::ZERO, counted: true };
    store.update(lease, retry).await.unwrap();
    let before = now(&*store, job.id).await;
    raw.run::<()>("FLUSHALL").await;

    (job.attempt, job.timeline[0].attempt, job.timeline[0].event) = (1, 1, JobEvent::Rebuilt);
    let (after, _) = claim(&*store, &job, LONG).await;

    assert_eq!((after.attempt, after.status), (2, JobStatus::Processing));
    assert!(after.version > before.version, "whoever saw the lost record sees that this one is newer");
}

#[tokio::test]
async fn tokens_grow_across_a_flush_and_the_old_worker_is_refused() {
    let Some(server) = Server::start().await else { return };
    let (first, second, mut raw) = (server.store().await, server.store().await, server.raw().await);
    let job = new_job();
    first.insert(&[job.clone().into()]).await.unwrap();
    let (_, old) = claim(&*first, &job, LONG).await;
    raw.run::<()>("FLUSHALL").await;

    let (_, new) = claim(&*second, &job, LONG).await;

    assert!(new.token > old.token);
    assert_eq!(first.update(old, JobUpdate::Completed(json!(1))).await.unwrap(), Updated::Stale);
    assert_eq!(first.renew(&[old], LONG).await.unwrap(), [LeaseState::Lost]);
    assert_eq!(second.update(new, JobUpdate::Completed(json!(2))).await.unwrap(), Updated::Applied);
    assert_eq!(now(&*first, job.id).await.result, Some(json!(2)));
}

/// Without any reopening; the scripts are loaded anew.
#[tokio::test]
async fn a_store_goes_on_after_redis_was_away() {
    let Some(mut server) = Server::start().await else { return };
    let store = server.store().await;
    let (running, later) = (new_job(), new_job());
    store.insert(&[running.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &running, LONG).await;

    server.stop();
    let refused = store.get(running.id).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(refused.to_string().contains(&server.address()), "{refused}");
    let refused = store.update(lease, JobUpdate::Completed(json!("done"))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);

    server.start_again().await;
    let done = testing::eventually("the outcome is written", async || {
        store.update(lease, JobUpdate::Completed(json!("done"))).await.ok()
    });
    assert_eq!(done.await, Updated::Applied);
    assert_eq!(now(&*store, running.id).await.status, JobStatus::Completed);
    store.insert(&[later.clone().into(), new_job().into()]).await.unwrap();
    claim(&*store, &later, LONG).await;
}

/// A restart that is over within the time-out of a call is not seen by the caller.
#[tokio::test]
async fn a_cut_connection_is_not_seen_by_callers() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    for _ in 0..5 {
        let job = new_job();
        raw.run::<i64>("CLIENT KILL TYPE normal").await;
        store.insert(&[job.clone().into()]).await.unwrap();
        raw.run::<i64>("CLIENT KILL TYPE normal").await;
        claim(&*store, &job, LONG).await;
    }
}

#[tokio::test]
async fn opening_a_store_while_redis_is_down_or_refuses_says_so_without_the_password() {
    let Some(mut server) = Server::start_with(&["--requirepass", "right"]).await else { return };
    let url = |password: &str| format!("redis://:{password}@{}", server.address());
    testing::redis_store(url("right").as_str()).await.unwrap();

    let refused = testing::redis_store(url("hunter2").as_str()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(refused.to_string().contains("refuses the user name or password"), "{refused}");
    assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");

    let urls = [url("hunter2"), "redis://127.0.0.1:1".to_owned()];
    server.stop();
    for url in urls {
        let down = testing::redis_store(RedisOptions::new(url)).await.unwrap_err();
        assert_eq!(down.kind(), ErrorKind::Unavailable);
        assert!(down.to_string().contains("127.0.0.1:"), "{down}");
        assert!(!format!("{down:?}").contains("hunter2"), "{down:?}");
    }
    let wrong = testing::redis_store("hunter2@nowhere").await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::InvalidInput);
    assert!(!format!("{wrong:?}").contains("hunter2"));
}

/// Reading finds nothing there, a transition that has the record overwrites it.
#[tokio::test]
async fn a_key_of_another_type_is_overwritten() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let jobs: Vec<_> = (0..4).map(|_| new_job()).collect();
    let [string, state, both, running] = [0, 1, 2, 3].map(|place: usize| jobs[place].clone());
    store.insert(&as_new(&jobs)).await.unwrap();
    let (_, lease) = claim(&*store, &running, LONG).await;
    for job in [&string, &both, &running] {
        raw.run::<i64>(&format!("DEL job:{}", job.id)).await;
        raw.run::<i64>(&format!("RPUSH job:{} x", job.id)).await;
    }
    raw.run::<()>(&format!("SET usm:job:{} x", state.id)).await;
    for job in [&both, &running] {
        raw.run::<i64>(&format!("DEL usm:job:{}", job.id)).await;
        raw.run::<i64>(&format!("RPUSH usm:job:{} x", job.id)).await;
    }

    for job in [&string, &both, &running] {
        assert_eq!(store.get(job.id).await.unwrap(), None);
        assert_eq!(store.watch(job.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    let listed = store.list(&JobFilter::default()).await.unwrap().jobs;
    assert_eq!(listed.iter().map(|job| job.id).collect::<Vec<_>>(), [state.id]);

    for job in [&string, &state, &both] {
        let (taken, lease) = claim(&*store, job, LONG).await;
        assert_eq!((taken.attempt, &taken.metadata), (1, &job.metadata));
        assert_eq!(store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap(), Updated::Applied);
    }
    assert_eq!(store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap(), Updated::Applied);
    assert_eq!(now(&*store, running.id).await.status, JobStatus::Completed);
    let fresh = new_job();
    raw.run::<i64>(&format!("RPUSH job:{} x", fresh.id)).await;
    assert_eq!(
        store.fail_unclaimed(fresh.clone().into(), "expired".into()).await.unwrap(),
        FailOutcome::Failed
    );
    assert_eq!(now(&*store, fresh.id).await.status, JobStatus::Failed);
}

/// Redis full: the caller may try again later.
#[tokio::test]
async fn a_full_redis_is_unavailable() {
    let Some(server) = Server::start_with(&["--maxmemory", "1mb", "--maxmemory-policy", "noeviction"]).await
    else {
        return;
    };
    let store =
        testing::redis_store(server.options().response_timeout(Duration::from_secs(5))).await.unwrap();
    let full = testing::eventually("Redis is full", async || {
        let jobs = (0..50).map(|_| {
            let mut job = new_job();
            job.metadata.insert("much".into(), "x".repeat(2000).into());
            job
        });
        store.insert(&jobs.map(Into::into).collect::<Vec<_>>()).await.err()
    });
    let full = full.await;
    assert_eq!(full.kind(), ErrorKind::Unavailable, "{full:?}");
    assert!(full.to_string().contains("memory"), "{full}");
}
