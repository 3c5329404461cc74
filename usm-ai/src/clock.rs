//! The longest time that is ever added to the clock.

use std::time::Duration;

/// Stands for "forever" where a duration is too long to add to the clock.
pub(crate) const FAR_AWAY: Duration = Duration::from_secs(365 * 24 * 3600);
