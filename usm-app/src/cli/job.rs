//! `usm job`: looks at jobs, follows them, cancels them.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use usm_queue::{CancelOutcome, Job, JobFilter, JobId, JobStatus, TaskQueue};

use super::{
    failure::Failure,
    number, out, store,
    table::{short, table},
};
use crate::config::{Config, QueueBackend};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the newest jobs
    List {
        /// Only in this state: pending, processing, completed, failed or cancelled
        #[arg(long)]
        status: Option<JobStatus>,
        /// How many at most
        #[arg(long, default_value_t = 20, value_parser = number::limit)]
        limit: usize,
        /// One JSON document per job
        #[arg(long)]
        json: bool,
    },
    /// Show one job with its history
    Show {
        /// The job: its UUID, or what the service calls it that enqueued it
        #[arg(value_parser = job_id)]
        id: String,
        /// The whole record as JSON
        #[arg(long)]
        json: bool,
    },
    /// Follow a job until it ends
    Watch {
        /// The job: its UUID, or what the service calls it that enqueued it
        #[arg(value_parser = job_id)]
        id: String,
        /// One JSON document per change
        #[arg(long)]
        json: bool,
    },
    /// Cancel a job that waits, or ask the worker of a running one to stop
    Cancel {
        /// The job: its UUID, or what the service calls it that enqueued it
        #[arg(value_parser = job_id)]
        id: String,
    },
}

/// Checked before anything is opened.
fn job_id(text: &str) -> usm_queue::Result<String> {
    Ok(text.parse::<JobId>().map(|_| text.to_owned())?)
}

pub(super) async fn run(
    command: Command,
    config: Config,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let queue = store::open_records(&config).await?;
    let done = carry_out(command, &queue, &config, &shutdown).await;
    queue.close().await;
    done
}

async fn carry_out(
    command: Command,
    queue: &TaskQueue,
    config: &Config,
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    match command {
        Command::List { status, limit, json } => list(queue, status, limit, json).await,
        Command::Show { id, json } => show(find(queue, config, &id).await?, json),
        Command::Watch { id, json } => {
            let id = find(queue, config, &id).await?.id;
            watch(queue, id, json, shutdown).await
        }
        Command::Cancel { id } => cancel(queue, config, &id).await,
    }
}

async fn list(queue: &TaskQueue, status: Option<JobStatus>, limit: usize, json: bool) -> Result<(), Failure> {
    let mut filter = JobFilter::new().limit(limit);
    filter = status.into_iter().fold(filter, JobFilter::status);
    let jobs = queue.jobs(&filter).await?.jobs;
    if json {
        jobs.iter().for_each(out::json);
        return Ok(());
    }
    if jobs.is_empty() {
        out::line("no jobs");
        return Ok(());
    }
    let rows: Vec<[String; 5]> = jobs.iter().map(row).collect();
    out::line(&table(["JOB", "TASK", "STATUS", "CREATED (UTC)", "ABOUT"], &rows));
    Ok(())
}

fn row(job: &Job) -> [String; 5] {
    let id = job.alias.clone().unwrap_or_else(|| job.id.to_string());
    [id, job.task.clone(), status(job), moment(job.created_at), short(&about(job), 60)]
}

/// The state, and what an operator must know about it.
fn status(job: &Job) -> String {
    match job.status {
        JobStatus::Pending if job.next_attempt_at.is_some() && job.attempt > 0 => {
            "pending (retry)".to_owned()
        }
        JobStatus::Processing if job.is_stalled(Utc::now()) => "processing (stalled)".to_owned(),
        status => status.to_string(),
    }
}

/// What a line says about a job: why it failed, what came of it, or how far it is.
fn about(job: &Job) -> String {
    if let Some(error) = &job.error
        && job.status != JobStatus::Completed
    {
        return error.clone();
    }
    let result = job.result.as_ref();
    if let Some(name) = result.and_then(|result| result["project_name"].as_str()) {
        return name.to_owned();
    }
    if let Some((result, all)) = result.and_then(|result| Some((result, result.get("total_count")?))) {
        let others = [("unchanged_count", "unchanged"), ("conflict_count", "conflicts")];
        let counted = others.map(|(field, word)| (word, result[field].as_u64().unwrap_or(0)));
        let told =
            counted.iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!(", {word} {count}"));
        return format!("{} of {all}{}", result["successful"], told.collect::<String>());
    }
    job.progress.as_ref().map(|progress| progress.message.clone()).unwrap_or_default()
}

fn show(job: Job, json: bool) -> Result<(), Failure> {
    if json {
        out::pretty(&job);
        return Ok(());
    }
    let mut facts = vec![
        ("job", job.id.to_string()),
        ("called", job.alias.clone().unwrap_or_default()),
        ("task", job.task.clone()),
        ("status", status(&job)),
        ("owner", job.owner.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("attempts", format!("{} of {}", job.attempt, job.max_attempts)),
        ("priority", job.priority.to_string()),
        ("created", moment(job.created_at)),
        ("ended", job.finished_at.map(moment).unwrap_or_default()),
        ("next try", job.next_attempt_at.map(moment).unwrap_or_default()),
        ("worker", job.worker.clone().unwrap_or_default()),
        ("progress", job.progress.as_ref().map(step).unwrap_or_default()),
        ("error", job.error.clone().unwrap_or_default()),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    facts.iter().for_each(|(name, value)| out::line(&format!("{name:<9} {value}")));
    let history: Vec<[String; 5]> = job
        .timeline
        .iter()
        .map(|entry| {
            let event = serde_json::to_value(entry.event).ok();
            [
                moment(entry.at),
                event.as_ref().and_then(|event| event.as_str()).unwrap_or_default().replace('_', " "),
                if entry.attempt == 0 { String::new() } else { entry.attempt.to_string() },
                entry.worker.clone().unwrap_or_default(),
                entry.error.clone().unwrap_or_default(),
            ]
        })
        .collect();
    out::line(&format!("\n{}", table(["WHEN (UTC)", "WHAT", "ATTEMPT", "WORKER", "WHY"], &history)));
    if let Some(result) = &job.result {
        out::line("\nresult (whole with --json)");
        out::pretty(&brief(result));
    }
    Ok(())
}

async fn watch(
    queue: &TaskQueue,
    id: JobId,
    json: bool,
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    let mut watch = queue.watch(id).await?;
    let mut last = None;
    loop {
        let next = tokio::select! {
            next = watch.next() => next,
            () = shutdown.cancelled() => {
                return Err(Failure::interrupted("no longer watching; the job goes on without us", id));
            }
        };
        let Some(job) = next.transpose()? else { break };
        if json {
            out::json(&job);
        } else {
            let progress = job.progress.as_ref().filter(|_| job.status == JobStatus::Processing).map(step);
            let what = progress.or_else(|| job.error.clone()).unwrap_or_default();
            out::line(format!("{}  {:<10}  {what}", moment(job.updated_at), job.status.as_str()).trim_end());
        }
        last = Some(job);
    }
    match last {
        Some(job) if job.status == JobStatus::Completed => Ok(()),
        Some(job) => Err(Failure::job("the job did not complete", &job)),
        None => Err(Failure::failed(anyhow::anyhow!("job {id} could not be followed to its end"))),
    }
}

async fn cancel(queue: &TaskQueue, config: &Config, id: &str) -> Result<(), Failure> {
    match queue.cancel(queue.resolve(id).await?).await? {
        CancelOutcome::Cancelled => out::line("cancelled"),
        CancelOutcome::AlreadyFinal(status) => {
            return Err(Failure::failed(anyhow::anyhow!(
                "job {id} cannot be cancelled: it has ended, {status}"
            )));
        }
        CancelOutcome::Unknown => return Err(unknown(id, &config.queue.backend)),
        _ => out::line("its worker has been asked to stop; see `usm job watch`"),
    }
    Ok(())
}

async fn find(queue: &TaskQueue, config: &Config, id: &str) -> Result<Job, Failure> {
    queue.job(queue.resolve(id).await?).await.map_err(|error| match error.kind() {
        usm_queue::ErrorKind::NotFound => unknown(id, &config.queue.backend),
        _ => error.into(),
    })
}

fn unknown(id: &str, backend: &QueueBackend) -> Failure {
    let (kept, setting) = match backend {
        QueueBackend::Embedded => ("7 days", "USM_DATA_DIR"),
        QueueBackend::RabbitMq { .. } => ("one hour", "REDIS_URL"),
    };
    Failure::failed(anyhow::anyhow!(
        "there is no job {id} here; records of ended jobs are kept for {kept}, and {setting} says where to look"
    ))
    .or_try("usm job list", "the jobs there are")
}

fn step(progress: &usm_queue::Progress) -> String {
    match progress.total {
        0 => progress.message.clone(),
        total => format!("{}/{total} {}", progress.current, progress.message).trim_end().to_owned(),
    }
}

/// The value with long texts, such as pictures, cut.
fn brief(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(short(text, 100)),
        Value::Array(items) => items.iter().map(brief).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), brief(value))).collect(),
        other => other.clone(),
    }
}

/// In UTC, to the second.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::SecretUrl;

    #[test]
    fn a_job_that_is_not_there_is_looked_for_where_the_backend_keeps_it() {
        let servers = QueueBackend::RabbitMq {
            rabbitmq_url: SecretUrl::new("amqp://user:secret@host"),
            redis_url: SecretUrl::new("redis://:secret@host"),
            rabbitmq_connections: 1,
            rabbitmq_delay_levels: 13,
        };

        let on_servers = unknown("x", &servers).to_string();
        let in_a_file = unknown("x", &QueueBackend::Embedded).to_string();

        assert!(on_servers.contains("one hour, and REDIS_URL"), "{on_servers}");
        assert!(in_a_file.contains("7 days, and USM_DATA_DIR"), "{in_a_file}");
    }

    #[test]
    fn a_line_tells_the_outcome_the_reason_or_the_progress() {
        let mut job = Job::new(JobId::new(), "t", Utc::now());
        job.progress = Some(usm_queue::Progress { current: 1, total: 2, message: "saving".to_owned() });
        assert_eq!(about(&job), "saving");

        job.error = Some("no answer in time".to_owned());
        assert_eq!(about(&job), "no answer in time");

        (job.status, job.result) = (JobStatus::Completed, Some(json!({ "project_name": "Горячо" })));
        assert_eq!(about(&job), "Горячо");
        job.result = Some(json!({ "successful": 2, "total_count": 3 }));
        assert_eq!(about(&job), "2 of 3");
        job.result =
            Some(json!({ "successful": 0, "total_count": 3, "unchanged_count": 2, "conflict_count": 1 }));
        assert_eq!(about(&job), "0 of 3, unchanged 2, conflicts 1");
    }
}
