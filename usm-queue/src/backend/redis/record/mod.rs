//! A job's record as Redis holds it: the parts the scripts work on, and the JSON in `job:{id}`, ours or another service's.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, SubsecRound, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    backend::NewJob,
    job::{Job, JobEvent, JobId, JobStatus, Owner, Progress, TimelineEntry},
};

/// Lua counts in doubles: whole numbers up to here are exact. As a time it is in the year 2255.
const MAX_EXACT: i64 = (1 << 53) - 1;

/// The layout of what the scripts keep.
const LAYOUT: u8 = 1;

/// What the scripts read a record from.
const FIELDS: usize = 28;
/// So many of these a new record is made of.
const FIELDS_OF_NEW: usize = 22;

/// Nothing in MessagePack.
const NIL: u8 = 0xc0;

/// How MessagePack begins a string whose length has four bytes.
const STR_32: u8 = 0xdb;

/// Microseconds since 1970 as the scripts take them.
pub(super) fn micros(moment: DateTime<Utc>) -> i64 {
    moment.timestamp_micros().clamp(0, MAX_EXACT)
}

/// JSON text of a value whose serialisation cannot fail: strings, numbers, JSON itself.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A record in the order the scripts read one from their arguments: `record.lua`, `given`.
pub(super) fn fields(new: &NewJob, token: u64) -> [String; FIELDS] {
    let job = &new.job;
    let optional = |moment: Option<DateTime<Utc>>| moment.map(|moment| micros(moment).to_string());
    [
        job.status.as_str().to_owned(),
        job.attempt.to_string(),
        job.max_attempts.to_string(),
        token.to_string(),
        // The script puts the time for 0.
        if is_anew(job) { 0 } else { job.version }.to_string(),
        optional(job.lease_until).unwrap_or_default(),
        optional(job.next_attempt_at).unwrap_or_default(),
        to_json(&job.worker),
        to_json(&job.error),
        to_json(&job.progress),
        to_json(&job.result),
        inner(&to_json(&job.partial_results[..job.unnumbered_partials()])).to_owned(),
        inner(&to_json(&job.timeline.iter().map(to_micros).collect::<Vec<_>>())).to_owned(),
        job.cancel_requested.to_string(),
        optional(job.finished_at).unwrap_or_default(),
        inner(&to_json(&Fixed::of(job))).to_owned(),
        job.owner.as_ref().map(to_json).unwrap_or_default(),
        micros(job.created_at).to_string(),
        micros(job.updated_at).to_string(),
        // No requests yet.
        String::new(),
        new.remember.as_millis().min(u128::from(MAX_EXACT.unsigned_abs())).to_string(),
        new.digest.map(|digest| format!("{digest:016x}")).unwrap_or_default(),
        // No crashes, not tried alone; the script counts the partial results.
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        job.timeline_left_out.to_string(),
        job.progress_version.to_string(),
    ]
}

/// The partial results that have a version, as the list of them has them.
pub(super) fn partials(job: &Job) -> Vec<String> {
    let all = job.partial_versions.iter().zip(&job.partial_results).skip(job.unnumbered_partials());
    all.map(|(version, value)| partial(*version, value)).collect()
}

pub(super) fn partial(version: u64, value: &Value) -> String {
    format!("{version} {}", to_json(value))
}

/// Adds what the list has.
pub(super) fn add_partials<T: AsRef<[u8]>>(job: &mut Job, list: impl IntoIterator<Item = T>) {
    for entry in list {
        let mut parts = entry.as_ref().splitn(2, |byte| *byte == b' ');
        let version = parts.next().and_then(|version| std::str::from_utf8(version).ok()?.parse().ok());
        let value = parts.next().and_then(|value| serde_json::from_slice(value).ok());
        if let (Some(version), Some(value)) = (version, value) {
            job.add_partial(version, value);
        }
    }
}

/// Whether the record was made anew: it must look newer than the lost one to whoever saw that.
fn is_anew(job: &Job) -> bool {
    job.timeline.first().is_some_and(|entry| entry.event == JobEvent::Rebuilt)
}

/// A new job as `insert_new.lua` stores it; `None` for one that is not due at once, or not new, or that has another name.
pub(super) fn new(new: &NewJob) -> Option<New> {
    let job = &new.job;
    let moment = job.lease_until.or(job.next_attempt_at).or(job.finished_at);
    if job.status != JobStatus::Pending || moment.is_some() || is_anew(job) || job.alias.is_some() {
        return None;
    }
    let fields = fields(new, 0);
    let [
        status,
        attempt,
        _,
        _,
        version,
        _,
        _,
        worker,
        error,
        progress,
        result,
        partials,
        timeline,
        cancel,
        _,
        fixed,
        ..,
    ] = &fields;
    // The same as `json` makes in `record.lua`.
    let updated = job.updated_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let json = format!(
        r#"{{"version":{version},"status":"{status}","partials":0,"attempt":{attempt},"updated_at":"{updated}","next_attempt_at":null,"finished_at":null,"progress":{progress},"partial_results":[{partials}],"result":{result},"error":{error},"cancel_requested":{cancel},"worker":{worker},"lease_until":null,"timeline":[{timeline}],{fixed}}}"#
    );
    // MessagePack: the layout's number and the fields.
    let mut packed = vec![LAYOUT];
    for field in &fields[..FIELDS_OF_NEW] {
        packed.push(STR_32);
        packed.extend(u32::try_from(field.len()).ok()?.to_be_bytes());
        packed.extend(field.as_bytes());
    }
    // No crashes, not tried alone, no partial results: the script need not count them.
    packed.extend([NIL, NIL, 0]);
    Some(New { json, packed })
}

/// What Redis holds of a new job.
pub(super) struct New {
    pub(super) json: String,
    /// As `keep_state` leaves it.
    pub(super) packed: Vec<u8>,
}

/// How many partial results the list of a record has; `None` where an earlier version of this library or another service
/// wrote the record.
pub(super) fn listed(text: &[u8]) -> Option<usize> {
    let head = text.get(..text.len().min(100))?;
    let rest = &head[head.windows(PARTIALS.len()).position(|at| at == PARTIALS)? + PARTIALS.len()..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok().filter(|_| is_ours(text))
}

const PARTIALS: &[u8] = br#","partials":"#;

/// What never changes.
#[derive(Serialize)]
struct Fixed<'a> {
    job_id: JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: &'a Option<String>,
    user_id: &'a Option<Owner>,
    job_type: &'a str,
    priority: u8,
    max_attempts: u32,
    created_at: DateTime<Utc>,
    correlation_id: &'a Option<String>,
    metadata: &'a Map<String, Value>,
}

impl<'a> Fixed<'a> {
    fn of(job: &'a Job) -> Self {
        Self {
            job_id: job.id,
            alias: &job.alias,
            user_id: &job.owner,
            job_type: &job.task,
            priority: job.priority,
            max_attempts: job.max_attempts,
            created_at: job.created_at.trunc_subsecs(6),
            correlation_id: &job.correlation_id,
            metadata: &job.metadata,
        }
    }
}

/// One that was made anew has another version than the record was made with.
fn to_micros(entry: &TimelineEntry) -> TimelineEntry {
    let version = if entry.event == JobEvent::Rebuilt { 0 } else { entry.version };
    TimelineEntry { at: entry.at.trunc_subsecs(6), version, ..entry.clone() }
}

/// Without the brackets or braces around it.
fn inner(json: &str) -> &str {
    json.get(1..json.len().saturating_sub(1)).unwrap_or_default()
}

/// The record in `job:{id}`, without what the list of its partial results has; `None` when it is no JSON object.
pub(super) fn parse(id: JobId, text: &[u8]) -> Option<Job> {
    if !is_ours(text) {
        return foreign(id, text, None);
    }
    let mut job: Job = match serde_json::from_slice(text) {
        Ok(job) => job,
        Err(_) => return foreign(id, text, None),
    };
    // As the other service knows it.
    job.id = id;
    complete(&mut job);
    Some(job)
}

/// Whether a script wrote it; other services write it with other spaces or another first field.
pub(super) fn is_ours(text: &[u8]) -> bool {
    text.strip_prefix(br#"{"version":"#).is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}

/// The job of ours that a record names which is kept where another service has it.
pub(super) fn names(text: &[u8]) -> Option<JobId> {
    #[derive(serde::Deserialize)]
    struct Named {
        usm_job_id: Option<JobId>,
    }
    serde_json::from_slice::<Named>(text).ok()?.usm_job_id
}

/// `null` in JSON is no result, but a job that completed with `null` has one. What is in the record itself has no version.
fn complete(job: &mut Job) {
    job.partial_versions = vec![0; job.partial_results.len()];
    if job.status == JobStatus::Completed && job.result.is_none() {
        job.result = Some(Value::Null);
    }
}

/// A record that another service wrote as the guide shows it. Where it lacks a field, what `message` tells, or the default.
pub(super) fn foreign(id: JobId, text: &[u8], message: Option<&Job>) -> Option<Job> {
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
    }
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
    // Such a service counts no versions, or leaves the number as we wrote it: the time of its change tells them apart.
    let changed = u64::try_from(micros(updated_at)).unwrap_or_default();
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

/// The same for a worker or a cancellation that takes it over: a job that nobody we know of holds waits.
pub(super) fn taken_over(id: JobId, text: &[u8], message: Option<&Job>) -> Option<Job> {
    let mut job = foreign(id, text, message)?;
    if job.status == JobStatus::Processing && job.lease_until.is_none() {
        job.status = JobStatus::Pending;
    }
    Some(job)
}

/// Fields of a JSON object; one of another type than wanted counts as absent.
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
            reason = "`as` saturates: units done are shown, not counted with"
        )]
        let units = |name| progress.get(name).and_then(Value::as_f64).map_or(0, |units| units as u64);
        let message = progress.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Progress { current: units("current"), total: units("total"), message })
    }
}

/// A time as Python or JavaScript writes it; without a zone it is UTC.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|moment| moment.with_timezone(&Utc));
    let plain = |format| NaiveDateTime::parse_from_str(text, format).map(|moment| moment.and_utc());
    zoned.or_else(|_| plain("%Y-%m-%dT%H:%M:%S%.f")).or_else(|_| plain("%Y-%m-%d %H:%M:%S%.f")).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use serde_json::json;

    use super::*;
    use crate::job::left_out_of_timeline;

    fn read(record: &Value) -> Job {
        parse(JobId::new(), record.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_scripts_know_the_layout() {
        let script = include_str!("../scripts/record.lua");
        assert!(script.contains(&format!("local LAYOUT = {LAYOUT}\n")));
        assert!(script.contains(&format!("at + {FIELDS}, #ARGV")));
        assert!(script.contains(&format!("of[at + {}]", FIELDS - 1)));
        let left_out = left_out_of_timeline(81);
        assert!(script.contains("#lines <= 80"));
        assert!(script.contains(&format!("lines[{}] - 1", left_out.start + 1)));
        assert!(script.contains(&format!("lines[#lines - {}]", 81 - left_out.end - 1)));
    }

    #[test]
    fn a_record_tells_how_many_partial_results_are_beside_it() {
        let count = |text: &str| listed(text.as_bytes());
        assert_eq!(count(r#"{"version":12,"status":"pending","partials":17,"attempt":0}"#), Some(17));
        assert_eq!(count(r#"{"version":12,"status":"pending","attempt":0}"#), None);
        assert_eq!(count(r#"{"status":"pending","partials":17}"#), None);
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
        assert_eq!(parse(JobId::new(), b"[]"), None);
        assert_eq!(parse(JobId::new(), b"\xff"), None);
    }

    #[test]
    fn a_later_change_of_another_service_is_a_later_version() {
        let first = read(&json!({ "version": 3, "updated_at": "2025-12-01T10:00:00" }));
        let second = read(&json!({ "version": 3, "updated_at": "2025-12-01T10:00:01" }));

        assert!(3 < first.version && first.version < second.version);
    }
}
