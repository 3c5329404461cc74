//! The embedded queue beside the same transactions written by hand in rusqlite, in one run: `cargo bench`.
//!
//! Arguments choose parts by name: `cargo bench -- drain latency`. Every loop is bounded.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use usm_queue::{JobContext, QueueSpec, Task, TaskError, TaskQueue, Topology, Worker};

/// About 250 bytes of JSON, as in the reference figures.
#[derive(Clone, Serialize, Deserialize)]
struct NoOp {
    sent_at_us: u64,
    text: String,
}

impl Task for NoOp {
    const NAME: &'static str = "no_op";
    const ROUTING_KEY: &'static str = "bench.no_op";
    type Output = u32;
}

impl NoOp {
    fn new() -> Self {
        Self { sent_at_us: now_us(), text: "x".repeat(200) }
    }
}

fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

fn topology() -> Topology {
    Topology::builder("bench.tasks")
        .dead_letters("bench.dead", "bench.failed")
        .queue(
            QueueSpec::new("bench")
                .bind("bench.tasks", "#")
                .max_priority(10)
                .dead_letter_exchange("bench.dead"),
        )
        .build()
        .unwrap()
}

async fn open(folder: &Path) -> TaskQueue {
    TaskQueue::open(folder.join("queue.db"), topology()).await.unwrap()
}

#[derive(Clone, Default)]
struct Count {
    started: Arc<AtomicUsize>,
    reached: Arc<Notify>,
    target: usize,
    latencies: Arc<std::sync::Mutex<Vec<u64>>>,
}

async fn no_op(task: NoOp, job: JobContext<Count>) -> Result<u32, TaskError> {
    let count = &job.state;
    if task.sent_at_us > 0 {
        count.latencies.lock().unwrap().push(now_us().saturating_sub(task.sent_at_us));
    }
    if count.started.fetch_add(1, Ordering::Relaxed) + 1 == count.target {
        count.reached.notify_one();
    }
    Ok(1)
}

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wants = |part: &str| chosen.is_empty() || chosen.iter().any(|name| name == part);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("medians of {PAIRS} pairs of runs, in turn, each in a fresh folder; synchronous=FULL");
    println!("{:<52} {:>12} {:>12} {:>7} {:>13}", "what", "usm-queue/s", "beside it/s", "ratio", "(min-max)");
    let parts: [(&str, Part); 6] = [
        ("one", enqueue_one),
        ("many", enqueue_many),
        ("batch", enqueue_batch),
        ("drain", drain),
        ("latency", latency),
        ("backlog", backlog),
    ];
    parts.iter().filter(|(name, _)| wants(name)).for_each(|(_, part)| part(&runtime));
}

type Part = fn(&tokio::runtime::Runtime);

const PAIRS: usize = 5;

/// Runs both in turn, so that a change of the machine's speed meets both, and prints rates and the ratio pair by pair.
fn paired(what: &str, mut ours: impl FnMut(&Path) -> f64, mut beside: impl FnMut(&Path) -> f64) {
    let mut rates: Vec<(f64, f64)> = Vec::new();
    for _ in 0..PAIRS {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        rates.push((ours(a.path()), beside(b.path())));
    }
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

fn rate(jobs: usize, started: Instant) -> f64 {
    jobs as f64 / started.elapsed().as_secs_f64()
}

const ONE_BY_ONE: usize = 5_000;
const BATCHED: usize = 50_000;

async fn one_caller(folder: &Path) -> f64 {
    let queue = open(folder).await;
    let started = Instant::now();
    for _ in 0..ONE_BY_ONE {
        queue.enqueue(NoOp::new()).await.unwrap();
    }
    rate(ONE_BY_ONE, started)
}

fn enqueue_one(runtime: &tokio::runtime::Runtime) {
    let by_hand = |folder: &Path| ByHand::open(folder).insert(ONE_BY_ONE, 1);
    paired(
        "enqueue, one caller / one insert by hand",
        |folder| runtime.block_on(one_caller(folder)),
        by_hand,
    );
}

fn enqueue_many(runtime: &tokio::runtime::Runtime) {
    const CALLERS: usize = 64;
    let many = async |folder: &Path| {
        let queue = open(folder).await;
        let started = Instant::now();
        let enqueue = async |queue: TaskQueue| {
            for _ in 0..BATCHED / CALLERS {
                queue.enqueue(NoOp::new()).await.unwrap();
            }
        };
        let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(enqueue(queue.clone()))).collect();
        for caller in callers {
            caller.await.unwrap();
        }
        rate(BATCHED / CALLERS * CALLERS, started)
    };
    paired(
        "enqueue, 64 callers / one caller",
        |folder| runtime.block_on(many(folder)),
        |folder| runtime.block_on(one_caller(folder)),
    );
}

fn enqueue_batch(runtime: &tokio::runtime::Runtime) {
    let batches = async |folder: &Path| {
        let queue = open(folder).await;
        let started = Instant::now();
        for _ in 0..BATCHED / 100 {
            queue.enqueue_many((0..100).map(|_| NoOp::new())).await.unwrap();
        }
        rate(BATCHED, started)
    };
    let by_hand = |folder: &Path| ByHand::open(folder).insert(BATCHED, 100);
    paired(
        "enqueue, batches of 100 / inserts of 100 by hand",
        |folder| runtime.block_on(batches(folder)),
        by_hand,
    );
}

fn drain(runtime: &tokio::runtime::Runtime) {
    const JOBS: usize = 20_000;
    for concurrency in [16, 256] {
        let by_hand = |folder: &Path| {
            let mut store = ByHand::open(folder);
            store.insert(JOBS, 100);
            store.drain(JOBS, 100)
        };
        let what = format!("drain, concurrency {concurrency} / groups of 100 by hand");
        paired(&what, |folder| runtime.block_on(drain_once(folder, JOBS, concurrency)), by_hand);
    }
}

async fn drain_once(folder: &Path, jobs: usize, concurrency: usize) -> f64 {
    let queue = open(folder).await;
    fill(&queue, jobs).await;
    let count = Count { target: jobs, ..Count::default() };
    let started = Instant::now();
    let worker = Worker::new(queue, count.clone()).handle(no_op).concurrency(concurrency);
    worker.run_until(async { count.reached.notified().await }).await.unwrap();
    rate(jobs, started)
}

async fn fill(queue: &TaskQueue, jobs: usize) {
    let mut left = jobs;
    while left > 0 {
        let batch = left.min(1000);
        queue.enqueue_many((0..batch).map(|_| NoOp { sent_at_us: 0, ..NoOp::new() })).await.unwrap();
        left -= batch;
    }
}

fn latency(runtime: &tokio::runtime::Runtime) {
    const JOBS: usize = 2_000;
    for other_process in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut latencies = runtime.block_on(async {
            let queue = open(folder.path()).await;
            // A second handle shares nothing with the first but the file, as another process would.
            let workers = if other_process { open(folder.path()).await } else { queue.clone() };
            let count = Count { target: JOBS, ..Count::default() };
            let worker = Worker::new(workers, count.clone()).handle(no_op).concurrency(16);
            let sender = async {
                let mut tick = tokio::time::interval(Duration::from_millis(5));
                for _ in 0..JOBS {
                    tick.tick().await;
                    queue.enqueue(NoOp::new()).await.unwrap();
                }
                count.reached.notified().await;
            };
            worker.run_until(sender).await.unwrap();
            std::mem::take(&mut *count.latencies.lock().unwrap())
        });
        latencies.sort_unstable();
        let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
        let place = if other_process { "other handle on the file" } else { "same process" };
        println!(
            "latency at 200 jobs/s, {place}: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

fn backlog(runtime: &tokio::runtime::Runtime) {
    const WAITING: usize = 1_000_000;
    const JOBS: usize = 20_000;
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let queue = open(folder.path()).await;
        let measure = async |queue: &TaskQueue| {
            let started = Instant::now();
            fill(queue, JOBS).await;
            let filled = rate(JOBS, started);
            let count = Count { target: JOBS, ..Count::default() };
            let started = Instant::now();
            let worker = Worker::new(queue.clone(), count.clone()).handle(no_op).concurrency(256);
            worker.run_until(async { count.reached.notified().await }).await.unwrap();
            (filled, rate(JOBS, started))
        };
        fill(&queue, 1_000).await;
        let (few_in, few_out) = measure(&queue).await;
        let before = memory_mib();
        fill(&queue, WAITING).await;
        let (many_in, many_out) = measure(&queue).await;
        println!("enqueue, batches of 1,000: {few_in:.0}/s with 1,000 waiting, {many_in:.0}/s with 1,000,000: {:.2}", many_in / few_in);
        println!("drain: {few_out:.0}/s with 1,000 waiting, {many_out:.0}/s with 1,000,000: {:.2}", many_out / few_out);
        println!("memory of the process: {before} MiB with 1,000 waiting, {} MiB with 1,000,000", memory_mib());
    });
}

fn memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
        / 1024
}

/// The same work with nothing around it: one table, one partial index, one thread.
struct ByHand {
    connection: Connection,
}

impl ByHand {
    fn open(folder: &Path) -> Self {
        let connection = Connection::open(folder.join("hand.db")).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.pragma_update(None, "synchronous", "FULL").unwrap();
        connection
            .execute_batch(
                "CREATE TABLE jobs (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, payload TEXT NOT NULL, result TEXT);
                 CREATE INDEX ready ON jobs (id) WHERE state = 0;",
            )
            .unwrap();
        Self { connection }
    }

    fn insert(&mut self, jobs: usize, per_transaction: usize) -> f64 {
        let started = Instant::now();
        for _ in 0..jobs / per_transaction {
            let tx =
                self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
            for _ in 0..per_transaction {
                let payload = serde_json::to_string(&NoOp::new()).unwrap();
                tx.prepare_cached("INSERT INTO jobs (state, payload) VALUES (0, ?1)")
                    .unwrap()
                    .execute([payload])
                    .unwrap();
            }
            tx.commit().unwrap();
        }
        rate(jobs, started)
    }

    /// Claims a group in one transaction and completes it in another.
    fn drain(&mut self, jobs: usize, group: usize) -> f64 {
        let started = Instant::now();
        for _ in 0..jobs / group {
            let tx =
                self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
            let claim = "UPDATE jobs SET state = 1 WHERE id IN (SELECT id FROM jobs WHERE state = 0 ORDER BY id LIMIT ?1) RETURNING id, payload";
            let ids: Vec<i64> = tx
                .prepare_cached(claim)
                .unwrap()
                .query_map([group as i64], |row| row.get(0))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            tx.commit().unwrap();
            let tx =
                self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
            for id in ids {
                tx.prepare_cached("UPDATE jobs SET state = 2, result = ?2 WHERE id = ?1")
                    .unwrap()
                    .execute(params![id, "1"])
                    .unwrap();
            }
            tx.commit().unwrap();
        }
        rate(jobs, started)
    }
}
