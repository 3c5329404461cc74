//! What carries messages and remembers jobs: the two seams, and the backends behind them.
//!
//! A backend implements [`Broker`] or [`JobStore`], or both, and proves itself with the contract suites in `usm_queue::testing`.

mod broker;
mod counts;
mod find;
mod notes;
#[cfg(feature = "rabbitmq")]
pub(crate) mod rabbitmq;
pub(crate) mod recovering;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub(crate) mod store;
pub mod two_phase;
#[cfg(any(feature = "rabbitmq", feature = "redis"))]
pub(crate) mod url;
pub(crate) mod watch;

pub use self::{
    broker::{Accepted, Broker, Consumer, Delivery, QueueDepth, Settlement},
    counts::{OpenTask, QueueCounts},
    find::{Cursor, JobFilter, JobPage},
    notes::{Expect, MAX_NOTE_BYTES, Note},
    store::{
        CancelOutcome, Claimed, Inserted, JobStore, JobUpdate, Lease, LeaseState, MAX_PARTIAL_BYTES,
        MAX_PARTIAL_RESULTS, NewJob, Updated,
    },
    watch::{JobChanges, JobWatch},
};
pub use crate::message::Message;
