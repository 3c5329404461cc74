//! What every part of the program shares: settings, database, queue, AI.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use sea_orm::DatabaseConnection;
use usm_queue::{EnqueueOptions, QueueSpec, SqliteOptions, TaskQueue, Topology, WorkerHealth};

use crate::{
    ai::Ai,
    config::{Config, DatabaseUrl},
    database::{self, DatabaseFile, FileGone},
    entities::{database_identity, user::LOCAL_USER_ID},
};

/// Metadata of a job: the identity of the database whose rows it names.
pub(crate) const DATABASE: &str = "database";

/// Everything a handler or an endpoint needs. Clones share it.
#[derive(Debug, Clone)]
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// Projects and stories.
    pub db: DatabaseConnection,
    /// What tells `db` from other databases, the same for every process that uses it.
    pub database_id: Arc<str>,
    /// The file of `db`, where it is one.
    pub database_file: Option<DatabaseFile>,
    /// Jobs.
    pub queue: TaskQueue,
    /// Who answers.
    pub ai: Arc<Ai>,
    /// The workers of this process, where it has any.
    pub workers: Option<WorkerHealth>,
}

impl App {
    /// Opens database and queue, creating what is missing.
    ///
    /// # Errors
    ///
    /// When a file cannot be opened, is damaged or comes from a newer version; the text names it and says what to do.
    pub async fn open(config: Config) -> anyhow::Result<Self> {
        let ai = Ai::new(&config.ai).context("the AI providers cannot be set up")?;
        create_data_dir(&config.data_dir)?;
        let db = database::open(&config.database).await?;
        let unusable = || format!("the database {} cannot be used", config.database);
        let database_file = match &config.database {
            DatabaseUrl::Sqlite(path) => Some(DatabaseFile::open(path).with_context(unusable)?),
            DatabaseUrl::Postgres(_) => None,
        };
        let database_id = database_identity::of(&db).await.with_context(unusable)?.into();
        let queue = open_queue(&config).await?;
        let (config, ai) = (Arc::new(config), Arc::new(ai));
        Ok(Self { config, db, database_id, database_file, queue, ai, workers: None })
    }

    /// Whether what is saved now will be found again.
    ///
    /// # Errors
    ///
    /// The file of the database was removed or replaced.
    pub fn check_database(&self) -> Result<(), FileGone> {
        self.database_file.as_ref().map_or(Ok(()), DatabaseFile::check)
    }

    /// How a job of the local user is enqueued by the settings: attempts and first delay as configured, and for this
    /// database.
    pub fn enqueue_options(&self) -> EnqueueOptions {
        let worker = &self.config.worker;
        EnqueueOptions::new()
            .owner(LOCAL_USER_ID)
            .metadata(DATABASE, &*self.database_id)
            .max_attempts(worker.max_attempts)
            .first_retry_delay(worker.retry_delay)
    }
}

/// Opens the queue alone.
///
/// # Errors
///
/// As [`App::open`].
pub async fn open_queue(config: &Config) -> usm_queue::Result<TaskQueue> {
    match config.queue.backend.servers() {
        None => open_file(config).await,
        Some((rabbitmq, redis_url)) => TaskQueue::connect(rabbitmq, redis_url, topology()?).await,
    }
}

/// Opens the queue for those who only look at records, or cancel: RabbitMQ is not connected for that.
///
/// # Errors
///
/// As [`App::open`].
pub async fn open_records(config: &Config) -> usm_queue::Result<TaskQueue> {
    match config.queue.backend.servers() {
        None => open_file(config).await,
        Some((rabbitmq, redis_url)) => TaskQueue::connect_lazily(rabbitmq, redis_url, topology()?).await,
    }
}

async fn open_file(config: &Config) -> usm_queue::Result<TaskQueue> {
    let options = SqliteOptions::default().lease(config.queue.lease);
    TaskQueue::open_with(config.queue_file(), topology()?, options).await
}

pub(crate) fn create_data_dir(directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).with_context(|| {
        format!(
            "the data directory {} cannot be created; choose one that this user may write in USM_DATA_DIR",
            directory.display()
        )
    })
}

/// The guide's topology, to the letter: services written after it share these queues.
///
/// # Errors
///
/// Never with these values; the queue checks them all the same.
pub fn topology() -> usm_queue::Result<Topology> {
    const HOUR: Duration = Duration::from_secs(3600);
    let queue = |name: &str, key: &str| {
        QueueSpec::new(name).bind("ai.tasks", key).message_ttl(HOUR).dead_letter_exchange("dlx.ai.tasks")
    };
    Topology::builder("ai.tasks")
        .dead_letters("dlx.ai.tasks", "ai.tasks.failed")
        .queue(queue("ai.map.generation", "ai.task.map.#").max_priority(10))
        .queue(queue("ai.wireframe.generation", "ai.task.wireframe.#").max_priority(10))
        .queue(queue("ai.bulk.improve", "ai.task.bulk.#"))
        .build()
}
