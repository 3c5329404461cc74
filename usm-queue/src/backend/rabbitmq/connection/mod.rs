//! Connections: made at most once at a time, watched for what the broker says about them, never with a password in a log.

mod calls;
mod connections;
mod connector;
mod errors;
mod open;
mod slot;

pub(super) use self::{
    connections::Connections,
    connector::Connector,
    errors::{failed, is_denied, is_not_found, protocol_error, timed_out},
    open::Held,
    slot::Slot,
};
