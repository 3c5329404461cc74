//! The broker on RabbitMQ 3.10 or newer.
//!
//! One connection publishes and declares, another consumes, because a broker that is short of memory or disk stops reading
//! from those that publish; optionally, one connection does both. lapin's own recovery is not used: whoever finds a connection
//! or channel lost drops it, and the next caller opens a new one, on its own runtime.
//!
//! Each module uses only those above it:
//!
//! | module | what it does |
//! | --- | --- |
//! | `delay_levels` | pure: the queues that a delayed message waits in, and its path through them |
//! | `endpoint`, `options` | where the broker is, and how long to wait for it |
//! | `wire` | messages as AMQP carries them |
//! | `frames` | replaces frames that lapin cannot read |
//! | `connection` | opens connections, and reopens them after a loss |
//! | `topology` | declares exchanges, queues and bindings |
//! | `publish` | publishes messages and waits for their confirmations |
//! | `consume` | delivers messages and settles them |
//! | `maintenance` | moves delayed messages on, removes obsolete delay levels |
//! | `browse` | looks at the messages of a queue without taking them |
//! | `broker` | puts it all behind the trait `Broker` |

mod broker;
mod browse;
mod connection;
mod consume;
mod delay_levels;
mod endpoint;
mod frames;
mod maintenance;
mod options;
mod publish;
mod topology;
mod wire;

#[cfg(feature = "testing")]
pub(crate) use self::broker::RabbitMqBroker;
pub use self::options::RabbitMqOptions;
