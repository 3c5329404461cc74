//! The key by which a returned message is matched with its publish.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Its id, exchange and routing key. Two with the same key are equally routable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MessageKey(u64);

impl MessageKey {
    pub(crate) fn new(message_id: &str, exchange: &str, routing_key: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (message_id, exchange, routing_key).hash(&mut hasher);
        Self(hasher.finish())
    }
}
