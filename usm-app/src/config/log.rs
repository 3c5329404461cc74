//! Settings of what the program says about itself.

use serde::Serialize;

use super::SecretUrl;
use super::read::Reader;

/// Logging and error reports.
#[derive(Debug, Clone, Serialize)]
pub struct LogConfig {
    /// `LOG_LEVEL`: the least important messages still written; default `INFO`.
    pub level: LogLevel,
    /// `SENTRY_DSN`: where errors will be reported. Checked, not used by this version.
    pub sentry_dsn: Option<SecretUrl>,
}

/// Importance of a log message, most talkative first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// What a developer wants to see, SQL statements included (never their values).
    Debug,
    /// What an operator wants to see.
    Info,
    /// What may need attention; Python's `WARNING`.
    Warn,
    /// What went wrong; Python's `ERROR` and `CRITICAL`.
    Error,
}

impl LogLevel {
    /// The level as a filter of `tracing` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl LogConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let allowed = "TRACE, DEBUG, INFO, WARNING or ERROR";
        Self {
            level: reader.parsed("LOG_LEVEL", LogLevel::Info, allowed, |value| {
                match value.to_ascii_lowercase().as_str() {
                    "trace" => Some(LogLevel::Trace),
                    "debug" => Some(LogLevel::Debug),
                    "info" => Some(LogLevel::Info),
                    "warn" | "warning" => Some(LogLevel::Warn),
                    "error" | "critical" => Some(LogLevel::Error),
                    _ => None,
                }
            }),
            sentry_dsn: reader.secret_url("SENTRY_DSN", &["https", "http"]),
        }
    }
}
