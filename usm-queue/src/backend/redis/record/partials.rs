//! Partial results: a list beside the record, each entry a version, a space and JSON.

use serde_json::Value;

use super::json::is_ours;
use crate::{backend::redis::encoding::to_json, job::Job};

/// The entries for those partial results of a job that have a version.
pub(crate) fn list_entries(job: &Job) -> Vec<String> {
    let all = job.partial_versions.iter().zip(&job.partial_results).skip(job.unnumbered_partials());
    all.map(|(version, value)| list_entry(*version, value)).collect()
}

pub(crate) fn list_entry(version: u64, value: &Value) -> String {
    format!("{version} {}", to_json(value))
}

/// Adds the partial results of these entries to the job.
pub(crate) fn add_entries<T: AsRef<[u8]>>(job: &mut Job, entries: impl IntoIterator<Item = T>) {
    for entry in entries {
        let mut parts = entry.as_ref().splitn(2, |byte| *byte == b' ');
        let version = parts.next().and_then(|version| std::str::from_utf8(version).ok()?.parse().ok());
        let value = parts.next().and_then(|value| serde_json::from_slice(value).ok());
        if let (Some(version), Some(value)) = (version, value) {
            job.add_partial(version, value);
        }
    }
}

const COUNT: &[u8] = br#","partials":"#;

/// How many entries the list has, according to the record; `None` if an earlier version of this library or another
/// service wrote the record.
pub(crate) fn list_length(record: &[u8]) -> Option<usize> {
    let head = record.get(..record.len().min(100))?;
    let rest = &head[head.windows(COUNT.len()).position(|at| at == COUNT)? + COUNT.len()..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok().filter(|_| is_ours(record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_how_many_partial_results_are_beside_it() {
        let count = |text: &str| list_length(text.as_bytes());
        assert_eq!(count(r#"{"version":12,"status":"pending","partials":17,"attempt":0}"#), Some(17));
        assert_eq!(count(r#"{"version":12,"status":"pending","attempt":0}"#), None);
        assert_eq!(count(r#"{"status":"pending","partials":17}"#), None);
    }
}
