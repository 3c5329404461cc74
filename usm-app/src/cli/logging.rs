//! What the program says about itself on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogLevel};

/// Starts the log. Commands that talk to a person say themselves what they do, so unless `LOG_LEVEL` asks for more
/// than its default they log only what may need attention, and not the failed attempts that they report anyway.
pub(super) fn start(config: &Config, runs_long: bool) {
    let filter = match config.log.level {
        LogLevel::Info if !runs_long => "warn,usm_queue=error,usm_ai=error",
        level => level.as_str(),
    };
    let started = tracing_subscriber::fmt()
        // lapin calls every answer it did not hope for an error; what matters of it the queue says itself.
        .with_env_filter(EnvFilter::new(format!("{filter},lapin=off")))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_target(false)
        .try_init();
    // A second log in one process, as in a test, changes nothing.
    drop(started);
    if runs_long {
        config.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    }
}
