#![doc = include_str!("../README.md")]
// What one backend needs is unused in builds without it.
#![cfg_attr(
    not(all(feature = "sqlite", feature = "rabbitmq", feature = "redis")),
    allow(dead_code, unused_imports)
)]

pub mod backend;
mod backoff;
mod clock;
mod detached;
mod error;
mod job;
mod job_id;
mod json;
mod message;
mod metrics;
mod queue;
mod retry;
mod task;
#[cfg(feature = "testing")]
pub mod testing;
pub mod topology;
mod trace_context;
mod worker;

#[cfg(feature = "rabbitmq")]
pub use backend::rabbitmq::RabbitMqOptions;
#[cfg(feature = "redis")]
pub use backend::redis::RedisOptions;
#[cfg(feature = "sqlite")]
pub use backend::sqlite::SqliteOptions;
pub use backend::{
    Accepted, CancelOutcome, Cursor, JobChanges, JobFilter, JobPage, JobWatch, OpenTask, Pause, QueueControl,
    QueueCounts, QueueDepth, WorkerInfo, WorkerQueue,
};
pub use error::{Acceptance, Error, ErrorKind, Result};
pub use job::{Change, Job, JobChange, JobEvent, JobId, JobState, JobStatus, Owner, Progress, TimelineEntry};
pub use job_id::InvalidJobId;
pub use message::DeadLetter;
#[cfg(not(all(feature = "rabbitmq", feature = "redis")))]
#[doc(hidden)]
pub use queue::RabbitMqAndRedis;
pub use queue::{
    Batch, DeadLetterFilter, EnqueueOptions, JobHandle, LiveTopology, Overview, QueueOverview, TaskQueue,
    bulk, dead_letters,
};
pub use retry::RetryPolicy;
pub use task::{Task, TaskError, TaskPolicy, Verdict};
pub use topology::{QueueSpec, Topology};
pub use trace_context::TraceContext;
pub use worker::{JobContext, QueueHealth, Shutdown, Worker, WorkerHealth};

/// How large what a job carries may be.
pub mod limits {
    pub use crate::{
        backend::{MAX_PARTIAL_BYTES, MAX_PARTIAL_RESULTS},
        json::{MAX_JSON_DEPTH, MAX_RESULT_BYTES},
        queue::MAX_BODY_BYTES,
    };
}
