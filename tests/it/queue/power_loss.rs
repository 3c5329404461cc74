//! Power lost at a random moment: the files as they are then, without the processes and their memory.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use usm_queue::{DeadLetterFilter, JobId, JobStatus};
use usm_tests::{Chore, Enqueue};

use super::{
    audit::{all_jobs, audit, check_integrity},
    place::{Place, accepted, drained},
};
use crate::processes::{Process, alone, seed};

/// Copies the queue's files while nobody runs. Not through this process, whose locks on them would be lost with the copy.
fn copy(live: &Place, running: &[&Process]) -> Place {
    let copied = Place::new();
    running.iter().for_each(|process| process.freeze());
    let files = [live.file(), live.beside("-wal")];
    let done = Command::new("cp").args(files).arg(copied.path()).status().unwrap();
    running.iter().for_each(|process| process.signal(crate::processes::Signal::CONT));
    assert!(done.success());
    copied
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_power_loss_everything_accepted_is_there_and_is_worked() {
    let _alone = alone().await;
    let seed = seed();
    let mut random = fastrand::Rng::with_seed(seed);
    let live = Place::new();
    let mut enqueue = Enqueue::new(live.file(), 100_000);
    (enqueue.seed, enqueue.callers, enqueue.text_bytes) = (Some(seed), 4, 2_000);
    // At about this pace the log is moved into the file several times during the test.
    enqueue.over_ms = 500_000;
    let enqueuer = live.enqueuer(enqueue.clone());
    let workers = [live.worker(live.work()), live.worker(live.work())];
    enqueuer.line("accepted");
    for round in 0..5 {
        tokio::time::sleep(Duration::from_millis(random.u64(100..900))).await;
        if random.bool() {
            let checkpoint = Connection::open(live.file()).unwrap();
            checkpoint.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
        }
        let known = accepted(&enqueuer, &enqueue);

        let copied = copy(&live, &[&enqueuer, &workers[0], &workers[1]]);

        let queue = copied.open().await;
        let worker = copied.worker(copied.work());
        drained(&queue).await;
        drop(worker);
        let ended = audit(queue, &copied.file(), &known).await;
        println!("power loss {round}: {} known to be accepted, {ended:?}", known.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_torn_anywhere_leaves_a_sound_queue() {
    let _alone = alone().await;
    let seed = seed();
    let mut random = fastrand::Rng::with_seed(seed);
    let live = Place::new();
    let mut enqueue = Enqueue::new(live.file(), 100_000);
    (enqueue.seed, enqueue.callers, enqueue.over_ms) = (Some(seed), 4, 100_000);
    let enqueuer = live.enqueuer(enqueue.clone());
    let worker = live.worker(live.work());
    let begun = Instant::now();
    while fs::metadata(live.beside("-wal")).map_or(0, |log| log.len()) < 2 << 20 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the log does not grow");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let copied = copy(&live, &[&enqueuer, &worker]);

    drop((enqueuer, worker));
    // Nothing was moved from the log into the file yet, so every beginning of the log is a state that once was on disk.
    let log = fs::metadata(copied.beside("-wal")).unwrap().len();
    assert!(fs::metadata(copied.file()).unwrap().len() <= 4096, "the log was moved into the file");
    let mut cuts: Vec<u64> = (0..40).map(|_| random.u64(..=log)).chain([0, 1, 31, 32, 33, log]).collect();
    cuts.sort_unstable();
    let mut jobs_before = 0;
    for cut in cuts {
        let torn = Place::new();
        fs::copy(copied.file(), torn.file()).unwrap();
        fs::copy(copied.beside("-wal"), torn.beside("-wal")).unwrap();
        OpenOptions::new().write(true).open(torn.beside("-wal")).unwrap().set_len(cut).unwrap();

        let queue = torn.open().await;

        let jobs = check_consistent(&torn.file(), &queue).await;
        assert!(jobs >= jobs_before, "a longer log holds more: {jobs} jobs after {cut} bytes");
        jobs_before = jobs;
        if random.u8(..10) == 0 {
            let worker = torn.worker(torn.work());
            drained(&queue).await;
            drop(worker);
            let ended = audit(queue, &torn.file(), &BTreeMap::<JobId, Chore>::new()).await;
            println!("log of {log} bytes torn after {cut}: {jobs} jobs, {ended:?}");
        }
    }
}

/// Every waiting or running job has its message, every failed one its dead letter. Returns how many jobs there are.
async fn check_consistent(file: &Path, queue: &usm_queue::TaskQueue) -> usize {
    let connection = Connection::open(file).unwrap();
    check_integrity(&connection);
    let mut select = connection
        .prepare(
            "SELECT count(*) FROM messages WHERE message_id = ?1 AND queue = (SELECT id FROM queues WHERE name = ?2)",
        )
        .unwrap();
    let mut messages = |id: JobId| -> usize {
        select.query_row((id.to_string(), usm_tests::QUEUE), |row| row.get(0)).unwrap()
    };
    let jobs = all_jobs(queue).await;
    let letters = queue.dead_letters().list(&DeadLetterFilter::default(), 0, usize::MAX).await.unwrap();
    let (mut failed, mut waiting) = (0, 0);
    for job in &jobs {
        let expected = usize::from(!job.status.is_final());
        assert_eq!(messages(job.id), expected, "{job:#?}");
        waiting += expected;
        failed += usize::from(job.status == JobStatus::Failed);
    }
    assert_eq!(letters.len(), failed);
    let all: usize = connection.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap();
    assert!(all >= waiting + failed);
    jobs.len()
}
