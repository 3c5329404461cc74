//! The delay ladder: which way a message takes that has to wait, without a plugin and without blocking others.
//!
//! Level n is a queue whose messages expire after 250 ms · 2ⁿ, behind a topic exchange of its own. The bits of the delay
//! are the words of the routing key: where the bit of a level is 1 the message waits there, where it is 0 the level's
//! exchange hands it on to the next lower one. All messages of one queue wait equally long, so the oldest is due first and
//! none blocks another. Behind the lowest level a headers exchange hands the message to the queue it names.

use std::time::Duration;

/// The most levels there can be: 250 ms to 9 h. Every routing key has a word for each of them, so that processes with
/// ladders of different depth understand each other's messages and bindings.
pub(super) const MAX_LEVELS: u32 = 18;
/// How many levels there are unless an application says otherwise: together 34 min. With the queues of a small topology
/// they fit a plan of 25.
pub(super) const DEFAULT_LEVELS: u32 = 13;
/// How its names begin unless an application says otherwise.
pub(super) const DEFAULT_PREFIX: &str = "usm";
/// What a delay is rounded up to.
pub(super) const STEP: Duration = Duration::from_millis(250);

/// Header the deliver exchange routes by: the name of a queue. Headers that begin with `x-` would not count there.
pub(super) const DELIVER_TO: &str = "usm-deliver-to";

/// How deep the ladder is, and the names of everything that belongs to this library and to no topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ladder {
    prefix: String,
    depth: u32,
}

/// One level of the ladder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// Name of its queue and its exchange.
    pub(super) name: String,
    /// How long its queue keeps a message.
    pub(super) ttl: Duration,
    /// Binds its queue to its exchange: the bit is 1.
    pub(super) waits: String,
    /// Binds the next lower exchange to its exchange: the bit is 0.
    pub(super) passes: String,
    /// Where its messages go when they are due, and those that pass.
    pub(super) next: String,
}

impl Ladder {
    pub(super) fn new(prefix: impl Into<String>, depth: u32) -> Self {
        Self { prefix: prefix.into(), depth: depth.clamp(1, MAX_LEVELS) }
    }

    /// Whether other applications use it unless they say otherwise.
    #[cfg(feature = "testing")]
    pub(super) fn is_shared(&self) -> bool {
        self.prefix == DEFAULT_PREFIX
    }

    /// Every level, the shortest first.
    pub(super) fn levels(&self) -> impl Iterator<Item = Level> {
        (0..self.depth).map(|level| self.level(level))
    }

    /// Levels of a deeper ladder that this one does without, the longest first.
    pub(super) fn surplus(&self) -> impl Iterator<Item = Level> {
        (self.depth..MAX_LEVELS).rev().map(|level| self.level(level))
    }

    fn level(&self, level: u32) -> Level {
        let before = "*.".repeat((MAX_LEVELS - 1 - level) as usize);
        Level {
            name: self.name(level),
            ttl: STEP * (1 << level),
            waits: format!("{before}1.#"),
            passes: format!("{before}0.#"),
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

    /// Takes what the deliver exchange cannot deliver, because the queue was deleted or lost its binding, to the hop queue.
    pub(super) fn undelivered_exchange(&self) -> String {
        format!("{}.delay.undelivered", self.prefix)
    }

    /// Where messages are due that the broker cannot deliver by itself.
    pub(super) fn hop_queue(&self) -> String {
        format!("{}.delay.due", self.prefix)
    }

    /// Exists while somebody looks into this queue, so that two do not hide messages from each other.
    pub(super) fn lock_queue(&self, queue: &str) -> String {
        let name = format!("{}.browse.{queue}", self.prefix);
        // Those with names too long for AMQP share one.
        if name.len() <= 255 { name } else { format!("{}.browse", self.prefix) }
    }

    /// The first pass of a delay; `None` when there is nothing to wait for.
    pub(super) fn pass(&self, delay: Duration) -> Option<Pass<'_>> {
        if delay.is_zero() {
            return None;
        }
        let longest = (1_u32 << self.depth) - 1;
        let steps = delay.as_nanos().div_ceil(STEP.as_nanos());
        Some(match u32::try_from(steps) {
            Ok(steps) if steps <= longest => Pass { ladder: self, steps, rest: Duration::ZERO },
            _ => Pass { ladder: self, steps: longest, rest: delay - STEP * longest },
        })
    }

    /// How long a message with this routing key waits from a level on, that level included.
    pub(super) fn waits(level: &Level, routing_key: &str) -> Duration {
        let bits = routing_key.split('.').rev().take(MAX_LEVELS as usize).enumerate();
        let steps = bits.filter(|(_, bit)| *bit == "1").map(|(level, _)| STEP * (1 << level));
        steps.filter(|time| *time <= level.ttl).sum()
    }
}

/// One way down the ladder, and what of a long delay is left after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass<'a> {
    ladder: &'a Ladder,
    steps: u32,
    /// To be waited in further passes.
    pub(super) rest: Duration,
}

impl Pass<'_> {
    /// The exchange of the highest level it waits in.
    pub(super) fn exchange(self) -> String {
        self.ladder.name(self.steps.ilog2())
    }

    /// The bits, the highest first.
    pub(super) fn routing_key(self) -> String {
        let bits = (0..MAX_LEVELS).rev().map(|level| if self.steps & (1 << level) == 0 { "0" } else { "1" });
        bits.collect::<Vec<_>>().join(".")
    }

    /// Where it ends when there is more to do than the broker can.
    pub(super) fn hop_queue(self) -> String {
        self.ladder.hop_queue()
    }
}

/// Whether the broker's own dead-lettering in this queue is part of a delay.
pub(super) fn is_ladder(queue: &str) -> bool {
    let Some((_, level)) = queue.rsplit_once(".delay.") else { return false };
    // Under any prefix: a message may have come down another application's ladder.
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

    /// Walks the ladder as the broker does; returns how long that takes and the queues it waits in.
    fn walk(ladder: &Ladder, pass: Pass<'_>) -> (Duration, Vec<String>) {
        let levels: Vec<Level> = ladder.levels().collect();
        let (mut exchange, key) = (pass.exchange(), pass.routing_key());
        let (mut waited, mut queues) = (Duration::ZERO, Vec::new());
        while exchange != ladder.deliver_exchange() {
            let level = levels.iter().find(|level| level.name == exchange).unwrap();
            let (waits, passes) = (topic_matches(&level.waits, &key), topic_matches(&level.passes, &key));
            assert!(waits != passes, "exactly one way is open at {exchange} for {key}");
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
            depth in 8_u32..=MAX_LEVELS,
        ) {
            let ladder = Ladder::new("shop", depth);
            let delay = Duration::from_millis(millis);
            let mut waited = Duration::ZERO;
            let mut rest = delay;
            while let Some(pass) = ladder.pass(rest) {
                let (time, queues) = walk(&ladder, pass);
                prop_assert_eq!(queues.iter().collect::<BTreeSet<_>>().len(), queues.len(), "no queue twice");
                waited += time;
                rest = pass.rest;
            }
            prop_assert!(waited >= delay && waited < delay + STEP, "{waited:?} for {delay:?}");
        }

        #[test]
        fn what_is_left_of_a_pass_is_read_from_its_routing_key(steps in 1_u32..1 << MAX_LEVELS) {
            let ladder = Ladder::new("shop", MAX_LEVELS);
            let pass = ladder.pass(STEP * steps).unwrap();
            let (waited, queues) = walk(&ladder, pass);
            let first = ladder.levels().find(|level| level.name == queues[0]).unwrap();
            prop_assert_eq!(Ladder::waits(&first, &pass.routing_key()), waited);
        }
    }

    #[test]
    fn no_delay_needs_no_way() {
        assert_eq!(Ladder::new("usm", 13).pass(Duration::ZERO), None);
    }

    #[test]
    fn a_deeper_ladder_has_the_levels_of_a_flat_one() {
        let (flat, deep) = (Ladder::new("usm", 3), Ladder::new("usm", 5));

        assert!(flat.levels().eq(deep.levels().take(3)));
        let surplus: Vec<Level> = flat.surplus().collect();
        assert_eq!((surplus.len(), surplus.last()), (15, deep.levels().nth(3).as_ref()));
    }

    #[test]
    fn levels_are_known_under_any_prefix_and_nothing_else_is() {
        for queue in ["usm.delay.250", "shop.delay.1024000", "a.b.delay.500"] {
            assert!(is_ladder(queue), "{queue}");
        }
        for queue in ["usm.delay.due", "usm.delay.300", "work.delay", "work"] {
            assert!(!is_ladder(queue), "{queue}");
        }
    }
}
