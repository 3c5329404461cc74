//! What a script that changes one job answers.

use redis::{FromRedisValue, ParsingError, Value};

use crate::job::JobId;

/// A word that says what was done, and what belongs to it.
#[derive(Debug, Default)]
pub(crate) struct ScriptReply(Vec<Vec<u8>>);

impl ScriptReply {
    /// What was done.
    pub(crate) fn outcome(&self) -> &str {
        self.word(0)
    }

    /// Empty where the script answered nothing.
    pub(crate) fn word(&self, at: usize) -> &str {
        std::str::from_utf8(self.bytes(at)).unwrap_or_default()
    }

    pub(crate) fn bytes(&self, at: usize) -> &[u8] {
        self.0.get(at).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn take_bytes(&mut self, at: usize) -> Vec<u8> {
        self.0.get_mut(at).map(std::mem::take).unwrap_or_default()
    }

    /// Logs the key, answered at this place, that held a value of another type and was overwritten.
    pub(crate) fn warn_overwritten(&self, at: usize, id: JobId) {
        let key = self.bytes(at);
        if !key.is_empty() {
            tracing::warn!(job.id = %id, redis.key = %String::from_utf8_lossy(key), "this key held a value of another type; it was overwritten with the job's record");
        }
    }
}

impl FromRedisValue for ScriptReply {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        Vec::from_redis_value(value).map(Self)
    }
}
