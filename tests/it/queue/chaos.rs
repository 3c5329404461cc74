//! Four workers on one file, killed at random while jobs come in from many callers (fault case 29).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;
use usm_queue::JobId;
use usm_tests::{
    Enqueue,
    cancels::Cancels,
    ledger::{Watchers, check_runs},
};

use super::{
    audit::{all_jobs, audit},
    place::{LEASE, Place, accepted, drained},
};
use crate::processes::{Process, Signal, alone, chaos_time, seed};

const WORKERS: usize = 4;
const JOBS: u64 = 2_000;
/// A worker that needs more than this keeps something it should not.
const MEMORY_KIB: u64 = 256 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_job_ends_once_though_workers_are_killed_at_random() {
    let _alone = alone().await;
    let (seed, time) = (seed(), chaos_time());
    let place = Place::new();
    let queue = place.open().await;
    let mut enqueue = Enqueue::new(place.file(), JOBS);
    enqueue.seed = Some(seed);
    enqueue.callers = 8;
    enqueue.over_ms = u64::try_from(time.as_millis()).unwrap();
    enqueue.attempts = 5;
    let begun = Instant::now();
    let mut enqueuer = place.enqueuer(enqueue.clone());
    let mut crew = Crew::new(&place, seed);
    let (mut watchers, mut cancels) = (Watchers::default(), Cancels::default());

    while begun.elapsed() < time || !enqueuer.has_ended() {
        crew.do_harm().await;
        cancels.some_more(&queue).await;
        watchers.watch(&queue, accepted(&enqueuer, &enqueue).keys());
    }

    enqueuer.line("all tried");
    watchers.watch(&queue, accepted(&enqueuer, &enqueue).keys());
    let lines = enqueuer.last_words();
    let refused: Vec<_> = lines.iter().filter(|line| line.starts_with("refused")).collect();
    assert!(refused.is_empty(), "callers do not hear of it: {refused:?}");
    let jobs = lines.iter().filter_map(|line| {
        let (id, number) = line.strip_prefix("accepted ")?.split_once(' ')?;
        Some((id.parse().unwrap(), enqueue.chore(number.parse().unwrap())))
    });
    let mut jobs: BTreeMap<JobId, _> = jobs.collect();
    assert_eq!(jobs.len() as u64, JOBS);
    jobs.extend(cancels.accepted.clone());
    jobs.retain(|id, _| !cancels.cancelled.contains(id));
    crew.heal().await;
    drained(&queue).await;
    let drained_after = begun.elapsed();
    let watched = watchers.finish().await;
    let harm = crew.harm;
    let (memory, runs) = crew.dismiss();
    assert!(memory < MEMORY_KIB, "a worker holds {memory} KiB");
    let records = all_jobs(&queue).await;
    cancels.check(&records, &runs);
    let cancelled = cancels.cancelled.len();
    let runs = check_runs(&records, &runs);
    let ended = audit(queue, &place.file(), &jobs).await;
    println!(
        "seed {seed}: {JOBS} jobs accepted in {time:?}, all ended after {drained_after:?}; {harm:?}; {ended:?}; {runs} runs, \
         {cancelled} cancelled, {watched} watched, largest worker {memory} KiB"
    );
}

/// What was done to the workers.
#[derive(Debug, Default, Clone, Copy)]
struct Harm {
    kills: u32,
    freezes: u32,
    dismissals: u32,
}

/// The workers, and chance.
struct Crew<'a> {
    place: &'a Place,
    random: fastrand::Rng,
    working: Vec<Process>,
    /// Frozen for a while; a task wakes them, since one may hold the file's lock and everybody waits for it.
    frozen: Vec<(JoinHandle<()>, Process)>,
    /// Asked to end.
    leaving: Vec<Process>,
    /// What those that are gone said.
    said: Vec<String>,
    harm: Harm,
}

impl<'a> Crew<'a> {
    fn new(place: &'a Place, seed: u64) -> Self {
        let working = (0..WORKERS).map(|_| place.worker(place.work())).collect();
        let random = fastrand::Rng::with_seed(seed);
        let (frozen, leaving, said) = (Vec::new(), Vec::new(), Vec::new());
        Self { place, random, working, frozen, leaving, said, harm: Harm::default() }
    }

    /// After a random while kills a random worker, or freezes it longer than its lease, or asks it to end, and starts
    /// another in its place.
    async fn do_harm(&mut self) {
        tokio::time::sleep(Duration::from_millis(self.random.u64(20..700))).await;
        let one = self.random.usize(..WORKERS);
        let mut worker = std::mem::replace(&mut self.working[one], self.place.worker(self.place.work()));
        match self.random.u8(..100) {
            0..70 => {
                worker.kill();
                self.said.extend(worker.last_words());
                self.harm.kills += 1;
            }
            70..85 => {
                worker.signal(Signal::STOP);
                let wake = worker.later(LEASE.mul_f64(1.2 + self.random.f64()), Signal::CONT);
                self.frozen.push((wake, worker));
                self.harm.freezes += 1;
            }
            _ => {
                worker.signal(Signal::TERM);
                self.leaving.push(worker);
                self.harm.dismissals += 1;
            }
        }
    }

    /// Nothing more happens to them.
    async fn heal(&mut self) {
        for (woken, worker) in self.frozen.drain(..) {
            woken.await.unwrap();
            self.working.push(worker);
        }
    }

    /// Asks all to end; returns the largest memory of one that worked to the end, and what all said.
    fn dismiss(mut self) -> (u64, Vec<String>) {
        let memory = self.working.iter().map(|worker| worker.memory_kib("VmHWM")).max().unwrap();
        self.working.iter().for_each(|worker| worker.signal(Signal::TERM));
        for mut worker in self.working.drain(..).chain(self.leaving.drain(..)) {
            assert_eq!(worker.end().code(), Some(0), "asked to end: {:?}", worker.errors());
            self.said.extend(worker.last_words());
        }
        (memory, self.said)
    }
}
