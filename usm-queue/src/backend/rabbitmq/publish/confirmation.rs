//! How a publish ended.

use crate::error::{Error, ErrorKind};

/// The broker's answer to one publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// The broker has the message.
    Accepted,
    /// It reaches no queue.
    Returned,
    /// A queue refused it.
    Refused,
    /// The channel was lost first: the broker may or may not have the message.
    Lost(ChannelLoss),
}

/// Why a channel was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelLoss {
    pub(crate) why: String,
    /// Somebody published to an exchange that does not exist.
    pub(super) not_found: bool,
    /// The user may not write to an exchange that somebody published to; `why` names it.
    pub(super) denied: bool,
}

impl ChannelLoss {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), not_found: false, denied: false }
    }

    /// Whether the channel was lost because of this exchange.
    pub(super) fn is_denied_to(&self, exchange: &str) -> bool {
        let name = if exchange.is_empty() { "amq.default" } else { exchange };
        self.denied && self.why.contains(&format!("exchange '{name}'"))
    }

    pub(super) fn as_error(&self) -> Error {
        let why = &self.why;
        Error::new(
            ErrorKind::Unavailable,
            format!(
                "the connection was lost before the broker confirmed ({why}); it may or may not have the message"
            ),
        )
    }
}
