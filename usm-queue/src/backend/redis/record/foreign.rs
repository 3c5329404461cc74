//! Records that another service wrote as the guide shows them, with nothing of ours beside them.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use crate::{
    backend::redis::encoding::timestamp_micros,
    job::{Job, JobId, JobStatus, Progress},
};

/// Reads a record that another service wrote as the guide shows it. A missing field is taken from the message, or has its
/// default.
pub(super) fn parse(id: JobId, text: &[u8], message: Option<&Job>) -> Option<Job> {
    let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(text) else { return None };
    let fields = Fields(fields);
    let created_at = fields.moment("created_at").or(message.map(|message| message.created_at));
    let updated_at = fields.moment("updated_at").or(created_at).unwrap_or_default();
    let created_at = created_at.unwrap_or(updated_at);
    let task = fields.text("job_type").or_else(|| message.map(|message| message.task.clone()));
    let mut job = Job::new(id, task.unwrap_or_default(), created_at);
    if let Some(message) = message {
        (job.priority, job.max_attempts) = (message.priority, message.max_attempts);
        job.next_attempt_at = message.next_attempt_at;
        job.alias.clone_from(&message.alias);
        job.queue.clone_from(&message.queue);
        job.tags.clone_from(&message.tags);
    }
    job.queue = fields.read("queue").or(job.queue);
    job.tags = fields.read("tags").unwrap_or(job.tags);
    job.updated_at = updated_at;
    job.owner = fields.read("user_id").or_else(|| message.and_then(|message| message.owner.clone()));
    job.status = fields.read("status").unwrap_or(JobStatus::Pending);
    job.priority = fields.read("priority").unwrap_or(job.priority);
    job.max_attempts = fields.read("max_attempts").unwrap_or(job.max_attempts);
    let attempts = message.map_or(0, |message| message.attempt);
    job.attempt = fields.read("attempt").unwrap_or(0).max(attempts);
    job.next_attempt_at = fields.moment("next_attempt_at").or(job.next_attempt_at);
    job.correlation_id =
        fields.text("correlation_id").or_else(|| message.and_then(|message| message.correlation_id.clone()));
    job.metadata = fields.read("metadata").unwrap_or_default();
    job.trace = fields.read("trace").or_else(|| message.and_then(|message| message.trace.clone()));
    job.progress = fields.progress();
    job.partial_results = fields.read("partial_results").unwrap_or_default();
    job.result = fields.read("result");
    job.error = fields.text("error");
    job.cancel_requested = fields.read("cancel_requested").unwrap_or_default();
    job.worker = fields.text("worker");
    job.lease_until = fields.moment("lease_until");
    if let Some(timeline) = fields.read("timeline") {
        job.timeline = timeline;
    }
    job.timeline_left_out = fields.read("timeline_left_out").unwrap_or_default();
    // Such a service counts no versions, or leaves our number as it was. The time of its change tells versions apart.
    let changed = u64::try_from(timestamp_micros(updated_at)).unwrap_or_default();
    job.version = fields.read("version").unwrap_or(1).max(changed);
    if job.status.is_final() {
        job.finished_at = fields.moment("finished_at").or(Some(updated_at));
        job.next_attempt_at = None;
    } else if job.status == JobStatus::Processing && job.lease_until.is_none() {
        job.next_attempt_at = None;
    }
    complete(&mut job);
    Some(job)
}

/// The same for a worker or a cancellation that takes the job over: a running job without a lease counts as waiting.
pub(crate) fn taken_over(id: JobId, text: &[u8], message: Option<&Job>) -> Option<Job> {
    let mut job = parse(id, text, message)?;
    if job.status == JobStatus::Processing && job.lease_until.is_none() {
        job.status = JobStatus::Pending;
    }
    Some(job)
}

/// Fields of a JSON object; a field of an unexpected type counts as absent.
struct Fields(Map<String, Value>);

impl Fields {
    fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.0.get(name).filter(|value| !value.is_null()).and_then(|value| T::deserialize(value).ok())
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    fn moment(&self, name: &str) -> Option<DateTime<Utc>> {
        match self.0.get(name)? {
            Value::String(text) => moment(text),
            Value::Number(seconds) => {
                let micros = seconds.as_f64()? * 1e6;
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "`as` saturates, and no time is that far"
                )]
                DateTime::from_timestamp_micros(micros.round() as i64)
            }
            _ => None,
        }
    }

    fn progress(&self) -> Option<Progress> {
        let progress = self.0.get("progress")?.as_object()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and these numbers are only shown"
        )]
        let units = |name| progress.get(name).and_then(Value::as_f64).map_or(0, |units| units as u64);
        let message = progress.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Progress { current: units("current"), total: units("total"), message })
    }
}

/// A time as Python or JavaScript writes it; UTC if it has no zone.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|moment| moment.with_timezone(&Utc));
    let plain = |format| NaiveDateTime::parse_from_str(text, format).map(|moment| moment.and_utc());
    zoned.or_else(|_| plain("%Y-%m-%dT%H:%M:%S%.f")).or_else(|_| plain("%Y-%m-%d %H:%M:%S%.f")).ok()
}

/// Fills in what the JSON does not tell, of our own records too: a job that completed with `null` has a result, and partial
/// results in the record itself have no version.
pub(super) fn complete(job: &mut Job) {
    job.partial_versions = vec![0; job.partial_results.len()];
    if job.status == JobStatus::Completed && job.result.is_none() {
        job.result = Some(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use serde_json::json;

    use super::*;
    use crate::job::Owner;

    fn read(record: &Value) -> Job {
        parse(JobId::new(), record.to_string().as_bytes(), None).unwrap()
    }

    #[test]
    fn the_guides_record_is_read() {
        let job = read(&json!({
            "job_id": "uuid-string", "user_id": 123, "job_type": "ai_map_generation", "status": "processing",
            "created_at": "2025-12-01T10:00:00.000Z", "updated_at": "2025-12-01T10:05:00.000Z",
            "metadata": {"project_name": "Food Delivery App"}, "result": null, "error": null,
            "progress": {"current": 2, "total": 5, "message": "Processing story 2 of 5"},
        }));

        assert_eq!((job.task.as_str(), job.status), ("ai_map_generation", JobStatus::Processing));
        assert_eq!(job.owner, Some(Owner::Id(123)));
        assert_eq!(job.created_at.to_rfc3339(), "2025-12-01T10:00:00+00:00");
        assert_eq!(job.metadata["project_name"], "Food Delivery App");
        let progress = Progress { current: 2, total: 5, message: "Processing story 2 of 5".into() };
        assert_eq!((job.progress, job.result, job.error), (Some(progress), None, None));
    }

    #[test]
    fn times_without_a_zone_are_utc() {
        let times = [
            "2025-12-01T10:00:00.123456",
            "2025-12-01T10:00:00.123456Z",
            "2025-12-01T12:00:00.123456+02:00",
            "2025-12-01 10:00:00.123456",
        ];
        for time in times {
            assert_eq!(
                read(&json!({ "created_at": time })).created_at.timestamp_micros(),
                1_764_583_200_123_456
            );
        }
        assert_eq!(
            read(&json!({ "created_at": 1_764_583_200.5 })).created_at.timestamp_millis(),
            1_764_583_200_500
        );
    }

    #[test]
    fn whatever_is_missing_or_odd_gets_a_default() {
        let odd = json!({
            "user_id": [], "status": 7, "created_at": "yesterday", "metadata": "none", "error": {"code": 1},
            "progress": {"current": 1.5}, "attempt": -1,
        });

        let job = read(&odd);

        assert_eq!((job.status, job.owner, job.attempt), (JobStatus::Pending, None, 0));
        assert_eq!(job.error.as_deref(), Some(r#"{"code":1}"#));
        assert_eq!(job.progress, Some(Progress { current: 1, total: 0, message: String::new() }));
        assert_eq!(parse(JobId::new(), b"[]", None), None);
        assert_eq!(parse(JobId::new(), b"\xff", None), None);
    }

    #[test]
    fn a_later_change_of_another_service_is_a_later_version() {
        let first = read(&json!({ "version": 3, "updated_at": "2025-12-01T10:00:00" }));
        let second = read(&json!({ "version": 3, "updated_at": "2025-12-01T10:00:01" }));

        assert!(3 < first.version && first.version < second.version);
    }
}
