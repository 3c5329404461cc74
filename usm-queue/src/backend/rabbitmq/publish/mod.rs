//! Publishing, with a confirmation for every message.

mod channels;
mod confirm_channel;
mod confirms;
mod in_flight;
mod plan;
mod publisher;
mod put_back;
mod wait;

pub(super) use self::{confirms::Outcome, publisher::Publisher, put_back::FULL_PAUSE};
