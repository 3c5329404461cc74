//! Three workers, fifty jobs a second, jobs that are cancelled, and a fault every few seconds; then all must be well.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{Duration, Instant},
};

use usm_queue::{Job, JobEvent, JobId, JobStatus};
use usm_tests::{
    Chore, Enqueue,
    cancels::Cancels,
    ledger::{self, Letters, Watchers, check_runs},
    processes::{Process, Signal, old_worker, seed, soak_time},
};

use crate::{
    breaking::{Breaking, Fault},
    stage::{Stage, acceptance, letters, record},
};

const WORKERS: usize = 3;
const JOBS_PER_SECOND: u64 = 50;
/// Seconds between two faults.
const QUIET: std::ops::Range<u64> = 5..20;
/// How long everything may take to recover and be worked afterwards.
const DRAIN: Duration = Duration::from_secs(180);
/// A worker that needs more than this keeps something it should not.
const MEMORY_KIB: u64 = 256 << 10;
/// As do files and sockets.
const OPEN_FILES: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn soak_every_accepted_job_ends_once_whatever_breaks() {
    soak(None, Fault::ALL).await;
}

/// Without what that commit is known not to survive.
#[tokio::test(flavor = "multi_thread")]
async fn soak_beside_workers_of_an_old_commit_every_accepted_job_ends_once() {
    let Some(old) = old_worker() else { return };
    soak(Some(old), Fault::BEARABLE_FOR_OLD).await;
}

async fn soak(old: Option<PathBuf>, faults: &[Fault]) {
    let Some(mut stage) = Stage::own().await else { return };
    stage.heartbeat = 4;
    let (seed, time) = (seed(), soak_time());
    let queue = stage.observer().await;
    let mut enqueue = Enqueue::new(stage.backend(), JOBS_PER_SECOND * time.as_secs());
    enqueue.seed = Some(seed);
    enqueue.callers = 64;
    enqueue.over_ms = u64::try_from(time.as_millis()).unwrap();
    enqueue.attempts = 8;
    enqueue.refusals = u64::MAX;
    let mut enqueuer = stage.enqueuer(enqueue.clone());
    let begun = Instant::now();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut workers: Vec<_> = (0..WORKERS).map(|_| stage.worker()).collect();
    if let Some(old) = &old {
        workers[0] = stage.worker_of(old);
    }
    let mut breaking = Breaking::new(random.fork(), workers, old);
    let (mut cancels, mut watchers, mut watched) = (Cancels::default(), Watchers::default(), 0);
    let mut deck = Vec::new();

    while begun.elapsed() < time {
        let left = time.saturating_sub(begun.elapsed());
        // Shorter runs meet as many faults.
        let quiet = Duration::from_secs(random.u64(QUIET)).min(time / 20);
        tokio::time::sleep(quiet.min(left)).await;
        cancels.some_more(&queue).await;
        if begun.elapsed() < time {
            if deck.is_empty() {
                // Each comes once before one comes again.
                deck.extend_from_slice(faults);
                random.shuffle(&mut deck);
            }
            let fault = deck.pop().unwrap();
            let set_back = fault == Fault::RedisSetBack;
            if set_back {
                // They would see versions come again, and wait for ends that nobody remembers.
                watched += watchers.begin_anew(0);
            }
            let known = || {
                let mut known = accepted(&enqueuer, &enqueue);
                known.extend(cancels.accepted.clone());
                known
            };
            breaking.break_and_repair(fault, &mut stage, &queue, &known).await;
            println!("{:>6.1?} {fault:?}", begun.elapsed());
            if set_back {
                watchers.begin_anew(watchable(&enqueuer, &enqueue, &breaking).len());
            }
        }
        watchers.watch(&queue, watchable(&enqueuer, &enqueue, &breaking).iter());
    }

    stage.to_rabbit.heal();
    stage.to_redis.heal();
    enqueuer.line("all tried");
    assert_eq!(enqueuer.end().code(), Some(0), "{:?}", enqueuer.errors());
    let mut jobs = accepted(&enqueuer, &enqueue);
    watchers.watch(&queue, watchable(&enqueuer, &enqueue, &breaking).iter());
    let lines = enqueuer.last_words();
    let refused: Vec<_> = lines.iter().filter(|line| line.starts_with("refused")).collect();
    let otherwise: Vec<_> = refused
        .iter()
        .filter(|line| !line.contains(" Unavailable: ") && !line.contains(" QueueFull: "))
        .collect();
    assert!(otherwise.is_empty(), "{otherwise:?}");
    let calls = usize::try_from(enqueue.count).unwrap();
    assert_eq!(jobs.len() + refused.len(), calls, "every call was answered");
    let refused = refused.len();

    let Breaking { workers, mut said, counts, forgotten, unsure, foreign, broken, .. } = breaking;
    jobs.extend(cancels.accepted.clone());
    jobs.extend(foreign);
    jobs.retain(|id, _| !forgotten.contains(id));
    stage.all_ended(DRAIN, &queue, jobs.keys().copied().collect()).await;
    let drained = begun.elapsed() - time;
    watched += watchers.finish().await;
    let memory = workers.iter().map(|worker| worker.memory_kib("VmHWM")).max().unwrap();
    let files = workers.iter().map(Process::open_files).max().unwrap();
    workers.iter().for_each(|worker| worker.signal(Signal::TERM));
    for mut worker in workers {
        assert_eq!(worker.end().code(), Some(0), "asked to end: {:?}", worker.errors());
        said.extend(worker.last_words());
    }

    let mut records = Vec::with_capacity(jobs.len());
    for id in jobs.keys() {
        records.push(record(&queue, *id).await.unwrap());
    }
    let forgotten_cancels = cancels.cancelled.intersection(&forgotten).count();
    cancels.cancelled.retain(|id| !forgotten.contains(id));
    cancels.check(&records, &said);
    // Of a job that Redis had forgotten to have begun, attempts are counted anew.
    let counted: BTreeSet<String> =
        jobs.keys().filter(|id| !unsure.contains(id)).map(ToString::to_string).collect();
    said.retain(|line| {
        let id = line.strip_prefix("started ").and_then(|run| run.split(' ').next());
        id.is_some_and(|id| counted.contains(id))
    });
    let runs = check_runs(&records, &said);

    let (of_broken, letters): (Vec<_>, Vec<_>) =
        letters(&queue).await.into_iter().partition(|letter| Breaking::is_broken(&letter.raw));
    let bodies: BTreeSet<_> = of_broken.iter().map(|letter| &letter.raw).collect();
    assert_eq!(bodies.len(), broken, "every message that nobody can read became a dead letter");
    let mut ours = Vec::new();
    for letter in letters {
        let id = letter.job_id.unwrap();
        if jobs.contains_key(&id) {
            ours.push(letter);
        } else if !forgotten.contains(&id)
            && let Some(job) = record(&queue, id).await.filter(|job| job.status == JobStatus::Failed)
        {
            // The call was refused, and the job was published all the same.
            records.extend((!records.iter().any(|known| known.id == id)).then_some(job));
            ours.push(letter);
        }
    }
    jobs.retain(|id, _| !cancels.cancelled.contains(id));
    let ended = ledger::check(&records, ours, &jobs, Letters::OneOrMore);

    println!("seed {seed}: {counts:?}");
    println!(
        "{} accepted and {refused} refused in {time:?}, all ended {drained:?} later: {ended:?}; {runs} runs, {watched} watched, \
         {} cancelled, {broken} unreadable",
        records.len(),
        cancels.cancelled.len(),
    );
    println!(
        "apart, as Redis was set back: {} ends forgotten, {} of them cancels; attempts of {} jobs counted anew",
        forgotten.len(),
        forgotten_cancels,
        unsure.len(),
    );
    println!("enqueued to started: {}", latencies(&records, JobEvent::Started));
    println!("enqueued to ended: {}", latencies(&records, JobEvent::Completed));
    println!("largest worker {memory} KiB, {files} open files");
    assert!(memory < MEMORY_KIB && files < OPEN_FILES, "{memory} KiB, {files} open files");
}

fn accepted(enqueuer: &Process, enqueue: &Enqueue) -> BTreeMap<JobId, Chore> {
    enqueuer.lines().iter().filter_map(|line| acceptance(line, enqueue)).collect()
}

/// Those that Redis knows or will know again.
fn watchable(enqueuer: &Process, enqueue: &Enqueue, breaking: &Breaking) -> Vec<JobId> {
    accepted(enqueuer, enqueue).into_keys().filter(|id| !breaking.forgotten.contains(id)).collect()
}

/// p50, p95 and p99 of the time from the enqueueing of a job to the first such event.
fn latencies(jobs: &[Job], event: JobEvent) -> String {
    let mut times: Vec<i64> = jobs
        .iter()
        .filter_map(|job| {
            let entry = job.timeline.iter().find(|entry| entry.event == event)?;
            Some((entry.at - job.created_at).num_milliseconds())
        })
        .collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    if times.is_empty() {
        return "nothing".to_owned();
    }
    format!("p50 {} ms, p95 {} ms, p99 {} ms of {}", at(50), at(95), at(99), times.len())
}
