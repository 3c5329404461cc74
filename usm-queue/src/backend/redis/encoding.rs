//! How values are written for the scripts: JSON text, microseconds, and numbers as text.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Lua counts in doubles: integers are exact up to here. As microseconds since 1970 this is the year 2255.
pub(super) const MAX_EXACT: i64 = (1 << 53) - 1;

/// Longer durations are cut to this: 100 years, which Lua still adds to the present time exactly.
const MAX_DURATION: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Microseconds since 1970.
pub(super) fn timestamp_micros(moment: DateTime<Utc>) -> i64 {
    moment.timestamp_micros().clamp(0, MAX_EXACT)
}

pub(super) fn duration_micros(duration: Duration) -> u64 {
    u64::try_from(duration.min(MAX_DURATION).as_micros()).unwrap_or_default()
}

/// JSON text of a value that cannot fail to serialize: strings, numbers, JSON itself.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A number that a script answered as text; 0 for anything else.
pub(super) fn parse_number(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}
