//! Why a call failed, by what the caller does next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a call failed. Each kind is a different thing to do next; the router does it where it can.
///
/// Stored and logged in snake case (`rate_limited`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// 429: the next provider is asked; when none is left, this one is asked again after
    /// [`Error::retry_after`](crate::Error::retry_after), if that is soon.
    RateLimited,
    /// 5xx, 529, 409 or an error inside an answer: asked again after a pause, then the next provider is asked.
    Overloaded,
    /// No answer within the limits of the provider or the deadline of the request: as [`ErrorKind::Overloaded`].
    Timeout,
    /// The service was not reached or the connection broke off: as [`ErrorKind::Overloaded`].
    Network,
    /// 401 or 403: the next provider is asked; a person must fix the key.
    Unauthorized,
    /// 402 or a 429 that says the money is gone: the next provider is asked; a person must pay.
    QuotaSpent,
    /// 404 or "decommissioned": the next provider is asked; a person must choose another model.
    ModelNotFound,
    /// The provider takes no JSON schema: asked again with the schema in the prompt.
    SchemaUnsupported,
    /// The provider refused this particular request (400, 422): the next provider is asked.
    Refused,
    /// Question and answer are more than the model can hold (413, "maximum context length"): the next provider is
    /// asked; ask for less, or a larger model.
    TooLarge,
    /// The answer was withheld by a content filter or declined by the model: one more provider is asked. If that one
    /// blocks it too, tell the person who asked.
    Blocked,
    /// The answer reached the output limit before it was complete: raise the limit or ask for less.
    Truncated,
    /// The answer is not a completion, not JSON or not of the requested shape, even after one repair call.
    Malformed,
    /// A setting that cannot work (base URL, key, model name): a person must correct it.
    Misconfigured,
    /// The router has no provider to ask.
    NoProvider,
    /// The caller no longer wants an answer.
    Cancelled,
}

impl ErrorKind {
    /// Whether the same request is likely to succeed a little later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::RateLimited | Self::Overloaded | Self::Timeout | Self::Network)
    }

    /// The stored name, such as `rate_limited`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::Unauthorized => "unauthorized",
            Self::QuotaSpent => "quota_spent",
            Self::ModelNotFound => "model_not_found",
            Self::SchemaUnsupported => "schema_unsupported",
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
            Self::Blocked => "blocked",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::Misconfigured => "misconfigured",
            Self::NoProvider => "no_provider",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for ErrorKind {
    /// What happened and, where a person has to act, what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RateLimited => "the rate limit is reached",
            Self::Overloaded => "the service is overloaded or failing",
            Self::Timeout => "no answer in time",
            Self::Network => "the service could not be reached",
            Self::Unauthorized => "the API key was refused, check the key",
            Self::QuotaSpent => "the quota or balance is spent, top it up or use another provider",
            Self::ModelNotFound => "the model was not found, check the model name and the base URL",
            Self::SchemaUnsupported => "the model takes no JSON schema",
            Self::Refused => "the request was refused",
            Self::TooLarge => "the request is too large for the model, ask for less or choose a larger model",
            Self::Blocked => "the answer was withheld by a content filter, or declined by the model",
            Self::Truncated => "the answer was cut off, allow more output tokens or ask for less",
            Self::Malformed => "the answer could not be used",
            Self::Misconfigured => "a setting cannot work",
            Self::NoProvider => "there is no AI provider to ask, configure one",
            Self::Cancelled => "the call was cancelled",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_name_of_a_kind_is_the_serialised_one() {
        for kind in [ErrorKind::RateLimited, ErrorKind::ModelNotFound, ErrorKind::NoProvider] {
            assert_eq!(serde_json::json!(kind), kind.as_str());
        }
    }
}
