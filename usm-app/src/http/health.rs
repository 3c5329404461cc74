//! Whether the server lives, and whether it can do its work.

mod room;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use poem_openapi::{Enum, Object, OpenApi, payload::Json, types::Example};
use tokio::time::timeout;
use usm_queue::{JobFilter, JobId};
use uuid::Uuid;

use super::{
    Tag,
    answer::{Answer, Plain},
    problem::{InvalidValue, Problem, queue_trouble},
};
use crate::{
    app::App,
    config::{DatabaseUrl, QueueBackend},
};

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
    /// Files that were removed or replaced under the server, and a full disk, count as not answering.
    ///
    /// Workers that are connected but get no deliveries, after a restart of RabbitMQ for example, count as not ready.
    ///
    /// An AI provider that is down does not count: jobs wait for it.
    #[oai(path = "/health/ready", method = "get", operation_id = "getReady", tag = "Tag::Health")]
    async fn ready(&self) -> Answer<Json<Ready>, Plain> {
        let (database, queue) =
            tokio::join!(timeout(PATIENCE, database(&self.app)), timeout(PATIENCE, queue(&self.app)));
        let mut failures = Vec::new();
        for (part, answer) in [("database", database), ("queue", queue)] {
            let trouble = match answer {
                Ok(Ok(())) => continue,
                Ok(Err(trouble)) => trouble,
                Err(_) => Trouble::unexplained(format!("no answer within {PATIENCE:?}")),
            };
            // The cause may name files and servers: it belongs into the log.
            tracing::error!(part, error = trouble.cause, "not ready");
            failures.push(InvalidValue::at(
                part,
                match trouble.reason {
                    Some(reason) => format!("the {part} does not work: {reason}"),
                    None => format!("the {part} does not answer"),
                },
            ));
        }
        let workers = match &self.app.workers {
            None => Workers::Elsewhere,
            Some(workers) => {
                if !workers.is_consuming() {
                    let lost = workers
                        .queues()
                        .into_iter()
                        .filter(|queue| !queue.consuming && queue.paused.is_none());
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

/// What is wrong with a part.
struct Trouble {
    /// For the log.
    cause: String,
    /// For the answer, where it is known and names nothing.
    reason: Option<&'static str>,
}

impl Trouble {
    fn unexplained(cause: impl ToString) -> Self {
        Self { cause: cause.to_string(), reason: None }
    }
}

async fn database(app: &App) -> Result<(), Trouble> {
    app.check_database().map_err(|gone| Trouble {
        cause: gone.to_string(),
        reason: Some("its file was removed or replaced; put it back, or restart the server"),
    })?;
    if let DatabaseUrl::Sqlite(path) = &app.config.database {
        has_room(path.parent().unwrap_or(Path::new("."))).await?;
    }
    app.db.ping().await.map_err(Trouble::unexplained)
}

async fn queue(app: &App) -> Result<(), Trouble> {
    let name = app.queue.topology().queues().first().map(|queue| queue.name().to_owned());
    let mut any = JobFilter::default();
    any.limit = 1;
    let asked = async {
        app.queue.depth(&name.unwrap_or_default()).await?;
        // Its records may be elsewhere, and without them no job is taken or shown.
        app.queue.jobs(&any).await?;
        if app.config.queue.backend == QueueBackend::Embedded {
            // A file that was removed can be read all the same. This is a write that changes nothing.
            app.queue.cancel(JobId(Uuid::nil())).await?;
        }
        Ok(())
    };
    asked.await.map_err(|error: usm_queue::Error| Trouble {
        cause: error.to_string(),
        reason: queue_trouble(&error),
    })?;
    if app.config.queue.backend == QueueBackend::Embedded {
        has_room(&app.config.data_dir).await?;
    }
    Ok(())
}

/// A full disk is not noticed by anything that writes nothing.
async fn has_room(directory: &Path) -> Result<(), Trouble> {
    let directory = PathBuf::from(directory);
    match tokio::task::spawn_blocking(move || room::check(&directory)).await {
        Ok(checked) => {
            checked.map_err(|error| Trouble { cause: error.to_string(), reason: Some(room::reason(&error)) })
        }
        Err(error) => Err(Trouble::unexplained(error)),
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
