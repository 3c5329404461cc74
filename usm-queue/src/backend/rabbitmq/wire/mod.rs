//! Messages as AMQP carries them, in both directions. Messages of anybody are understood.

mod headers;
mod incoming;
mod key;
mod names;
mod outgoing;
#[cfg(test)]
mod tests;

pub(super) use self::{
    headers::fitting,
    incoming::{Hop, Incoming, incoming},
    key::Key,
    names::short,
    outgoing::{Outgoing, Parcel, Way},
};
