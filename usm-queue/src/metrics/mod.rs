//! What the library measures: typed functions for the rest of it, which are nothing without feature `metrics`. Names, units and
//! labels are in `names.rs`.
//!
//! Only `queue`, `task`, `outcome`, `reason`, `cause`, `role` and `state` are labels, and each has few values: a task that no
//! handler or enqueue of this process names is `unknown`, as is a queue that is not in the topology.

#[cfg(feature = "metrics")]
mod names;
#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod on;

#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::{Enqueuing, Metrics, reconnected};
#[cfg(feature = "metrics")]
pub(crate) use self::on::{Enqueuing, Metrics, reconnected};
