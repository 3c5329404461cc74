//! Exchanges, queues and bindings: what has to exist on the broker, and declaring it.

mod declared;
mod declarer;
mod definitions;
mod drift;
mod layout;
mod plan;
mod topology_channel;

pub(super) use self::{declarer::Declarer, topology_channel::TopologyChannel};
