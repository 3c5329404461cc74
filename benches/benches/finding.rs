//! Finding and counting among 1,000,000 jobs that have ended and 100,000 that wait: `cargo bench --bench finding`. It prints
//! the median of each call; 50 ms is what an operator's page may take. It makes its own file and starts a Redis of its own,
//! which must be installed, and leaves nothing behind.
//!
//! Arguments choose backends by name: `cargo bench --bench finding -- sqlite redis`. `USM_BENCH_JOBS` is the number of ended
//! jobs; a tenth of it waits. Every loop is bounded.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use futures_util::future::join_all;
use usm_queue::{
    Job, JobFilter, JobId, JobState, RedisOptions, SqliteOptions,
    backend::{Claimed, JobStore, JobUpdate, NewJob},
    testing,
};
use usm_tests::redis::Redis;

/// Jobs written at once.
const AT_ONCE: usize = 1000;
const CALLS: usize = 21;
const LONG: Duration = Duration::from_secs(24 * 3600);

fn main() {
    let ended = std::env::var("USM_BENCH_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(1_000_000);
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wants = |name: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == name);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if wants("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queue.db");
        runtime.block_on(async {
            let (_, store) = testing::sqlite_pair(Some(&path), SqliteOptions::default()).await.unwrap();
            measure("SQLite", store, ended).await;
        });
    }
    if wants("redis") {
        let redis = Redis::start(&["--appendonly", "no"]);
        runtime.block_on(async {
            let options = RedisOptions::new(redis.url()).keep_ended(LONG);
            measure("Redis", options.connect().await.unwrap(), ended).await;
        });
    }
}

/// One of three queues, ten tasks and a thousand owners; each tenth has a tag.
fn job(number: usize) -> Job {
    let mut job = Job::new(JobId::new(), format!("task_{}", number % 10), Utc::now());
    job.queue = Some(format!("queue.{}", number % 3));
    job.owner = Some(i64::try_from(number % 1000).unwrap().into());
    job.max_attempts = 3;
    if number.is_multiple_of(10) {
        job.tags = vec![format!("campaign {}", number / 10 % 1000)];
    }
    job
}

/// What becomes of a job: of ten that end seven complete, two fail and one is cancelled.
fn outcome(number: usize) -> JobUpdate {
    match number % 10 {
        7 | 8 => JobUpdate::Failed(format!("HTTP {}: the service did not answer", 400 + number % 97)),
        9 => JobUpdate::Cancelled,
        _ => JobUpdate::Completed(number.into()),
    }
}

async fn finish(store: &dyn JobStore, job: Job, update: JobUpdate) {
    let Claimed::Run(_, lease) = store.claim(job.into(), "worker", LONG).await.unwrap() else {
        panic!("nobody else has it")
    };
    store.update(lease, update).await.unwrap();
}

async fn fill(store: &dyn JobStore, ended: usize) {
    let waiting = ended / 10;
    for from in (0..ended + waiting).step_by(AT_ONCE) {
        let jobs: Vec<_> = (from..(from + AT_ONCE).min(ended + waiting)).map(job).collect();
        store.insert(&jobs.iter().cloned().map(NewJob::from).collect::<Vec<_>>()).await.unwrap();
        let open = from >= ended;
        let changed = jobs.into_iter().zip(from..).filter(|(_, number)| !open || number.is_multiple_of(50));
        let changed = changed.map(|(job, number)| {
            let error = "not yet".to_owned();
            let again = JobUpdate::Retry { error, delay: LONG, counted: true };
            finish(store, job, if open { again } else { outcome(number) })
        });
        join_all(changed).await;
    }
    for number in 0..100 {
        store.claim(job(number).into(), "worker", LONG).await.unwrap();
    }
}

async fn measure(backend: &str, store: Arc<dyn JobStore>, ended: usize) {
    let started = Instant::now();
    fill(store.as_ref(), ended).await;
    println!("{backend}: {ended} ended jobs and {} others, made in {:.0?}", ended / 10, started.elapsed());
    let new = JobFilter::new;
    let page = store.list(&new().limit(AT_ONCE * 20)).await.unwrap();
    let middle = Utc::now() - started.elapsed() / 2;
    for (what, filter) in [
        ("all", new()),
        ("all, oldest first", new().oldest_first()),
        ("all, 20,000 further on", new().after(page.next.unwrap())),
        ("by owner", new().owner(7)),
        ("by task", new().task("task_3")),
        ("by queue", new().queue("queue.1")),
        ("by tag", new().tag("campaign 7")),
        ("by tag that no job has", new().tag("nothing")),
        ("by time", new().since(middle).until(middle + Duration::from_secs(1))),
        ("waiting", new().state(JobState::Waiting)),
        ("scheduled (none)", new().state(JobState::Scheduled)),
        ("retrying", new().state(JobState::Retrying)),
        ("running", new().state(JobState::Running)),
        ("completed, oldest first", new().state(JobState::Completed).oldest_first()),
        ("failed", new().state(JobState::Failed)),
        ("failed or cancelled", new().state(JobState::Failed).state(JobState::Cancelled)),
        ("by error", new().error("http 431")),
        ("by error that no job has", new().error("nothing")),
        ("several: owner, failed", new().owner(7).state(JobState::Failed)),
        ("several: owner, task, retrying", new().owner(3).task("task_3").state(JobState::Retrying)),
        ("several: queue, task, failed", new().queue("queue.1").task("task_7").state(JobState::Failed)),
        ("several: tag, completed", new().tag("campaign 7").state(JobState::Completed)),
        ("several: task, failed, error", new().task("task_8").state(JobState::Failed).error("http 431")),
        ("several: owner, error that no job has", new().owner(7).error("nothing")),
    ] {
        let found = time(what, async || store.list(&filter).await.unwrap()).await;
        println!(" {:>4} jobs{}", found.jobs.len(), if found.next.is_some() { ", and more" } else { "" });
    }
    let counts = time("counts", async || store.counts().await.unwrap()).await;
    println!(" {:>4} queues", counts.len());
    let open = time("open tasks", async || store.open_tasks().await.unwrap()).await;
    println!(" {:>4} tasks", open.len());
    store.close().await;
}

/// Prints the median and the slowest of some calls, and returns what the last one answered.
async fn time<T>(what: &str, call: impl AsyncFn() -> T) -> T {
    let (mut times, mut answer) = (Vec::with_capacity(CALLS), None);
    for _ in 0..CALLS {
        let started = Instant::now();
        answer = Some(call().await);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    print!("{what:<40} {:>8.2} ms (max {:.2})", millis(times[CALLS / 2]), millis(times[CALLS - 1]));
    answer.unwrap()
}
