//! The delay ladder: which way a message takes that has to wait, without a plugin and without blocking others.
//!
//! Level n is a queue whose messages expire after 250 ms · 2ⁿ, behind a topic exchange of its own. The bits of the delay
//! are the words of the routing key: where the bit of a level is 1 the message waits there, where it is 0 the level's
//! exchange hands it on to the next lower one. All messages of one queue wait equally long, so the oldest is due first and
//! none blocks another. Behind the lowest level a headers exchange hands the message to the queue it names.

use std::time::Duration;

/// How many levels there are: 250 ms to 9 h, together 18 h.
pub(super) const LEVELS: u32 = 18;
/// What a delay is rounded up to.
pub(super) const STEP: Duration = Duration::from_millis(250);
/// The longest delay of one pass, in steps.
const MAX_STEPS: u32 = (1 << LEVELS) - 1;

/// Behind the lowest level: a headers exchange.
pub(super) const DELIVER_EXCHANGE: &str = "usm.delay.deliver";
/// Header the deliver exchange routes by: the name of a queue. Headers that begin with `x-` would not count there.
pub(super) const DELIVER_TO: &str = "usm-deliver-to";
/// Takes what the deliver exchange cannot deliver, because the queue was deleted or lost its binding, to the hop queue.
pub(super) const UNDELIVERED_EXCHANGE: &str = "usm.delay.undelivered";
/// Where messages are due that the broker cannot deliver by itself.
pub(super) const HOP_QUEUE: &str = "usm.delay.due";

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

/// Every level, the shortest first.
pub(super) fn levels() -> impl Iterator<Item = Level> {
    (0..LEVELS).map(|level| {
        let before = "*.".repeat((LEVELS - 1 - level) as usize);
        Level {
            name: name(level),
            ttl: STEP * (1 << level),
            waits: format!("{before}1.#"),
            passes: format!("{before}0.#"),
            next: if level == 0 { DELIVER_EXCHANGE.to_owned() } else { name(level - 1) },
        }
    })
}

fn name(level: u32) -> String {
    format!("usm.delay.{}", (STEP * (1 << level)).as_millis())
}

/// One way down the ladder, and what of a long delay is left after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass {
    steps: u32,
    /// To be waited in further passes.
    pub(super) rest: Duration,
}

impl Pass {
    /// The first pass of a delay; `None` when there is nothing to wait for.
    pub(super) fn new(delay: Duration) -> Option<Self> {
        if delay.is_zero() {
            return None;
        }
        let steps = delay.as_nanos().div_ceil(STEP.as_nanos());
        match u32::try_from(steps) {
            Ok(steps) if steps <= MAX_STEPS => Some(Self { steps, rest: Duration::ZERO }),
            _ => Some(Self { steps: MAX_STEPS, rest: delay - STEP * MAX_STEPS }),
        }
    }

    /// The exchange of the highest level it waits in.
    pub(super) fn exchange(self) -> String {
        name(self.steps.ilog2())
    }

    /// The bits, the highest first.
    pub(super) fn routing_key(self) -> String {
        let bits = (0..LEVELS).rev().map(|level| if self.steps & (1 << level) == 0 { "0" } else { "1" });
        bits.collect::<Vec<_>>().join(".")
    }
}

/// Whether the broker's own dead-lettering in this queue is part of a delay.
pub(super) fn is_ladder(queue: &str) -> bool {
    queue.starts_with("usm.delay.")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::topology::topic_matches;

    /// Walks the ladder as the broker does; returns how long that takes and the queues it waits in.
    fn walk(pass: Pass) -> (Duration, Vec<String>) {
        let levels: Vec<Level> = levels().collect();
        let (mut exchange, key) = (pass.exchange(), pass.routing_key());
        let (mut waited, mut queues) = (Duration::ZERO, Vec::new());
        while exchange != DELIVER_EXCHANGE {
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
        fn a_delay_is_never_too_short_and_less_than_a_step_too_long(millis in 1_u64..200_000_000) {
            let delay = Duration::from_millis(millis);
            let mut waited = Duration::ZERO;
            let mut rest = delay;
            while let Some(pass) = Pass::new(rest) {
                let (time, queues) = walk(pass);
                prop_assert_eq!(queues.iter().collect::<BTreeSet<_>>().len(), queues.len(), "no queue twice");
                waited += time;
                rest = pass.rest;
            }
            prop_assert!(waited >= delay && waited < delay + STEP, "{waited:?} for {delay:?}");
        }
    }

    #[test]
    fn no_delay_needs_no_way() {
        assert_eq!(Pass::new(Duration::ZERO), None);
    }

    #[test]
    fn the_ladder_of_the_guides_topology_fits_a_plan_of_25_queues() {
        let guide = 3 + 2;

        assert!(guide + levels().count() + 1 < 25);
        assert!(levels().all(|level| is_ladder(&level.name)) && is_ladder(HOP_QUEUE));
    }
}
