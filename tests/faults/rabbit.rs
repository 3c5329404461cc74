//! RabbitMQ restarted, starved, with its queues deleted, and losing patience (cases 4, 15, 16 and 17).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use usm_queue::{EnqueueOptions, ErrorKind, JobStatus, testing::eventually};
use usm_tests::{Chore, Enqueue, Kind, QUEUE, processes::seed, rabbit::CONSUMER_TIMEOUT};

use crate::{
    raw::Raw,
    stage::{CONSUMING, NOT_CONSUMING, PATIENCE, Stage, accepted, begun, chore, only, runs},
};

#[tokio::test(flavor = "multi_thread")]
async fn case_04_broker_restart_with_confirms_in_flight() {
    let Some(mut stage) = Stage::own().await else { return };
    let mut enqueue = Enqueue::new(stage.backend(), 6_000);
    (enqueue.callers, enqueue.over_ms, enqueue.refusals) = (16, 10_000, u64::MAX);
    let mut enqueuer = stage.enqueuer(enqueue.clone());
    let workers = [stage.worker(), stage.worker()];
    let count = |more: usize| {
        let so_far = accepted(&enqueuer, &enqueue).len();
        eventually("more is accepted", {
            let (enqueuer, enqueue) = (&enqueuer, &enqueue);
            async move || (accepted(enqueuer, enqueue).len() >= so_far + more).then_some(())
        })
    };
    count(500).await;

    stage.rabbit.stop();
    stage.rabbit.launch();
    let back = Instant::now();
    count(1).await;
    println!("accepted again {:?} after an orderly restart", back.elapsed());
    stage.rabbit.kill();
    stage.rabbit.launch();
    let back = Instant::now();
    count(1).await;
    println!("accepted again {:?} after a kill", back.elapsed());

    enqueuer.line("all tried");
    assert_eq!(enqueuer.end_within(PATIENCE).code(), Some(0), "{:?}", enqueuer.errors());
    let (jobs, lines) = (accepted(&enqueuer, &enqueue), enqueuer.lines());
    let refused: Vec<_> = lines.iter().filter(|line| line.starts_with("refused")).collect();
    assert_eq!(jobs.len() + refused.len(), 6_000, "every call was answered");
    let otherwise: Vec<_> = refused.iter().filter(|line| !line.contains(" Unavailable: ")).collect();
    assert!(otherwise.is_empty(), "{otherwise:?}");
    let ended = stage.audit(&jobs).await;
    let runs = runs(&workers).len();
    println!("{} accepted, {} refused; {ended:?}, {runs} runs", jobs.len(), refused.len());
    assert_eq!(ended.completed, jobs.len());
}

/// Jobs on their way through the delays when the broker goes away.
async fn delayed_when(harm: impl FnOnce(&mut Stage)) {
    let Some(mut stage) = Stage::own().await else { return };
    let queue = stage.observer().await;
    let mut jobs = BTreeMap::new();
    let chores = (0..1_000).map(|key| Chore::new(key, Kind::Quick)).collect::<Vec<_>>();
    let with_delays = chores.iter().map(|chore| {
        let delay = Duration::from_millis(1_000 + 5 * chore.key);
        (chore.clone(), EnqueueOptions::new().delay(delay))
    });
    let accepted = queue.enqueue_many_with(with_delays).await.unwrap();
    jobs.extend(accepted.iter().map(usm_queue::JobHandle::id).zip(chores));
    let due = accepted[300].status().await.unwrap().next_attempt_at.unwrap();
    let left = (due - chrono::Utc::now()).to_std().unwrap_or_default();
    tokio::time::sleep(left).await;

    harm(&mut stage);

    let _workers = [stage.worker(), stage.worker()];
    let ended = stage.audit(&jobs).await;
    assert_eq!(ended.completed, jobs.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn case_04_delayed_jobs_survive_an_orderly_restart_of_the_broker() {
    delayed_when(|stage| {
        stage.rabbit.stop();
        stage.rabbit.launch();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_04_delayed_jobs_survive_a_kill_of_the_broker() {
    delayed_when(|stage| {
        stage.rabbit.kill();
        stage.rabbit.launch();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_04_retried_jobs_survive_kills_of_the_broker() {
    let Some(mut stage) = Stage::own().await else { return };
    let mut enqueue = Enqueue::new(stage.backend(), 6_000);
    (enqueue.callers, enqueue.over_ms, enqueue.refusals) = (32, 60_000, u64::MAX);
    (enqueue.seed, enqueue.attempts) = (Some(seed()), 8);
    let mut enqueuer = stage.enqueuer(enqueue.clone());
    let _workers = [stage.worker(), stage.worker(), stage.worker()];
    for _ in 0..3 {
        let so_far = accepted(&enqueuer, &enqueue).len();
        eventually("more is accepted", async || {
            (accepted(&enqueuer, &enqueue).len() >= so_far + 500).then_some(())
        })
        .await;
        stage.rabbit.kill();
        stage.rabbit.launch();
    }

    enqueuer.line("all tried");
    assert!(enqueuer.end_within(PATIENCE).success(), "{:?}", enqueuer.errors());
    let jobs = accepted(&enqueuer, &enqueue);
    let ended = stage.audit(&jobs).await;
    println!("{} accepted; {ended:?}", jobs.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn case_15_a_starved_broker_refuses_publishers_in_time_and_workers_go_on() {
    let Some(stage) = Stage::own().await else { return };
    starve(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_15_on_a_shared_connection_acknowledgements_may_wait_for_a_starved_broker_and_nothing_is_lost() {
    let Some(mut stage) = Stage::own().await else { return };
    stage.share_connection = true;
    starve(stage).await;
}

/// Longer than it takes to start `rabbitmqctl`, which starves the broker, on a busy machine.
const STARVING_MS: u64 = 25_000;

async fn starve(stage: Stage) {
    let (queue, observer) = (stage.open().await, stage.observer().await);
    let worker = stage.worker();

    let running = chore(&queue, Kind::Slow(STARVING_MS)).await;
    begun(&worker, &running);
    let retried = chore(&queue, Kind::SlowlyFailsOnce(STARVING_MS)).await;
    begun(&worker, &retried);

    stage.rabbit.memory_alarm(true);

    let asked = Instant::now();
    let refused = tokio::time::timeout(PATIENCE, queue.enqueue(Chore::new(2, Kind::Quick))).await;
    println!("refused after {:?}", asked.elapsed());
    let error = refused.expect("it does not hang").expect_err("the broker takes nothing");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    // Not the first: a broker tells a connection that it is blocked when it publishes.
    let error = queue.enqueue(Chore::new(2, Kind::Quick)).await.expect_err("still not");
    assert!(error.to_string().contains("memory"), "it says why: {error}");
    // The worker's ack gets through; its retry, a publish, does not.
    let done = observer.wait(running.id()).await.unwrap();
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 1));
    if !stage.share_connection {
        eventually("its message is acknowledged", async || {
            (stage.unfinished().get(QUEUE) == Some(&1)).then_some(())
        })
        .await;
    }
    worker.complains("the broker refuses publishes");

    stage.rabbit.memory_alarm(false);

    let later =
        eventually("it is accepted again", async || queue.enqueue(Chore::new(1, Kind::Quick)).await.ok())
            .await;
    let mut jobs = only(&running, Kind::Slow(STARVING_MS));
    jobs.extend(only(&retried, Kind::SlowlyFailsOnce(STARVING_MS)));
    jobs.extend(only(&later, Kind::Quick));
    assert_eq!(stage.audit(&jobs).await.completed, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_16_a_worker_whose_queue_is_deleted_says_so_and_works_when_it_is_back() {
    let Some(stage) = Stage::shared().await else { return };
    let worker = stage.worker();
    let raw = Raw::connect(&stage).await;

    raw.delete_queue(QUEUE).await;

    worker.complains(NOT_CONSUMING);
    // Who declares the topology makes it anew.
    let queue = stage.observer().await;
    let job = chore(&queue, Kind::Quick).await;
    assert_eq!(tokio::time::timeout(PATIENCE, job.result()).await.unwrap().unwrap().attempt, 1);
    worker.complains_times(CONSUMING, 2);
    assert_eq!(stage.audit(&only(&job, Kind::Quick)).await.completed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_17_a_job_longer_than_the_brokers_patience_runs_once() {
    let Some(stage) = Stage::own().await else { return };
    stage.rabbit.consumer_timeout(Duration::from_secs(2));
    let queue = stage.observer().await;
    let worker = stage.worker();
    let mut jobs = BTreeMap::new();
    let long = chore(&queue, Kind::Slow(9_000)).await;
    begun(&worker, &long);
    jobs.extend(only(&long, Kind::Slow(9_000)));
    // It may get the message that the broker takes from the first.
    let other = stage.worker();
    let connections = stage.to_rabbit.counts();

    worker.complains(NOT_CONSUMING);
    worker.complains_times(CONSUMING, 2);
    assert_eq!(stage.to_rabbit.counts(), connections, "a new channel is enough");
    let short = chore(&queue, Kind::Quick).await;
    jobs.extend(only(&short, Kind::Quick));

    assert_eq!(stage.audit(&jobs).await.completed, 2);
    assert_eq!(runs([&worker, &other]).len(), 2, "the long one came again and was not run again");
    assert_eq!(queue.job(long.id()).await.unwrap().attempt, 1);
    stage.rabbit.consumer_timeout(CONSUMER_TIMEOUT);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_17_a_task_that_may_outlast_the_brokers_patience_is_warned_of_at_the_start() {
    let Some(mut stage) = Stage::shared().await else { return };
    // A chore may take 120 s, and go on for 1 s after it was asked to stop.
    for (patience, warnings) in [(121, 1), (122, 0)] {
        stage.consumer_timeout = Duration::from_secs(patience);

        let worker = stage.worker();

        let warned = worker.errors().into_iter().filter(|line| line.contains("longer than the broker waits"));
        let warned: Vec<_> = warned.collect();
        assert_eq!(warned.len(), warnings, "{patience} s: {warned:?}");
        assert!(warned.iter().all(|line| line.contains("task.name=\"chore\"")), "{warned:?}");
    }
}
