//! Acknowledgements of one consumer, collected for a moment and sent together.
//!
//! Each one that is sent alone wakes a thread here and a process of the broker, a good part of the cost of a short job. The
//! broker answers none of them. If one can no longer be sent, its message is redelivered, and the claim of the job absorbs
//! that.

use std::{collections::BTreeSet, mem};

/// The unsettled deliveries of one channel, and those of them to be acknowledged.
#[derive(Debug, Default)]
pub(super) struct PendingAcks {
    /// Tags that the broker counts as delivered. A tag is removed only after its settlement was sent: a multiple
    /// acknowledgement covers all smaller tags, and none may be settled twice.
    unsettled: BTreeSet<u64>,
    waiting: Vec<u64>,
    /// Whether somebody will send them in a moment.
    scheduled: bool,
}

/// One acknowledgement to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) tag: u64,
    /// Whether it also covers all smaller tags.
    pub(super) multiple: bool,
}

/// When the caller has to send the waiting acknowledgements.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SendAcks {
    /// Now: enough of them wait.
    Now,
    /// In a moment.
    Soon,
    /// Not at all: another caller does.
    Scheduled,
}

impl PendingAcks {
    pub(super) fn delivered(&mut self, tag: u64) {
        self.unsettled.insert(tag);
    }

    /// A delivery was given back, and that was sent.
    pub(super) fn given_back(&mut self, tag: u64) {
        self.unsettled.remove(&tag);
    }

    /// Adds one; a full `batch` of them does not wait.
    pub(super) fn add(&mut self, tag: u64, batch: usize) -> SendAcks {
        self.waiting.push(tag);
        if self.waiting.len() >= batch {
            SendAcks::Now
        } else if mem::replace(&mut self.scheduled, true) {
            SendAcks::Scheduled
        } else {
            SendAcks::Soon
        }
    }

    /// What to send for all that wait.
    pub(super) fn take(&mut self) -> Vec<Ack> {
        self.scheduled = false;
        let mut waiting = mem::take(&mut self.waiting);
        waiting.sort_unstable();
        let prefix = self
            .unsettled
            .iter()
            .zip(&waiting)
            .take_while(|(unsettled, waiting)| unsettled == waiting)
            .count();
        let later = waiting.split_off(prefix);
        let first = waiting.last().map(|&tag| Ack { tag, multiple: waiting.len() > 1 });
        let later = later.into_iter().map(|tag| Ack { tag, multiple: false });
        first.into_iter().chain(later).collect()
    }

    pub(super) fn sent(&mut self, ack: Ack) {
        if ack.multiple {
            // Everything smaller was acknowledged: deliveries that arrived since have larger tags.
            self.unsettled = self.unsettled.split_off(&(ack.tag + 1));
        } else {
            self.unsettled.remove(&ack.tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unsettled(tags: impl IntoIterator<Item = u64>) -> PendingAcks {
        PendingAcks { unsettled: tags.into_iter().collect(), ..PendingAcks::default() }
    }

    fn tags(acks: &[Ack]) -> Vec<(u64, bool)> {
        acks.iter().map(|ack| (ack.tag, ack.multiple)).collect()
    }

    #[test]
    fn the_first_waits_and_a_full_batch_is_sent() {
        let mut acks = unsettled(1..=4);
        assert_eq!(acks.add(1, 3), SendAcks::Soon);
        assert_eq!(acks.add(2, 3), SendAcks::Scheduled);
        assert_eq!(acks.add(3, 3), SendAcks::Now);
        assert_eq!(acks.take().len(), 1);
        assert_eq!(acks.add(4, 3), SendAcks::Soon);
    }

    #[test]
    fn with_a_prefetch_of_one_none_waits() {
        assert_eq!(unsettled([1]).add(1, 1), SendAcks::Now);
    }

    #[test]
    fn those_before_all_unsettled_ones_are_sent_as_one() {
        let mut acks = unsettled(1..=6);
        for tag in [6, 3, 1, 2] {
            acks.add(tag, usize::MAX);
        }
        assert_eq!(tags(&acks.take()), [(3, true), (6, false)]);
        assert_eq!(acks.take(), []);
    }

    #[test]
    fn nothing_is_covered_that_is_being_settled() {
        let mut acks = unsettled(1..=3);
        acks.add(1, usize::MAX);
        let first = acks.take();
        acks.add(2, usize::MAX);
        assert_eq!(tags(&acks.take()), [(2, false)]);
        acks.sent(first[0]);
        acks.add(3, usize::MAX);
        // 2 was not reported as sent.
        assert_eq!(tags(&acks.take()), [(3, false)]);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Deliver,
        Ack(prop::sample::Index),
        GiveBack(prop::sample::Index),
        Take,
        Sent(prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let index = any::<prop::sample::Index>;
        let step = prop_oneof![
            3 => Just(Step::Deliver),
            3 => index().prop_map(Step::Ack),
            1 => index().prop_map(Step::GiveBack),
            2 => Just(Step::Take),
            2 => index().prop_map(Step::Sent),
        ];
        prop::collection::vec(step, 0..80)
    }

    fn pick<T>(from: &mut Vec<T>, index: &prop::sample::Index) -> Option<T> {
        (!from.is_empty()).then(|| from.remove(index.index(from.len())))
    }

    proptest! {
        /// The broker's view: an acknowledgement settles its tag and, if multiple, all smaller unsettled ones. It may
        /// arrive any time after it was taken here; frames do not overtake each other.
        #[test]
        fn each_delivery_is_settled_once_and_none_that_runs(steps in steps()) {
            let (mut acks, mut next) = (PendingAcks::default(), 0);
            let (mut running, mut at_broker) = (Vec::new(), BTreeSet::new());
            let (mut wanted, mut on_their_way) = (BTreeSet::new(), Vec::new());
            for step in steps.iter().chain([&Step::Take]) {
                match step {
                    Step::Deliver => {
                        next += 1;
                        acks.delivered(next);
                        running.push(next);
                        at_broker.insert(next);
                    }
                    Step::Ack(index) => if let Some(tag) = pick(&mut running, index) {
                        wanted.insert(tag);
                        acks.add(tag, usize::MAX);
                    },
                    Step::GiveBack(index) => if let Some(tag) = pick(&mut running, index) {
                        prop_assert!(at_broker.remove(&tag));
                        acks.given_back(tag);
                    },
                    Step::Take => for ack in acks.take() {
                        let covered: Vec<_> = match ack.multiple {
                            true => at_broker.range(..=ack.tag).copied().collect(),
                            false => at_broker.get(&ack.tag).copied().into_iter().collect(),
                        };
                        prop_assert!(!covered.is_empty(), "the broker does not know {ack:?}");
                        for tag in covered {
                            prop_assert!(wanted.contains(&tag), "{tag} must not be acknowledged: {ack:?}");
                            at_broker.remove(&tag);
                        }
                        on_their_way.push(ack);
                    },
                    Step::Sent(index) => if let Some(ack) = pick(&mut on_their_way, index) {
                        acks.sent(ack);
                    },
                }
            }
            prop_assert_eq!(at_broker, running.into_iter().collect());
        }
    }
}
