//! The queue on one file, used by real processes that are killed.

mod audit;
mod place;

mod beside;
mod bulk;
mod chaos;
mod duplicates;
mod enqueuer;
mod full_disk;
mod idle;
mod poison;
mod power_loss;
mod replaced;
mod shutdown;
mod steering;
mod takeover;
mod versions;
