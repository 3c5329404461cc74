//! What every request that starts a job shares: options, the 202 answer, and checks of values.

use poem_openapi::{ApiResponse, Enum, Object, payload::Json, types::Example};
use usm_queue::{EnqueueOptions, JobId, Task};
use uuid::Uuid;

use super::problem::{InvalidValue, Problem};
use crate::app::App;

/// Highest priority of a job; the queues have no more.
pub(super) const MAX_PRIORITY: u8 = 10;

/// The answer to a request that started a job.
#[derive(Debug, ApiResponse)]
pub enum Started {
    /// The job is stored and will be worked, whatever process crashes from now on.
    #[oai(status = 202)]
    Accepted(
        Json<Accepted>,
        /// Where the job's state is.
        #[oai(header = "Location")]
        String,
        /// Seconds after which a client that polls should ask for the first time.
        #[oai(header = "Retry-After")]
        u64,
    ),
}

/// A job that was started.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct Accepted {
    /// Always `accepted`.
    status: AcceptedStatus,
    /// The job.
    job_id: Uuid,
    /// Path of the WebSocket that sends the job's state and every change of it.
    websocket_url: String,
}

/// The one status of an accepted job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum AcceptedStatus {
    /// Stored.
    Accepted,
}

impl Started {
    fn new(id: JobId) -> Self {
        let accepted = Accepted {
            status: AcceptedStatus::Accepted,
            job_id: id.0,
            websocket_url: format!("/ws/jobs/{id}"),
        };
        Self::Accepted(Json(accepted), format!("/job/{id}"), super::jobs::POLL_SECONDS)
    }
}

impl Example for Accepted {
    fn example() -> Self {
        let job_id = super::jobs::example_id();
        Self { status: AcceptedStatus::Accepted, job_id, websocket_url: format!("/ws/jobs/{job_id}") }
    }
}

/// Enqueues the task for the user, with the retries of the settings.
pub(super) async fn start<T: Task>(
    app: &App,
    task: T,
    priority: Option<u8>,
    describe: impl FnOnce(EnqueueOptions) -> EnqueueOptions,
) -> Result<Started, Problem> {
    let mut options = app.enqueue_options();
    if let Some(priority) = priority {
        options = options.priority(priority);
    }
    let job = app.queue.enqueue_with(task, describe(options)).await?;
    Ok(Started::new(job.id()))
}

/// Collects what is wrong with the values of a request, so that all of it is told at once.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<InvalidValue>);

impl Checks {
    pub(super) fn refuse(&mut self, pointer: &str, detail: impl Into<String>) {
        self.0.push(InvalidValue::at(pointer, detail));
    }

    pub(super) fn priority(&mut self, priority: Option<u8>) {
        if priority.is_some_and(|priority| priority > MAX_PRIORITY) {
            self.refuse("/priority", format!("a priority is a number from 0 to {MAX_PRIORITY}"));
        }
    }

    /// Takes a list of story ids, each once, in the order given.
    pub(super) fn story_ids(&mut self, ids: &[i64], max: usize) -> Vec<i64> {
        let mut distinct = Vec::with_capacity(ids.len().min(max));
        for id in ids {
            if !distinct.contains(id) && distinct.len() <= max {
                distinct.push(*id);
            }
        }
        if distinct.is_empty() || distinct.len() > max {
            self.refuse("/story_ids", format!("name 1 to {max} different stories"));
        }
        distinct
    }

    pub(super) fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}

/// The asked ones that were not found, as a problem that names them.
pub(super) fn refuse_unknown_stories(asked: &[i64], found: &[i64], whose: &str) -> Result<(), Problem> {
    let unknown: Vec<String> =
        asked.iter().filter(|id| !found.contains(id)).map(ToString::to_string).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let detail = match unknown.as_slice() {
        [one] => format!("story {one} is not a story of {whose}"),
        many => format!("stories {} are not stories of {whose}", many.join(", ")),
    };
    Err(Problem::invalid(vec![InvalidValue::at("/story_ids", detail)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stories_named_twice_count_once() {
        let mut checks = Checks::default();

        assert_eq!(checks.story_ids(&[3, 1, 3, 1, 2], 3), [3, 1, 2]);
        assert_eq!(checks.finish(), Ok(()));
    }

    #[test]
    fn no_story_and_too_many_stories_are_refused() {
        for ids in [vec![], (0..4).collect(), (0..100_000).collect()] {
            let mut checks = Checks::default();
            checks.story_ids(&ids, 3);
            assert!(checks.finish().is_err(), "{} stories", ids.len());
        }
    }

    #[test]
    fn unknown_stories_are_named() {
        let problem =
            refuse_unknown_stories(&[1, 2, 3], &[2], "project 7").map_err(|problem| problem.to_string());

        assert_eq!(problem, Err("stories 1, 3 are not stories of project 7".into()));
    }
}
