//! The files beside the queue file: stale, deleted, filled with garbage (fault case 29).

use std::{collections::BTreeMap, fs};

use usm_queue::{JobId, testing::soon};
use usm_tests::{Chore, Enqueue, Kind};

use super::{
    audit::audit,
    place::{Place, accepted, chore, drained},
};
use crate::processes::{alone, seed};

/// Kills an enqueuer and a worker in the middle of their work, so that their files stay behind.
fn leave_files_behind(place: &Place, jobs: &mut BTreeMap<JobId, Chore>) {
    let enqueue = Enqueue::new(place.file(), 100_000);
    let mut enqueuer = place.enqueuer(enqueue.clone());
    let mut worker = place.worker(place.work());
    enqueuer.says("a hundredth job", |line| line.ends_with(" 100").then_some(()));
    worker.line("started");
    enqueuer.kill();
    worker.kill();
    jobs.extend(accepted(&enqueuer, &enqueue));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_killed_processes_are_taken_up_whatever_state_they_are_in() {
    let mut random = fastrand::Rng::with_seed(seed());
    let place = Place::new();
    let mut jobs = BTreeMap::new();
    for round in 0..4 {
        leave_files_behind(&place, &mut jobs);
        assert!(fs::metadata(place.beside("-wal")).unwrap().len() > 0);
        // The index of the log is worth nothing without a process; the log itself is worth everything.
        match round {
            0 => {}
            1 => fs::remove_file(place.beside("-shm")).unwrap(),
            2 => fs::write(place.beside("-shm"), vec![random.u8(..); 70_000]).unwrap(),
            _ => fs::write(place.beside("-shm"), "").unwrap(),
        }
    }

    let queue = place.open().await;
    let worker = place.worker(place.work());
    drained(&queue).await;
    drop(worker);
    assert_eq!(audit(queue, &place.file(), &jobs).await.failed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_doorbell_the_queue_works_on() {
    let place = Place::new();
    let queue = place.open().await;
    let mut jobs = BTreeMap::new();
    let worker = place.worker(place.work());
    let garbage: [Option<&[u8]>; 4] = [None, Some(b"ring"), Some(&[0xff; 5_000]), Some(b"")];
    for content in garbage {
        match content {
            None => fs::remove_file(place.beside("-bell")).unwrap(),
            Some(content) => fs::write(place.beside("-bell"), content).unwrap(),
        }

        for _ in 0..5 {
            let job = chore(&queue, Kind::Quick).await;
            soon("it is worked, and seen to be", job.result()).await.unwrap();
            jobs.insert(job.id(), Chore::new(1, Kind::Quick));
        }
    }

    drop(worker);
    assert_eq!(audit(queue, &place.file(), &jobs).await.completed, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_share_a_file_that_is_not_there_yet() {
    let _alone = alone().await;
    for _ in 0..5 {
        let place = Place::new();
        let enqueue = Enqueue::new(place.file(), 20);
        let mut enqueuers: Vec<_> = (0..6).map(|_| place.enqueuer(enqueue.clone())).collect();
        let mut jobs = BTreeMap::new();
        for enqueuer in &mut enqueuers {
            assert!(enqueuer.end().success(), "{:?} {:?}", enqueuer.lines(), enqueuer.errors());
            enqueuer.line("all tried");
            jobs.extend(accepted(enqueuer, &enqueue));
        }
        assert_eq!(jobs.len(), 6 * 20);

        let queue = place.open().await;
        let worker = place.worker(place.work());
        drained(&queue).await;
        drop(worker);
        assert_eq!(audit(queue, &place.file(), &jobs).await.completed, 6 * 20);
    }
}
