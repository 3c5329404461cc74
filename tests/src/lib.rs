//! What the tests with real processes share: chores and orders, child processes, own servers, a proxy that cuts.

pub mod bulk;
pub mod cancels;
mod chores;
pub mod clock;
pub mod ledger;
pub mod processes;
pub mod proxy;
pub mod python;
pub mod rabbit;
pub mod redis;
pub mod server;

pub use chores::*;
