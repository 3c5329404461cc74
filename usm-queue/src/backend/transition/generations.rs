//! Which of a job's messages counts, where an edit has put another in its place: arithmetic only.
//!
//! Every message carries a number, 0 where it tells none. An editor reserves a number that nobody has, publishes its message under
//! it, and then commits it. Whichever comes first of a commit and a worker's claim decides: all other numbers that were reserved by
//! then are void for ever, and the messages that carry them are superseded.

use std::{fmt, str::FromStr};

/// The numbers of a job's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Generations {
    /// That of the message that counts.
    pub current: u64,
    /// The greatest that was given away.
    pub reserved: u64,
    /// Up to here none but the current one counts.
    pub voided: u64,
}

impl Generations {
    /// Those of a job whose message has this number.
    pub fn of(current: u64) -> Self {
        Self { current, reserved: current, voided: current }
    }

    /// A number that no message has.
    pub(super) fn reserve(&mut self) -> u64 {
        self.reserved = self.reserved.saturating_add(1);
        self.reserved
    }

    /// Whether a message with this number counts, now or once it arrives.
    pub(super) fn counts(&self, number: u64) -> bool {
        number == self.current || number > self.voided
    }

    /// Makes a number that counts the current one. `false` where it does not count.
    pub(super) fn adopt(&mut self, number: u64) -> bool {
        let counts = self.counts(number);
        if counts {
            self.current = number;
            self.reserved = self.reserved.max(number);
            self.voided = self.reserved;
        }
        counts
    }
}

/// As the stores keep it.
impl fmt::Display for Generations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.current, self.reserved, self.voided)
    }
}

impl FromStr for Generations {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.split(' ').map(str::parse);
        let mut next = || numbers.next().unwrap_or(Ok(0));
        Ok(Self { current: next()?, reserved: next()?, voided: next()? })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn of_two_editors_at_once_the_first_to_commit_voids_the_other() {
        let mut numbers = Generations::default();
        let (one, two) = (numbers.reserve(), numbers.reserve());

        assert!(numbers.adopt(two) && !numbers.adopt(one) && !numbers.counts(0));

        let three = numbers.reserve();
        assert!(numbers.adopt(three) && !numbers.counts(two));
    }

    #[test]
    fn a_claim_of_the_current_message_voids_what_was_reserved() {
        let mut numbers = Generations::default();
        let reserved = numbers.reserve();

        assert!(numbers.adopt(0) && !numbers.adopt(reserved));

        assert!(numbers.counts(0), "its retries go on under its number");
    }

    #[test]
    fn a_record_that_is_older_than_its_message_follows_it() {
        let mut numbers = Generations::default();
        assert!(numbers.adopt(7));
        assert_eq!(numbers, Generations::of(7));
    }

    #[test]
    fn a_job_that_was_never_edited_stays_as_it_is() {
        let mut numbers = Generations::default();
        assert!(numbers.adopt(0));
        assert_eq!(numbers, Generations::default());
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let numbers = Generations { current: 3, reserved: 9, voided: 7 };
        assert_eq!(numbers.to_string().parse::<Generations>().unwrap(), numbers);
        assert_eq!("4".parse::<Generations>().unwrap().current, 4);
    }
}
