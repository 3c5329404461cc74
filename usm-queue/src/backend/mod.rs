//! What carries messages and remembers jobs: the two seams, and the backends behind them.
//!
//! A backend implements [`Broker`] or [`JobStore`], or both, and proves itself with the contract suites in `usm_queue::testing`.

mod broker;
mod control;
mod counts;
mod edit;
mod find;
mod info;
mod notes;
#[cfg(feature = "rabbitmq")]
pub(crate) mod rabbitmq;
pub(crate) mod recovering;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub(crate) mod store;
pub mod transition;
pub mod two_phase;
#[cfg(any(feature = "rabbitmq", feature = "redis"))]
pub(crate) mod url;
pub(crate) mod watch;
mod worker_info;

pub(crate) use self::control::MOST_AT_ONCE;
pub use self::{
    broker::{Accepted, Broker, Consumer, Delivery, QueueDepth, Settlement},
    control::{ControlChange, Pause, QueueControl},
    counts::{OpenTask, QueueCounts},
    edit::{Edit, EditCommit, NotEdited, Reservation},
    find::{Cursor, JobFilter, JobPage},
    info::BackendInfo,
    notes::{Expect, MAX_NOTE_BYTES, Note},
    store::{
        CancelOutcome, Claimed, FailOutcome, Inserted, JobStore, JobUpdate, Lease, LeaseState,
        MAX_PARTIAL_BYTES, MAX_PARTIAL_RESULTS, NewJob, Updated,
    },
    watch::{JobChanges, JobWatch},
    worker_info::{WorkerInfo, WorkerQueue},
};
pub use crate::message::Message;
