//! The time of day. Where a test has paused tokio's clock, it follows that.

use std::time::Instant;

use chrono::{DateTime, Utc};

/// Now.
pub(crate) fn now() -> DateTime<Utc> {
    // In this order, so that an interruption in between does not lead into the future.
    let (tokio, system, now) = (tokio::time::Instant::now().into_std(), Instant::now(), Utc::now());
    match tokio.checked_duration_since(system) {
        Some(ahead) => now + ahead,
        None => now - (system - tokio),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_is_followed() {
        let before = now();
        tokio::time::advance(Duration::from_secs(3600)).await;

        let passed = (now() - before).to_std().unwrap_or_default();

        assert!(passed.abs_diff(Duration::from_secs(3600)) < Duration::from_secs(60), "{passed:?}");
    }

    #[test]
    fn without_a_runtime_it_is_the_system_clock() {
        assert!((now() - Utc::now()).abs() < chrono::Duration::seconds(60));
    }
}
