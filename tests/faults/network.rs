//! The network between a worker and RabbitMQ: cut, half-open, lossy, slow (case 5).

use std::time::{Duration, Instant};

use usm_queue::{ErrorKind, testing::eventually};
use usm_tests::{
    Enqueue, Kind, QUEUE,
    processes::{Process, seed},
    proxy::Flow,
};

use crate::stage::{CONSUMING, NOT_CONSUMING, PATIENCE, Stage, accepted, begun, chore, only, runs};

/// What is done to the connections of a worker with a job in hand.
async fn job_in_hand_when(harm: impl AsyncFnOnce(&Stage, &Process)) {
    let Some(mut stage) = Stage::shared().await else { return };
    stage.heartbeat = 2;
    let queue = stage.observer().await;
    let worker = stage.worker();
    let job = chore(&queue, Kind::Slow(1_500)).await;
    begun(&worker, &job);

    harm(&stage, &worker).await;

    // Those that come meanwhile wait.
    let next = chore(&queue, Kind::Quick).await;
    worker.complains_times(CONSUMING, 2);
    let mut jobs = only(&job, Kind::Slow(1_500));
    jobs.extend(only(&next, Kind::Quick));
    assert_eq!(stage.audit(&jobs).await.completed, 2);
    assert_eq!(runs([&worker]).len(), 2, "the job in hand is not run again");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_a_cut_connection_is_made_anew_and_the_job_in_hand_runs_once() {
    job_in_hand_when(async |stage, worker| {
        stage.to_rabbit.cut();
        worker.complains(NOT_CONSUMING);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_a_reset_connection_is_made_anew_and_the_job_in_hand_runs_once() {
    job_in_hand_when(async |stage, worker| {
        stage.to_rabbit.reset();
        worker.complains(NOT_CONSUMING);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_a_half_open_connection_is_noticed_by_missing_heartbeats() {
    job_in_hand_when(async |stage, worker| {
        stage.to_rabbit.flow_both(Flow::FROZEN);
        worker.complains(NOT_CONSUMING);
        stage.to_rabbit.heal();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_a_connection_that_loses_all_from_the_broker_is_noticed() {
    job_in_hand_when(async |stage, worker| {
        stage.to_rabbit.flow(Flow::default(), Flow::FROZEN);
        worker.complains(NOT_CONSUMING);
        stage.to_rabbit.heal();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_a_connection_that_loses_all_to_the_broker_is_noticed() {
    job_in_hand_when(async |stage, worker| {
        stage.to_rabbit.flow(Flow::FROZEN, Flow::default());
        worker.complains(NOT_CONSUMING);
        stage.to_rabbit.heal();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_a_broker_that_is_away_for_a_while_is_found_again() {
    job_in_hand_when(async |stage, worker| {
        stage.to_rabbit.refuse();
        worker.complains(NOT_CONSUMING);
        // It has tried in vain meanwhile.
        tokio::time::sleep(Duration::from_secs(2)).await;
        stage.to_rabbit.heal();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_an_enqueue_into_a_dead_connection_fails_in_time_and_works_again_afterwards() {
    let Some(mut stage) = Stage::shared().await else { return };
    stage.heartbeat = 2;
    let queue = stage.open().await;
    let before = chore(&queue, Kind::Quick).await;
    stage.to_rabbit.flow_both(Flow::FROZEN);

    let begun = Instant::now();
    let refused = tokio::time::timeout(PATIENCE, queue.enqueue(usm_tests::Chore::new(2, Kind::Quick))).await;
    println!("refused after {:?}", begun.elapsed());

    let error = refused.expect("it does not hang").expect_err("nobody confirmed it");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    stage.to_rabbit.heal();
    let after = eventually("it is accepted", async || {
        queue.enqueue(usm_tests::Chore::new(1, Kind::Quick)).await.ok()
    })
    .await;
    let _worker = stage.worker();
    let mut jobs = only(&before, Kind::Quick);
    jobs.extend(only(&after, Kind::Quick));
    assert_eq!(stage.audit(&jobs).await.completed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_two_seconds_of_latency_slow_jobs_down_and_lose_none() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.open().await;
    let worker = stage.worker();
    // Before the latency, so that both have what they need.
    chore(&queue, Kind::Quick).await.result().await.unwrap();
    stage.to_rabbit.flow_both(Flow::delayed(Duration::from_secs(1)));

    let mut jobs = std::collections::BTreeMap::new();
    for kind in [Kind::Quick, Kind::FailsOnce, Kind::FailsAlways] {
        let job = tokio::time::timeout(PATIENCE, chore(&queue, kind.clone())).await.expect("it is accepted");
        jobs.extend(only(&job, kind));
    }

    let ended = stage.audit(&jobs).await;
    assert_eq!((ended.completed, ended.failed), (2, 1));
    assert_eq!(runs([&worker]).len(), 1 + 1 + 2 + 3, "nothing ran twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_a_trickling_connection_loses_nothing() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.open().await;
    let worker = stage.worker();
    let first = chore(&queue, Kind::Quick).await;
    first.result().await.unwrap();
    // A few bytes at a time; a publish takes seconds.
    stage.to_rabbit.flow_both(Flow::trickling(300));

    let mut jobs = only(&first, Kind::Quick);
    let mut refused = 0;
    for _ in 0..3 {
        let enqueue = queue.enqueue(usm_tests::Chore::new(1, Kind::Quick));
        match tokio::time::timeout(PATIENCE, enqueue).await.expect("it does not hang") {
            Ok(job) => jobs.extend(only(&job, Kind::Quick)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                refused += 1;
            }
        }
    }
    println!("{} accepted, {refused} refused", jobs.len());
    stage.to_rabbit.heal();

    assert_eq!(stage.audit(&jobs).await.completed, jobs.len());
    drop(worker);
}

/// Though its channel for publishing broke as well, and nobody publishes.
#[tokio::test(flavor = "multi_thread")]
async fn case_05_who_only_asks_is_answered_again_after_a_cut() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.open().await;
    chore(&queue, Kind::Quick).await;

    stage.to_rabbit.cut();

    eventually("it is answered", async || queue.depth(QUEUE).await.ok().filter(|depth| depth.ready == 1))
        .await;
}

/// Whatever they are doing at that moment: connecting, declaring, publishing, moving what is due.
#[tokio::test(flavor = "multi_thread")]
async fn case_05_connections_that_are_reset_all_the_time_leave_nothing_stuck() {
    let Some(stage) = Stage::shared().await else { return };
    let seed = seed();
    let mut enqueue = Enqueue::new(stage.backend(), 600);
    (enqueue.seed, enqueue.callers, enqueue.over_ms) = (Some(seed), 16, 15_000);
    (enqueue.attempts, enqueue.refusals) = (8, u64::MAX);
    let mut enqueuer = stage.enqueuer(enqueue.clone());
    let _workers = [stage.worker(), stage.worker(), stage.worker()];
    let mut random = fastrand::Rng::with_seed(seed);

    while !enqueuer.has_ended() {
        // Mostly before all have recovered, sometimes after.
        tokio::time::sleep(Duration::from_millis(random.u64(..600))).await;
        if random.bool() {
            stage.to_rabbit.reset();
        } else {
            stage.to_rabbit.cut();
        }
    }

    let jobs = accepted(&enqueuer, &enqueue);
    println!("{} accepted", jobs.len());
    assert!(jobs.len() > 100, "{:?}", enqueuer.errors());
    stage.audit(&jobs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_what_is_lost_and_found_is_said_once() {
    let Some(stage) = Stage::shared().await else { return };
    let worker = stage.worker();
    let said = |what: &str| worker.errors().iter().filter(|line| line.contains(what)).count();
    for times in 1..=2 {
        stage.to_rabbit.refuse();
        worker.complains_times(NOT_CONSUMING, times);
        worker.complains_times("dead-letter notices cannot be read", times);
        worker.complains_times("delayed messages are not moved on", times);
        // Each of them has tried in vain several times meanwhile.
        tokio::time::sleep(Duration::from_secs(4)).await;
        stage.to_rabbit.heal();

        worker.complains_times(CONSUMING, times + 1);
        worker.complains_times("dead-letter notices are read again", times);
        worker.complains_times("delayed messages are moved on again", times);

        for what in [
            NOT_CONSUMING,
            "notices cannot be read",
            "notices are read again",
            "delayed messages are not moved on",
        ] {
            assert_eq!(said(what), times, "{what}: {:#?}", worker.errors());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_credentials_that_are_refused_for_a_while_are_tried_until_they_are_right() {
    let Some(stage) = Stage::own().await else { return };
    let queue = stage.observer().await;
    let worker = stage.worker();

    stage.rabbit.control(&["change_password", "guest", "another"]);
    stage.rabbit.close_connections();
    worker.complains(NOT_CONSUMING);
    let before = stage.to_rabbit.counts().accepted;
    let tried = stage.to_rabbit.counts_where(PATIENCE, |counts| counts.accepted >= before + 4).await;
    tried.expect("it tries again");
    stage.rabbit.control(&["change_password", "guest", "guest"]);

    worker.complains_times(CONSUMING, 2);
    let job = eventually("it is accepted", async || {
        queue.enqueue(usm_tests::Chore::new(1, Kind::Quick)).await.ok()
    })
    .await;
    assert_eq!(stage.audit(&only(&job, Kind::Quick)).await.completed, 1);
    let errors = worker.errors();
    assert!(errors.iter().all(|line| !line.contains("guest:guest")), "{errors:#?}");
}
