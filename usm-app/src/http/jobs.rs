//! The state of a job, and its cancellation.

use std::collections::HashMap;

use chrono::DateTime;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, param::Path, payload::Json, types::Example};
use serde_json::Value;
use usm_queue::{CancelOutcome, ErrorKind, Job, JobEvent, JobId, JobStatus, Owner, TimelineEntry};
use uuid::Uuid;

use super::{
    Tag,
    answer::{Answer, Change, Read},
    problem::Problem,
    time::Time,
};
use crate::{app::App, entities::user::LOCAL_USER_ID};
use poem::http::StatusCode;

/// Seconds between two questions of a client that polls.
pub(super) const POLL_SECONDS: u64 = 2;

/// Jobs.
pub(super) struct Jobs {
    pub(super) app: App,
}

/// One job: what is to be done, how far it is, what came of it.
#[derive(Debug, Clone, PartialEq, Object)]
#[oai(rename = "Job", example)]
pub(super) struct JobView {
    /// Identity.
    pub job_id: Uuid,
    /// Whose job it is.
    pub user_id: i64,
    /// The kind of work: `ai_map_generation`, `wireframe_generation` or `bulk_improve`; the list may grow.
    pub job_type: String,
    /// Where it stands.
    pub status: Status,
    /// 0 is the lowest.
    pub priority: u8,
    /// Attempts begun so far.
    pub attempt: u32,
    /// Attempts in all.
    pub max_attempts: u32,
    /// When it was accepted.
    pub created_at: Time,
    /// When anything about it last changed.
    pub updated_at: Time,
    /// When the next attempt is due.
    #[oai(nullable)]
    pub next_attempt_at: Option<Time>,
    /// When it ended.
    #[oai(nullable)]
    pub finished_at: Option<Time>,
    /// What was known of the request, by kind of work.
    pub metadata: HashMap<String, Value>,
    /// How far the running attempt is.
    #[oai(nullable)]
    pub progress: Option<ProgressView>,
    /// What is finished already, in the order it was finished.
    pub partial_results: Vec<Value>,
    /// What came of it, once completed; its fields depend on the kind of work.
    #[oai(nullable)]
    pub result: Option<Value>,
    /// Why the last attempt failed.
    #[oai(nullable)]
    pub error: Option<String>,
    /// Whether somebody asked to cancel it.
    pub cancel_requested: bool,
    /// Grows with every change.
    pub version: u64,
    /// Every transition, oldest first.
    pub timeline: Vec<Transition>,
}

/// Where a job stands; the last three are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "JobStatus", rename_all = "snake_case", remote = "JobStatus")]
pub enum Status {
    /// Waits for a worker, or for the next attempt.
    Pending,
    /// A worker is at it.
    Processing,
    /// Done; `result` says what came of it.
    Completed,
    /// Given up; `error` says why.
    Failed,
    /// Cancelled by request.
    Cancelled,
}

/// How far a job is, in units of its own.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(rename = "Progress")]
pub(super) struct ProgressView {
    /// Units done.
    pub current: u64,
    /// Units in all; 0 when unknown.
    pub total: u64,
    /// The present stage, for people.
    pub message: String,
}

/// A change of a job's state.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(super) struct Transition {
    /// When.
    pub at: Time,
    /// What.
    pub event: Event,
    /// In which attempt, counted from 1; 0 before the first.
    pub attempt: u32,
    /// Why it failed.
    #[oai(nullable)]
    pub error: Option<String>,
}

/// What happened to a job; the list may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "JobEvent", rename_all = "snake_case", remote = "JobEvent")]
pub enum Event {
    /// Accepted.
    Enqueued,
    /// Its record was lost after a worker had had the job, and rebuilt from its message.
    Rebuilt,
    /// An attempt began.
    Started,
    /// An attempt failed and another follows.
    RetryScheduled,
    /// Handed back by a worker that shut down.
    Released,
    /// Somebody asked to cancel it while it ran.
    CancelRequested,
    /// It ended with a result.
    Completed,
    /// It ended without one.
    Failed,
    /// It ended by request.
    Cancelled,
}

impl From<Job> for JobView {
    /// Leaves out which worker has the job: that is the operator's business.
    fn from(job: Job) -> Self {
        Self {
            job_id: job.id.0,
            user_id: match job.owner {
                Some(Owner::Id(id)) => id,
                Some(Owner::Name(_)) | None => 0,
            },
            job_type: job.task,
            status: job.status.into(),
            priority: job.priority,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            created_at: job.created_at.into(),
            updated_at: job.updated_at.into(),
            next_attempt_at: job.next_attempt_at.map(Time),
            finished_at: job.finished_at.map(Time),
            metadata: job.metadata.into_iter().collect(),
            progress: job.progress.map(|progress| ProgressView {
                current: progress.current,
                total: progress.total,
                message: progress.message,
            }),
            partial_results: job.partial_results,
            result: job.result,
            error: job.error,
            cancel_requested: job.cancel_requested,
            version: job.version,
            timeline: job.timeline.into_iter().map(Transition::from).collect(),
        }
    }
}

impl From<TimelineEntry> for Transition {
    fn from(entry: TimelineEntry) -> Self {
        Self { at: entry.at.into(), event: entry.event.into(), attempt: entry.attempt, error: entry.error }
    }
}

/// A job's state.
#[derive(Debug, ApiResponse)]
enum JobAnswer {
    /// The job, failed ones too.
    #[oai(status = 200)]
    Found(
        Json<JobView>,
        /// Seconds until asking again makes sense; absent once the job is final.
        #[oai(header = "Retry-After")]
        Option<u64>,
    ),
}

/// The answer to a cancellation.
#[derive(Debug, ApiResponse)]
enum CancelAnswer {
    /// The job is cancelled, or will be as soon as its worker notices.
    #[oai(status = 202)]
    Accepted(Json<Cancellation>),
}

/// What a cancellation did.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct Cancellation {
    /// The job.
    pub job_id: Uuid,
    /// What happened to it.
    pub outcome: Outcome,
}

/// What a cancellation does to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "CancelOutcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It was waiting and is cancelled.
    Cancelled,
    /// It runs, and its worker has been asked to stop.
    Requested,
}

#[OpenApi]
impl Jobs {
    /// Show a job
    ///
    /// A failed job is found too: its `status` says so. To be told of changes instead of asking, open the WebSocket
    /// `/ws/jobs/{job_id}`.
    #[oai(path = "/job/:job_id", method = "get", operation_id = "getJob", tag = "Tag::Jobs")]
    async fn show(
        &self,
        /// The job: its UUID, or what the service calls it that enqueued it.
        #[oai(example = "example_text")]
        job_id: Path<String>,
    ) -> Answer<JobAnswer, Read> {
        let job = owned(&self.app, &job_id.0).await?;
        let retry_after = (!job.status.is_final()).then_some(POLL_SECONDS);
        Ok(JobAnswer::Found(Json(job.into()), retry_after))
    }

    /// Cancel a job
    ///
    /// A waiting job is cancelled at once, a running one as soon as its worker notices; what it has saved stays.
    #[oai(path = "/job/:job_id", method = "delete", operation_id = "cancelJob", tag = "Tag::Jobs")]
    async fn cancel(
        &self,
        /// The job: its UUID, or what the service calls it that enqueued it.
        #[oai(example = "example_text")]
        job_id: Path<String>,
    ) -> Answer<CancelAnswer, Change> {
        let id = owned(&self.app, &job_id.0).await?.id;
        let outcome = match self.app.queue.cancel(id).await? {
            CancelOutcome::Cancelled => Outcome::Cancelled,
            CancelOutcome::AlreadyFinal(status) => {
                let detail = format!("job {id} has ended already: it is {status}");
                return Err(Problem::new(StatusCode::CONFLICT, "job-ended", detail).into());
            }
            CancelOutcome::Unknown => return Err(unknown(&job_id.0).into()),
            _ => Outcome::Requested,
        };
        Ok(CancelAnswer::Accepted(Json(Cancellation { job_id: id.0, outcome })))
    }
}

/// The job, if it is the user's; somebody else's is as unknown as one that never was.
pub(super) async fn owned(app: &App, id: &str) -> Result<Job, Problem> {
    let resolved = app.queue.resolve(id).await.map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => Problem::bad_request(error.to_string()),
        _ => error.into(),
    })?;
    match app.queue.job(resolved).await {
        Ok(job) if is_owned(&job) => Ok(job),
        Ok(_) => Err(unknown(id)),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(unknown(id)),
        Err(error) => Err(error.into()),
    }
}

fn is_owned(job: &Job) -> bool {
    job.owner == Some(Owner::Id(LOCAL_USER_ID))
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("job {id} is not known; finished jobs are removed after their time to live"))
}

/// A job id for the documentation.
pub(super) fn example_id() -> Uuid {
    Uuid::from_u128(0x0193_a5f0_7e1c_7c3a_9d4e_2f6b_8a1c_0d3e)
}

fn example_text() -> String {
    example_id().to_string()
}

impl Example for JobView {
    fn example() -> Self {
        let mut job = Job::new(JobId(example_id()), "ai_map_generation", DateTime::UNIX_EPOCH);
        job.owner = Some(Owner::Id(LOCAL_USER_ID));
        job.status = JobStatus::Completed;
        job.result = Some(serde_json::json!({ "project_id": 456 }));
        job.into()
    }
}

impl Example for Cancellation {
    fn example() -> Self {
        Self { job_id: example_id(), outcome: Outcome::Cancelled }
    }
}
