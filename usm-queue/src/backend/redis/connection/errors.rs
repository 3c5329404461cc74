//! Errors of Redis and of the connection, sorted by what the caller can do about them.

use redis::{ErrorKind as Kind, RedisError, ServerErrorKind};

use crate::error::{Error, ErrorKind};

/// The library's error for what Redis at `address` said.
pub(super) fn translate(address: &str, error: RedisError) -> Error {
    let error = first_of_pipeline(error);
    let (kind, text) = match error.kind() {
        Kind::Io | Kind::Parse => (
            ErrorKind::Unavailable,
            format!("Redis at {address} cannot be reached; check its address and that it is running"),
        ),
        Kind::AuthenticationFailed => (
            ErrorKind::Unavailable,
            format!("Redis at {address} refuses the user name or password in its URL"),
        ),
        Kind::Server(ServerErrorKind::NoPerm) => (
            ErrorKind::Backend,
            format!(
                "Redis at {address} denied this user a command, key or channel that the job store needs; connect again to see which permissions are missing"
            ),
        ),
        Kind::Server(ServerErrorKind::BusyLoading) => {
            (ErrorKind::Unavailable, format!("Redis at {address} is loading its data; try again later"))
        }
        Kind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::TryAgain) => {
            (
                ErrorKind::Unavailable,
                format!("Redis at {address} accepts no writes at the moment; try again later"),
            )
        }
        _ if ["max request size", "invalid bulk length"]
            .iter()
            .any(|text| error.to_string().contains(text)) =>
        {
            (
                ErrorKind::InvalidInput,
                format!(
                    "a value is too large for Redis at {address}; raise its limit or store the value elsewhere"
                ),
            )
        }
        _ if ["OOM", "MISCONF", "NOREPLICAS", "BUSY"].iter().any(|code| has_code(&error, code)) => (
            ErrorKind::Unavailable,
            format!(
                "Redis at {address} accepts no writes at the moment; check its memory, disk and replicas"
            ),
        ),
        _ => (ErrorKind::Backend, format!("Redis at {address} rejected a command of the job store")),
    };
    Error::new(kind, text).with_source(error)
}

/// Whether a new connection is needed: this one is lost, or its server has become a replica.
pub(super) fn needs_reconnect(error: &RedisError) -> bool {
    error.is_unrecoverable_error()
        || error.is_io_error()
        || matches!(error.kind(), Kind::Server(ServerErrorKind::ReadOnly))
}

/// Whether the same connection may succeed a little later.
pub(super) fn is_temporary(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        Kind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown | ServerErrorKind::TryAgain)
    )
}

/// The first of a pipeline's errors: the others repeat it, once for each command.
fn first_of_pipeline(error: RedisError) -> RedisError {
    match error.clone().into_server_errors().and_then(|errors| errors.first().cloned()) {
        Some((_, first)) => first.into(),
        None => error,
    }
}

/// Errors inside scripts carry the code in their text only.
fn has_code(error: &RedisError, code: &str) -> bool {
    error.code() == Some(code) || error.detail().is_some_and(|detail| detail.starts_with(code))
}
