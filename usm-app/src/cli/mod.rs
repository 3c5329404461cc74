//! The command line: what it understands, and what its exit codes mean. One file per subcommand.

mod check;
mod dead_letter;
mod export;
mod failure;
mod generate;
mod import;
mod improve;
mod job;
mod logging;
mod number;
mod out;
mod projects;
mod queue;
mod serve;
mod shutdown;
mod store;
mod table;
mod text_file;
mod topology;
mod whole_file;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use failure::Failure;

const EXIT_CODES: &str = "\
Exit codes:
  0    done; for `generate` and `job watch`: the job completed
  1    failed; the reason is on standard error
  2    wrong usage, input or settings; nothing was started
  130  interrupted before the work was done

Settings come from the environment and the file .env. Data is kept in ./usm-data, or where USM_DATA_DIR says.
Without an AI key everything is drafted offline.";

/// Turns requirements into a user story map with wireframes. Without a subcommand: serve.
#[derive(Debug, Parser)]
#[command(name = "usm", version, after_help = EXIT_CODES, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the page and the API on this machine, and work jobs
    Serve(serve::Args),
    /// Make a story map of a text, show it and write it to files
    #[command(after_help = EXIT_CODES)]
    Generate(generate::Args),
    /// Write a project's map as Markdown, JSON, CSV for Jira, Gherkin, Mermaid, HTML or SVG
    Export(export::Args),
    /// Make a project of a map in Markdown or JSON
    Import(import::Args),
    /// Score a project's map by rules, with what to do about each issue, and find stories that are alike
    Check(check::Args),
    /// Make stories of a map better, or split one
    #[command(after_help = EXIT_CODES)]
    Improve(improve::Args),
    /// Work jobs that other processes enqueue, until interrupted
    Worker(worker::Args),
    /// Look at jobs, follow them, cancel them
    #[command(subcommand)]
    Job(job::Command),
    /// Look at queues and workers, pause a queue and let it go on
    #[command(subcommand)]
    Queue(queue::Command),
    /// Look at jobs that failed for good, try them again, remove them
    #[command(subcommand)]
    DeadLetter(dead_letter::Command),
    /// Compare exchanges and queues with what the broker has, create or export them
    #[command(subcommand)]
    Topology(topology::Command),
}

/// Reads the command line, does what it says and tells how that went.
pub fn main() -> ExitCode {
    let code = match Cli::try_parse() {
        Ok(cli) => obey(cli),
        Err(error) => {
            // Help and version are no errors; clap knows which is which, and its codes are ours.
            out::keep(error.print());
            u8::try_from(error.exit_code()).unwrap_or(failure::USAGE)
        }
    };
    match out::end() {
        Err(lost) if code == failure::DONE => {
            out::error(&format!(
                "standard output cannot be written: {lost}; what was said there is incomplete"
            ));
            ExitCode::from(failure::FAILED)
        }
        _ => ExitCode::from(code),
    }
}

fn obey(cli: Cli) -> u8 {
    let command = cli.command.unwrap_or_else(|| Command::Serve(serve::Args::default()));
    let as_json = match &command {
        Command::Generate(args) => args.json,
        Command::Improve(args) => args.json,
        _ => false,
    };
    let Err(failure) = run(command) else { return failure::DONE };
    if as_json {
        out::json(&failure.event());
    }
    match failure.code() {
        failure::INTERRUPTED => out::note(&failure.to_string()),
        _ => out::error(&failure.to_string()),
    }
    failure.code()
}

fn run(command: Command) -> Result<(), Failure> {
    let config = Config::from_env().map_err(Failure::usage)?;
    logging::start(&config, matches!(command, Command::Serve(_) | Command::Worker(_)));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::failed(anyhow::Error::new(error).context("the program cannot start its threads"))
    })?;
    let result = runtime.block_on(async {
        let shutdown = shutdown::on_signal();
        dispatch(command, config, shutdown).await
    });
    // A blocking read of a terminal, for one, would be waited for.
    runtime.shutdown_background();
    result
}

async fn dispatch(command: Command, config: Config, shutdown: CancellationToken) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(args, config, shutdown).await,
        Command::Generate(args) => generate::run(args, config, shutdown).await,
        Command::Export(args) => export::run(args, config).await,
        Command::Import(args) => import::run(args, config).await,
        Command::Check(args) => check::run(args, config).await,
        Command::Improve(args) => improve::run(args, config, shutdown).await,
        Command::Worker(args) => worker::run(args, config, shutdown).await,
        Command::Job(command) => job::run(command, config, shutdown).await,
        Command::Queue(command) => queue::run(command, config).await,
        Command::DeadLetter(command) => dead_letter::run(command, config).await,
        Command::Topology(command) => topology::run(command, config).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
