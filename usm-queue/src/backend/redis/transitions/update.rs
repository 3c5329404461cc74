//! Updates of claimed jobs: progress, partial results, and the end of an attempt.

use std::sync::Arc;

use super::Transitions;
use crate::{
    backend::{
        JobUpdate, Lease, MAX_PARTIAL_BYTES, MAX_PARTIAL_RESULTS, Updated,
        redis::{
            connection::Request,
            encoding::{duration_micros, parse_number, to_json},
            progress::ReportAction,
            request_ids::UnansweredRequest,
            scripts::{FallbackRecord, ScriptReply, UPDATE},
        },
        store::too_many_partials,
    },
    error::{ErrorKind, Result, chain},
    job::Progress,
};

impl Transitions {
    /// Writes an update. Of progress reports that follow each other fast, some wait and are written a little later.
    pub(crate) async fn update(self: &Arc<Self>, lease: Lease, update: JobUpdate) -> Result<Updated> {
        let JobUpdate::Progress(progress) = &update else { return self.write(lease, update).await };
        match self.claims.report_progress(lease, progress) {
            ReportAction::WriteNow => self.write(lease, update).await,
            ReportAction::Wait => Ok(Updated::Applied),
            ReportAction::WriteAt(time) => {
                let transitions = self.clone();
                drop(tokio::spawn(async move {
                    tokio::time::sleep_until(time).await;
                    transitions.write_scheduled_progress(lease).await;
                }));
                Ok(Updated::Applied)
            }
        }
    }

    async fn write_scheduled_progress(&self, lease: Lease) {
        let Some(progress) = self.claims.take_scheduled_progress(lease) else { return };
        if let Err(error) = self.write(lease, JobUpdate::Progress(progress)).await {
            tracing::debug!(job.id = %lease.id, error = chain(&error), "progress could not be written; the next write carries it");
        }
    }

    /// Writes an update together with progress that waits.
    async fn write(&self, lease: Lease, update: JobUpdate) -> Result<Updated> {
        let request = || UnansweredRequest::Update { token: lease.token, update: update.clone() };
        let request_id = self.request_ids.of(lease.id, request);
        let progress = match &update {
            JobUpdate::Progress(progress) => Some(progress.clone()),
            _ => self.claims.take_progress(lease),
        };
        match self.send_update(lease, &update, progress.as_ref(), &request_id).await {
            Ok((Updated::Applied, version)) => {
                self.claims.updated(lease, &update, progress, version);
                Ok(Updated::Applied)
            }
            Ok((refused @ (Updated::Stale | Updated::Lost), _)) => {
                self.claims.remove(lease);
                Ok(refused)
            }
            Err(error) => {
                if let Some(progress) = progress {
                    self.claims.give_back_progress(lease, progress);
                }
                if error.kind() == ErrorKind::Unavailable && !matches!(update, JobUpdate::Progress(_)) {
                    self.request_ids.remember(lease.id, request(), request_id);
                }
                Err(error)
            }
        }
    }

    /// Whether the update was applied, and the version that it made.
    async fn send_update(
        &self,
        lease: Lease,
        update: &JobUpdate,
        progress: Option<&Progress>,
        request_id: &str,
    ) -> Result<(Updated, u64)> {
        let (kind, value) = match update {
            JobUpdate::Progress(_) => ("progress", String::new()),
            JobUpdate::Partial(value) => ("partial", to_json(value)),
            JobUpdate::Completed(value) => ("completed", to_json(value)),
            JobUpdate::Retry { error, .. } => ("retry_scheduled", to_json(error)),
            JobUpdate::Released => ("released", "null".to_owned()),
            JobUpdate::Failed(error) => ("failed", to_json(error)),
            JobUpdate::Cancelled => ("cancelled", "null".to_owned()),
        };
        self.connection
            .check_size(format_args!("the new value of job {} ({kind})", lease.id), value.len())?;
        let delay = match update {
            JobUpdate::Retry { delay, .. } => duration_micros(*delay).to_string(),
            _ => String::new(),
        };
        let uncounted = matches!(update, JobUpdate::Released | JobUpdate::Retry { counted: false, .. });
        let progress = progress.map(to_json).unwrap_or_default();
        let call = |record: Option<&FallbackRecord>| {
            let arguments = (
                request_id,
                lease.token,
                kind,
                &value,
                &delay,
                u8::from(uncounted),
                &progress,
                MAX_PARTIAL_RESULTS,
                MAX_PARTIAL_BYTES,
            );
            Request::Script(&UPDATE, self.calls.transition(&UPDATE, lease.id, None, record, arguments))
        };
        let mut reply: ScriptReply = self.connection.request(&call(None)).await?;
        if reply.outcome() == "unknown"
            && let Some(record) = self.lost_record(lease)
        {
            reply = self.connection.request(&call(Some(&record))).await?;
        }
        reply.warn_overwritten(1, lease.id);
        match reply.outcome() {
            "applied" => Ok((Updated::Applied, parse_number(reply.word(2)))),
            "unknown" => Ok((Updated::Lost, 0)),
            "full" => Err(too_many_partials(lease.id)),
            _ => Ok((Updated::Stale, 0)),
        }
    }
}
