//! What Redis keeps, for how long, and how much is written.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use usm_queue::{
    Job, JobFilter, JobStatus, Owner, Progress,
    backend::{JobUpdate, Updated},
    testing::{eventually, redis_store},
};

use super::{LONG, Server, as_new, claim, new_job, now};

/// In milliseconds.
async fn times_to_live(server: &Server, job: &Job) -> [i64; 2] {
    let mut raw = server.raw().await;
    [raw.run(&format!("PTTL job:{}", job.id)).await, raw.run(&format!("PTTL usm:job:{}", job.id)).await]
}

#[tokio::test]
async fn an_ended_job_is_kept_an_hour_its_end_a_week_and_a_waiting_job_as_long_as_it_may_wait() {
    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;
    let Some(server) = Server::start().await else { return };
    let store = server.store().await;
    let (job, mut delayed) = (new_job(), new_job());
    delayed.next_attempt_at = Some(delayed.created_at + chrono::Duration::days(30));
    store.insert(&[job.clone().into(), delayed.clone().into()]).await.unwrap();
    let within = |ttls: [i64; 2], most: [i64; 2]| {
        for (ttl, most) in ttls.into_iter().zip(most) {
            assert!((most - 60_000..=most + 1000).contains(&ttl), "{ttl}, not {most}");
        }
    };

    within(times_to_live(&server, &job).await, [7 * DAY; 2]);
    within(times_to_live(&server, &delayed).await, [30 * DAY + HOUR; 2]);
    let (_, lease) = claim(&*store, &job, LONG).await;
    within(times_to_live(&server, &job).await, [7 * DAY; 2]);
    store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap();
    within(times_to_live(&server, &job).await, [HOUR, 7 * DAY]);
    store.cancel(delayed.id).await.unwrap();
    within(times_to_live(&server, &delayed).await, [HOUR, 37 * DAY]);
}

/// An ended job whose record has expired takes a few bytes for as long as a message of it may come.
#[tokio::test]
async fn the_end_of_a_job_is_remembered_in_few_bytes() {
    let Some(server) = Server::start().await else { return };
    let store = server.store().await;
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &job, LONG).await;
    store.update(lease, JobUpdate::Completed(json!("x".repeat(10_000)))).await.unwrap();

    let bytes: i64 = server.raw().await.run(&format!("MEMORY USAGE usm:job:{}", job.id)).await;

    println!("{bytes} bytes");
    assert!(bytes <= 256, "{bytes}");
}

/// Of a key that holds something the longer script takes care.
#[tokio::test]
async fn the_short_way_of_a_new_job_leaves_what_the_long_way_does() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    for owner in [None, Some(Owner::Name("Анна\"A\"".into()))] {
        let mut job = new_job();
        (job.owner, job.created_at) = (owner, "2026-02-28T23:59:59.999999Z".parse().unwrap());
        (job.updated_at, job.metadata) =
            (job.created_at, json!({ "список": [], "n": 1.5e300 }).as_object().unwrap().clone());
        let mut ways = Vec::new();
        for short in [true, false] {
            raw.run::<()>("FLUSHDB").await;
            if !short {
                raw.run::<()>(&format!("LPUSH usm:job:{} odd", job.id)).await;
            }
            store.insert(&[job.clone().into()]).await.unwrap();
            let record: String = raw.run(&format!("GET job:{}", job.id)).await;
            let mut lists: Vec<String> = raw.run("KEYS usm:jobs*").await;
            lists.sort();
            // A process puts a kind there every half minute only.
            lists.retain(|list| list != "usm:jobs:kinds");
            let mut minutes = Vec::new();
            for list in &lists {
                let ttl: i64 = raw.run(&format!("PTTL {list}")).await;
                minutes.push((ttl + 30_000) / 60_000);
            }
            let (_, lease) = claim(&*store, &job, LONG).await;
            store.update(lease, JobUpdate::Completed(json!("done"))).await.unwrap();
            let mut ended = now(&*store, job.id).await;
            // The time differs, no more.
            (ended.updated_at, ended.finished_at, ended.lease_until) = (job.updated_at, None, None);
            ended.timeline.iter_mut().for_each(|entry| entry.at = job.created_at);
            ways.push((record, lists, minutes, ended));
        }
        assert_eq!(ways[0], ways[1]);
    }
}

/// Thousands of reports, about ten writes a second, and the last one is there: by itself, and with the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_progress_is_written_now_and_then_and_its_last_report_always() {
    let Some(server) = Server::start().await else { return };
    let store = server.store().await;
    let progress = |current| Progress { current, total: 3000, message: "шаг".into() };
    for ends in [false, true] {
        let job = new_job();
        store.insert(&[job.clone().into()]).await.unwrap();
        let (_, lease) = claim(&*store, &job, LONG).await;
        let begun = Instant::now();
        for current in 1..=3000 {
            assert_eq!(
                store.update(lease, JobUpdate::Progress(progress(current))).await.unwrap(),
                Updated::Applied
            );
        }
        if ends {
            store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap();
            assert_eq!(now(&*store, job.id).await.progress, Some(progress(3000)));
        }
        let last = eventually("the last report is written", async || {
            Some(now(&*store, job.id).await).filter(|job| job.progress == Some(progress(3000)))
        });
        let last = last.await;
        let allowed = 2 + 10 + begun.elapsed().as_millis() as u64 / 100 + 2;
        assert!(last.version <= allowed, "{} versions, {allowed} allowed", last.version);
    }
}

/// A worker that lost its job learns it from its reports too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_progress_of_a_lost_job_is_refused() {
    let Some(server) = Server::start().await else { return };
    let (store, other) = (server.store().await, server.store().await);
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let (_, old) = claim(&*store, &job, Duration::from_millis(1)).await;
    eventually("it is taken over", async || {
        matches!(
            other.claim(job.clone().into(), "other", LONG).await.unwrap(),
            usm_queue::backend::Claimed::Run(..)
        )
        .then_some(())
    })
    .await;

    let report = JobUpdate::Progress(Progress { current: 1, total: 2, message: String::new() });
    eventually("a report is refused", async || {
        (store.update(old, report.clone()).await.unwrap() == Updated::Stale).then_some(())
    })
    .await;
    assert_eq!(now(&*store, job.id).await.progress, None);
}

/// Ids of expired records go from the lists while new jobs come, without anybody listing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_do_not_grow_with_what_has_expired() {
    what_expired_goes_with(40, 64).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_where_all_new_jobs_come_in_one_batch() {
    what_expired_goes_with(1, 40 * 64).await;
}

async fn what_expired_goes_with(batches: usize, batch: usize) {
    let Some(server) = Server::start().await else { return };
    let options = server.options().keep_ended(Duration::from_secs(1)).keep_unfinished(Duration::from_secs(1));
    let (store, mut raw) = (redis_store(options).await.unwrap(), server.raw().await);
    let old: Vec<_> = (0..2000).map(|_| new_job()).collect();
    store.insert(&as_new(&old)).await.unwrap();
    eventually("the records expire", async || store.get(old[1999].id).await.unwrap().is_none().then_some(()))
        .await;

    let lasting = redis_store(server.options()).await.unwrap();
    for _ in 0..batches {
        lasting.insert(&(0..batch).map(|_| new_job().into()).collect::<Vec<_>>()).await.unwrap();
    }
    // They are found by chance; so many always, near enough (less than one run in a million fails).
    eventually("many of the 2000 expired ids are gone", async || {
        let known: i64 = raw.run("ZCARD usm:jobs").await;
        (known < 40 * 64 + 1500).then_some(())
    })
    .await;

    let listed = lasting.list(&JobFilter::default()).await.unwrap().jobs;
    assert_eq!(listed.len(), 50);
    let of_owner = JobFilter::new().owner(7).limit(usize::MAX);
    let expected: Vec<String> = raw.run("KEYS job:*").await;
    assert_eq!(lasting.list(&of_owner).await.unwrap().jobs.len(), expected.len());
}

/// So that a running job can be told from one whose worker is gone.
#[tokio::test]
async fn a_lapsed_lease_is_seen_and_a_renewed_one_is_not() {
    let Some(server) = Server::start().await else { return };
    let store = server.store().await;
    let job = new_job();
    let (_, lease) = claim(&*store, &job, Duration::from_millis(20)).await;

    eventually("it is stalled", async || {
        now(&*store, job.id).await.is_stalled(chrono::Utc::now()).then_some(())
    })
    .await;
    store.renew(&[lease], LONG).await.unwrap();

    assert!(!now(&*store, job.id).await.is_stalled(chrono::Utc::now()));
}

/// One call for each transition: no second round trip, and no command beside it.
#[tokio::test]
async fn a_transition_is_one_call() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let warm_up = new_job();
    store.insert(&[warm_up.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &warm_up, LONG).await;
    store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap();
    raw.run::<()>("CONFIG RESETSTAT").await;

    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &job, LONG).await;
    store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap();

    let info: String = raw.run("INFO commandstats").await;
    let calls = info.lines().find(|line| line.starts_with("cmdstat_evalsha:")).unwrap();
    assert!(calls.starts_with("cmdstat_evalsha:calls=3,"), "{info}");
}

/// Two applications on one database do not see each other, down to the channels.
#[tokio::test]
async fn with_a_prefix_an_application_has_its_keys_and_channels_to_itself() {
    let Some(server) = Server::start().await else { return };
    let shop = redis_store(server.options().key_prefix("shop:")).await.unwrap();
    let plain = server.store().await;
    let job = new_job();
    shop.insert(&[job.clone().into()]).await.unwrap();
    shop.confirm(&[job.clone().into()]).await.unwrap();
    let unconfirmed = new_job();
    shop.insert_unconfirmed(&[unconfirmed.clone().into()]).await.unwrap();
    assert!(plain.get(job.id).await.unwrap().is_none());
    assert_eq!(plain.remove_unconfirmed(Duration::ZERO).await.unwrap(), []);
    assert_eq!(shop.remove_unconfirmed(Duration::ZERO).await.unwrap(), [unconfirmed.id]);
    let mut watch = shop.watch(job.id).await.unwrap();

    let (_, lease) = claim(&*shop, &job, LONG).await;
    let mut stops = shop.cancellations();
    redis_store(server.options().key_prefix("shop:")).await.unwrap().cancel(job.id).await.unwrap();
    assert_eq!(eventually("it is told", async || stops.try_recv().ok()).await, job.id);
    shop.update(lease, JobUpdate::Cancelled).await.unwrap();

    let mut last = None;
    while let Some(state) = watch.next().await {
        last = Some(state.unwrap().status);
    }
    assert_eq!(last, Some(JobStatus::Cancelled));
    let cancelled = JobFilter::new().status(JobStatus::Cancelled);
    for filter in [JobFilter::default(), cancelled] {
        assert_eq!(shop.list(&filter).await.unwrap().jobs.len(), 1);
        assert!(plain.list(&filter).await.unwrap().jobs.is_empty());
    }
    let mut keys: Vec<String> = server.raw().await.run("KEYS *").await;
    keys.retain(|key| !key.starts_with("shop:"));
    assert!(keys.is_empty(), "{keys:?}");
}
