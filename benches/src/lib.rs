//! What the benchmarks share: a task of the usual size, and the printing of pairs.
#![expect(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic, and nobody imports it")]

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use usm_queue::{JobContext, Task, TaskError, TaskQueue, Worker};

/// About 250 bytes of JSON, as in the reference figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NoOp {
    pub sent_at_us: u64,
    pub text: String,
}

impl Task for NoOp {
    const NAME: &'static str = "no_op";
    const ROUTING_KEY: &'static str = "bench.no_op";
    type Output = u32;
}

impl NoOp {
    #[expect(clippy::new_without_default, reason = "it tells the time")]
    pub fn new() -> Self {
        Self { sent_at_us: now_us(), text: "x".repeat(200) }
    }

    /// One whose latency nobody asks for.
    pub fn untimed() -> Self {
        Self { sent_at_us: 0, ..Self::new() }
    }
}

pub fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

/// Tells when so many jobs have begun, and how long each took to begin.
#[derive(Debug, Clone, Default)]
pub struct Count {
    pub target: usize,
    pub begun: Arc<AtomicUsize>,
    pub reached: Arc<Notify>,
    pub latencies: Arc<Mutex<Vec<u64>>>,
}

impl Count {
    pub fn to(target: usize) -> Self {
        Self { target, ..Self::default() }
    }

    pub fn begin(&self, sent_at_us: u64) {
        if sent_at_us > 0 {
            self.latencies.lock().unwrap().push(now_us().saturating_sub(sent_at_us));
        }
        if self.begun.fetch_add(1, Ordering::Relaxed) + 1 == self.target {
            self.reached.notify_one();
        }
    }

    /// Prints how long the jobs took to begin.
    pub fn print_latencies(&self, what: &str) {
        let mut latencies = std::mem::take(&mut *self.latencies.lock().unwrap());
        latencies.sort_unstable();
        let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
        println!("{what}: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms", at(0.5), at(0.99), at(1.0));
    }
}

pub async fn no_op(task: NoOp, job: JobContext<Count>) -> Result<u32, TaskError> {
    job.state.begin(task.sent_at_us);
    Ok(1)
}

pub type Part = fn(&tokio::runtime::Runtime);

/// The parts whose names are among the arguments, or all.
pub fn run_chosen(parts: &[(&str, Part)]) {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wants = |part: &str| chosen.is_empty() || chosen.iter().any(|name| name == part);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("{:<52} {:>12} {:>12} {:>7} {:>13}", "what", "usm-queue/s", "beside it/s", "ratio", "(min-max)");
    parts.iter().filter(|(name, _)| wants(name)).for_each(|(_, part)| part(&runtime));
}

pub const PAIRS: usize = 5;

/// Runs both in turn, so that a change of the machine's speed meets both, and prints rates and the ratio pair by pair.
pub fn paired(what: &str, mut ours: impl FnMut() -> f64, mut beside: impl FnMut() -> f64) {
    let rates: Vec<(f64, f64)> = (0..PAIRS).map(|_| (ours(), beside())).collect();
    let ours = sorted(rates.iter().map(|(ours, _)| *ours));
    let beside = sorted(rates.iter().map(|(_, beside)| *beside));
    let ratio = sorted(rates.iter().map(|(ours, beside)| ours / beside));
    let middle = PAIRS / 2;
    println!(
        "{what:<52} {:>12.0} {:>12.0} {:>7.2} {:>13}",
        ours[middle],
        beside[middle],
        ratio[middle],
        format!("({:.2}-{:.2})", ratio[0], ratio[PAIRS - 1])
    );
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

pub fn rate(jobs: usize, started: Instant) -> f64 {
    jobs as f64 / started.elapsed().as_secs_f64()
}

/// Runs in a folder of its own each time.
pub fn in_folder(mut run: impl FnMut(&Path) -> f64) -> impl FnMut() -> f64 {
    move || run(tempfile::tempdir().unwrap().path())
}

pub async fn fill(queue: &TaskQueue, jobs: usize, batch: usize) {
    let mut left = jobs;
    while left > 0 {
        let now = left.min(batch);
        queue.enqueue_many((0..now).map(|_| NoOp::untimed())).await.unwrap();
        left -= now;
    }
}

/// Works a full queue until the last job has begun.
pub async fn drain(queue: TaskQueue, jobs: usize, concurrency: usize) -> f64 {
    let count = Count::to(jobs);
    let started = Instant::now();
    let worker = Worker::new(queue, count.clone()).handle(no_op).concurrency(concurrency);
    let mut drained = 0.0;
    let all_begun = async {
        count.reached.notified().await;
        drained = rate(jobs, started);
    };
    worker.run_until(all_begun).await.unwrap();
    drained
}

/// One job every 5 ms into an idle worker.
pub async fn send_steadily(queue: TaskQueue, workers: TaskQueue, jobs: usize) -> Count {
    let count = Count::to(jobs);
    let worker = Worker::new(workers, count.clone()).handle(no_op).concurrency(16);
    let sender = async {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        for _ in 0..jobs {
            tick.tick().await;
            queue.enqueue(NoOp::new()).await.unwrap();
        }
        count.reached.notified().await;
    };
    worker.run_until(sender).await.unwrap();
    count
}

/// Memory of this process that is not paged out.
pub fn memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
        / 1024
}
