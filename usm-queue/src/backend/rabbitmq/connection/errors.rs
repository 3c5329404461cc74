//! Errors of lapin as errors of this crate, by what the caller does next.

use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};

use crate::error::{Error, ErrorKind};

/// The kind and text of the broker's refusal, if the error is one.
pub(crate) fn protocol_error(error: &lapin::Error) -> Option<(AMQPErrorKind, String)> {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(error) => {
            Some((error.kind().clone(), error.get_message().to_string()))
        }
        _ => None,
    }
}

pub(crate) fn is_not_found(error: &lapin::Error) -> bool {
    matches!(protocol_error(error), Some((AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND), _)))
}

pub(crate) fn is_denied(error: &lapin::Error) -> bool {
    matches!(protocol_error(error), Some((AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED), _)))
}

/// Whether the broker's text names a limit: `connection limit (5) is reached`, `queue limit in vhost 'v' (20) is reached`.
pub(super) fn is_limit(text: &str) -> bool {
    text.contains(" limit ") && text.contains("reached")
}

/// The error of a call to the broker; `what` completes "the broker did not …".
pub(crate) fn failed(what: &str, error: lapin::Error) -> Error {
    if matches!(error.kind(), lapin::ErrorKind::ChannelsLimitReached) {
        let text = format!(
            "the broker did not {what}: all channels that a connection may have (channel_max) are in use; raise that limit"
        );
        return Error::new(ErrorKind::Unavailable, text).with_source(error);
    }
    let text = protocol_error(&error).map(|(_, text)| text);
    if let Some(text) = text.filter(|text| is_denied(&error) || is_limit(text)) {
        let remedy = if is_denied(&error) { "grant the user that right" } else { "raise that limit" };
        return Error::new(ErrorKind::Backend, format!("the broker did not {what}: {text}; {remedy}"))
            .with_source(error);
    }
    let kind = match protocol_error(&error) {
        Some((AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND), _)) => ErrorKind::NotFound,
        Some((AMQPErrorKind::Soft(AMQPSoftError::RESOURCELOCKED), _)) => ErrorKind::Unavailable,
        Some((AMQPErrorKind::Soft(_) | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED), _)) => {
            ErrorKind::Backend
        }
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("the broker did not {what}")).with_source(error)
}

pub(crate) fn timed_out(what: &str, after: Duration) -> Error {
    Error::new(ErrorKind::Unavailable, format!("the broker did not {what} within {after:?}"))
        .because("timeout")
}
