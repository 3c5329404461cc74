//! Identity of a job.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most characters of an id that is no UUID.
const MAX_ID_CHARS: usize = 200;
/// The most of a wrong one that its error shows.
const MAX_SHOWN_CHARS: usize = 80;

/// Identity of a job, known before it is enqueued. A version 7 UUID, so that ids sort by time.
///
/// It is read from a UUID, or from any other text of 1 to 200 printable characters, as other services may name their jobs: the
/// same text always gives the same id, a version 5 UUID. What another service calls the job is in [`Job::alias`](crate::Job::alias).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

impl JobId {
    /// A new id.
    #[expect(clippy::new_without_default, reason = "a default that differs each time would surprise")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Whether it looks like one that [`new`](Self::new) made.
    pub(crate) fn is_own(self) -> bool {
        self.0.get_version_num() == 7
    }

    /// The id of a job that another service calls so.
    pub(crate) fn derived(text: &str) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = InvalidJobId;

    fn from_str(text: &str) -> Result<Self, InvalidJobId> {
        if let Ok(id) = Uuid::parse_str(text) {
            return Ok(Self(id));
        }
        let printable = !text.is_empty() && !text.contains(char::is_control);
        if printable && text.chars().nth(MAX_ID_CHARS).is_none() {
            return Ok(Self::derived(text));
        }
        Err(InvalidJobId { text: text.escape_debug().take(MAX_SHOWN_CHARS).collect() })
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The error of a text that cannot be a job's id: it is empty, longer than 200 characters, or not printable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a job id; a job id is a UUID, or what another service calls its job: 1 to {MAX_ID_CHARS} printable characters"
)]
pub struct InvalidJobId {
    /// How it begins.
    text: String,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn an_id_is_a_uuid_or_a_short_printable_text() {
        let id = JobId::new();
        assert_eq!(id.to_string().to_uppercase().parse::<JobId>().unwrap(), id);
        let named: JobId = "test-job-123".parse().unwrap();
        assert_eq!(named, "test-job-123".parse().unwrap());
        assert_ne!(named, "test-job-124".parse().unwrap());
        assert_eq!(serde_json::from_str::<JobId>(r#""test-job-123""#).unwrap(), named);
        assert!("ж".repeat(200).parse::<JobId>().is_ok());
        for bad in [String::new(), "x".repeat(201), "two\nlines".to_owned()] {
            let error = bad.parse::<JobId>().unwrap_err().to_string();
            assert!(error.contains("1 to 200 printable characters"), "{error}");
        }
    }
}
