//! One attempt of a call: who was asked, how it ended and what it cost.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ErrorKind;

/// One attempt of a call, for people to see and for a job to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttemptLog {
    /// Name of the provider asked.
    pub provider: String,
    /// The model asked.
    pub model: String,
    /// Milliseconds from asking to the answer or failure, without the waits before it for a turn or another try.
    pub duration_ms: u64,
    /// Tokens spent, if the provider said so, including those of an answer that could not be used.
    pub usage: Option<Usage>,
    /// Why the attempt gave no usable answer; `None` for one that did.
    pub error: Option<ErrorKind>,
    /// Milliseconds the provider asked to wait; if it was skipped, the milliseconds left.
    pub retry_after_ms: Option<u64>,
    /// The provider was not asked because it is cooling down or its quota is used up.
    #[serde(default)]
    pub skipped: bool,
}

impl fmt::Display for AttemptLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.error.map_or("answered", ErrorKind::as_str);
        if self.skipped {
            write!(f, "{} skipped ({outcome}", self.provider)?;
            if let Some(wait) = self.retry_after_ms {
                write!(f, ", {} s left", wait.div_ceil(1000))?;
            }
            return f.write_str(")");
        }
        write!(f, "{} {outcome} after {} ms", self.provider, self.duration_ms)?;
        self.retry_after_ms.map_or(Ok(()), |wait| write!(f, ", busy for {} s", wait.div_ceil(1000)))
    }
}

/// Tokens as the provider counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the question.
    pub input_tokens: u64,
    /// Tokens of the answer, hidden reasoning included.
    pub output_tokens: u64,
}
