//! The queue as its users see it, and the contract suites on the embedded backend.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bad_files;
mod cancel;
mod contracts;
mod dead_letters;
mod enqueue;
mod expiry;
mod flaky;
mod leases;
mod messages;
mod outage;
mod processes;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
#[cfg(feature = "redis")]
mod redis;
mod retry;
mod shared;
mod shutdown;
mod worker;
