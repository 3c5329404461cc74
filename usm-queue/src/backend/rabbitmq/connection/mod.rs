//! Connections to the broker: opened by one caller at a time, reopened by the next caller after a loss.

mod connections;
mod connector;
mod errors;
mod open_connection;
mod queue_calls;
mod slot;

pub(super) use self::{
    connections::Connections,
    connector::Connector,
    errors::{failed, is_denied, is_not_found, protocol_error, timed_out},
    open_connection::OpenConnection,
    slot::ConnectionSlot,
};
