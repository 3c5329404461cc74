//! Settings of the job queue and of the workers that empty it.

use std::time::Duration;

use serde::{Serialize, Serializer};
use usm_queue::RabbitMqOptions;

use super::SecretUrl;
use super::read::Reader;

/// How jobs travel and where they are remembered.
#[derive(Debug, Clone, Serialize)]
pub struct QueueConfig {
    /// The servers, or the embedded queue.
    pub backend: QueueBackend,
    /// `USM_LEASE_SECONDS`: how long a job stays with a worker that gives no sign of life before another takes it,
    /// in seconds; default 15, from 1 to 300.
    #[serde(rename = "lease_seconds", serialize_with = "as_seconds")]
    pub lease: Duration,
    /// Addresses that are set while the embedded queue is used.
    #[serde(skip)]
    pub(super) unused: Vec<&'static str>,
}

/// Where jobs are. The same jobs, the same promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum QueueBackend {
    /// A file in the data directory: the default.
    Embedded,
    /// `RABBITMQ_ENABLED=true`: RabbitMQ carries the messages, Redis remembers the jobs.
    RabbitMq {
        /// `CLOUDAMQP_URL`, else `RABBITMQ_URL`: `amqp://` or `amqps://`.
        rabbitmq_url: SecretUrl,
        /// `REDIS_URL`: `redis://` or `rediss://`; default `redis://localhost:6379/0`.
        redis_url: SecretUrl,
        /// `RABBITMQ_CONNECTIONS`: connections to RabbitMQ of one process; default 1, 1 or 2. With 2 one publishes and one
        /// consumes, so that workers can acknowledge while RabbitMQ is short of memory or disk.
        rabbitmq_connections: u8,
        /// `RABBITMQ_DELAY_LEVELS`: queues of the delay ladder; default 13, from 1 to 18. After a change to fewer,
        /// `usm topology apply` removes the rest.
        rabbitmq_delay_levels: u32,
    },
}

impl QueueBackend {
    /// How to reach RabbitMQ, and the address of Redis; `None` with the embedded queue.
    pub fn servers(&self) -> Option<(RabbitMqOptions, &str)> {
        let Self::RabbitMq { rabbitmq_url, redis_url, rabbitmq_connections, rabbitmq_delay_levels } = self
        else {
            return None;
        };
        let rabbitmq = RabbitMqOptions::new(rabbitmq_url.expose())
            .share_connection(*rabbitmq_connections == 1)
            .delay_levels(*rabbitmq_delay_levels)
            .connection_name("usm")
            .producer("usm-backend");
        Some((rabbitmq, redis_url.expose()))
    }
}

impl QueueConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let enabled = reader.switch("RABBITMQ_ENABLED", false);
        let cloud = reader.secret_url("CLOUDAMQP_URL", &["amqps", "amqp"]);
        let local = reader.secret_url("RABBITMQ_URL", &["amqp", "amqps"]);
        let redis_url = reader.secret_url("REDIS_URL", &["redis", "rediss"]);
        let rabbitmq_connections = reader.number("RABBITMQ_CONNECTIONS", 1, 1..=2);
        let rabbitmq_delay_levels = reader.number("RABBITMQ_DELAY_LEVELS", 13, 1..=18);
        let mut unused = Vec::new();
        let backend = match cloud.or(local) {
            Some(rabbitmq_url) if enabled => QueueBackend::RabbitMq {
                rabbitmq_url,
                redis_url: redis_url.unwrap_or_else(|| SecretUrl::new("redis://localhost:6379/0")),
                rabbitmq_connections,
                rabbitmq_delay_levels,
            },
            rabbitmq_url => {
                if enabled && rabbitmq_url.is_none() {
                    reader.refuse(
                        "RABBITMQ_ENABLED",
                        "true",
                        "needs the address of RabbitMQ in CLOUDAMQP_URL or RABBITMQ_URL; unset it to use the embedded queue",
                    );
                }
                unused.extend(rabbitmq_url.map(|_| "CLOUDAMQP_URL or RABBITMQ_URL"));
                unused.extend(redis_url.map(|_| "REDIS_URL"));
                QueueBackend::Embedded
            }
        };
        Self { backend, lease: Duration::from_secs(reader.number("USM_LEASE_SECONDS", 15, 1..=300)), unused }
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
    /// `WORKER_GRACE_SECONDS`: how long running jobs may go on after a shutdown was asked for, in seconds; default 5, from 0
    /// to 3600. Then they have 2 s to stop and are handed back, and 2 s more are for what is to be recorded.
    #[serde(rename = "grace_seconds", serialize_with = "as_seconds")]
    pub grace: Duration,
}

impl WorkerConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            concurrency: reader.number("WORKER_CONCURRENCY", 1, 1..=256),
            max_attempts: reader.number("WORKER_MAX_RETRIES", 3, 1..=100),
            retry_delay: Duration::from_secs(reader.number("WORKER_RETRY_DELAY", 5, 0..=3600)),
            grace: Duration::from_secs(reader.number("WORKER_GRACE_SECONDS", 5, 0..=3600)),
        }
    }
}

fn as_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}
