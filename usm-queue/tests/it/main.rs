//! The queue as its users see it, and the contract suites on the embedded backend.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod contracts;
