//! Names, units and label values of everything that is measured.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(super) const ENQUEUED: &str = "usm_queue_jobs_enqueued_total";
pub(super) const FINISHED: &str = "usm_queue_jobs_finished_total";
pub(super) const ATTEMPTS: &str = "usm_queue_job_attempts_total";
pub(super) const WAIT: &str = "usm_queue_job_wait_seconds";
pub(super) const RUN: &str = "usm_queue_job_run_seconds";
pub(super) const TOTAL: &str = "usm_queue_job_total_seconds";
pub(super) const DEPTH: &str = "usm_queue_depth";
pub(super) const OLDEST_WAITING: &str = "usm_queue_oldest_waiting_seconds";
pub(super) const CONSUMERS: &str = "usm_queue_consumers";
pub(super) const CONCURRENCY: &str = "usm_queue_concurrency";
pub(super) const RUNNING: &str = "usm_queue_running";
pub(super) const CONSUMING: &str = "usm_queue_consuming";
pub(super) const PUBLISH: &str = "usm_queue_publish_seconds";
pub(super) const PUBLISH_FAILURES: &str = "usm_queue_publish_failures_total";
pub(super) const RECONNECTS: &str = "usm_queue_reconnects_total";
pub(super) const DEAD_LETTERS: &str = "usm_queue_dead_letters_total";
pub(super) const REPLAYED: &str = "usm_queue_dead_letters_replayed_total";

/// The outcomes of attempts.
pub(super) const ATTEMPT_OUTCOMES: [&str; 8] =
    ["ok", "retry", "permanent", "timeout", "panic", "cancelled", "handed_back", "lost"];
/// The outcomes of jobs.
pub(super) const JOB_OUTCOMES: [&str; 4] = ["completed", "failed", "cancelled", "expired"];
/// Why messages become dead letters: by a worker, then by the broker.
const REASONS: [&str; 8] = [
    "attempts used up",
    "permanent error",
    "too old to try again",
    "undecodable",
    "unknown task",
    "expired",
    "maxlen",
    "rejected",
];
/// The value of a label for what is not known.
pub(super) const UNKNOWN: &str = "unknown";

/// A reason as a label: whoever wrote it into the headers of a message, there are few.
pub(super) fn reason(text: &str) -> &'static str {
    REASONS.into_iter().find(|known| *known == text).unwrap_or(UNKNOWN)
}

/// Tells the recorder what each is. Once for every queue that is opened, as the recorder may be new.
pub(super) fn describe() {
    describe_counter!(ENQUEUED, "Jobs accepted");
    describe_counter!(FINISHED, "Jobs that ended, by outcome");
    describe_counter!(ATTEMPTS, "Attempts that ended, by outcome");
    describe_histogram!(WAIT, Unit::Seconds, "From when a job was due to the start of its attempt");
    describe_histogram!(RUN, Unit::Seconds, "How long a handler ran in one attempt");
    describe_histogram!(TOTAL, Unit::Seconds, "From when a job was enqueued to its end");
    describe_gauge!(DEPTH, "Messages of a queue, by state");
    describe_gauge!(OLDEST_WAITING, Unit::Seconds, "Since the oldest of the jobs that wait was enqueued");
    describe_gauge!(CONSUMERS, "Consumers of this process that are registered with the broker");
    describe_gauge!(CONCURRENCY, "Jobs that the workers of this process may run at once");
    describe_gauge!(RUNNING, "Jobs whose handlers run in this process");
    describe_gauge!(CONSUMING, "1 while this process consumes the queue, 0 while it tries to");
    describe_histogram!(PUBLISH, Unit::Seconds, "How long it took to accept jobs, one call at a time");
    describe_counter!(PUBLISH_FAILURES, "Jobs that were not accepted or may not have been, by cause");
    describe_counter!(RECONNECTS, "Connections and consumers that were lost and are opened again");
    describe_counter!(DEAD_LETTERS, "Messages that became dead letters, by reason");
    describe_counter!(REPLAYED, "Dead letters that were replayed");
}
