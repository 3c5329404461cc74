//! Programs of another commit and of this one on one file (`USM_TEST_OLD_WORKER` names the other).

use usm_tests::{Enqueue, Order, ledger::check_runs};

use super::{
    audit::{all_jobs, audit},
    place::{Place, accepted, drained},
};
use crate::processes::{Process, Signal, alone, old_worker};

const JOBS: u64 = 300;

/// Those of the other commit have the file open already when the first of this one comes. Killed, they are replaced by new
/// ones: an older program cannot open a file of a newer version.
#[tokio::test(flavor = "multi_thread")]
async fn old_and_new_programs_share_a_file_and_are_killed_and_nothing_is_lost() {
    let Some(old) = old_worker() else { return };
    let _alone = alone().await;
    let place = Place::new();
    let mut enqueue = Enqueue::new(place.file(), JOBS);
    (enqueue.seed, enqueue.over_ms, enqueue.attempts) = (Some(7), 10_000, 8);
    let order = Order::Enqueue(enqueue.clone());
    let old_enqueuer = Process::start(&mut place.command_of(&old, &order));
    let work = Order::Work(place.work());
    let mut old_workers: Vec<_> =
        (0..3).map(|_| Process::start(&mut place.command_of(&old, &work))).collect();
    old_workers.iter().for_each(|worker| drop(worker.line("started ")));

    let new_enqueuer = place.enqueuer(enqueue.clone());
    let mut new_workers: Vec<_> = (0..2).map(|_| place.worker(place.work())).collect();
    let queue = place.open().await;
    new_workers.iter().for_each(|worker| drop(worker.line("started ")));
    let mut said = Vec::new();
    for share in 2..6 {
        usm_queue::testing::eventually("jobs come in", async || {
            (accepted(&old_enqueuer, &enqueue).len() as u64 >= share * JOBS / 8).then_some(())
        })
        .await;
        let list = if share % 2 == 0 { &mut old_workers } else { &mut new_workers };
        let mut killed = list.remove(0);
        killed.kill();
        said.extend(killed.last_words());
        new_workers.push(place.worker(place.work()));
    }

    let mut jobs = std::collections::BTreeMap::new();
    for mut enqueuer in [old_enqueuer, new_enqueuer] {
        enqueuer.line("all tried");
        assert!(enqueuer.end().success(), "{:?}", enqueuer.errors());
        jobs.extend(accepted(&enqueuer, &enqueue));
    }
    assert_eq!(jobs.len() as u64, 2 * JOBS, "nothing was refused");
    drained(&queue).await;
    let mut shares = Vec::new();
    for mut worker in old_workers.into_iter().chain(new_workers) {
        worker.signal(Signal::TERM);
        assert_eq!(worker.end().code(), Some(0), "{:?}", worker.errors());
        let words = worker.last_words();
        shares.push(words.iter().filter(|line| line.starts_with("started ")).count());
        said.extend(words);
    }
    let runs = check_runs(&all_jobs(&queue).await, &said);
    let ended = audit(queue, &place.file(), &jobs).await;
    println!(
        "{} jobs of both, 4 kills: {ended:?}; {runs} runs; the last workers began {shares:?}",
        jobs.len()
    );
    assert!(shares[0] > 0, "the old one took part to the end: {shares:?}");
}
