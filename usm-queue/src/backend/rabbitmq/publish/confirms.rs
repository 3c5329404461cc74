//! Which publish a returned message belongs to.
//!
//! The broker returns a message that reaches no queue, then confirms it. The client library hands the oldest returned
//! message to whichever confirmation comes next, which may be another publish's. So the confirmations that have come are
//! looked at together, and returned messages are matched by what identifies them.

use std::collections::HashMap;

use crate::{
    backend::rabbitmq::wire::Key,
    error::{Error, ErrorKind},
};

/// How a publish ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The broker has it.
    Confirmed,
    /// It reaches no queue.
    Returned,
    /// A queue refused it.
    Refused,
    /// The channel was lost first; the broker may have it or not.
    Lost(Loss),
}

/// Why a channel was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) why: String,
    /// Somebody published to an exchange that does not exist.
    pub(super) not_found: bool,
    /// The user may not write to an exchange that somebody published to; `why` names it.
    pub(super) denied: bool,
}

impl Loss {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), not_found: false, denied: false }
    }

    /// Whether this publisher is the one that may not write.
    pub(super) fn is_denied_to(&self, exchange: &str) -> bool {
        let name = if exchange.is_empty() { "amq.default" } else { exchange };
        self.denied && self.why.contains(&format!("exchange '{name}'"))
    }
}

/// What a caller is told after a loss.
pub(super) fn unknown(why: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "the connection was lost before the broker confirmed ({why}); it may have the message or not"
        ),
    )
}

/// A publish whose confirmation has come, or whose channel was lost.
#[derive(Debug)]
pub(super) struct Done<T> {
    pub(super) key: Key,
    pub(super) caller: T,
    pub(super) answer: Result<Answer, Loss>,
}

/// A confirmation as the client library tells it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) accepted: bool,
    /// The returned message it was handed, perhaps another publish's.
    pub(super) carried: Option<Key>,
}

/// Returned messages whose publish has not been confirmed yet, and publishes that wait for theirs.
#[derive(Debug)]
pub(super) struct Confirms<T> {
    returned: HashMap<Key, usize>,
    doubtful: Vec<(Key, bool, T)>,
}

impl<T> Default for Confirms<T> {
    fn default() -> Self {
        Self { returned: HashMap::new(), doubtful: Vec::new() }
    }
}

impl<T> Confirms<T> {
    /// Looks at everything that has come by now, in one go; gives `tell` each publish whose outcome is certain.
    ///
    /// A confirmation that carries nothing was made when no returned message was left, its own included. One that
    /// carries another's may have its own still in line; a later one that carries nothing, or the end of all, tells.
    pub(super) fn sweep(
        &mut self,
        done: impl IntoIterator<Item = Done<T>>,
        none_in_flight: bool,
        mut tell: impl FnMut(T, Outcome),
    ) {
        let (mut certain, mut doubtful) = (Vec::new(), Vec::new());
        let (mut line_was_empty, mut lost) = (false, None);
        for Done { key, caller, answer } in done {
            match answer {
                Ok(Answer { accepted, carried: None }) => {
                    line_was_empty = true;
                    certain.push((key, accepted, caller));
                }
                Ok(Answer { accepted, carried: Some(carried) }) => {
                    *self.returned.entry(carried).or_default() += 1;
                    if carried == key {
                        certain.push((key, accepted, caller));
                    } else {
                        doubtful.push((key, accepted, caller));
                    }
                }
                Err(loss) => {
                    tell(caller, Outcome::Lost(loss.clone()));
                    lost = Some(loss);
                }
            }
        }
        let waiting = std::mem::take(&mut self.doubtful);
        if line_was_empty || none_in_flight {
            certain.extend(waiting);
        } else {
            doubtful.extend(waiting);
        }
        if none_in_flight {
            certain.append(&mut doubtful);
        }
        for (key, accepted, caller) in certain {
            let outcome = self.outcome(key, accepted);
            tell(caller, outcome);
        }
        for (key, accepted, caller) in doubtful {
            if self.returned.contains_key(&key) {
                let outcome = self.outcome(key, accepted);
                tell(caller, outcome);
            } else if let Some(loss) = &lost {
                tell(caller, Outcome::Lost(loss.clone()));
            } else {
                self.doubtful.push((key, accepted, caller));
            }
        }
        if none_in_flight {
            self.returned.clear();
        }
    }

    fn outcome(&mut self, key: Key, accepted: bool) -> Outcome {
        match self.returned.get_mut(&key) {
            Some(count) => {
                *count -= 1;
                if *count == 0 {
                    self.returned.remove(&key);
                }
                Outcome::Returned
            }
            None if accepted => Outcome::Confirmed,
            None => Outcome::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use proptest::prelude::*;

    use super::*;

    fn key(id: usize) -> Key {
        Key::new(&id.to_string(), "e", "k")
    }

    fn done(id: usize, carried: Option<usize>) -> Done<usize> {
        let carried = carried.map(key);
        Done { key: key(id), caller: id, answer: Ok(Answer { accepted: true, carried }) }
    }

    fn sweep(confirms: &mut Confirms<usize>, all: Vec<Done<usize>>, last: bool) -> BTreeMap<usize, Outcome> {
        let mut told = BTreeMap::new();
        confirms.sweep(all, last, |caller, outcome| {
            assert_eq!(told.insert(caller, outcome), None, "told once");
        });
        told
    }

    #[test]
    fn a_foreign_return_is_given_to_its_owner() {
        let mut confirms = Confirms::default();

        let told = sweep(&mut confirms, vec![done(1, Some(2)), done(2, None)], false);
        assert_eq!(told, BTreeMap::from([(2, Outcome::Returned)]), "the first may have its own in line yet");

        let told = sweep(&mut confirms, vec![done(3, None)], false);
        assert_eq!(told, BTreeMap::from([(1, Outcome::Confirmed), (3, Outcome::Confirmed)]));
    }

    #[test]
    fn a_publish_with_a_foreign_return_waits_for_its_own() {
        let mut confirms = Confirms::default();

        assert_eq!(sweep(&mut confirms, vec![done(2, Some(1))], false), BTreeMap::new());
        let told = sweep(&mut confirms, vec![done(1, Some(2))], false);

        assert_eq!(told, BTreeMap::from([(1, Outcome::Returned), (2, Outcome::Returned)]));
    }

    #[test]
    fn a_lost_channel_leaves_the_doubtful_in_doubt() {
        let mut confirms = Confirms::default();
        let loss = Loss::new("gone");
        assert_eq!(sweep(&mut confirms, vec![done(2, Some(1))], false), BTreeMap::new());

        let lost = Done { key: key(1), caller: 1, answer: Err(loss.clone()) };
        let told = sweep(
            &mut confirms,
            vec![lost, Done { key: key(3), caller: 3, answer: Err(loss.clone()) }],
            false,
        );

        assert_eq!(told.get(&2), Some(&Outcome::Lost(loss)));
    }

    proptest! {
        /// The client library, as it behaves: returns in publish order before their confirms, confirms in any order,
        /// each taking the oldest waiting return, looked at in sweeps of any size.
        #[test]
        fn every_publish_learns_its_own_fate(
            bad in prop::collection::vec(any::<bool>(), 1..40),
            order in prop::collection::vec(any::<prop::sample::Index>(), 40),
            sweeps in prop::collection::vec(1_usize..6, 40),
        ) {
            let mut confirms = Confirms::default();
            let mut told = BTreeMap::new();
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
                finished.push_back(done(id, line.pop_front()));
            }
            let mut sizes = sweeps.into_iter().cycle();
            while !finished.is_empty() {
                let size = sizes.next().unwrap_or(1).min(finished.len());
                let some: Vec<_> = finished.drain(..size).collect();
                told.extend(sweep(&mut confirms, some, finished.is_empty()));
            }
            for (id, bad) in bad.into_iter().enumerate() {
                let expected = if bad { Outcome::Returned } else { Outcome::Confirmed };
                prop_assert_eq!(told.get(&id), Some(&expected), "publish {}", id);
            }
        }
    }
}
