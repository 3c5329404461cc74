//! Settings of the job queue and of the workers that empty it.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::SecretUrl;
use super::read::Reader;

/// How jobs travel. This version has one way: the embedded queue, a file in the data directory.
#[derive(Debug, Clone, Serialize)]
pub struct QueueConfig {
    /// `USM_LEASE_SECONDS`: how long a job stays with a worker that gives no sign of life before another takes it,
    /// in seconds; default 15, from 1 to 300.
    #[serde(rename = "lease_seconds", serialize_with = "as_seconds")]
    pub lease: Duration,
    /// `REDIS_URL`: where job records will live beside RabbitMQ. Checked, not used by this version.
    pub redis_url: Option<SecretUrl>,
    /// `CLOUDAMQP_URL`, else `RABBITMQ_URL`: the RabbitMQ server. Checked, not used by this version.
    pub rabbitmq_url: Option<SecretUrl>,
}

impl QueueConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        if reader.switch("RABBITMQ_ENABLED", false) {
            reader.refuse(
                "RABBITMQ_ENABLED",
                "true",
                "the RabbitMQ backend is not in this version: unset it, or set it to false, to use the embedded queue",
            );
        }
        let cloud = reader.secret_url("CLOUDAMQP_URL", &["amqps", "amqp"]);
        let local = reader.secret_url("RABBITMQ_URL", &["amqp", "amqps"]);
        Self {
            lease: Duration::from_secs(reader.number("USM_LEASE_SECONDS", 15, 1..=300)),
            redis_url: reader.secret_url("REDIS_URL", &["redis", "rediss"]),
            rabbitmq_url: cloud.or(local),
        }
    }
}

/// How a worker process works.
#[derive(Debug, Clone, Serialize)]
pub struct WorkerConfig {
    /// `WORKER_CONCURRENCY`: jobs worked at the same time by one process; default 1, from 1 to 256.
    pub concurrency: usize,
    /// `WORKER_MAX_RETRIES`: how often a job is tried in all, the first time included, before it fails; default 3,
    /// from 1 to 100. A wait that a rate limit demands does not count.
    pub max_attempts: u32,
    /// `WORKER_RETRY_DELAY`: wait before the second attempt, in seconds, doubled for each further one; default 5,
    /// from 0 to 3600.
    #[serde(rename = "retry_delay_seconds", serialize_with = "as_seconds")]
    pub retry_delay: Duration,
}

impl WorkerConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            concurrency: reader.number("WORKER_CONCURRENCY", 1, 1..=256),
            max_attempts: reader.number("WORKER_MAX_RETRIES", 3, 1..=100),
            retry_delay: Duration::from_secs(reader.number("WORKER_RETRY_DELAY", 5, 0..=3600)),
        }
    }
}

fn as_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}
