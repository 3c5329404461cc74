//! The program from outside: the real binary in a directory of its own, and the handlers over a fake AI service.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod answers;
mod bad_input;
mod exports;
mod generate;
mod handlers;
mod improve;
mod jobs;
mod model;
mod output;
mod serve;
mod stages;
mod support;
mod topology;
mod ugly;
