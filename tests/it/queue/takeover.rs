//! Workers killed while they run a job (fault cases 1 and 2).

use std::{collections::BTreeMap, time::Instant};

use usm_queue::{JobStatus, testing::soon};
use usm_tests::{Chore, Kind, Work, ledger::Ended};

use super::{
    audit::audit,
    place::{LEASE, Place, begun, chore, drained},
};
use crate::processes::{PATIENCE, Process, Signal, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_killed_worker_is_taken_over_by_another_process() {
    let place = Place::new();
    let queue = place.open().await;
    let mut first = place.worker(place.work());
    let job = chore(&queue, Kind::Holds).await;
    let mut watch = job.watch().await.unwrap();
    assert_eq!(begun(&first, &job), 1);
    let second = place.worker(place.work());

    first.kill();
    let killed = Instant::now();

    assert_eq!(begun(&second, &job), 1, "the crash costs no attempt");
    let took = killed.elapsed();
    println!("taken over {took:?} after the kill, lease {LEASE:?}");
    assert!(took < LEASE + PATIENCE / 4, "taken over after {took:?}");
    let mut seen = Vec::new();
    while let Some(state) = soon("the job changes", watch.next()).await {
        let state = state.unwrap();
        seen.push((state.version, state.status, state.attempt));
    }
    use JobStatus::{Completed, Pending, Processing};
    assert!(seen.is_sorted_by(|a, b| a.0 < b.0), "versions only grow: {seen:?}");
    let states: Vec<_> = seen.iter().map(|(_, status, attempt)| (*status, *attempt)).collect();
    assert_eq!(states, [(Pending, 0), (Processing, 1), (Processing, 1), (Completed, 1)]);
    assert_eq!(job.result().await.unwrap().attempt, 1);
    drop(second);
    let accepted = BTreeMap::from([(job.id(), Chore::new(1, Kind::Holds))]);
    let ended = audit(queue, &place.file(), &accepted).await;
    assert_eq!(ended, Ended { completed: 1, ..Ended::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_jobs_of_a_killed_worker_are_at_work_again_together() {
    let place = Place::new();
    let queue = place.open().await;
    let of_fifty = || Work { concurrency: 50, ..place.work() };
    let mut first = place.worker(of_fifty());
    let chores: Vec<_> = (0..50).map(|key| Chore::new(key, Kind::Holds)).collect();
    let jobs = queue.enqueue_many(chores.clone()).await.unwrap();
    jobs.iter().for_each(|job| assert_eq!(begun(&first, job), 1));
    let second = place.worker(of_fifty());

    first.kill();
    let killed = Instant::now();

    jobs.iter().for_each(|job| assert_eq!(begun(&second, job), 1));
    let took = killed.elapsed();
    println!("fifty at work again {took:?} after the kill, lease {LEASE:?}");
    assert!(took < LEASE + PATIENCE / 4, "at work again after {took:?}");
    drained(&queue).await;
    drop(second);
    let accepted = jobs.iter().map(|job| job.id()).zip(chores).collect();
    assert_eq!(audit(queue, &place.file(), &accepted).await.completed, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_effect_of_a_worker_killed_before_it_settled_happens_once() {
    let place = Place::new();
    let queue = place.open().await;
    let mut first = place.worker(place.work());
    let job = chore(&queue, Kind::SavesThenHolds).await;
    first.line(&format!("saved {}", job.id()));

    first.kill();
    let second = place.worker(place.work());

    assert_eq!(soon("it completes", job.result()).await.unwrap().attempt, 1);
    assert_eq!(place.effects(), [(job.id().to_string(), 2)], "asked for twice, under one key");
    drop(second);
    let accepted = BTreeMap::from([(job.id(), Chore::new(1, Kind::SavesThenHolds))]);
    assert_eq!(audit(queue, &place.file(), &accepted).await.completed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_worker_that_wakes_up_cannot_change_the_job() {
    let place = Place::new();
    let queue = place.open().await;
    let frozen = place.worker(place.work());
    let job = chore(&queue, Kind::Slow(2_000)).await;
    assert_eq!(begun(&frozen, &job), 1);
    frozen.signal(Signal::STOP);
    let second = place.worker(place.work());
    assert_eq!(begun(&second, &job), 1, "the crash costs no attempt");

    frozen.signal(Signal::CONT);

    assert_eq!(soon("it completes", job.result()).await.unwrap().attempt, 1);
    frozen.complains("taken over");
    drop((frozen, second));
    let accepted = BTreeMap::from([(job.id(), Chore::new(1, Kind::Slow(2_000)))]);
    assert_eq!(audit(queue, &place.file(), &accepted).await.completed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_of_the_file_is_not_taken_for_the_death_of_everybody() {
    const SLOW: Kind = Kind::Slow(12_000);
    // On a busy machine a process may be late by a second.
    let lease = LEASE * 3;
    let place = Place::new();
    let queue = usm_tests::open(&place.file().into(), lease).await.unwrap();
    let lease_ms = u64::try_from(lease.as_millis()).unwrap();
    let workers = [0; 4].map(|_| place.worker(Work { lease_ms, ..place.work() }));
    let mut jobs = Vec::new();
    for _ in 0..12 {
        jobs.push(chore(&queue, SLOW).await);
    }
    until(PATIENCE, "all run", || {
        let runs = workers.iter().flat_map(Process::lines).filter(|line| line.starts_with("started")).count();
        (runs == jobs.len()).then_some(())
    });

    // Nobody can give a sign of life for longer than a lease; the first that can again must not think the others dead.
    let lock = rusqlite::Connection::open(place.file()).unwrap();
    lock.busy_timeout(PATIENCE).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    tokio::time::sleep(lease * 2).await;
    lock.execute_batch("ROLLBACK").unwrap();
    drop(lock);

    for job in &jobs {
        assert_eq!(soon("it completes", job.result()).await.unwrap().attempt, 1);
    }
    drained(&queue).await;
    drop(workers);
    let jobs: BTreeMap<_, _> = jobs.iter().map(|job| (job.id(), Chore::new(1, SLOW))).collect();
    assert_eq!(audit(queue, &place.file(), &jobs).await.completed, 12);
}
