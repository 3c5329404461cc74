//! Delay levels: queues that a delayed message waits in, without a plugin and without blocking others.
//!
//! Level n is a queue whose messages expire after 250 ms · 2ⁿ, behind a topic exchange of its own. The bits of the delay
//! are the words of the routing key: if the bit of a level is 1, the message waits there; if it is 0, the level's exchange
//! passes it on to the next lower one. All messages of one queue wait equally long, so the oldest is due first and
//! none blocks another. Behind the lowest level a headers exchange delivers the message to the queue it names.

use std::{fmt, time::Duration};

/// The most levels there can be: 250 ms to 9 h. Every routing key has a word for each of them, so that processes with
/// different numbers of levels understand each other's messages and bindings.
pub(super) const MAX_LEVELS: u32 = 18;
/// The default number of levels: together 34 min. With the queues of a small topology they fit into a hosted plan of 25
/// queues.
pub(super) const DEFAULT_LEVELS: u32 = 13;
/// The default prefix of all names.
pub(super) const DEFAULT_PREFIX: &str = "usm";
/// Delays are rounded up to a multiple of this.
pub(super) const STEP: Duration = Duration::from_millis(250);

/// The header by which the deliver exchange routes: the name of a queue. A headers exchange ignores headers that begin with
/// `x-`.
pub(super) const DELIVER_TO: &str = "usm-deliver-to";

/// The number of levels, and the names of everything that belongs to this library and to no topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DelayLevels {
    prefix: String,
    count: u32,
}

/// One level.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DelayLevel {
    /// Name of its queue and its exchange.
    pub(super) name: String,
    /// How long its queue keeps a message.
    pub(super) ttl: Duration,
    /// Binds its queue to its exchange: the bit is 1.
    pub(super) wait_key: String,
    /// Binds the next lower exchange to its exchange: the bit is 0.
    pub(super) pass_key: String,
    /// The exchange where its messages go after the wait, and those that do not wait here.
    pub(super) next: String,
}

impl fmt::Display for DelayLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (longer than {:?} by the relay)", self.count, STEP * ((1 << self.count) - 1))
    }
}

impl DelayLevels {
    pub(super) fn new(prefix: impl Into<String>, count: u32) -> Self {
        Self { prefix: prefix.into(), count: count.clamp(1, MAX_LEVELS) }
    }

    /// Whether applications with default options use the same levels.
    #[cfg(feature = "testing")]
    pub(super) fn is_shared(&self) -> bool {
        self.prefix == DEFAULT_PREFIX
    }

    /// Every level, the shortest first.
    pub(super) fn levels(&self) -> impl Iterator<Item = DelayLevel> {
        (0..self.count).map(|level| self.level(level))
    }

    /// Levels that a process with more of them may have declared, the longest first.
    pub(super) fn obsolete(&self) -> impl Iterator<Item = DelayLevel> {
        (self.count..MAX_LEVELS).rev().map(|level| self.level(level))
    }

    fn level(&self, level: u32) -> DelayLevel {
        let before = "*.".repeat((MAX_LEVELS - 1 - level) as usize);
        DelayLevel {
            name: self.name(level),
            ttl: STEP * (1 << level),
            wait_key: format!("{before}1.#"),
            pass_key: format!("{before}0.#"),
            next: level.checked_sub(1).map_or_else(|| self.deliver_exchange(), |next| self.name(next)),
        }
    }

    fn name(&self, level: u32) -> String {
        format!("{}.delay.{}", self.prefix, (STEP * (1 << level)).as_millis())
    }

    /// Behind the lowest level: a headers exchange.
    pub(super) fn deliver_exchange(&self) -> String {
        format!("{}.delay.deliver", self.prefix)
    }

    /// Takes what the deliver exchange cannot deliver, because the queue was deleted or lost its binding, to the relay queue.
    pub(super) fn undelivered_exchange(&self) -> String {
        format!("{}.delay.undelivered", self.prefix)
    }

    /// Where messages end up that the broker cannot deliver by itself.
    pub(super) fn relay_queue(&self) -> String {
        format!("{}.delay.due", self.prefix)
    }

    /// Exists while somebody browses this queue, so that two do not hide messages from each other.
    pub(super) fn lock_queue(&self, queue: &str) -> String {
        let name = format!("{}.browse.{queue}", self.prefix);
        // Queues whose lock name would be too long for AMQP share one.
        if name.len() <= 255 { name } else { format!("{}.browse", self.prefix) }
    }

    /// The path of a delay, or of as much of it as the levels can do at once; `None` if there is nothing to wait for.
    pub(super) fn path(&self, delay: Duration) -> Option<DelayPath<'_>> {
        if delay.is_zero() {
            return None;
        }
        let longest = (1_u32 << self.count) - 1;
        let steps = delay.as_nanos().div_ceil(STEP.as_nanos());
        Some(match u32::try_from(steps) {
            Ok(steps) if steps <= longest => DelayPath { levels: self, steps, remaining: Duration::ZERO },
            _ => DelayPath { levels: self, steps: longest, remaining: delay - STEP * longest },
        })
    }

    /// How long a message with this routing key waits from this level on, the level included.
    pub(super) fn waits(level: &DelayLevel, routing_key: &str) -> Duration {
        let bits = routing_key.split('.').rev().take(MAX_LEVELS as usize).enumerate();
        let steps = bits.filter(|(_, bit)| *bit == "1").map(|(level, _)| STEP * (1 << level));
        steps.filter(|time| *time <= level.ttl).sum()
    }
}

/// A path through the levels, and what remains of a long delay after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DelayPath<'a> {
    levels: &'a DelayLevels,
    steps: u32,
    /// To be waited on further paths.
    pub(super) remaining: Duration,
}

impl DelayPath<'_> {
    /// The exchange of the highest level it waits in.
    pub(super) fn exchange(self) -> String {
        self.levels.name(self.steps.ilog2())
    }

    /// The bits, the highest first.
    pub(super) fn routing_key(self) -> String {
        let bits = (0..MAX_LEVELS).rev().map(|level| if self.steps & (1 << level) == 0 { "0" } else { "1" });
        bits.collect::<Vec<_>>().join(".")
    }

    /// Where the path ends if the broker cannot deliver by itself.
    pub(super) fn relay_queue(self) -> String {
        self.levels.relay_queue()
    }
}

/// Whether the broker's own dead-lettering in this queue is part of a delay.
pub(super) fn is_delay_level(queue: &str) -> bool {
    let Some((_, level)) = queue.rsplit_once(".delay.") else { return false };
    // Under any prefix: a message may have passed another application's levels.
    level.parse().is_ok_and(|millis: u64| {
        (0..MAX_LEVELS).any(|level| u128::from(millis) == (STEP * (1 << level)).as_millis())
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::topology::topic_matches;

    /// Moves a message as the broker does; returns how long that takes and the queues it waits in.
    fn walk(all: &DelayLevels, path: DelayPath<'_>) -> (Duration, Vec<String>) {
        let levels: Vec<DelayLevel> = all.levels().collect();
        let (mut exchange, key) = (path.exchange(), path.routing_key());
        let (mut waited, mut queues) = (Duration::ZERO, Vec::new());
        while exchange != all.deliver_exchange() {
            let level = levels.iter().find(|level| level.name == exchange).unwrap();
            let (waits, passes) =
                (topic_matches(&level.wait_key, &key), topic_matches(&level.pass_key, &key));
            assert!(waits != passes, "exactly one binding matches at {exchange} for {key}");
            if waits {
                waited += level.ttl;
                queues.push(level.name.clone());
            }
            exchange.clone_from(&level.next);
        }
        (waited, queues)
    }

    proptest! {
        #[test]
        fn a_delay_is_never_too_short_and_less_than_a_step_too_long(
            millis in 1_u64..20_000_000,
            count in 8_u32..=MAX_LEVELS,
        ) {
            let all = DelayLevels::new("shop", count);
            let delay = Duration::from_millis(millis);
            let mut waited = Duration::ZERO;
            let mut remaining = delay;
            while let Some(path) = all.path(remaining) {
                let (time, queues) = walk(&all, path);
                prop_assert_eq!(queues.iter().collect::<BTreeSet<_>>().len(), queues.len(), "no queue twice");
                waited += time;
                remaining = path.remaining;
            }
            prop_assert!(waited >= delay && waited < delay + STEP, "{waited:?} for {delay:?}");
        }

        #[test]
        fn the_remaining_wait_is_read_from_its_routing_key(steps in 1_u32..1 << MAX_LEVELS) {
            let all = DelayLevels::new("shop", MAX_LEVELS);
            let path = all.path(STEP * steps).unwrap();
            let (waited, queues) = walk(&all, path);
            let first = all.levels().find(|level| level.name == queues[0]).unwrap();
            prop_assert_eq!(DelayLevels::waits(&first, &path.routing_key()), waited);
        }
    }

    #[test]
    fn no_delay_needs_no_path() {
        assert_eq!(DelayLevels::new("usm", 13).path(Duration::ZERO), None);
    }

    #[test]
    fn more_levels_include_those_of_fewer() {
        let (few, more) = (DelayLevels::new("usm", 3), DelayLevels::new("usm", 5));

        assert!(few.levels().eq(more.levels().take(3)));
        let obsolete: Vec<DelayLevel> = few.obsolete().collect();
        assert_eq!((obsolete.len(), obsolete.last()), (15, more.levels().nth(3).as_ref()));
    }

    #[test]
    fn levels_are_known_under_any_prefix_and_nothing_else_is() {
        for queue in ["usm.delay.250", "shop.delay.1024000", "a.b.delay.500"] {
            assert!(is_delay_level(queue), "{queue}");
        }
        for queue in ["usm.delay.due", "usm.delay.300", "work.delay", "work"] {
            assert!(!is_delay_level(queue), "{queue}");
        }
    }
}
