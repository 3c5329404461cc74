//! Whether the server lives, and whether it can do its work.

use std::time::Duration;

use poem_openapi::{Enum, Object, OpenApi, payload::Json, types::Example};
use tokio::time::timeout;
use usm_queue::JobFilter;

use super::{
    Tag,
    answer::{Answer, Plain},
    problem::{InvalidValue, Problem},
};
use crate::app::App;

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Health.
pub(super) struct Health {
    pub(super) app: App,
}

/// The server lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct Live {
    /// Always `ok`.
    pub status: Fine,
}

/// The server can do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct Ready {
    /// Always `ok`.
    pub status: Fine,
    /// Always `ok`.
    pub database: Fine,
    /// Always `ok`.
    pub queue: Fine,
    /// The workers of this process.
    pub workers: Workers,
}

/// All is well; what is not well is a problem with status 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "HealthStatus", rename_all = "lowercase")]
pub(super) enum Fine {
    /// It answers.
    Ok,
}

/// What the workers of this process do; when they do not consume it is a problem with status 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "WorkersStatus", rename_all = "lowercase")]
pub(super) enum Workers {
    /// They consume all their queues.
    Consuming,
    /// There are none: `usm worker` works in other processes.
    Elsewhere,
}

#[OpenApi]
impl Health {
    /// Tell whether the process lives
    ///
    /// Asks nothing else, so that a database that is down does not get the process restarted.
    #[oai(path = "/health/live", method = "get", operation_id = "getLive", tag = "Tag::Health")]
    async fn live(&self) -> Answer<Json<Live>, Plain> {
        Ok(Json(Live { status: Fine::Ok }))
    }

    /// Tell whether database and queue answer and the workers consume
    ///
    /// Workers that are connected but get no deliveries, after a restart of RabbitMQ for example, count as not ready.
    ///
    /// An AI provider that is down does not count: jobs wait for it.
    #[oai(path = "/health/ready", method = "get", operation_id = "getReady", tag = "Tag::Health")]
    async fn ready(&self) -> Answer<Json<Ready>, Plain> {
        let database = async { self.app.db.ping().await.map_err(|error| error.to_string()) };
        let queue = async {
            let name = self.app.queue.topology().queues().first().map(|queue| queue.name().to_owned());
            let depth = self.app.queue.depth(&name.unwrap_or_default()).await;
            // Its records may be elsewhere, and without them no job is taken or shown.
            let mut any = JobFilter::default();
            any.limit = 1;
            let jobs = self.app.queue.jobs(&any).await;
            depth.map(|_| ()).and(jobs.map(|_| ())).map_err(|error| error.to_string())
        };
        let (database, queue) = tokio::join!(timeout(PATIENCE, database), timeout(PATIENCE, queue));
        let mut failures = Vec::new();
        for (part, answer) in [("database", database), ("queue", queue)] {
            let error = match answer {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error,
                Err(_) => format!("no answer within {PATIENCE:?}"),
            };
            // The cause may name files and servers: it belongs into the log.
            tracing::error!(part, error, "not ready");
            failures.push(InvalidValue::at(part, format!("the {part} does not answer")));
        }
        let workers = match &self.app.workers {
            None => Workers::Elsewhere,
            Some(workers) => {
                if !workers.is_consuming() {
                    let lost = workers.queues().into_iter().filter(|queue| !queue.consuming);
                    let lost: Vec<_> = lost.map(|queue| queue.queue).collect();
                    tracing::error!(part = "workers", queues = lost.join(", "), "not ready");
                    failures.push(InvalidValue::at("workers", "the workers do not consume".to_owned()));
                }
                Workers::Consuming
            }
        };
        if failures.is_empty() {
            return Ok(Json(Ready { status: Fine::Ok, database: Fine::Ok, queue: Fine::Ok, workers }));
        }
        Err(Problem::unavailable("the server is not ready", PATIENCE).with_errors(failures).into())
    }
}

impl Example for Live {
    fn example() -> Self {
        Self { status: Fine::Ok }
    }
}

impl Example for Ready {
    fn example() -> Self {
        Self { status: Fine::Ok, database: Fine::Ok, queue: Fine::Ok, workers: Workers::Consuming }
    }
}
