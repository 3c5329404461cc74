//! What an action does with one job.

use std::time::Duration;

use super::BulkAction;
use crate::{
    backend::CancelOutcome,
    error::{ErrorKind, Result},
    job::Job,
    queue::TaskQueue,
};

/// Acts on a job; `false` where there was nothing left to do.
pub(super) async fn apply(queue: &TaskQueue, action: BulkAction, job: &Job) -> Result<bool> {
    match action {
        BulkAction::Cancel if job.cancel_requested => Ok(false),
        BulkAction::Cancel => {
            let outcome = queue.cancel(job.id).await?;
            Ok(matches!(outcome, CancelOutcome::Cancelled | CancelOutcome::Requested))
        }
        BulkAction::Delete => queue.delete(job.id).await,
        BulkAction::Retry if !job.status.is_final() => match queue.reschedule(job.id, Duration::ZERO).await {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::NotWaiting | ErrorKind::NotFound) => Ok(false),
            Err(error) => Err(error),
        },
        BulkAction::Retry => match queue.dead_letters().replay(&job.id.to_string()).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        },
    }
}
