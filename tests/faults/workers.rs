//! Workers killed, poisoned and asked to end (cases 1, 2, 9 and 28).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use usm_queue::{JobEvent, JobStatus, testing::eventually};
use usm_tests::{ATTEMPTS, Chore, Enqueue, Kind, QUEUE, Work, ledger::Ended, processes::Signal, proxy::Flow};

use crate::stage::{LEASE, PATIENCE, Stage, accepted, begun, chore, letters, only, runs};

/// Crashes that cost no attempt, because another job may have caused them.
const IN_COMPANY: u32 = 2;

/// Waits for something that takes as long as a recovery.
async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("it did not happen that {what}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn case_01_a_job_of_a_killed_worker_is_taken_over_and_watchers_see_it() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let job = chore(&queue, Kind::Holds).await;
    let mut watch = job.watch().await.unwrap();
    let mut first = stage.worker();
    assert_eq!(begun(&first, &job), 1);
    let second = stage.worker();

    first.kill();
    let killed = Instant::now();

    assert_eq!(begun(&second, &job), 1, "the crash costs no attempt");
    println!("taken over {:?} after the kill, lease {LEASE:?}", killed.elapsed());
    let mut seen = Vec::new();
    while let Some(state) = soon("the job changes", watch.next()).await {
        let state = state.unwrap();
        seen.push((state.version, state.status, state.attempt));
    }
    use JobStatus::{Completed, Pending, Processing};
    assert!(seen.is_sorted_by(|a, b| a.0 < b.0), "versions only grow: {seen:?}");
    let states: Vec<_> = seen.iter().map(|(_, status, attempt)| (*status, *attempt)).collect();
    assert_eq!(states, [(Pending, 0), (Processing, 1), (Processing, 1), (Completed, 1)]);
    let ended = stage.audit(&only(&job, Kind::Holds)).await;
    assert_eq!(ended, Ended { completed: 1, ..Ended::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn case_01_fifty_jobs_of_a_killed_worker_are_at_work_again_together() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let of_fifty = || Work { concurrency: 50, ..stage.work() };
    let mut first = stage.worker_that(of_fifty());
    let chores: Vec<_> = (0..50).map(|key| Chore::new(key, Kind::Holds)).collect();
    let jobs = queue.enqueue_many(chores.clone()).await.unwrap();
    jobs.iter().for_each(|job| assert_eq!(begun(&first, job), 1));
    let second = stage.worker_that(of_fifty());

    first.kill();
    let killed = Instant::now();

    jobs.iter().for_each(|job| assert_eq!(begun(&second, job), 1));
    let took = killed.elapsed();
    println!("fifty at work again {took:?} after the kill, lease {LEASE:?}");
    assert!(took < LEASE + PATIENCE / 4, "at work again after {took:?}");
    let accepted = jobs.iter().map(|job| job.id()).zip(chores).collect();
    assert_eq!(stage.audit(&accepted).await.completed, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_02_a_worker_killed_between_result_and_ack_has_its_job_run_once() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let mut first = stage.worker();
    let job = chore(&queue, Kind::Slow(3_000)).await;
    begun(&first, &job);
    // The result reaches Redis, the ack does not reach RabbitMQ.
    stage.to_rabbit.flow(Flow::FROZEN, Flow::default());
    assert_eq!(soon("it completes", job.result()).await.unwrap().attempt, 1);
    assert_eq!(stage.unfinished().get(QUEUE), Some(&1), "the message is still unacknowledged");

    first.kill();
    stage.to_rabbit.reset();
    stage.to_rabbit.heal();
    let second = stage.worker();

    let ended = stage.audit(&only(&job, Kind::Slow(3_000))).await;
    assert_eq!(ended, Ended { completed: 1, ..Ended::default() });
    assert_eq!(runs([&first, &second]).len(), 1, "a finished job is not run again");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_02_a_side_effect_of_a_worker_killed_before_it_settled_happens_once() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let mut first = stage.worker();
    let job = chore(&queue, Kind::SavesThenHolds).await;
    first.line(&format!("saved {}", job.id()));

    first.kill();
    let _second = stage.worker();

    assert_eq!(soon("it completes", job.result()).await.unwrap().attempt, 1);
    assert_eq!(stage.effects(), [(job.id().to_string(), 2)], "asked for twice, under one key");
    assert_eq!(stage.audit(&only(&job, Kind::SavesThenHolds)).await.completed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_02_a_worker_killed_between_failure_and_dead_letter_leaves_a_dead_letter() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let mut first = stage.worker();
    let options = usm_queue::EnqueueOptions::new().max_attempts(1);
    let job = queue.enqueue_with(Chore::new(1, Kind::SlowlyFails(3_000)), options).await.unwrap();
    begun(&first, &job);
    stage.to_rabbit.flow(Flow::FROZEN, Flow::default());
    let failed = soon("it fails", queue.wait(job.id())).await.unwrap();
    assert_eq!(failed.status, JobStatus::Failed);

    first.kill();
    stage.to_rabbit.reset();
    stage.to_rabbit.heal();
    let second = stage.worker();

    let ended = stage.audit(&only(&job, Kind::SlowlyFails(3_000))).await;
    assert_eq!(ended, Ended { failed: 1, ..Ended::default() });
    assert_eq!(runs([&first, &second]).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_09_a_job_that_aborts_its_worker_every_time_is_given_up() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let poison = chore(&queue, Kind::Aborts).await.id();
    let mut jobs = BTreeMap::from([(poison, Chore::new(1, Kind::Aborts))]);
    for kind in [Kind::Panics, Kind::FailsAlways] {
        jobs.insert(chore(&queue, kind.clone()).await.id(), Chore::new(1, kind));
    }
    // The first of them are begun together with it, and die with it.
    for _ in 0..20 {
        jobs.insert(chore(&queue, Kind::Slow(100)).await.id(), Chore::new(1, Kind::Slow(100)));
    }

    let mut worker = stage.worker();
    let (mut deaths, deadline) = (0, Instant::now() + PATIENCE);
    while !queue.job(poison).await.unwrap().status.is_final() {
        if worker.has_ended() {
            deaths += 1;
            assert!(
                deaths <= IN_COMPANY + ATTEMPTS,
                "it goes on killing workers: {:#?}",
                queue.job(poison).await
            );
            worker = stage.worker();
        }
        assert!(Instant::now() < deadline, "{deaths} deaths: {:#?}", queue.job(poison).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    assert_eq!(deaths, IN_COMPANY + ATTEMPTS);
    let ended = stage.audit(&jobs).await;
    assert_eq!((ended.completed, ended.failed, ended.died), (20, 3, 1), "the others are not dragged along");
    let letters = letters(&queue).await;
    assert!(letters.iter().all(|letter| letter.reason == "attempts used up"), "{letters:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_28_a_worker_asked_to_end_finishes_its_job_and_takes_no_other() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let mut worker = stage.worker();
    let job = chore(&queue, Kind::Slow(1_500)).await;
    begun(&worker, &job);

    worker.signal(Signal::TERM);
    worker.complains("no new job is taken");
    let later = chore(&queue, Kind::Quick).await;

    assert_eq!(worker.end().code(), Some(0));
    worker.line("stopped");
    let alarms: Vec<_> = worker.errors().into_iter().filter(|line| line.contains("WARN")).collect();
    assert!(alarms.is_empty(), "to stop is no loss: {alarms:?}");
    let (done, waiting) = (job.status().await.unwrap(), later.status().await.unwrap());
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 1));
    assert_eq!((waiting.status, waiting.attempt), (JobStatus::Pending, 0));
    let _next = stage.worker();
    let mut jobs = only(&job, Kind::Slow(1_500));
    jobs.extend(only(&later, Kind::Quick));
    assert_eq!(stage.audit(&jobs).await.completed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_28_a_job_longer_than_the_grace_period_is_handed_back_uncounted() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let mut work = stage.work();
    // Long enough that waiting for it would be seen.
    (work.grace_ms, work.stop_grace_ms, work.lease_ms) = (200, 200, 300_000);
    let mut worker = stage.worker_that(work.clone());
    let job = chore(&queue, Kind::Slow(3_000)).await;
    begun(&worker, &job);

    worker.signal(Signal::TERM);

    assert_eq!(worker.end_within(Duration::from_secs(20)).code(), Some(0));
    let waiting = job.status().await.unwrap();
    assert_eq!((waiting.status, waiting.attempt), (JobStatus::Pending, 0), "{waiting:#?}");
    assert_eq!(waiting.timeline.last().unwrap().event, JobEvent::Released);
    let _next = stage.worker_that(work);
    let result = soon("it completes without waiting for a lease", job.result()).await.unwrap();
    assert_eq!(result.attempt, 1);
    assert_eq!(stage.audit(&only(&job, Kind::Slow(3_000))).await.completed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_28_a_worker_asked_twice_ends_at_once_and_its_job_is_taken_over() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let mut worker = stage.worker();
    let job = chore(&queue, Kind::Holds).await;
    begun(&worker, &job);
    worker.signal(Signal::TERM);
    worker.line("asked to stop");

    worker.signal(Signal::TERM);

    assert_eq!(worker.end_within(Duration::from_secs(10)).code(), Some(130));
    let _next = stage.worker();
    assert_eq!(soon("it completes", job.result()).await.unwrap().attempt, 1);
    assert_eq!(stage.audit(&only(&job, Kind::Holds)).await.completed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_28_workers_that_come_and_go_under_load_lose_nothing() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let mut enqueue = Enqueue::new(stage.backend(), 300);
    (enqueue.over_ms, enqueue.slow_ms) = (15_000, 100);
    let mut enqueuer = stage.enqueuer(enqueue.clone());
    let mut workers = vec![stage.worker(), stage.worker()];

    for _ in 0..4 {
        let begun = runs([&workers[0]]).len();
        eventually("it takes its share", async || (runs([&workers[0]]).len() >= begun + 3).then_some(()))
            .await;
        let next = stage.worker();
        let mut leaving = workers.remove(0);
        leaving.signal(Signal::TERM);
        assert_eq!(leaving.end().code(), Some(0));
        workers.push(next);
    }

    enqueuer.line("all tried");
    assert!(enqueuer.end().success(), "{:?}", enqueuer.errors());
    let jobs = accepted(&enqueuer, &enqueue);
    assert_eq!(jobs.len(), 300, "nothing was refused");
    assert_eq!(stage.audit(&jobs).await.completed, 300);
    for job in jobs.keys() {
        assert_eq!(queue.job(*job).await.unwrap().attempt, 1, "no attempt was wasted");
    }
}
