//! A process that works or enqueues chores as its argument says, so that tests can kill it.

use std::{
    error::Error,
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::signal::unix::{SignalKind, signal};
use usm_queue::{EnqueueOptions, JobContext, JobEvent, JobFilter, TaskError, Worker};
use usm_tests::{Act, Chore, Done, Enqueue, Kind, Order, Work};

/// How long a caller that was refused waits before it tries its next job.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

type Anything = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Anything> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_env_filter("warn,usm_queue=info")
        .init();
    let order = std::env::args().nth(1).ok_or("give the order as JSON")?;
    match serde_json::from_str(&order)? {
        Order::Work(work) => work_chores(work).await,
        Order::Enqueue(enqueue) => enqueue_chores(enqueue).await,
        Order::Act(act) => act_on_jobs(act).await,
    }
}

/// One line, written at once, so that a killed process leaves whole lines. Who reads may be gone.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}

async fn work_chores(work: Work) -> Result<(), Anything> {
    let lease = Duration::from_millis(work.lease_ms);
    let queue = usm_tests::open(&work.queue, lease).await?;
    let mut asked = signal(SignalKind::terminate())?;
    let mut worker = Worker::new(queue.clone(), Arc::<Path>::from(work.effects))
        .handle(run_chore)
        .concurrency(work.concurrency)
        .lease(lease)
        .grace_period(Duration::from_millis(work.grace_ms))
        .stop_grace(Duration::from_millis(work.stop_grace_ms));
    if let Some(patience) = work.patience_ms {
        worker = worker.unknown_task_patience(Duration::from_millis(patience));
    }
    say("working");
    worker
        .run_until(async move {
            asked.recv().await;
            say("asked to stop");
            tokio::spawn(async move {
                asked.recv().await;
                // Whoever asks twice does not want to wait; the queue treats it as a crash.
                std::process::exit(130);
            });
        })
        .await?;
    queue.close().await;
    say("stopped");
    Ok(())
}

async fn run_chore(chore: Chore, job: JobContext<Arc<Path>>) -> Result<Done, TaskError> {
    say(&format!("started {} {}", job.id(), job.attempt()));
    match chore.kind {
        Kind::Quick => {}
        Kind::Slow(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Kind::FailsOnce | Kind::SlowlyFailsOnce(_) if job.attempt() > 1 => {}
        Kind::FailsOnce | Kind::FailsAlways => return Err(TaskError::retry("as it was told")),
        Kind::SlowlyFails(ms) | Kind::SlowlyFailsOnce(ms) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            return Err(TaskError::retry("as it was told"));
        }
        #[expect(clippy::panic, reason = "that is the chore")]
        Kind::Panics => panic!("as it was told"),
        Kind::Aborts => std::process::abort(),
        Kind::Holds if begun_before(&job) => {}
        Kind::Holds => std::future::pending().await,
        Kind::SavesThenHolds => {
            let (effects, key) = (job.state.clone(), job.idempotency_key().to_owned());
            tokio::task::spawn_blocking(move || save(&effects, &key)).await??;
            say(&format!("saved {}", job.id()));
            if !begun_before(&job) {
                std::future::pending::<()>().await;
            }
        }
    }
    let worker = job.job().worker.clone().unwrap_or_default();
    Ok(Done { key: chore.key, attempt: job.attempt(), worker })
}

/// Whether a worker has begun this job before and died.
fn begun_before(job: &JobContext<Arc<Path>>) -> bool {
    job.job().timeline.iter().filter(|entry| entry.event == JobEvent::Started).count() > 1
}

/// The side effect: once per key, however often it is asked for.
fn save(effects: &Path, key: &str) -> rusqlite::Result<()> {
    let connection = Connection::open(effects)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute("CREATE TABLE IF NOT EXISTS effects (key TEXT PRIMARY KEY, asked INTEGER)", [])?;
    connection.execute(
        "INSERT INTO effects VALUES (?1, 1) ON CONFLICT (key) DO UPDATE SET asked = asked + 1",
        [key],
    )?;
    Ok(())
}

async fn enqueue_chores(enqueue: Enqueue) -> Result<(), Anything> {
    let queue = usm_tests::open(&enqueue.queue, Duration::from_secs(15)).await?;
    let (begun, refused) = (Instant::now(), std::sync::atomic::AtomicU64::new(0));
    let caller = async |caller: u64| {
        for number in (caller..enqueue.count).step_by(usize::try_from(enqueue.callers.max(1)).unwrap_or(1)) {
            let due = Duration::from_millis(enqueue.over_ms * number / enqueue.count.max(1));
            tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
            let options = EnqueueOptions::new().max_attempts(enqueue.attempts);
            match queue.enqueue_with(enqueue.chore(number), options).await {
                Ok(job) => say(&format!("accepted {} {number}", job.id())),
                Err(error) => {
                    say(&format!("refused {number} {:?}: {error}", error.kind()));
                    let count = refused.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
                    if count >= enqueue.refusals {
                        return;
                    }
                    tokio::time::sleep(AFTER_REFUSAL).await;
                }
            }
        }
    };
    futures_util::future::join_all((0..enqueue.callers.max(1)).map(caller)).await;
    say("all tried");
    queue.close().await;
    Ok(())
}

async fn act_on_jobs(act: Act) -> Result<(), Anything> {
    let queue = usm_tests::open(&act.queue, Duration::from_secs(15)).await?;
    let action = queue.bulk(act.action, JobFilter::new()).per_second(act.per_second).start().await?;
    say(&format!("acting {}", action.id()));
    let report = action.wait().await?;
    say(&format!("report {}", serde_json::to_string(&report)?));
    queue.close().await;
    Ok(())
}
