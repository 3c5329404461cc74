//! The JSON in `job:{id}`.

use crate::job::{Job, JobId};

use super::foreign;

/// Reads the record, without the partial results in the list beside it; `None` if it is no JSON object.
pub(crate) fn parse(id: JobId, text: &[u8]) -> Option<Job> {
    if !is_ours(text) {
        return foreign::parse(id, text, None);
    }
    let mut job: Job = match serde_json::from_slice(text) {
        Ok(job) => job,
        Err(_) => return foreign::parse(id, text, None),
    };
    // Under an alias, the record holds the id of the other service.
    job.id = id;
    foreign::complete(&mut job);
    Some(job)
}

/// Whether a script wrote it: other services write other spaces or another first field.
pub(crate) fn is_ours(text: &[u8]) -> bool {
    text.strip_prefix(br#"{"version":"#).is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}

/// Our id of the job, in a record kept under the id of another service.
pub(crate) fn usm_job_id(text: &[u8]) -> Option<JobId> {
    #[derive(serde::Deserialize)]
    struct Record {
        usm_job_id: Option<JobId>,
    }
    serde_json::from_slice::<Record>(text).ok()?.usm_job_id
}
