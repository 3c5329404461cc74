//! Exchanges, queues and bindings on the broker: what there has to be, declaring it, and what is declared.

mod channel;
mod declarations;
mod definitions;
mod drift;
mod layout;
mod plan;
mod routes;

pub(super) use self::{channel::Declaring, declarations::Declarations};
