//! All settings, read once at start from the environment and the file `.env`, checked before anything else runs.

mod ai;
mod auth;
mod database;
mod dotenv;
mod log;
mod misspelt;
mod queue;
mod read;
mod secret;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::Serialize;

pub use ai::{AiConfig, AiLimits, AiProvider, ProviderConfig};
pub use auth::{AuthConfig, JwtAlgorithm};
pub use database::DatabaseUrl;
pub use log::{LogConfig, LogLevel};
pub use queue::{QueueBackend, QueueConfig, WorkerConfig};
pub use read::{ConfigError, ConfigErrors};
pub use secret::{Secret, SecretUrl, mask_url};
pub use server::ServerConfig;

use read::{Reader, Source};

/// Every setting of the program. Printing or serialising it shows no secret.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// `ENVIRONMENT`: where the program runs; default `development`.
    pub environment: Environment,
    /// `USM_DATA_DIR`: the directory of the embedded queue and of the default database; default `./usm-data`,
    /// created when missing.
    pub data_dir: PathBuf,
    /// The HTTP server.
    pub server: ServerConfig,
    /// Where projects and stories are kept.
    pub database: DatabaseUrl,
    /// How jobs travel.
    pub queue: QueueConfig,
    /// How jobs are worked.
    pub worker: WorkerConfig,
    /// Who answers.
    pub ai: AiConfig,
    /// `WIREFRAME_MAX_STORIES`: stories in one wireframe request; default 10, from 1 to 100.
    pub wireframe_max_stories: usize,
    /// Tokens; not used by this version.
    pub auth: AuthConfig,
    /// Logging and error reports.
    pub log: LogConfig,
    /// Names in the file `.env` that are probably meant to be others.
    #[serde(skip)]
    misspelt: Vec<String>,
}

/// Where the program runs. Only production changes anything: what is merely handy elsewhere gives a warning there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// On a developer's machine.
    Development,
    /// In automatic tests.
    Test,
    /// Before production.
    Staging,
    /// For real users.
    Production,
}

impl Config {
    /// Reads the environment and the file `.env` of the working directory; the environment wins.
    ///
    /// Nothing is written back to the environment. A blank value counts as not set.
    ///
    /// # Errors
    ///
    /// All settings that are not usable, at once.
    pub fn from_env() -> Result<Self, ConfigErrors> {
        dotenv::load(&|name| std::env::var_os(name), dotenv::read_file()?.as_deref())
    }

    /// The same from any source of values; `None` means not set.
    ///
    /// # Errors
    ///
    /// All settings that are not usable, at once.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        Self::from_source(&|name| Ok(lookup(name)))
    }

    fn from_source(source: Source<'_>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(source);
        let data_dir = PathBuf::from(reader.text("USM_DATA_DIR").unwrap_or_else(|| "./usm-data".into()));
        let config = Self {
            environment: Environment::read(&mut reader),
            server: ServerConfig::read(&mut reader),
            database: DatabaseUrl::read(&mut reader, &data_dir),
            queue: QueueConfig::read(&mut reader),
            worker: WorkerConfig::read(&mut reader),
            ai: AiConfig::read(&mut reader),
            wireframe_max_stories: reader.number("WIREFRAME_MAX_STORIES", 10, 1..=100),
            auth: AuthConfig::read(&mut reader),
            log: LogConfig::read(&mut reader),
            misspelt: Vec::new(),
            data_dir,
        };
        reader.finish(config)
    }

    /// The file of the embedded queue.
    pub fn queue_file(&self) -> PathBuf {
        self.data_dir.join("queue.db")
    }

    /// What an operator should read at start: settings that are weak, or set but not used by this version.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.ai.remarks.clone();
        warnings.extend(self.misspelt.iter().cloned());
        let must_be_set = self.environment == Environment::Production;
        if let Some(weakness) = self.auth.weakness().filter(|_| must_be_set || self.auth.jwt_secret.is_some())
        {
            warnings.push(format!(
                "JWT_SECRET_KEY {weakness}: set 32 random bytes or more before authentication comes with a later version"
            ));
        }
        if let DatabaseUrl::Sqlite(file) = &self.database {
            if matches!(self.queue.backend, QueueBackend::RabbitMq { .. }) {
                warnings.push(format!(
                    "DATABASE_URL is the SQLite file {}: RabbitMQ gives a job to any machine, and each would work on a file of \
                     its own; set the same postgres://… on all of them, or keep every process on this machine and this file",
                    file.display()
                ));
            } else if self.environment == Environment::Production {
                warnings.push(
                    "DATABASE_URL: a SQLite file serves one machine, use PostgreSQL in production".into(),
                );
            }
        }
        if !self.queue.unused.is_empty() {
            warnings.push(format!(
                "{} is set but not used: set RABBITMQ_ENABLED=true to use RabbitMQ and Redis in place of the embedded queue",
                self.queue.unused.join(", ")
            ));
        }
        let unused: Vec<&str> = [
            ("SENTRY_DSN", self.log.sentry_dsn.is_some()),
            ("JWT_SECRET_KEY", self.auth.jwt_secret.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, set)| set.then_some(name))
        .collect();
        if !unused.is_empty() {
            warnings.push(format!("set but not used by this version: {}", unused.join(", ")));
        }
        warnings
    }
}

impl Environment {
    fn read(reader: &mut Reader<'_>) -> Self {
        let allowed = "development, test, staging or production";
        reader.parsed("ENVIRONMENT", Self::Development, allowed, |value| {
            match value.to_ascii_lowercase().as_str() {
                "development" => Some(Self::Development),
                "test" => Some(Self::Test),
                "staging" => Some(Self::Staging),
                "production" => Some(Self::Production),
                _ => None,
            }
        })
    }
}
