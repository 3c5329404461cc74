//! Which publish a returned message belongs to.
//!
//! The broker returns a message that reaches no queue, then confirms it. lapin hands the oldest returned message to
//! whichever confirmation comes next, which may be another publish's. So all confirmations that have arrived are looked at
//! together, and returned messages are matched by their keys.

use std::collections::HashMap;

use super::confirmation::{ChannelLoss, Confirmation};
use crate::backend::rabbitmq::wire::MessageKey;

/// What lapin answered to one publish.
#[derive(Debug)]
pub(super) struct RawConfirmation<T> {
    pub(super) key: MessageKey,
    pub(super) caller: T,
    pub(super) answer: Result<Answer, ChannelLoss>,
}

/// An ack or a nack.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) accepted: bool,
    /// The returned message that lapin attached, perhaps another publish's.
    pub(super) returned: Option<MessageKey>,
}

/// Returned messages whose publish has not been confirmed yet, and publishes that may still have been returned.
#[derive(Debug)]
pub(super) struct ReturnMatcher<T> {
    returned: HashMap<MessageKey, usize>,
    undecided: Vec<(MessageKey, bool, T)>,
}

impl<T> Default for ReturnMatcher<T> {
    fn default() -> Self {
        Self { returned: HashMap::new(), undecided: Vec::new() }
    }
}

impl<T> ReturnMatcher<T> {
    /// Takes all answers that have arrived by now; calls `reply` for each publish whose confirmation is certain.
    ///
    /// An answer without a returned message was made when none was left, so its own publish was not returned. The returned
    /// message of one that carries another's may still be to come: a later answer without one decides, or an empty
    /// pipeline.
    pub(super) fn resolve(
        &mut self,
        answers: impl IntoIterator<Item = RawConfirmation<T>>,
        none_in_flight: bool,
        mut reply: impl FnMut(T, Confirmation),
    ) {
        let (mut certain, mut undecided) = (Vec::new(), Vec::new());
        let (mut none_left, mut lost) = (false, None);
        for RawConfirmation { key, caller, answer } in answers {
            match answer {
                Ok(Answer { accepted, returned: None }) => {
                    none_left = true;
                    certain.push((key, accepted, caller));
                }
                Ok(Answer { accepted, returned: Some(returned) }) => {
                    *self.returned.entry(returned).or_default() += 1;
                    if returned == key {
                        certain.push((key, accepted, caller));
                    } else {
                        undecided.push((key, accepted, caller));
                    }
                }
                Err(loss) => {
                    reply(caller, Confirmation::Lost(loss.clone()));
                    lost = Some(loss);
                }
            }
        }
        let waiting = std::mem::take(&mut self.undecided);
        if none_left || none_in_flight {
            certain.extend(waiting);
        } else {
            undecided.extend(waiting);
        }
        if none_in_flight {
            certain.append(&mut undecided);
        }
        for (key, accepted, caller) in certain {
            reply(caller, self.confirmation(key, accepted));
        }
        for (key, accepted, caller) in undecided {
            if self.returned.contains_key(&key) {
                reply(caller, self.confirmation(key, accepted));
            } else if let Some(loss) = &lost {
                reply(caller, Confirmation::Lost(loss.clone()));
            } else {
                self.undecided.push((key, accepted, caller));
            }
        }
        if none_in_flight {
            self.returned.clear();
        }
    }

    fn confirmation(&mut self, key: MessageKey, accepted: bool) -> Confirmation {
        match self.returned.get_mut(&key) {
            Some(count) => {
                *count -= 1;
                if *count == 0 {
                    self.returned.remove(&key);
                }
                Confirmation::Returned
            }
            None if accepted => Confirmation::Accepted,
            None => Confirmation::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use proptest::prelude::*;

    use super::*;

    fn key(id: usize) -> MessageKey {
        MessageKey::new(&id.to_string(), "e", "k")
    }

    fn answer(id: usize, carried: Option<usize>) -> RawConfirmation<usize> {
        let returned = carried.map(key);
        RawConfirmation { key: key(id), caller: id, answer: Ok(Answer { accepted: true, returned }) }
    }

    fn resolve(
        matcher: &mut ReturnMatcher<usize>,
        all: Vec<RawConfirmation<usize>>,
        last: bool,
    ) -> BTreeMap<usize, Confirmation> {
        let mut replies = BTreeMap::new();
        matcher.resolve(all, last, |caller, confirmation| {
            assert_eq!(replies.insert(caller, confirmation), None, "answered once");
        });
        replies
    }

    #[test]
    fn a_foreign_return_is_given_to_its_owner() {
        let mut matcher = ReturnMatcher::default();

        let replies = resolve(&mut matcher, vec![answer(1, Some(2)), answer(2, None)], false);
        assert_eq!(
            replies,
            BTreeMap::from([(2, Confirmation::Returned)]),
            "the first may have its own in line yet"
        );

        let replies = resolve(&mut matcher, vec![answer(3, None)], false);
        assert_eq!(replies, BTreeMap::from([(1, Confirmation::Accepted), (3, Confirmation::Accepted)]));
    }

    #[test]
    fn a_publish_with_a_foreign_return_waits_for_its_own() {
        let mut matcher = ReturnMatcher::default();

        assert_eq!(resolve(&mut matcher, vec![answer(2, Some(1))], false), BTreeMap::new());
        let replies = resolve(&mut matcher, vec![answer(1, Some(2))], false);

        assert_eq!(replies, BTreeMap::from([(1, Confirmation::Returned), (2, Confirmation::Returned)]));
    }

    #[test]
    fn a_lost_channel_leaves_the_undecided_in_doubt() {
        let mut matcher = ReturnMatcher::default();
        let loss = ChannelLoss::new("gone");
        assert_eq!(resolve(&mut matcher, vec![answer(2, Some(1))], false), BTreeMap::new());

        let lost = RawConfirmation { key: key(1), caller: 1, answer: Err(loss.clone()) };
        let replies = resolve(
            &mut matcher,
            vec![lost, RawConfirmation { key: key(3), caller: 3, answer: Err(loss.clone()) }],
            false,
        );

        assert_eq!(replies.get(&2), Some(&Confirmation::Lost(loss)));
    }

    proptest! {
        /// As lapin behaves: returns in publish order before their confirms, confirms in any order,
        /// each with the oldest waiting return, resolved in batches of any size.
        #[test]
        fn every_publish_gets_its_own_confirmation(
            bad in prop::collection::vec(any::<bool>(), 1..40),
            order in prop::collection::vec(any::<prop::sample::Index>(), 40),
            batches in prop::collection::vec(1_usize..6, 40),
        ) {
            let mut matcher = ReturnMatcher::default();
            let mut replies = BTreeMap::new();
            let (mut line, mut pending) = (VecDeque::new(), Vec::new());
            for (id, bad) in bad.iter().enumerate() {
                pending.push(id);
                if *bad {
                    line.push_back(id);
                }
            }
            let mut finished = VecDeque::new();
            for pick in order {
                if pending.is_empty() {
                    break;
                }
                let id = pending.remove(pick.index(pending.len()));
                finished.push_back(answer(id, line.pop_front()));
            }
            let mut sizes = batches.into_iter().cycle();
            while !finished.is_empty() {
                let size = sizes.next().unwrap_or(1).min(finished.len());
                let some: Vec<_> = finished.drain(..size).collect();
                replies.extend(resolve(&mut matcher, some, finished.is_empty()));
            }
            for (id, bad) in bad.into_iter().enumerate() {
                let expected = if bad { Confirmation::Returned } else { Confirmation::Accepted };
                prop_assert_eq!(replies.get(&id), Some(&expected), "publish {}", id);
            }
        }
    }
}
