//! What happens to accepted jobs on RabbitMQ and Redis when workers, brokers and networks break: real processes, brokers
//! of the tests' own, a proxy that cuts. Each case is named by its number in the table of faults.
//!
//! `USM_CHAOS_SEED` repeats a random run, `USM_SOAK_SECONDS` says how long the soak lasts (default 20).
//! `USM_TEST_OLD_WORKER` names the `queue-worker` of another commit, which then runs beside that of this one.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod raw;
mod stage;

mod app;
mod breaking;
mod bulk;
mod delays;
mod hosted;
mod messages;
mod network;
mod python;
mod rabbit;
mod redis;
mod soak;
mod steering;
mod topology;
mod versions;
mod workers;
