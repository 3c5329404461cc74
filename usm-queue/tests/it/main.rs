//! The queue as its users see it, the contract suites on every backend, and what each backend promises beyond them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod accepting;
mod backends;
mod bad_files;
mod bounds;
mod bulk;
mod cancel;
#[cfg(any(feature = "rabbitmq", feature = "redis"))]
mod certificates;
mod changes_of_tasks;
mod contracts;
mod crashes;
mod dead_letters;
mod edit;
mod ended;
mod enqueue;
mod errors;
mod expiry;
mod finding;
mod flaky;
mod leases;
mod locked_files;
mod messages;
#[cfg(feature = "metrics")]
mod metrics;
mod older_files;
mod outage;
mod panics;
mod paused;
mod payloads;
mod processes;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
#[cfg(feature = "redis")]
mod redis;
mod retry;
mod shared;
mod shutdown;
mod spans;
mod steering;
mod traces;
mod versions;
mod worker;
