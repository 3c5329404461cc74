//! A process killed while it enqueues (fault case 3).

use std::collections::BTreeMap;

use usm_tests::Enqueue;

use super::{
    audit::audit,
    place::{Place, accepted, drained},
};
use crate::processes::seed;

/// Kills an enqueuer, at random moments, as often as this.
const ROUNDS: u64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_enqueuer_had_accepted_is_worked() {
    let mut random = fastrand::Rng::with_seed(seed());
    let place = Place::new();
    let mut all = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut enqueue = Enqueue::new(place.file(), 100_000);
        enqueue.callers = random.u64(1..16);
        let mut enqueuer = place.enqueuer(enqueue.clone());
        // How far it has come by then, besides, is as random as the scheduler.
        let number = random.u64(..300);
        enqueuer.says("how far it has come", |line| line.ends_with(&format!(" {number}")).then_some(()));

        enqueuer.kill();

        all.extend(accepted(&enqueuer, &enqueue));
    }

    let queue = place.open().await;
    let worker = place.worker(place.work());
    drained(&queue).await;
    drop(worker);
    let ended = audit(queue, &place.file(), &all).await;
    println!("{} of {} completed jobs were known to be accepted", all.len(), ended.completed);
    assert_eq!(ended.failed, 0);
    assert!(ended.completed >= all.len());
}
