//! Publishing, with a confirmation for every message.

mod confirm_channel;
mod confirmation;
mod in_flight;
mod publish_channels;
mod publish_wait;
mod publisher;
mod put_back;
mod return_matcher;
mod routing;

pub(super) use self::{confirmation::Confirmation, publisher::Publisher, put_back::FULL_PAUSE};
