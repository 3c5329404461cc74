//! What identifies a published message when the broker returns it.

use std::hash::{DefaultHasher, Hash, Hasher};

/// What identifies a published message: its id, exchange and routing key. Two with the same key are equally routable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key(u64);

impl Key {
    pub(crate) fn new(message_id: &str, exchange: &str, routing_key: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (message_id, exchange, routing_key).hash(&mut hasher);
        Self(hasher.finish())
    }
}
