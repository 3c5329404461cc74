//! The queue file deleted, moved away or replaced beneath processes that use it (fault case 29).

use std::{collections::BTreeMap, fs};

use usm_queue::{ErrorKind, TaskQueue, testing::eventually};
use usm_tests::{Chore, Kind};

use super::{
    audit::audit,
    place::{Place, chore, drained},
};

/// What an enqueue is told; it must not be accepted.
async fn refusal(queue: &TaskQueue) -> String {
    let error = queue.enqueue(Chore::new(2, Kind::Quick)).await.expect_err("the job would be lost");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_accepted_into_a_file_that_is_gone() {
    let place = Place::new();
    let queue = place.open().await;
    let worker = place.worker(place.work());
    chore(&queue, Kind::Quick).await.result().await.unwrap();
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(place.beside(ending));
    }

    let told = refusal(&queue).await;

    assert!(told.contains("queue.db") && told.contains("removed or replaced"), "{told}");
    worker.complains("removed or replaced");
    queue.close().await;
    drop(worker);

    // A process that starts then begins anew.
    let queue = place.open().await;
    let worker = place.worker(place.work());
    let job = chore(&queue, Kind::Quick).await;
    drained(&queue).await;
    drop(worker);
    let jobs = BTreeMap::from([(job.id(), Chore::new(1, Kind::Quick))]);
    assert_eq!(audit(queue, &place.file(), &jobs).await.completed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_accepted_into_a_file_that_another_took_the_place_of() {
    let (place, other) = (Place::new(), Place::new());
    let queue = place.open().await;
    chore(&queue, Kind::Quick).await;
    let theirs = other.open().await;
    theirs.close().await;
    drop(theirs);
    eventually("its files are whole", async || (!other.beside("-wal").exists()).then_some(())).await;

    fs::rename(other.file(), place.file()).unwrap();

    assert!(refusal(&queue).await.contains("removed or replaced"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_accepted_into_a_log_that_is_gone() {
    for ending in ["-wal", "-shm"] {
        let place = Place::new();
        let queue = place.open().await;
        chore(&queue, Kind::Quick).await;

        fs::remove_file(place.beside(ending)).unwrap();

        let told = refusal(&queue).await;
        assert!(told.contains(&format!("queue.db{ending}")), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_put_back_is_used_again() {
    let place = Place::new();
    let queue = place.open().await;
    let worker = place.worker(place.work());
    chore(&queue, Kind::Quick).await.result().await.unwrap();
    let aside = place.path().join("aside");
    fs::rename(place.file(), &aside).unwrap();
    refusal(&queue).await;
    worker.complains("removed or replaced");

    fs::rename(&aside, place.file()).unwrap();

    let job = chore(&queue, Kind::Quick).await;
    job.result().await.unwrap();
    drop(worker);
    let jobs = BTreeMap::from([(job.id(), Chore::new(1, Kind::Quick))]);
    assert_eq!(audit(queue, &place.file(), &jobs).await.completed, 2);
}
