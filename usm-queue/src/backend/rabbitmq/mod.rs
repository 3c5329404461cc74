//! The broker on RabbitMQ, 3.10 or newer.
//!
//! One connection publishes and manages, another consumes, as a broker that is short of memory or disk stops reading from
//! those that publish; on request one does both. Nothing is recovered behind our back: whoever finds a connection or channel
//! dead drops it, and the next caller makes a new one, on its own runtime.
//!
//! The modules, each of which uses only those above it:

mod broker;
mod browse;
mod connection;
mod consume;
mod delay;
mod endpoint;
mod frames;
mod maintenance;
mod options;
mod publish;
mod topology;
mod wire;

pub(crate) use self::broker::RabbitMqBroker;
pub use self::options::RabbitMqOptions;
