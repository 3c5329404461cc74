//! Small values that all processes share, beside jobs: what operators want of queues, which workers live, how far an action on
//! many jobs is.

use serde_json::Value;

use crate::error::{Error, Result};

/// Bytes of a note's value at most, as JSON: 64 KiB.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;

/// A value that all processes share.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Note {
    /// Its name.
    pub key: String,
    /// The value.
    pub value: Value,
    /// Grows with every change of the note, also when it was removed in between.
    pub version: u64,
}

impl Note {
    /// A note as a store has it.
    pub fn new(key: String, value: Value, version: u64) -> Self {
        Self { key, value, version }
    }
}

/// What must be there for a note to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is there.
    Any,
    /// No such note.
    Absent,
    /// This version of it.
    Version(u64),
}

/// The value as JSON, or why it is not kept.
pub(crate) fn note_json(key: &str, value: &Value) -> Result<String> {
    let json = value.to_string();
    if json.len() > MAX_NOTE_BYTES {
        return Err(Error::invalid(format!(
            "the note `{key}` has {} bytes as JSON and may have {MAX_NOTE_BYTES}",
            json.len()
        )));
    }
    Ok(json)
}
