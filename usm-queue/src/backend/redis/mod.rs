//! The job store on Redis.
//!
//! `job:{id}` holds a job's record as JSON, as the guide shows it to other services. Beside it, `usm:job:{id}` holds
//! the state that the Lua scripts compare and change; each transition of a job is one script, one round trip.
//!
//! From the bottom up:
//!
//! - `encoding`, `keys`, `options`: numbers and JSON as the scripts take them, names of keys and channels, settings;
//! - `connection`: one multiplexed connection that reconnects; `preflight`: checks made when connecting;
//! - `record`: the record as Redis holds it; `snapshot`: reading records;
//! - `scripts`: the Lua files and how they are called; `index`: lists of jobs;
//! - `progress`, `claims`, `request_ids`: what this process remembers of the jobs it runs;
//! - `steering`: workers that live, and what operators want of queues;
//! - `transitions`: inserting, claiming, updating; `watch`: telling watchers of changes;
//! - `store`: the [`JobStore`](crate::backend::JobStore) made of these.

mod claims;
mod connection;
mod encoding;
mod index;
mod keys;
mod notes;
mod options;
mod preflight;
mod progress;
mod record;
mod request_ids;
mod scripts;
mod snapshot;
mod steering;
mod store;
mod transitions;
mod watch;

pub use self::options::RedisOptions;
