//! Redis away, slow, restarted, flushed, and with keys of the wrong type (case 6).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use usm_queue::{EnqueueOptions, ErrorKind, JobStatus, TaskQueue, testing::eventually};
use usm_tests::{Chore, Kind, proxy::Flow};

use crate::stage::{PATIENCE, Stage, begun, chore, only, runs};

/// No call waits for Redis longer than its response time-out of 2 s; the rest is for a busy machine.
const IN_TIME: Duration = Duration::from_secs(12);

/// What a caller hears while Redis does not answer: soon, and why.
async fn hears_of_it(queue: &TaskQueue, job: &usm_queue::JobHandle<Chore>) {
    let asked = Instant::now();
    let status = tokio::time::timeout(IN_TIME, job.status()).await.expect("the status does not hang");
    assert_eq!(status.expect_err("Redis is away").kind(), ErrorKind::Unavailable);
    let enqueue = queue.enqueue(Chore::new(9, Kind::Quick));
    let refused = tokio::time::timeout(IN_TIME, enqueue).await.expect("the enqueue does not hang");
    assert_eq!(refused.expect_err("Redis is away").kind(), ErrorKind::Unavailable);
    println!("both refused after {:?}", asked.elapsed());
}

async fn runs_on_when(harm: impl AsyncFnOnce(&mut Stage, &TaskQueue, &usm_queue::JobHandle<Chore>)) {
    let Some(mut stage) = Stage::shared().await else { return };
    let queue = stage.open().await;
    let worker = stage.worker();
    let job = chore(&queue, Kind::Slow(1_000)).await;
    begun(&worker, &job);

    harm(&mut stage, &queue, &job).await;

    let next =
        eventually("it is accepted", async || queue.enqueue(Chore::new(1, Kind::Quick)).await.ok()).await;
    let mut jobs = only(&job, Kind::Slow(1_000));
    jobs.extend(only(&next, Kind::Quick));
    assert_eq!(stage.audit(&jobs).await.completed, 2);
    let done = queue.job(job.id()).await.unwrap();
    assert_eq!(done.attempt, 1, "{done:#?}");
    let mut began = runs([&worker]);
    began.retain(|line| line.contains(&job.id().to_string()));
    assert_eq!(began.len(), 1, "it ran on");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_06_a_job_runs_on_while_redis_is_away() {
    runs_on_when(async |stage, queue, job| {
        stage.to_redis.refuse();
        hears_of_it(queue, job).await;
        stage.to_redis.heal();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_06_a_job_runs_on_while_redis_is_cut_off_without_a_word() {
    runs_on_when(async |stage, queue, job| {
        stage.to_redis.flow_both(Flow::FROZEN);
        hears_of_it(queue, job).await;
        stage.to_redis.heal();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_06_a_job_runs_on_while_redis_takes_five_seconds_to_answer() {
    runs_on_when(async |stage, queue, job| {
        stage.to_redis.flow(Flow::default(), Flow::delayed(Duration::from_secs(5)));
        hears_of_it(queue, job).await;
        stage.to_redis.heal();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_06_a_job_runs_on_while_redis_is_frozen() {
    runs_on_when(async |stage, queue, job| {
        stage.redis.freeze(true);
        hears_of_it(queue, job).await;
        stage.redis.freeze(false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_06_a_job_runs_on_while_redis_is_restarted() {
    runs_on_when(async |stage, queue, job| {
        stage.redis.stop();
        hears_of_it(queue, job).await;
        stage.redis.launch();
        stage.redis.kill();
        hears_of_it(queue, job).await;
        stage.redis.launch();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_06_records_of_jobs_that_run_and_wait_are_rebuilt_after_a_flush() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let mut work = stage.work();
    work.concurrency = 1;
    let worker = stage.worker_that(work);
    let running = chore(&queue, Kind::Slow(5_000)).await;
    begun(&worker, &running);
    let waiting = chore(&queue, Kind::Quick).await;
    let options = EnqueueOptions::new().delay(Duration::from_secs(6));
    let delayed = queue.enqueue_with(Chore::new(1, Kind::Quick), options).await.unwrap();
    let retried = chore(&queue, Kind::FailsOnce).await;
    let mut watch = running.watch().await.unwrap();

    redis::cmd("FLUSHALL").exec(&mut stage.redis.connect()).unwrap();

    let mut last = None;
    let mut version = 0;
    while let Some(state) = tokio::time::timeout(PATIENCE, watch.next()).await.expect("the watch ends") {
        let state = state.unwrap();
        assert!(state.version > version, "{state:#?}");
        version = state.version;
        last = Some(state);
    }
    let last = last.unwrap();
    assert_eq!((last.status, last.attempt), (JobStatus::Completed, 1), "{last:#?}");
    let mut jobs = BTreeMap::new();
    // Those that wait are unknown until a worker takes their message.
    for (job, kind) in [
        (&running, Kind::Slow(5_000)),
        (&waiting, Kind::Quick),
        (&delayed, Kind::Quick),
        (&retried, Kind::FailsOnce),
    ] {
        eventually("it is known again, and completed", async || {
            let job = job.status().await.ok()?;
            (job.status == JobStatus::Completed).then_some(())
        })
        .await;
        jobs.extend(only(job, kind));
    }
    assert_eq!(stage.audit(&jobs).await.completed, 4);
    assert_eq!(runs([&worker]).len(), 5, "nothing ran again because of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_06_keys_of_the_wrong_type_are_overwritten() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let worker = stage.worker();
    let mut jobs = BTreeMap::new();
    let mut redis = stage.redis.connect();
    let mut spoil = |job: &usm_queue::JobHandle<Chore>| {
        // Every key that there is of this job, whatever it is called.
        let keys: Vec<String> = redis::cmd("KEYS").arg(format!("*{}*", job.id())).query(&mut redis).unwrap();
        assert!(!keys.is_empty());
        for key in keys {
            redis::cmd("DEL").arg(&key).exec(&mut redis).unwrap();
            redis::cmd("SADD").arg(&key).arg("not what you expect").exec(&mut redis).unwrap();
        }
    };
    let running = chore(&queue, Kind::Slow(5_000)).await;
    begun(&worker, &running);
    spoil(&running);
    let options = EnqueueOptions::new().delay(Duration::from_secs(4));
    let waiting = queue.enqueue_with(Chore::new(1, Kind::Quick), options).await.unwrap();
    spoil(&waiting);

    for (job, kind) in [(&running, Kind::Slow(5_000)), (&waiting, Kind::Quick)] {
        eventually("it is known again, and completed", async || {
            let job = job.status().await.ok()?;
            (job.status == JobStatus::Completed).then_some(())
        })
        .await;
        jobs.extend(only(job, kind));
    }

    assert_eq!(stage.audit(&jobs).await.completed, 2);
    assert_eq!(runs([&worker]).len(), 2);
}
