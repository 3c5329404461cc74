//! The longest time that is added to the clock.

use std::time::Duration;

/// Stands for "for ever" where a duration is too long to be added to the clock.
pub(crate) const FAR_AWAY: Duration = Duration::from_secs(365 * 24 * 3600);
