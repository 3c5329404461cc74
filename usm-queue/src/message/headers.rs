//! The headers of messages: ours, and those of brokers that we read.

/// Header: name of the task.
pub(crate) const TASK: &str = "x-usm-task";
/// Header: attempts begun when the message was published; lets a lost record be rebuilt.
pub(crate) const ATTEMPT: &str = "x-usm-attempt";
/// Header: attempts in all.
pub(crate) const MAX_ATTEMPTS: &str = "x-usm-max-attempts";
/// Header: first retry delay in milliseconds.
pub(crate) const FIRST_DELAY_MS: &str = "x-usm-first-delay-ms";
/// Header: for how many milliseconds the message has waited since a worker first met it that cannot run it.
pub(crate) const UNKNOWN_MS: &str = "x-usm-unknown-ms";
/// Header: how many milliseconds after its first attempt began the message is due; outlives a lost record.
pub(crate) const TRIED_MS: &str = "x-usm-tried-ms";
/// Header: whose job it is.
pub(crate) const OWNER: &str = "x-usm-owner";
/// Header: what the caller called it, a list of texts.
pub(crate) const TAGS: &str = "x-usm-tags";
/// Header: what the caller attached.
pub(crate) const METADATA: &str = "x-usm-metadata";
/// Header: the names [`flat_body`](super::flat::flat_body) added to the body, so that exactly these are taken off again. Where `payload` is among
/// them, that field is the payload.
pub(crate) const ADDED: &str = "x-usm-added";
/// Header: stays the same over retries and replays of one piece of work.
pub(crate) const IDEMPOTENCY_KEY: &str = "x-usm-idempotency-key";
/// Header: which of a job's messages it is; see [`Job::generation`](crate::Job::generation). Absent is 0.
pub(crate) const GENERATION: &str = "x-usm-generation";
/// Header: the job. On messages of others only where they are dead letters that named no job, or replays.
pub(crate) const JOB_ID: &str = "x-usm-job-id";
/// Header: how often this piece of work was replayed from the dead letters.
pub(crate) const REPLAYS: &str = "x-usm-replays";
/// Header: the W3C trace context, under the names that all services use.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// Header beside [`TRACEPARENT`].
pub(crate) const TRACESTATE: &str = "tracestate";
/// Header: for how many milliseconds after its timestamp the message was delayed when it was enqueued.
pub(crate) const DELAY_MS: &str = "x-usm-delay-ms";
/// Header on dead letters: why.
pub(crate) const REASON: &str = "x-usm-reason";
/// Header on dead letters: errors of the attempts, oldest first.
pub(crate) const ERRORS: &str = "x-usm-errors";
/// Header on dead letters: the queue it died in.
pub(crate) const SOURCE_QUEUE: &str = "x-usm-source-queue";
/// Header on dead letters: the routing key it was published with.
pub(crate) const SOURCE_ROUTING_KEY: &str = "x-usm-source-routing-key";
/// Header on dead letters: when it died, RFC 3339.
pub(crate) const DIED_AT: &str = "x-usm-died-at";
/// Header on dead letters: when it failed first, RFC 3339.
pub(crate) const FIRST_FAILED_AT: &str = "x-usm-first-failed-at";
/// Header a broker sets when it dead-letters by itself: `expired`, `maxlen` or `rejected`.
pub(crate) const BROKER_REASON: &str = "x-first-death-reason";
/// Header a broker sets when it dead-letters by itself: the queue.
pub(crate) const BROKER_QUEUE: &str = "x-first-death-queue";

/// Header on messages that the broker's client could not have read as they were: why.
pub(crate) const UNREADABLE: &str = "x-usm-unreadable";
/// Header beside [`UNREADABLE`]: the properties as they came, hexadecimal.
pub(crate) const RAW_PROPERTIES: &str = "x-usm-raw-properties";
/// Header beside [`UNREADABLE`] where one of them was at fault: exchange and routing key as they came, hexadecimal.
pub(crate) const RAW_NAMES: &str = "x-usm-raw-names";
