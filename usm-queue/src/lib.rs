#![doc = include_str!("../README.md")]
// What one backend needs is unused in builds without it.
#![cfg_attr(
    not(all(feature = "sqlite", feature = "rabbitmq", feature = "redis")),
    allow(dead_code, unused_imports)
)]

mod broker;
mod changes;
mod context;
mod dead_letter;
mod detached;
mod envelope;
mod error;
mod job;
mod json;
mod lifecycle;
mod queue;
mod registry;
mod retry;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod suspects;
mod task;
#[cfg(feature = "testing")]
pub mod testing;
mod topology;
#[cfg(any(feature = "rabbitmq", feature = "redis"))]
mod url;
mod worker;

#[cfg(feature = "rabbitmq")]
pub use broker::rabbitmq::RabbitMqOptions;
pub use broker::{Accepted, Broker, Consumer, Delivery, QueueDepth, Settlement};
pub use changes::{Change, JobChange};
pub use context::JobContext;
pub use dead_letter::{DeadLetter, DeadLetterFilter, DeadLetters, NotReplayed, Replayed};
pub use envelope::Message;
pub use error::{Acceptance, Error, ErrorKind, Result};
pub use job::{Job, JobEvent, JobId, JobStatus, Owner, Progress, TimelineEntry};
pub use json::{MAX_JSON_DEPTH, MAX_RESULT_BYTES};
pub use queue::{EnqueueOptions, JobHandle, LiveTopology, MAX_BODY_BYTES, TaskQueue};
pub use retry::RetryPolicy;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteOptions;
#[cfg(feature = "redis")]
pub use store::redis::RedisOptions;
pub use store::{
    CancelOutcome, Claimed, Inserted, JobChanges, JobFilter, JobStore, JobUpdate, JobWatch, Lease,
    LeaseState, MAX_PARTIAL_BYTES, MAX_PARTIAL_RESULTS, NewJob, Updated,
};
pub use task::{Task, TaskError, TaskPolicy, Verdict};
pub use topology::{
    ExchangeKind, Overflow, QueueSpec, Topology, TopologyBuilder, TopologyChange, TopologyDrift,
    TopologyPart, TopologyPlan, topic_matches,
};
pub use worker::{QueueHealth, Worker, WorkerHealth};
