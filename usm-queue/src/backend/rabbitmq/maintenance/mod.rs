//! Work of the library's own: moves delayed messages on, and removes delay levels that are no longer wanted.

mod obsolete_levels;
mod relay;

pub(super) use self::{obsolete_levels::remove_surplus_levels, relay::run};
