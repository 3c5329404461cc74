//! Brokers, proxies before them, and the processes of one test.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use usm_queue::{
    DeadLetter, DeadLetterFilter, ErrorKind, Job, JobHandle, JobId, TaskQueue, testing::eventually,
};
use usm_tests::{
    Backend, Chore, Enqueue, Kind, Order, Work, clock,
    ledger::{self, Ended, Letters},
    processes::Process,
    proxy::Proxy,
    rabbit::{self, CONSUMER_TIMEOUT, Rabbit},
    redis::{self, Redis},
};

/// How soon a silent worker counts as dead here.
pub(crate) const LEASE: Duration = Duration::from_secs(2);
/// How long what was broken may take to recover on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The RabbitMQ of a test.
pub(crate) enum Broker {
    /// One for all tests that leave it in peace.
    Shared(&'static Rabbit),
    /// One for all tests that break it, one at a time.
    Own(Own),
}

/// The broker to be broken, whole again when the next test gets it.
pub(crate) struct Own(MutexGuard<'static, Option<Rabbit>>);

impl Own {
    async fn take() -> Self {
        static OWN: Mutex<Option<Rabbit>> = Mutex::const_new(None);
        let mut rabbit = OWN.lock().await;
        if rabbit.is_none() {
            *rabbit = Some(Rabbit::start());
        }
        Self(rabbit)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Nobody knows in which state it is.
            *self.0 = None;
        }
    }
}

impl Deref for Broker {
    type Target = Rabbit;

    fn deref(&self) -> &Rabbit {
        match self {
            Self::Shared(rabbit) => rabbit,
            Self::Own(rabbit) => rabbit.0.as_ref().expect("it was started"),
        }
    }
}

impl DerefMut for Broker {
    fn deref_mut(&mut self) -> &mut Rabbit {
        match self {
            Self::Shared(_) => panic!("others use it"),
            Self::Own(rabbit) => rabbit.0.as_mut().expect("it was started"),
        }
    }
}

/// A virtual host, a Redis of its own, and proxies before both.
pub(crate) struct Stage {
    dir: TempDir,
    pub(crate) rabbit: Broker,
    pub(crate) redis: Redis,
    pub(crate) vhost: String,
    /// Between the processes of the test and RabbitMQ.
    pub(crate) to_rabbit: Proxy,
    /// Between the processes of the test and Redis.
    pub(crate) to_redis: Proxy,
    /// Seconds between heartbeats.
    pub(crate) heartbeat: u64,
    /// How long the processes think that RabbitMQ waits for an acknowledgement.
    pub(crate) consumer_timeout: Duration,
    /// Whether the processes publish and consume on one connection.
    pub(crate) share_connection: bool,
}

impl Stage {
    /// On the broker that is left in peace. `None`, loudly, where servers are not installed.
    pub(crate) async fn shared() -> Option<Self> {
        static SHARED: OnceLock<Rabbit> = OnceLock::new();
        if !there() {
            return None;
        }
        Some(Self::on(Broker::Shared(SHARED.get_or_init(Rabbit::start))).await)
    }

    /// On the broker that may be broken, and must be whole in the end. `None`, loudly, where servers are not installed.
    pub(crate) async fn own() -> Option<Self> {
        if !there() {
            return None;
        }
        Some(Self::on(Broker::Own(Own::take().await)).await)
    }

    async fn on(rabbit: Broker) -> Self {
        let redis = Redis::start(&[]);
        let vhost = rabbit.new_vhost();
        let to_rabbit = Proxy::start(rabbit.address()).await.unwrap();
        let to_redis = Proxy::start(redis.address()).await.unwrap();
        Self {
            dir: TempDir::new().unwrap(),
            rabbit,
            redis,
            vhost,
            to_rabbit,
            to_redis,
            heartbeat: 15,
            consumer_timeout: CONSUMER_TIMEOUT,
            share_connection: false,
        }
    }

    /// The servers as they are reached through the proxies.
    pub(crate) fn backend(&self) -> Backend {
        Backend::Servers {
            amqp: format!("{}?heartbeat={}", self.amqp(), self.heartbeat),
            redis: redis::url(self.to_redis.address()),
            consumer_timeout_ms: u64::try_from(self.consumer_timeout.as_millis()).unwrap(),
            share_connection: self.share_connection,
        }
    }

    /// RabbitMQ as it is reached through the proxy.
    pub(crate) fn amqp(&self) -> String {
        rabbit::url(self.to_rabbit.address(), &self.vhost)
    }

    /// A file for the test's own use.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The queue in this process, past the proxies: what it sees does not depend on what is done to them.
    pub(crate) async fn observer(&self) -> TaskQueue {
        let (amqp, redis) = (self.rabbit.url(&self.vhost), self.redis.url());
        let consumer_timeout_ms = u64::try_from(self.consumer_timeout.as_millis()).unwrap();
        let servers = Backend::Servers { amqp, redis, consumer_timeout_ms, share_connection: false };
        usm_tests::open(&servers, LEASE).await.unwrap()
    }

    /// The queue in this process, through the proxies.
    pub(crate) async fn open(&self) -> TaskQueue {
        usm_tests::open(&self.backend(), LEASE).await.unwrap()
    }

    /// How a worker works unless a test wants it otherwise: four jobs at once, ample grace.
    pub(crate) fn work(&self) -> Work {
        Work {
            queue: self.backend(),
            effects: self.file("effects.db"),
            concurrency: 4,
            lease_ms: u64::try_from(LEASE.as_millis()).unwrap(),
            grace_ms: 30_000,
            stop_grace_ms: 1_000,
            patience_ms: None,
        }
    }

    /// A worker process that is already consuming.
    pub(crate) fn worker(&self) -> Process {
        self.worker_that(self.work())
    }

    /// A worker process, already consuming, that works so.
    pub(crate) fn worker_that(&self, work: Work) -> Process {
        Self::consuming(&mut self.command(&Order::Work(work)))
    }

    /// A worker process of another program, already consuming.
    pub(crate) fn worker_of(&self, program: &Path) -> Process {
        Self::consuming(&mut self.command_of(program, &Order::Work(self.work())))
    }

    /// A worker process, already consuming, whose clock is so many seconds ahead.
    pub(crate) fn worker_ahead(&self, seconds: i64) -> Process {
        let mut command = self.command(&Order::Work(self.work()));
        clock::set_ahead(&mut command, seconds);
        Self::consuming(&mut command)
    }

    fn consuming(command: &mut Command) -> Process {
        let process = Process::start(command);
        process.complains(CONSUMING);
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
            .current_dir(self.dir.path())
            .env("RUST_BACKTRACE", "0");
        command
    }

    /// The keys of the side effects, each with how often it was asked for.
    pub(crate) fn effects(&self) -> Vec<(String, u32)> {
        let connection = rusqlite::Connection::open(self.file("effects.db")).unwrap();
        let mut select = connection.prepare("SELECT key, asked FROM effects ORDER BY key").unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Queues of ours that hold messages, ready or not, apart from the dead letters.
    pub(crate) fn unfinished(&self) -> BTreeMap<String, u64> {
        let rows = self.rabbit.queues(&self.vhost, &["name", "messages"]);
        let mut queues: BTreeMap<_, u64> =
            rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect();
        queues.retain(|name, messages| *messages > 0 && name != &format!("{}.failed", usm_tests::QUEUE));
        queues
    }

    /// Waits until these jobs have ended and no message is left but the dead letters.
    pub(crate) async fn all_ended(&self, time: Duration, queue: &TaskQueue, mut waiting: BTreeSet<JobId>) {
        let deadline = Instant::now() + time;
        loop {
            // One whose record is lost is made anew when its message is taken.
            let (mut still, mut lost) = (Vec::new(), Vec::new());
            for &id in &waiting {
                match record(queue, id).await {
                    Some(job) if job.status.is_final() => {}
                    Some(job) => still.push(job),
                    None => lost.push(id),
                }
            }
            waiting = still.iter().map(|job| job.id).chain(lost.iter().copied()).collect();
            let unfinished = self.unfinished();
            if waiting.is_empty() && unfinished.is_empty() {
                return;
            }
            let (count, some) = (still.len(), &still[..still.len().min(3)]);
            assert!(
                Instant::now() < deadline,
                "not worked: {unfinished:?}; {} lost, as {:?}; {count} jobs, as {some:#?}",
                lost.len(),
                lost.first()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until these jobs have ended and no message is left but the dead letters; then checks them all (I1 to I5).
    pub(crate) async fn audit(&self, accepted: &BTreeMap<JobId, Chore>) -> Ended {
        let queue = self.observer().await;
        self.all_ended(PATIENCE, &queue, accepted.keys().copied().collect()).await;
        let letters = letters(&queue).await;
        let mut ids: BTreeSet<JobId> = accepted.keys().copied().collect();
        // A job that was refused may have been published all the same.
        ids.extend(letters.iter().filter_map(|letter| letter.job_id));
        let mut jobs: Vec<Job> = Vec::with_capacity(ids.len());
        for id in ids {
            jobs.push(queue.job(id).await.unwrap());
        }
        queue.close().await;
        ledger::check(&jobs, letters, accepted, Letters::OneOrMore)
    }
}

/// What is known of a job; a broker that is away is asked again.
pub(crate) async fn record(queue: &TaskQueue, id: JobId) -> Option<Job> {
    eventually("the records can be read", async || match queue.job(id).await {
        Ok(job) => Some(Some(job)),
        Err(error) if error.kind() == ErrorKind::NotFound => Some(None),
        Err(_) => None,
    })
    .await
}

/// What a worker's log says when it consumes.
pub(crate) const CONSUMING: &str = " consuming queue=";
/// What a worker's log says when it does no more.
pub(crate) const NOT_CONSUMING: &str = "not consuming";

fn there() -> bool {
    Rabbit::there() && Redis::there()
}

/// Enqueues one chore of this kind.
pub(crate) async fn chore(queue: &TaskQueue, kind: Kind) -> JobHandle<Chore> {
    queue.enqueue(Chore::new(1, kind)).await.unwrap()
}

/// The ledger of one job.
pub(crate) fn only(job: &JobHandle<Chore>, kind: Kind) -> BTreeMap<JobId, Chore> {
    BTreeMap::from([(job.id(), Chore::new(1, kind))])
}

/// Waits until a worker says that it began this job, and tells which attempt it is.
pub(crate) fn begun(worker: &Process, job: &JobHandle<Chore>) -> u32 {
    worker.line(&format!("started {} ", job.id())).parse().unwrap()
}

/// Every dead letter.
pub(crate) async fn letters(queue: &TaskQueue) -> Vec<DeadLetter> {
    queue.dead_letters().list(&DeadLetterFilter::default(), 0, usize::MAX).await.unwrap()
}

/// What an enqueuer said it had accepted so far.
pub(crate) fn accepted(enqueuer: &Process, enqueue: &Enqueue) -> BTreeMap<JobId, Chore> {
    enqueuer.lines().iter().filter_map(|line| acceptance(line, enqueue)).collect()
}

/// The job an enqueuer says it had accepted, if that is what it says.
pub(crate) fn acceptance(line: &str, enqueue: &Enqueue) -> Option<(JobId, Chore)> {
    let (id, number) = line.strip_prefix("accepted ")?.split_once(' ')?;
    Some((id.parse().unwrap(), enqueue.chore(number.parse().unwrap())))
}

/// Runs these workers began so far.
pub(crate) fn runs<'a>(workers: impl IntoIterator<Item = &'a Process>) -> Vec<String> {
    let lines = workers.into_iter().flat_map(Process::lines);
    lines.filter(|line| line.starts_with("started ")).collect()
}
