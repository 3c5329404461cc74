//! Maintenance: moves delayed messages on, and removes delay levels that are no longer used.

mod obsolete_levels;
mod relay;

pub(super) use self::{obsolete_levels::remove_obsolete_levels, relay::run_relay};
