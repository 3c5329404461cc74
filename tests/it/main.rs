//! What happens to accepted jobs when processes are killed: real processes, real signals, real files.
//!
//! `USM_CHAOS_SEED` repeats a random run, `USM_CHAOS_SECONDS` says how long the long ones last (default 20).

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod app;
mod queue;

use usm_tests::processes;
