//! Records as the scripts take and keep them.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    backend::{
        NewJob,
        redis::{
            encoding::{MAX_EXACT, timestamp_micros, to_json},
            keys::kind,
        },
        transition::Generations,
    },
    job::{Job, JobEvent, JobId, JobStatus, Owner, TimelineEntry},
    trace_context::TraceContext,
};

/// The layout of what the scripts keep.
const LAYOUT: u8 = 1;

/// The fields of a record as the scripts read it.
const FIELDS: usize = 30;
/// The first of them, which are all that a new record has.
const FIELDS_OF_NEW: usize = 22;
/// The place of the version among them.
pub(crate) const VERSION_FIELD: usize = 4;

/// MessagePack's nil.
const NIL: u8 = 0xc0;

/// Begins a MessagePack string whose length takes four bytes.
const STR_32: u8 = 0xdb;

/// A record in the order in which `fallback_record` in `record.lua` reads it from the arguments.
pub(crate) fn fields(new: &NewJob, token: u64) -> [String; FIELDS] {
    let job = &new.job;
    let optional = |moment: Option<DateTime<Utc>>| moment.map(|moment| timestamp_micros(moment).to_string());
    [
        job.status.as_str().to_owned(),
        job.attempt.to_string(),
        job.max_attempts.to_string(),
        token.to_string(),
        // The script replaces 0 with the time.
        if is_rebuilt(job) { 0 } else { job.version }.to_string(),
        optional(job.lease_until).unwrap_or_default(),
        optional(job.next_attempt_at).unwrap_or_default(),
        to_json(&job.worker),
        to_json(&job.error),
        to_json(&job.progress),
        to_json(&job.result),
        inner(&to_json(&job.partial_results[..job.unnumbered_partials()])).to_owned(),
        inner(&to_json(&job.timeline.iter().map(timeline_entry).collect::<Vec<_>>())).to_owned(),
        job.cancel_requested.to_string(),
        optional(job.finished_at).unwrap_or_default(),
        inner(&to_json(&FixedFields::of(job))).to_owned(),
        job.owner.as_ref().map(to_json).unwrap_or_default(),
        timestamp_micros(job.created_at).to_string(),
        timestamp_micros(job.updated_at).to_string(),
        // No request ids yet.
        String::new(),
        new.remember.as_millis().min(u128::from(MAX_EXACT.unsigned_abs())).to_string(),
        new.digest.map(|digest| format!("{digest:016x}")).unwrap_or_default(),
        // No crashes, never run alone; the script counts the partial results.
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        job.timeline_left_out.to_string(),
        job.progress_version.to_string(),
        kind(job),
        if job.generation > 0 { Generations::of(job.generation).to_string() } else { String::new() },
    ]
}

/// Whether the record was rebuilt from a message: it must look newer than the lost one to watchers who saw that.
fn is_rebuilt(job: &Job) -> bool {
    job.timeline.first().is_some_and(|entry| entry.event == JobEvent::Rebuilt)
}

/// A job as `insert_new.lua` stores it; `None` if it is not due at once, not new, edited, or has an alias.
pub(crate) fn encode_new(new: &NewJob) -> Option<NewRecord> {
    let job = &new.job;
    if job.generation > 0 {
        return None;
    }
    let time = job.lease_until.or(job.next_attempt_at).or(job.finished_at);
    if job.status != JobStatus::Pending || time.is_some() || is_rebuilt(job) || job.alias.is_some() {
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
        kind,
        _,
    ] = &fields;
    // The same text that `json` in `record.lua` makes.
    let updated = job.updated_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let json = format!(
        r#"{{"version":{version},"status":"{status}","partials":0,"attempt":{attempt},"updated_at":"{updated}","next_attempt_at":null,"finished_at":null,"progress":{progress},"partial_results":[{partials}],"result":{result},"error":{error},"cancel_requested":{cancel},"worker":{worker},"lease_until":null,"timeline":[{timeline}],{fixed}}}"#
    );
    // MessagePack, as `keep_state` in `record.lua` packs it: the layout's number, then the fields.
    let mut packed = vec![LAYOUT];
    fields[..FIELDS_OF_NEW].iter().try_for_each(|field| pack(&mut packed, field))?;
    // No crashes, never run alone, no partial results, so that the scripts need not count them, and all told.
    packed.extend([NIL, NIL, 0, 0, 0, 0]);
    pack(&mut packed, kind)?;
    // Never edited.
    packed.push(NIL);
    Some(NewRecord { json, packed })
}

/// Adds a MessagePack string.
fn pack(packed: &mut Vec<u8>, text: &str) -> Option<()> {
    packed.push(STR_32);
    packed.extend(u32::try_from(text.len()).ok()?.to_be_bytes());
    packed.extend(text.as_bytes());
    Some(())
}

/// What Redis holds of a new job.
pub(crate) struct NewRecord {
    pub(crate) json: String,
    pub(crate) packed: Vec<u8>,
}

/// The fields that never change; the scripts keep them as one text.
#[derive(Serialize)]
struct FixedFields<'a> {
    job_id: JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: &'a Option<String>,
    user_id: &'a Option<Owner>,
    job_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: &'a Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: &'a Vec<String>,
    priority: u8,
    max_attempts: u32,
    created_at: DateTime<Utc>,
    correlation_id: &'a Option<String>,
    metadata: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: &'a Option<TraceContext>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    carried: &'a BTreeMap<String, Value>,
}

impl<'a> FixedFields<'a> {
    fn of(job: &'a Job) -> Self {
        Self {
            job_id: job.id,
            alias: &job.alias,
            user_id: &job.owner,
            job_type: &job.task,
            queue: &job.queue,
            tags: &job.tags,
            priority: job.priority,
            max_attempts: job.max_attempts,
            created_at: job.created_at.trunc_subsecs(6),
            correlation_id: &job.correlation_id,
            metadata: &job.metadata,
            trace: &job.trace,
            carried: &job.carried,
        }
    }
}

/// With microseconds, as the scripts write times. The version of a rebuilt record is not known here.
fn timeline_entry(entry: &TimelineEntry) -> TimelineEntry {
    let version = if entry.event == JobEvent::Rebuilt { 0 } else { entry.version };
    TimelineEntry { at: entry.at.trunc_subsecs(6), version, ..entry.clone() }
}

/// The JSON text without the brackets or braces around it.
fn inner(json: &str) -> &str {
    json.get(1..json.len().saturating_sub(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::left_out_of_timeline;

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
}
