//! Three workers, fifty jobs a second, and a random fault every few seconds; then all must be well.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use usm_queue::{Job, JobEvent, JobId};
use usm_tests::{
    Chore, Enqueue,
    ledger::{Watchers, check_runs},
    processes::{Process, Signal, seed, soak_time},
    proxy::{Flow, Proxy},
};

use crate::stage::{LEASE, Stage, acceptance};

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
    let mut soak = Soak {
        random: fastrand::Rng::with_seed(seed),
        workers: (0..WORKERS).map(|_| stage.worker()).collect(),
        said: Vec::new(),
        faults: BTreeMap::new(),
    };
    let mut watchers = Watchers::default();

    while begun.elapsed() < time {
        let left = time.saturating_sub(begun.elapsed());
        // Shorter runs meet more faults in their time.
        let quiet = Duration::from_secs(soak.random.u64(QUIET)).min(time / 6);
        tokio::time::sleep(quiet.min(left)).await;
        if begun.elapsed() < time {
            let fault = soak.fault(&mut stage).await;
            println!("{:>6.1?} {fault}", begun.elapsed());
        }
        watchers.watch(&queue, ledger(&enqueuer, &enqueue).keys());
    }

    stage.to_rabbit.heal();
    stage.to_redis.heal();
    enqueuer.line("all tried");
    assert_eq!(enqueuer.end().code(), Some(0), "{:?}", enqueuer.errors());
    let jobs = ledger(&enqueuer, &enqueue);
    watchers.watch(&queue, jobs.keys());
    let lines = enqueuer.last_words();
    let refused: Vec<_> = lines.iter().filter(|line| line.starts_with("refused")).collect();
    let otherwise: Vec<_> = refused.iter().filter(|line| !line.contains(" Unavailable: ")).collect();
    assert!(otherwise.is_empty(), "{otherwise:?}");
    assert_eq!(
        jobs.len() + refused.len(),
        usize::try_from(enqueue.count).unwrap(),
        "every call was answered"
    );
    let ended = stage.audit_within(DRAIN, &jobs).await;
    let drained = begun.elapsed() - time;
    let watched = watchers.finish().await;
    let Soak { workers, mut said, faults, .. } = soak;
    let memory = workers.iter().map(|worker| worker.memory_kib("VmHWM")).max().unwrap();
    let files = workers.iter().map(Process::open_files).max().unwrap();
    workers.iter().for_each(|worker| worker.signal(Signal::TERM));
    for mut worker in workers {
        assert_eq!(worker.end().code(), Some(0), "asked to end: {:?}", worker.errors());
        said.extend(worker.last_words());
    }
    let mut records = Vec::with_capacity(jobs.len());
    for id in jobs.keys() {
        records.push(queue.job(*id).await.unwrap());
    }
    said.retain(|line| {
        let id = line.strip_prefix("started ").and_then(|run| run.split(' ').next());
        id.is_some_and(|id| jobs.contains_key(&id.parse().unwrap()))
    });
    let runs = check_runs(&records, &said);
    println!("seed {seed}: {faults:?}");
    println!(
        "{} accepted and {} refused in {time:?}, all ended {drained:?} later: {ended:?}; {runs} runs, {watched} watched",
        jobs.len(),
        refused.len()
    );
    println!("enqueued to started: {}", latencies(&records, JobEvent::Started));
    println!("enqueued to ended: {}", latencies(&records, JobEvent::Completed));
    println!("largest worker {memory} KiB, {files} open files");
    assert!(memory < MEMORY_KIB && files < OPEN_FILES, "{memory} KiB, {files} open files");
}

fn ledger(enqueuer: &Process, enqueue: &Enqueue) -> BTreeMap<JobId, Chore> {
    enqueuer.lines().iter().filter_map(|line| acceptance(line, enqueue)).collect()
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

/// The workers, chance, and what it did.
struct Soak {
    random: fastrand::Rng,
    workers: Vec<Process>,
    /// What those that are gone said.
    said: Vec<String>,
    faults: BTreeMap<&'static str, u32>,
}

impl Soak {
    /// Breaks one thing for a while, and mends it again.
    async fn fault(&mut self, stage: &mut Stage) -> &'static str {
        let one = self.random.usize(..WORKERS);
        let a_while = Duration::from_millis(self.random.u64(500..6_000));
        let fault = match self.random.u8(..14) {
            0 | 1 => {
                self.replace(stage, one, |worker| worker.kill());
                "a worker killed"
            }
            2 => {
                self.replace(stage, one, |worker| {
                    worker.signal(Signal::TERM);
                    assert_eq!(worker.end().code(), Some(0), "{:?}", worker.errors());
                });
                "a worker asked to end"
            }
            3 => {
                self.workers[one].signal(Signal::STOP);
                tokio::time::sleep(LEASE + a_while).await;
                self.workers[one].signal(Signal::CONT);
                "a worker frozen longer than its lease"
            }
            4 => {
                stage.to_rabbit.cut();
                "connections to RabbitMQ cut"
            }
            5 => {
                stage.to_rabbit.reset();
                stage.to_redis.reset();
                "all connections reset"
            }
            6 => {
                Self::line(&stage.to_rabbit, Flow::FROZEN, a_while * 2, "RabbitMQ cut off without a word")
                    .await
            }
            7 => {
                let slow = Flow::delayed(Duration::from_millis(400));
                Self::line(&stage.to_rabbit, slow, a_while, "RabbitMQ slow").await
            }
            8 => Self::line(&stage.to_redis, Flow::FROZEN, a_while, "Redis cut off without a word").await,
            9 => {
                let slow = Flow::delayed(Duration::from_millis(1_500));
                Self::line(&stage.to_redis, slow, a_while, "Redis slow").await
            }
            10 => {
                stage.rabbit.stop();
                stage.rabbit.launch();
                "RabbitMQ restarted"
            }
            11 => {
                stage.rabbit.kill();
                stage.rabbit.launch();
                "RabbitMQ killed"
            }
            12 => {
                stage.redis.kill();
                tokio::time::sleep(a_while).await;
                stage.redis.launch();
                "Redis killed"
            }
            _ => {
                stage.rabbit.memory_alarm(true);
                tokio::time::sleep(a_while).await;
                stage.rabbit.memory_alarm(false);
                "RabbitMQ starved"
            }
        };
        *self.faults.entry(fault).or_default() += 1;
        fault
    }

    /// Ends a worker so, and starts another in its place.
    fn replace(&mut self, stage: &Stage, one: usize, end: impl FnOnce(&mut Process)) {
        let mut worker = self.workers.remove(one);
        end(&mut worker);
        self.said.extend(worker.last_words());
        self.workers.push(stage.worker());
    }

    async fn line(line: &Proxy, flow: Flow, time: Duration, fault: &'static str) -> &'static str {
        line.flow_both(flow);
        tokio::time::sleep(time).await;
        line.heal();
        fault
    }
}
