//! A server and four workers on one data directory; the workers are killed at random while maps are asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use super::site::{Client, Site, TEXT};
use crate::processes::{Process, Signal, alone, chaos_time, seed};

const WORKERS: usize = 4;
const CLIENTS: usize = 8;
/// Maps asked for, unless the time is over before.
const JOBS: usize = 2_000;

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_map_is_saved_once_though_workers_are_killed_at_random() {
    let _alone = alone().await;
    let (seed, time) = (seed(), chaos_time());
    let mut random = fastrand::Rng::with_seed(seed);
    let site = Site::new();
    let mut server = site.serve(&["--no-workers"]);
    let client = server.client();
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(ask_for_maps(client.clone(), time))).collect();

    let mut workers: Vec<Process> = (0..WORKERS).map(|_| site.worker()).collect();
    let (mut kills, mut dismissals, mut leaving) = (0, 0, Vec::new());
    while begun.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(random.u64(50..1_000))).await;
        let mut worker = std::mem::replace(&mut workers[random.usize(..WORKERS)], site.worker());
        if random.u8(..100) < 80 {
            worker.kill();
            kills += 1;
        } else {
            worker.signal(Signal::TERM);
            leaving.push(worker);
            dismissals += 1;
        }
    }

    let accepted: BTreeSet<String> =
        join_all(clients).await.into_iter().flat_map(|client| client.unwrap()).collect();
    for id in &accepted {
        client.completed(id).await;
    }
    let drained = begun.elapsed();
    for mut worker in workers.into_iter().chain(leaving) {
        worker.signal(Signal::TERM);
        assert_eq!(worker.end().code(), Some(0), "{:?}", worker.errors());
    }
    server.process.kill();
    let jobs = site.audit(&accepted).await;
    assert_eq!(jobs.len(), accepted.len());
    let mut attempts = BTreeMap::new();
    jobs.iter().for_each(|job| *attempts.entry(job.attempt).or_insert(0) += 1);
    println!(
        "seed {seed}: {} maps accepted in {time:?}, all saved after {drained:?}; {kills} kills, {dismissals} dismissals; \
         jobs by attempts {attempts:?}",
        accepted.len()
    );
}

/// Asks for maps one after the other, at such a pace that the last falls at the end of the time; the accepted jobs.
async fn ask_for_maps(client: Client, time: Duration) -> Vec<String> {
    let (begun, jobs) = (Instant::now(), u32::try_from(JOBS / CLIENTS).unwrap());
    let mut accepted = Vec::new();
    for number in 0..jobs {
        tokio::time::sleep((time * number / jobs).saturating_sub(begun.elapsed())).await;
        if begun.elapsed() > time {
            break;
        }
        accepted.push(client.post_map(TEXT).await);
    }
    accepted
}
