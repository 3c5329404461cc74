//! Removes the records of jobs whose enqueueing process ended in between.

use std::{sync::Arc, time::Duration};

use crate::{
    backend::JobStore,
    error::{ErrorKind, chain},
};

/// How often records are looked for whose enqueueing process ended.
const LOOK_FOR_UNCONFIRMED: Duration = Duration::from_secs(300);
/// How old they are then at least: much longer than any enqueue takes.
const UNCONFIRMED_AGE: Duration = Duration::from_secs(300);

/// Removes records of jobs that were being enqueued by a process that ended, for as long as it is polled.
pub(super) async fn remove(store: Arc<dyn JobStore>) {
    loop {
        // Not by all processes at the same time.
        tokio::time::sleep(LOOK_FOR_UNCONFIRMED.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
        match store.remove_unconfirmed(UNCONFIRMED_AGE).await {
            Ok(removed) => {
                for id in removed {
                    tracing::warn!(job.id = %id, "the record of this job is removed: the process that was enqueueing it ended before its message was confirmed");
                }
            }
            Err(error) if error.kind() == ErrorKind::Closed => return,
            Err(error) => tracing::debug!(
                error = chain(&error),
                "unconfirmed records are not looked for; the next time"
            ),
        }
    }
}
