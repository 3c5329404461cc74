//! What went wrong with questions that are asked several at once: what follows for those not asked yet, and for the
//! attempt.

use std::time::Duration;

use usm_queue::TaskError;

use super::failure::{NoAnswer, Remedy, reason, remedy};

/// The questions that were not answered, each named by a `K`.
#[derive(Debug)]
pub(super) struct Setbacks<K> {
    is_last_attempt: bool,
    /// Shortest wait of the rate limits, with its reason.
    wait: Option<(Duration, String)>,
    /// Worth another attempt.
    again: Option<usm_ai::Error>,
    /// The service does not answer just now.
    is_down: bool,
    /// Somebody must change something first: where in `lost`.
    hopeless: Option<usize>,
    /// Will not be answered by this job.
    lost: Vec<(K, usm_ai::Error)>,
}

impl<K> Setbacks<K> {
    pub(super) fn new(is_last_attempt: bool) -> Self {
        let (wait, again, hopeless) = (None, None, None);
        Self { is_last_attempt, wait, again, is_down: false, hopeless, lost: Vec::new() }
    }

    /// Whether another question may fare better now.
    pub(super) fn may_go_on(&self) -> bool {
        self.wait.is_none() && self.hopeless.is_none() && !self.is_down
    }

    /// Adds a question that was not answered.
    ///
    /// # Errors
    ///
    /// The job should stop.
    pub(super) fn add(&mut self, question: K, failure: NoAnswer) -> Result<(), TaskError> {
        let NoAnswer::Failed(error) = failure else { return Err(failure.into()) };
        match remedy(&error) {
            Remedy::Wait(delay) => {
                if self.wait.as_ref().is_none_or(|(shortest, _)| delay < *shortest) {
                    self.wait = Some((delay, reason(&error)));
                }
            }
            // An overloaded service will not fare better with the next question, unless there is no later.
            Remedy::TryAgain if !self.is_last_attempt => {
                self.is_down |= error.is_transient();
                self.again.get_or_insert(error);
            }
            Remedy::CallPerson => {
                self.hopeless.get_or_insert(self.lost.len());
                self.lost.push((question, error));
            }
            Remedy::TryAgain | Remedy::GiveUp => self.lost.push((question, error)),
        }
        Ok(())
    }

    /// What will not be answered by this job and why, when the attempt may end; `not_asked` are the questions left.
    ///
    /// # Errors
    ///
    /// Another attempt is worth while, or nothing at all was made.
    pub(super) fn settle(
        self,
        is_something_made: bool,
        not_asked: impl IntoIterator<Item = K>,
    ) -> Result<Vec<(K, String)>, TaskError> {
        if let Some((delay, reason)) = self.wait {
            return Err(TaskError::snooze(delay, reason));
        }
        if let Some(error) = self.again {
            return Err(NoAnswer::Failed(error).into());
        }
        let hopeless = self.hopeless.map(|place| reason(&self.lost[place].1)).unwrap_or_default();
        let mut lost = self.lost;
        if !is_something_made && !lost.is_empty() {
            let (_, error) = lost.swap_remove(self.hopeless.unwrap_or(0));
            return Err(NoAnswer::Failed(error).into());
        }
        let lost = lost.into_iter().map(|(question, error)| (question, reason(&error)));
        Ok(lost.chain(not_asked.into_iter().map(|question| (question, hopeless.clone()))).collect())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use usm_ai::{Error, ErrorKind};
    use usm_queue::Verdict;

    use super::*;

    fn failed(kind: ErrorKind) -> NoAnswer {
        NoAnswer::Failed(Error::new(kind, "").at("groq", "m"))
    }

    fn limited(seconds: u64) -> NoAnswer {
        NoAnswer::Failed(
            Error::new(ErrorKind::RateLimited, "").with_retry_after(Duration::from_secs(seconds)),
        )
    }

    #[test]
    fn rate_limits_end_the_attempt_with_the_shortest_wait() {
        let mut setbacks = Setbacks::new(false);
        for (question, failure) in [(0, limited(9)), (1, failed(ErrorKind::Malformed)), (2, limited(4))] {
            setbacks.add(question, failure).unwrap();
        }

        assert!(!setbacks.may_go_on());
        let verdict = setbacks.settle(true, []).unwrap_err().verdict();
        assert_eq!(verdict, Verdict::Snooze(Duration::from_secs(4)));
    }

    #[test]
    fn what_may_succeed_later_is_left_to_later_attempts_while_there_are_any() {
        let mut nonsense = Setbacks::new(false);
        nonsense.add(0, failed(ErrorKind::Malformed)).unwrap();
        assert!(nonsense.may_go_on(), "the other questions have nothing to do with it");
        assert_eq!(nonsense.settle(true, []).unwrap_err().verdict(), Verdict::Retry);

        let mut down = Setbacks::new(false);
        down.add(0, failed(ErrorKind::Overloaded)).unwrap();
        assert!(!down.may_go_on());

        let mut last = Setbacks::new(true);
        last.add(0, failed(ErrorKind::Overloaded)).unwrap();
        assert!(last.may_go_on());
        let lost = last.settle(true, []).unwrap();
        assert!(lost.len() == 1 && lost[0].1.contains("overloaded"), "{lost:?}");
    }

    #[test]
    fn a_refused_key_names_the_reason_for_all_that_was_not_asked() {
        let mut setbacks = Setbacks::new(false);
        setbacks.add(1, failed(ErrorKind::Unauthorized)).unwrap();

        assert!(!setbacks.may_go_on());
        let lost = setbacks.settle(true, [2, 3]).unwrap();

        let questions: Vec<i32> = lost.iter().map(|(question, _)| *question).collect();
        assert_eq!(questions, [1, 2, 3]);
        assert!(lost.iter().all(|(_, reason)| reason.contains("check the key")), "{lost:?}");
    }

    #[test]
    fn nothing_made_is_a_failed_attempt() {
        let mut refused = Setbacks::new(false);
        refused.add(0, failed(ErrorKind::Blocked)).unwrap();
        refused.add(1, failed(ErrorKind::Unauthorized)).unwrap();
        assert!(refused.settle(false, []).unwrap_err().to_string().contains("check the key"));

        assert_eq!(Setbacks::<i32>::new(false).settle(false, []).unwrap(), []);
    }
}
