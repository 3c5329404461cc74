//! A folder with a queue file, and the processes that use it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use usm_queue::{JobFilter, JobHandle, JobId, JobStatus, TaskQueue};
use usm_tests::{Chore, Enqueue, Kind, Order, Work};

use crate::processes::{PATIENCE, Process};

/// How soon a silent process counts as dead here.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// A folder of its own, gone with it.
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The queue file.
    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("queue.db")
    }

    /// The file beside the queue file whose name ends so.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        self.path().join(format!("queue.db{ending}"))
    }

    /// Opens the queue in this process.
    pub(crate) async fn open(&self) -> TaskQueue {
        usm_tests::open(&self.file().into(), LEASE).await.unwrap()
    }

    /// How a worker works unless a test wants it otherwise: four jobs at once, ample grace.
    pub(crate) fn work(&self) -> Work {
        Work {
            queue: self.file().into(),
            effects: self.path().join("effects.db"),
            concurrency: 4,
            lease_ms: u64::try_from(LEASE.as_millis()).unwrap(),
            grace_ms: 30_000,
            stop_grace_ms: 1_000,
            patience_ms: None,
        }
    }

    /// A worker process that is already working.
    pub(crate) fn worker(&self, work: Work) -> Process {
        let process = Process::start(&mut self.command(&Order::Work(work)));
        process.line("working");
        process
    }

    /// A process that enqueues.
    pub(crate) fn enqueuer(&self, enqueue: Enqueue) -> Process {
        Process::start(&mut self.command(&Order::Enqueue(enqueue)))
    }

    /// How a process is started that does this.
    pub(crate) fn command(&self, order: &Order) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_queue-worker")), order)
    }

    /// How a process of another program is started that does this.
    pub(crate) fn command_of(&self, program: &Path, order: &Order) -> Command {
        let mut command = Command::new(program);
        command
            .arg(serde_json::to_string(order).unwrap())
            .current_dir(self.path())
            .env("RUST_BACKTRACE", "0");
        command
    }

    /// The keys of the side effects, each with how often it was asked for.
    pub(crate) fn effects(&self) -> Vec<(String, u32)> {
        let connection = rusqlite::Connection::open(self.path().join("effects.db")).unwrap();
        let mut select = connection.prepare("SELECT key, asked FROM effects ORDER BY key").unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

/// Enqueues one chore of this kind.
pub(crate) async fn chore(queue: &TaskQueue, kind: Kind) -> JobHandle<Chore> {
    queue.enqueue(Chore::new(1, kind)).await.unwrap()
}

/// Waits until a worker says that it began this job, and tells which attempt it is.
pub(crate) fn begun(worker: &Process, job: &JobHandle<Chore>) -> u32 {
    worker.line(&format!("started {} ", job.id())).parse().unwrap()
}

/// Waits until every job has ended and the queue is empty, for as long as it gets emptier or fuller.
pub(crate) async fn drained(queue: &TaskQueue) {
    let (mut deadline, mut before) = (Instant::now() + PATIENCE, None);
    loop {
        let depth = queue.depth(usm_tests::QUEUE).await.unwrap();
        let notices = queue.depth(queue.topology().notice_queue()).await.unwrap();
        let mut waiting = Vec::new();
        for status in [JobStatus::Pending, JobStatus::Processing] {
            let filter = JobFilter::new().status(status).limit(3);
            waiting.extend(queue.jobs(&filter).await.unwrap().jobs);
        }
        if depth.is_empty() && notices.is_empty() && waiting.is_empty() {
            return;
        }
        if before.replace(depth.ready) != Some(depth.ready) {
            deadline = Instant::now() + PATIENCE;
        }
        assert!(Instant::now() < deadline, "not worked: {depth:?}, {notices:?}, {waiting:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What an enqueuer said it had accepted so far.
pub(crate) fn accepted(enqueuer: &Process, enqueue: &Enqueue) -> BTreeMap<JobId, Chore> {
    let accepted = |line: &String| {
        let (id, number) = line.strip_prefix("accepted ")?.split_once(' ')?;
        Some((id.parse().unwrap(), enqueue.chore(number.parse().unwrap())))
    };
    enqueuer.lines().iter().filter_map(accepted).collect()
}
