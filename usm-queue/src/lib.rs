#![doc = include_str!("../README.md")]
// What one backend needs is unused in builds without it.
#![cfg_attr(
    not(all(feature = "sqlite", feature = "rabbitmq", feature = "redis")),
    allow(dead_code, unused_imports)
)]

pub mod backend;
mod backoff;
mod detached;
mod error;
mod job;
mod job_id;
mod json;
mod message;
mod queue;
mod retry;
mod task;
#[cfg(feature = "testing")]
pub mod testing;
mod topology;
mod worker;

#[cfg(feature = "rabbitmq")]
pub use backend::rabbitmq::RabbitMqOptions;
#[cfg(feature = "redis")]
pub use backend::redis::RedisOptions;
#[cfg(feature = "sqlite")]
pub use backend::sqlite::SqliteOptions;
pub use backend::{
    Accepted, CancelOutcome, Cursor, JobChanges, JobFilter, JobPage, JobWatch, MAX_PARTIAL_BYTES,
    MAX_PARTIAL_RESULTS, OpenTask, QueueCounts, QueueDepth,
};
pub use error::{Acceptance, Error, ErrorKind, Result};
pub use job::{Change, Job, JobChange, JobEvent, JobId, JobState, JobStatus, Owner, Progress, TimelineEntry};
pub use job_id::InvalidJobId;
pub use json::{MAX_JSON_DEPTH, MAX_RESULT_BYTES};
pub use message::DeadLetter;
pub use queue::{
    Batch, Bulk, BulkAction, BulkCount, BulkHandle, BulkId, BulkReport, BulkState, DeadLetterFilter,
    DeadLetters, EnqueueOptions, JobHandle, LiveTopology, MAX_BODY_BYTES, NotReplayed, Replayed, TaskQueue,
};
pub use retry::RetryPolicy;
pub use task::{Task, TaskError, TaskPolicy, Verdict};
pub use topology::{
    ExchangeKind, Overflow, QueueSpec, Topology, TopologyBuilder, TopologyChange, TopologyDrift,
    TopologyPart, TopologyPlan, topic_matches,
};
pub use worker::{JobContext, QueueHealth, Worker, WorkerHealth};
