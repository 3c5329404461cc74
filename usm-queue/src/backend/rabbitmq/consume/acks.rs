//! Acknowledgements of one consumer, gathered for a moment and sent together.
//!
//! Each that travels alone wakes a thread here and a process of the broker: of a short job that is a good part of the cost.
//! The broker answers none; one that is not sent any more lets its message come again, which the claim of the job absorbs.

use std::{collections::BTreeSet, mem};

/// What was delivered by one channel and is not settled, and what is to be acknowledged of it.
#[derive(Debug, Default)]
pub(super) struct Acks {
    /// What the broker holds as delivered. A tag leaves it only when what settles it was sent: an acknowledgement of
    /// several covers all that are smaller, and nothing may be settled twice.
    held: BTreeSet<u64>,
    waiting: Vec<u64>,
    gathering: bool,
}

/// One acknowledgement to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) tag: u64,
    /// Whether it stands for all earlier ones that are held, too.
    pub(super) multiple: bool,
}

/// What is to be done about acknowledgements that wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Enough of them wait.
    Send,
    /// Nobody gathers yet: whoever asked sends them in a moment.
    Gather,
    /// Somebody will.
    Nothing,
}

impl Acks {
    pub(super) fn delivered(&mut self, tag: u64) {
        self.held.insert(tag);
    }

    /// It was given back, and that was sent.
    pub(super) fn given_back(&mut self, tag: u64) {
        self.held.remove(&tag);
    }

    /// Adds one; `enough` of them are not kept waiting.
    pub(super) fn add(&mut self, tag: u64, enough: usize) -> Next {
        self.waiting.push(tag);
        if self.waiting.len() >= enough {
            Next::Send
        } else if mem::replace(&mut self.gathering, true) {
            Next::Nothing
        } else {
            Next::Gather
        }
    }

    /// What to send for everything that waits.
    pub(super) fn take(&mut self) -> Vec<Ack> {
        self.gathering = false;
        let mut waiting = mem::take(&mut self.waiting);
        waiting.sort_unstable();
        let prefix = self.held.iter().zip(&waiting).take_while(|(held, waiting)| held == waiting).count();
        let later = waiting.split_off(prefix);
        let first = waiting.last().map(|&tag| Ack { tag, multiple: waiting.len() > 1 });
        let later = later.into_iter().map(|tag| Ack { tag, multiple: false });
        first.into_iter().chain(later).collect()
    }

    pub(super) fn sent(&mut self, ack: Ack) {
        if ack.multiple {
            // Nothing else is this small: only later deliveries came since, and their tags are larger.
            self.held = self.held.split_off(&(ack.tag + 1));
        } else {
            self.held.remove(&ack.tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holding(tags: impl IntoIterator<Item = u64>) -> Acks {
        Acks { held: tags.into_iter().collect(), ..Acks::default() }
    }

    fn tags(acks: &[Ack]) -> Vec<(u64, bool)> {
        acks.iter().map(|ack| (ack.tag, ack.multiple)).collect()
    }

    #[test]
    fn the_first_gathers_and_enough_are_sent() {
        let mut acks = holding(1..=4);
        assert_eq!(acks.add(1, 3), Next::Gather);
        assert_eq!(acks.add(2, 3), Next::Nothing);
        assert_eq!(acks.add(3, 3), Next::Send);
        assert_eq!(acks.take().len(), 1);
        assert_eq!(acks.add(4, 3), Next::Gather);
    }

    #[test]
    fn where_only_one_is_in_flight_none_waits() {
        assert_eq!(holding([1]).add(1, 1), Next::Send);
    }

    #[test]
    fn those_before_all_that_are_held_go_as_one() {
        let mut acks = holding(1..=6);
        for tag in [6, 3, 1, 2] {
            acks.add(tag, usize::MAX);
        }
        assert_eq!(tags(&acks.take()), [(3, true), (6, false)]);
        assert_eq!(acks.take(), []);
    }

    #[test]
    fn nothing_is_covered_whose_settlement_is_on_its_way() {
        let mut acks = holding(1..=3);
        acks.add(1, usize::MAX);
        let first = acks.take();
        acks.add(2, usize::MAX);
        assert_eq!(tags(&acks.take()), [(2, false)]);
        acks.sent(first[0]);
        acks.add(3, usize::MAX);
        // 2 was not told to be sent.
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
        /// The broker's view: an acknowledgement takes what it names and, if multiple, all before that are delivered
        /// and unsettled. It may arrive any time after it was taken here; frames do not overtake each other.
        #[test]
        fn each_delivery_is_settled_once_and_none_that_runs(steps in steps()) {
            let (mut acks, mut next) = (Acks::default(), 0);
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
                            prop_assert!(wanted.contains(&tag), "{tag} was not to be acknowledged: {ack:?}");
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
