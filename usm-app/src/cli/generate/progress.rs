//! Shows how far a job is, and every part of the map as soon as it is made: above a bar on a terminal, in plain lines
//! elsewhere, as JSON events for machines.

use std::{io::IsTerminal, time::Duration};

use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use usm_queue::{Job, JobId, JobStatus, Progress};

use super::{growth, out};

/// Reports one job after another.
#[derive(Debug)]
pub(super) struct Report {
    way: Way,
    seen: Seen,
}

#[derive(Debug)]
enum Way {
    /// One that is drawn over and over on standard error.
    Bar(ProgressBar),
    /// On standard error, each once.
    Lines,
    /// Events on standard output.
    Json,
}

/// What has been told about the present job.
#[derive(Debug, Default)]
struct Seen {
    status: Option<JobStatus>,
    attempt: u32,
    progress: Option<Progress>,
    partials: usize,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        let way = match json {
            true => Way::Json,
            false if std::io::stderr().is_terminal() => Way::Bar(ProgressBar::hidden()),
            false => Way::Lines,
        };
        Self { way, seen: Seen::default() }
    }

    /// A new job begins.
    pub(super) fn enqueued(&mut self, id: JobId, task: &str) {
        self.seen = Seen::default();
        match &mut self.way {
            Way::Bar(bar) => *bar = new_bar(),
            Way::Lines => out::note(&format!("job {id} ({task}) is queued")),
            Way::Json => out::json(&json!({ "event": "enqueued", "job_id": id, "job_type": task })),
        }
    }

    /// The job's present state.
    pub(super) fn update(&mut self, job: &Job) {
        let is_new_status = (self.seen.status, self.seen.attempt) != (Some(job.status), job.attempt);
        let is_new_progress = job.progress.is_some() && self.seen.progress != job.progress;
        let new_parts = job.partial_results.iter().skip(self.seen.partials);
        match &self.way {
            Way::Bar(bar) => {
                new_parts.filter_map(growth::line).for_each(|line| bar.println(line));
                show(bar, job);
            }
            Way::Lines => {
                new_parts.filter_map(growth::line).for_each(|line| out::note(&line));
                if is_new_progress && let Some(progress) = &job.progress {
                    out::note(&line(progress));
                }
                if is_new_status
                    && job.error.is_some()
                    && let Some(wait) = waiting(job)
                {
                    out::note(&format!("  {wait}"));
                }
            }
            Way::Json => {
                if is_new_status {
                    out::json(&json!({
                        "event": "status", "job_id": job.id, "status": job.status, "attempt": job.attempt,
                        "error": job.error, "next_attempt_at": job.next_attempt_at,
                    }));
                }
                if is_new_progress && let Some(progress) = &job.progress {
                    out::json(&json!({
                        "event": "progress", "job_id": job.id, "current": progress.current,
                        "total": progress.total, "message": progress.message,
                    }));
                }
                for value in new_parts {
                    out::json(&json!({ "event": "partial", "job_id": job.id, "value": value }));
                }
            }
        }
        self.seen = Seen {
            status: Some(job.status),
            attempt: job.attempt,
            progress: job.progress.clone(),
            partials: job.partial_results.len(),
        };
    }

    /// The job has ended, or nobody watches any more: nothing of the bar stays on the screen.
    pub(super) fn end(&mut self) {
        if let Way::Bar(bar) = &self.way {
            bar.finish_and_clear();
        }
    }
}

/// Before the handler has said how much there is to do.
const UNKNOWN: &str = "{spinner:.cyan} {elapsed:>3}  {wide_msg}";
const KNOWN: &str = "{spinner:.cyan} {elapsed:>3}  [{bar:24.cyan/dim}] {pos}/{len}  {wide_msg}";

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    restyle(&bar, UNKNOWN);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn restyle(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
}

fn show(bar: &ProgressBar, job: &Job) {
    if let Some(progress) = job.progress.as_ref().filter(|progress| progress.total == 0) {
        bar.set_message(progress.message.clone());
    }
    if let Some(progress) = job.progress.as_ref().filter(|progress| progress.total > 0) {
        if bar.length() == Some(0) {
            restyle(bar, KNOWN);
        }
        bar.set_length(progress.total);
        bar.set_position(progress.current);
        bar.set_message(progress.message.clone());
    }
    if let Some(wait) = waiting(job) {
        bar.set_message(wait);
    }
}

fn line(progress: &Progress) -> String {
    match progress.total {
        0 => format!("  {}", progress.message),
        total => format!("  {}/{total}  {}", progress.current, progress.message).trim_end().to_owned(),
    }
}

/// Why the job does not run; nothing while it does.
fn waiting(job: &Job) -> Option<String> {
    if job.status != JobStatus::Pending {
        return None;
    }
    let Some(error) = &job.error else {
        return Some("waits for a free worker; `usm job list` shows what is before it".to_owned());
    };
    let wait = job.next_attempt_at.map(|at| (at - Utc::now()).num_seconds().max(0)).unwrap_or_default();
    Some(match job.attempt {
        // What a rate limit stopped does not count as an attempt.
        0 => format!("{error}; trying again in {wait} s"),
        attempt => {
            format!("attempt {attempt} of {} failed: {error}; trying again in {wait} s", job.max_attempts)
        }
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_waiting_job_says_what_for() {
        let mut job = Job::new(JobId::new(), "t", Utc::now());
        assert!(waiting(&job).unwrap().contains("waits for a free worker"));

        (job.attempt, job.max_attempts, job.error) = (1, 3, Some("no answer in time".to_owned()));
        assert_eq!(waiting(&job).unwrap(), "attempt 1 of 3 failed: no answer in time; trying again in 0 s");

        job.status = JobStatus::Processing;
        assert_eq!(waiting(&job), None);
    }
}
