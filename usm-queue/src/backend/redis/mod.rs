//! The job store on Redis.

mod claims;
mod connection;
mod index;
mod keys;
mod options;
mod preflight;
mod progress;
mod record;
mod scripts;
mod snapshot;
mod store;
mod transitions;
mod watch;

pub use self::options::RedisOptions;
