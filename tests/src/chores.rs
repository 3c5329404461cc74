//! Chores: tasks whose course is known beforehand, and the orders to work or enqueue them.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use usm_queue::{
    RabbitMqOptions, RetryPolicy, SqliteOptions, Task, TaskPolicy, TaskQueue, Topology, bulk::BulkAction,
};

/// The queue that chores wait in.
pub const QUEUE: &str = "chores";

/// Attempts a chore has in all, unless it is enqueued with other options.
pub const ATTEMPTS: u32 = 3;

/// A piece of work whose course is known beforehand, so that a test can tell whether it took it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chore {
    /// Distinguishes it from the others of a test.
    pub key: u64,
    /// What happens when it is worked.
    pub kind: Kind,
    /// Ballast: any text, to be found again in the dead letter.
    pub text: String,
}

/// What happens when a chore is worked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It completes at once.
    Quick,
    /// It completes after so many milliseconds.
    Slow(u64),
    /// The first attempt fails, the second completes.
    FailsOnce,
    /// Every attempt fails.
    FailsAlways,
    /// Every attempt fails after so many milliseconds.
    SlowlyFails(u64),
    /// The first attempt fails after so many milliseconds, the second completes.
    SlowlyFailsOnce(u64),
    /// Every attempt panics.
    Panics,
    /// Every attempt aborts the whole process.
    Aborts,
    /// The first attempt never returns, the second completes.
    Holds,
    /// It saves a side effect keyed by the idempotency key, and then the first attempt never returns.
    SavesThenHolds,
}

/// Which run of a chore made its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The chore's key.
    pub key: u64,
    /// The attempt that returned.
    pub attempt: u32,
    /// The worker that ran it.
    pub worker: String,
}

impl Task for Chore {
    const NAME: &'static str = "chore";
    const ROUTING_KEY: &'static str = "chore.any";
    type Output = Done;

    fn policy() -> TaskPolicy {
        TaskPolicy::default()
            .timeout(Duration::from_secs(120))
            .retry(RetryPolicy::exponential(ATTEMPTS, Duration::from_millis(20)))
    }
}

impl Chore {
    /// A chore of this kind, its text made from its key.
    pub fn new(key: u64, kind: Kind) -> Self {
        Self { key, kind, text: format!("chore № {key}") }
    }

    /// The chore with this number in the mixed load of a seed: mostly quick, the rest slow, failing or panicking.
    pub fn of_mix(seed: u64, number: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let kind = match random.u8(..100) {
            0..55 => Kind::Quick,
            55..75 => Kind::Slow(random.u64(5..120)),
            75..87 => Kind::FailsOnce,
            87..94 => Kind::FailsAlways,
            _ => Kind::Panics,
        };
        Self::new(number, kind)
    }
}

/// What a `queue-worker` process is told to do, as JSON in its one argument.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Work chores until SIGTERM. Prints `working`, `started ID ATTEMPT` for every run, `saved ID` after a side effect,
    /// and `stopped` at the end.
    Work(Work),
    /// Act on many jobs. Prints `acting ID`, and `report JSON` at the end.
    Act(Act),
    /// Enqueue chores. Prints `accepted ID NUMBER` after each that was accepted, `refused NUMBER KIND: MESSAGE` after
    /// each that was not, and `all tried` at the end.
    Enqueue(Enqueue),
}

/// Where a queue is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// In this file.
    File(PathBuf),
    /// On RabbitMQ and Redis at these URLs.
    Servers {
        /// `amqp://…`
        amqp: String,
        /// `redis://…`
        redis: String,
        /// Milliseconds RabbitMQ is said to wait for an acknowledgement.
        consumer_timeout_ms: u64,
        /// Whether a process publishes and consumes on one connection.
        share_connection: bool,
    },
}

impl From<PathBuf> for Backend {
    fn from(file: PathBuf) -> Self {
        Self::File(file)
    }
}

/// How to work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Work {
    /// Where the queue is.
    pub queue: Backend,
    /// Where side effects are saved: another SQLite file.
    pub effects: PathBuf,
    /// Jobs at once.
    pub concurrency: usize,
    /// Milliseconds after which this process counts as dead.
    pub lease_ms: u64,
    /// Milliseconds a shutdown waits before it asks jobs to stop.
    pub grace_ms: u64,
    /// Milliseconds a job may go on after that.
    pub stop_grace_ms: u64,
    /// Milliseconds that unknown tasks and payloads are put back for; what a worker does by itself without it.
    pub patience_ms: Option<u64>,
}

/// What to do with many jobs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Act {
    /// Where the queue is.
    pub queue: Backend,
    /// What is done with each job that it applies to.
    pub action: BulkAction,
    /// How many a second.
    pub per_second: NonZeroU32,
}

/// What to enqueue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Enqueue {
    /// Where the queue is.
    pub queue: Backend,
    /// Makes the mix of chores; without it all are quick.
    pub seed: Option<u64>,
    /// How many milliseconds each takes, without a seed.
    pub slow_ms: u64,
    /// How many.
    pub count: u64,
    /// Callers that enqueue at once.
    pub callers: u64,
    /// Milliseconds over which they are spread; 0 is as fast as it goes.
    pub over_ms: u64,
    /// Attempts of each.
    pub attempts: u32,
    /// Length of each chore's text, in bytes, when it is to be longer than usual.
    pub text_bytes: usize,
    /// Ends after so many refusals.
    pub refusals: u64,
}

impl Enqueue {
    /// `count` quick chores by one caller as fast as it goes.
    pub fn new(queue: impl Into<Backend>, count: u64) -> Self {
        Self {
            queue: queue.into(),
            seed: None,
            slow_ms: 0,
            count,
            callers: 1,
            over_ms: 0,
            attempts: ATTEMPTS,
            text_bytes: 0,
            refusals: 1,
        }
    }

    /// The chore with this number.
    pub fn chore(&self, number: u64) -> Chore {
        let mut chore = match self.seed {
            Some(seed) => Chore::of_mix(seed, number),
            None if self.slow_ms > 0 => Chore::new(number, Kind::Slow(self.slow_ms)),
            None => Chore::new(number, Kind::Quick),
        };
        while chore.text.len() < self.text_bytes {
            chore.text.push('x');
        }
        chore
    }
}

/// The topology all of them declare.
///
/// # Errors
///
/// Never: the topology is sound.
pub fn topology() -> usm_queue::Result<Topology> {
    Topology::single(QUEUE)
}

/// Opens the queue as all of them do.
///
/// # Errors
///
/// As [`TaskQueue::open_with`] and [`TaskQueue::connect`].
pub async fn open(place: &Backend, lease: Duration) -> usm_queue::Result<TaskQueue> {
    match place {
        Backend::File(file) => {
            TaskQueue::open_with(file, topology()?, SqliteOptions::default().lease(lease)).await
        }
        Backend::Servers { amqp, redis, consumer_timeout_ms, share_connection } => {
            let patience = Duration::from_millis(*consumer_timeout_ms);
            let amqp = RabbitMqOptions::new(amqp)
                .consumer_timeout(Some(patience))
                .share_connection(*share_connection);
            TaskQueue::connect(amqp, redis, topology()?).await
        }
    }
}
