//! Messages as AMQP carries them, in both directions. Messages of other programs are understood, too.

mod headers;
mod incoming;
mod key;
mod names;
mod outgoing;
#[cfg(test)]
mod tests;

pub(super) use self::{
    headers::with_fitting_headers,
    incoming::{Incoming, RelayTo, incoming},
    key::MessageKey,
    names::short,
    outgoing::{Encoded, Outgoing, Route},
};
