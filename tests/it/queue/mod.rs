//! The queue on one file, used by real processes that are killed.

mod audit;
mod place;

mod chaos;
mod duplicates;
mod enqueuer;
mod poison;
mod shutdown;
mod takeover;
