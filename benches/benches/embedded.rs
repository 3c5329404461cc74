//! The embedded queue beside the same transactions written by hand in rusqlite, in one run: `cargo bench`.
//!
//! Arguments choose parts by name: `cargo bench -- drain latency`. Every loop is bounded.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Instant,
};

use benches::{NoOp, drain, fill, in_folder, memory_mib, paired, rate, run_chosen, send_steadily};
use rusqlite::{Connection, params};
use usm_queue::{QueueSpec, TaskQueue, Topology};

fn main() {
    println!("embedded queue: medians of 5 pairs of runs, in turn, each in a fresh folder; synchronous=FULL");
    run_chosen(&[
        ("one", enqueue_one),
        ("many", enqueue_many),
        ("batch", enqueue_batch),
        ("drain", drain_full),
        ("latency", latency),
        ("backlog", backlog),
    ]);
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
    paired(
        "enqueue, one caller / one insert by hand",
        in_folder(|folder| runtime.block_on(one_caller(folder))),
        in_folder(|folder| ByHand::open(folder).insert(ONE_BY_ONE, 1)),
    );
    paired(
        "the same / our rows by hand",
        in_folder(|folder| runtime.block_on(one_caller(folder))),
        in_folder(|folder| runtime.block_on(SameByHand::open(folder)).insert(ONE_BY_ONE, 1)),
    );
    paired(
        "the same / our rows by hand, behind spawn_blocking",
        in_folder(|folder| runtime.block_on(one_caller(folder))),
        in_folder(|folder| runtime.block_on(by_hand_from_async(folder))),
    );
}

/// What an async program that writes the same by hand has at best: it must not block its runtime's threads.
async fn by_hand_from_async(folder: &Path) -> f64 {
    let by_hand = Arc::new(Mutex::new(SameByHand::open(folder).await));
    let started = Instant::now();
    for _ in 0..ONE_BY_ONE {
        let by_hand = by_hand.clone();
        tokio::task::spawn_blocking(move || by_hand.lock().unwrap().insert(1, 1)).await.unwrap();
    }
    rate(ONE_BY_ONE, started)
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
        in_folder(|folder| runtime.block_on(many(folder))),
        in_folder(|folder| runtime.block_on(one_caller(folder))),
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
    paired(
        "enqueue, batches of 100 / inserts of 100 by hand",
        in_folder(|folder| runtime.block_on(batches(folder))),
        in_folder(|folder| ByHand::open(folder).insert(BATCHED, 100)),
    );
    paired(
        "the same / our rows by hand",
        in_folder(|folder| runtime.block_on(batches(folder))),
        in_folder(|folder| runtime.block_on(SameByHand::open(folder)).insert(BATCHED, 100)),
    );
}

fn drain_full(runtime: &tokio::runtime::Runtime) {
    const JOBS: usize = 20_000;
    for concurrency in [16, 256] {
        let ours = async |folder: &Path| {
            let queue = open(folder).await;
            fill(&queue, JOBS, 1_000).await;
            drain(queue, JOBS, concurrency).await
        };
        let by_hand = |folder: &Path| {
            let mut store = ByHand::open(folder);
            store.insert(JOBS, 100);
            store.drain(JOBS, 100)
        };
        let what = format!("drain, concurrency {concurrency} / groups of 100 by hand");
        paired(&what, in_folder(|folder| runtime.block_on(ours(folder))), in_folder(by_hand));
    }
}

fn latency(runtime: &tokio::runtime::Runtime) {
    for other_process in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let count = runtime.block_on(async {
            let queue = open(folder.path()).await;
            // A second handle shares nothing with the first but the file, as another process would.
            let workers = if other_process { open(folder.path()).await } else { queue.clone() };
            send_steadily(queue, workers, 2_000).await
        });
        let place = if other_process { "other handle on the file" } else { "same process" };
        count.print_latencies(&format!("latency at 200 jobs/s, {place}"));
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
            fill(queue, JOBS, 1_000).await;
            (rate(JOBS, started), drain(queue.clone(), JOBS, 256).await)
        };
        fill(&queue, 1_000, 1_000).await;
        let (few_in, few_out) = measure(&queue).await;
        let before = memory_mib();
        fill(&queue, WAITING, 1_000).await;
        let (many_in, many_out) = measure(&queue).await;
        println!("enqueue, batches of 1,000: {few_in:.0}/s with 1,000 waiting, {many_in:.0}/s with 1,000,000: {:.2}", many_in / few_in);
        println!("drain: {few_out:.0}/s with 1,000 waiting, {many_out:.0}/s with 1,000,000: {:.2}", many_out / few_out);
        println!("memory of the process: {before} MiB with 1,000 waiting, {} MiB with 1,000,000", memory_mib());
    });
}

/// The rows that the queue writes, a message and a record in its own tables, with nothing around it.
struct SameByHand {
    connection: Connection,
    last: i64,
}

impl SameByHand {
    async fn open(folder: &Path) -> Self {
        open(folder).await.close().await;
        let connection = Connection::open(folder.join("queue.db")).unwrap();
        connection.pragma_update(None, "synchronous", "FULL").unwrap();
        Self { connection, last: 0 }
    }

    fn insert(&mut self, jobs: usize, per_transaction: usize) -> f64 {
        const MESSAGE: &str = "INSERT INTO messages (id, queue, priority, message_id, envelope, body) VALUES (?1, 1, 0, ?2, ?3, ?4)";
        const JOB: &str = "INSERT INTO jobs (id, task, status, priority, attempt, max_attempts, version, created_at, updated_at, timeline)
            VALUES (?1, 'no_op', 0, 0, 0, 3, 1, ?2, ?2, '') ON CONFLICT DO NOTHING";
        let started = Instant::now();
        for _ in 0..jobs / per_transaction {
            let tx =
                self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
            for _ in 0..per_transaction {
                let (id, now) = (uuid::Uuid::now_v7(), i64::try_from(benches::now_us()).unwrap());
                self.last = now.max(self.last + 1);
                let body = serde_json::to_vec(&NoOp::new()).unwrap();
                let envelope = format!(
                    r#"{{"exchange":"bench.tasks","key":"bench.no_op","at":{now},"headers":{{"x-usm-max-attempts":3,"x-usm-task":"no_op"}}}}"#
                );
                let mut message = tx.prepare_cached(MESSAGE).unwrap();
                message.execute(params![self.last, id.to_string(), envelope, body]).unwrap();
                let mut job = tx.prepare_cached(JOB).unwrap();
                job.execute(params![id.as_bytes().as_slice(), now]).unwrap();
            }
            tx.commit().unwrap();
        }
        rate(jobs, started)
    }
}

/// The least that a queue can do: one table, one partial index, one thread.
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
