//! `usm queue`: what waits and who works, and pauses.

use chrono::Utc;
use usm_queue::{Overview, QueueOverview, TaskQueue, WorkerInfo};

use super::{
    failure::Failure,
    job::moment,
    out, store,
    table::{short, table},
};
use crate::config::Config;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show every queue: jobs by state, workers, pauses
    List {
        /// One JSON document with queues, workers and tasks that no worker knows
        #[arg(long)]
        json: bool,
    },
    /// Let no worker take another job from a queue; running jobs go on
    Pause {
        /// The queue
        name: String,
        /// Who pauses it or why, shown to whoever looks
        #[arg(long, default_value = "usm queue pause")]
        by: String,
    },
    /// Let workers take jobs from a queue again
    Resume {
        /// The queue
        name: String,
    },
}

pub(super) async fn run(command: Command, config: Config) -> Result<(), Failure> {
    let queue = store::open_records(&config).await?;
    let done = carry_out(command, &queue).await;
    queue.close().await;
    done
}

async fn carry_out(command: Command, queue: &TaskQueue) -> Result<(), Failure> {
    match command {
        Command::List { json } => {
            let overview = queue.overview().await?;
            if json { out::pretty(&overview) } else { show(&overview) }
        }
        Command::Pause { name, by } => {
            queue.pause(&name, by).await?;
            out::line(&format!("{name} is paused; `usm queue resume {name}` lets it go on"));
        }
        Command::Resume { name } => {
            queue.resume(&name).await?;
            out::line(&format!("{name} is not paused"));
        }
    }
    Ok(())
}

fn show(overview: &Overview) {
    let rows: Vec<[String; 9]> = overview.queues.iter().map(queue_row).collect();
    out::line(&table(
        ["QUEUE", "WAITING", "LATER", "RETRYING", "RUNNING", "FAILED", "OLDEST", "WORKERS", "NOTE"],
        &rows,
    ));
    if !overview.workers.is_empty() {
        let rows: Vec<[String; 5]> = overview.workers.iter().map(worker_row).collect();
        out::line(&format!("\n{}", table(["WORKER", "HOST", "RUNNING", "LAST SIGN (UTC)", "TASKS"], &rows)));
    }
    for open in &overview.unknown_tasks {
        out::line(&format!(
            "\nno worker knows task {} ({} jobs); start one with `usm worker`",
            open.task, open.jobs
        ));
    }
}

fn queue_row(queue: &QueueOverview) -> [String; 9] {
    let counts = &queue.counts;
    let oldest =
        counts.oldest_waiting.map(|since| format!("{} s", (Utc::now() - since).num_seconds().max(0)));
    let note = match &queue.paused {
        Some(pause) => format!("paused since {} by {}", moment(pause.since), short(&pause.by, 40)),
        None if queue.is_unattended() => "no worker takes its jobs".to_owned(),
        None => String::new(),
    };
    [
        counts.queue.clone().unwrap_or_else(|| "(unknown)".to_owned()),
        counts.waiting.to_string(),
        counts.scheduled.to_string(),
        counts.retrying.to_string(),
        counts.running.to_string(),
        counts.failed.to_string(),
        oldest.unwrap_or_default(),
        queue.workers.to_string(),
        note,
    ]
}

fn worker_row(worker: &WorkerInfo) -> [String; 5] {
    [
        worker.name.clone(),
        worker.host.clone().unwrap_or_default(),
        worker.running_count.to_string(),
        moment(worker.heartbeat_at),
        worker.tasks.join(", "),
    ]
}
