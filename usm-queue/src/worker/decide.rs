//! What follows an attempt: one pure function from its outcome to the record's change and the message's fate.

use std::time::Duration;

use serde_json::Value;

use crate::{backend::JobUpdate, error::short, job::Job, retry::RetryPolicy, task::Verdict};

/// Longest error text kept with a job, in characters.
pub(crate) const ERROR_CHARS: usize = 4000;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// The handler returned.
    Completed(Value),
    /// The handler said no.
    Failed(Verdict, String),
    /// It took longer than allowed.
    TimedOut(Duration),
    /// It panicked.
    Panicked(String),
    /// It stopped, or was stopped, because somebody cancelled the job.
    Cancelled,
    /// The worker shuts down and could not wait.
    Interrupted,
}

impl Outcome {
    /// As one of few words, for logs, spans and metrics. Whether another attempt follows is not told by it.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Completed(_) => "ok",
            Self::Failed(Verdict::Permanent, _) => "permanent",
            Self::Failed(Verdict::Cancel, _) | Self::Cancelled => "cancelled",
            Self::Failed(Verdict::Retry | Verdict::RetryAfter(_) | Verdict::Snooze(_), _) => "retry",
            Self::TimedOut(_) => "timeout",
            Self::Panicked(_) => "panic",
            Self::Interrupted => "handed_back",
        }
    }
}

/// What becomes of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Ack,
    RetryAfter(Duration),
    DeadLetter(Reason),
    HandBack,
}

/// Why a message is a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    AttemptsUsedUp,
    Permanent,
    TooOld,
    Undecodable,
    UnknownTask,
}

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AttemptsUsedUp => "attempts used up",
            Self::Permanent => "permanent error",
            Self::TooOld => "too old to try again",
            Self::Undecodable => "undecodable",
            Self::UnknownTask => "unknown task",
        }
    }
}

/// Decides what follows attempt `job.attempt`, whose job was begun first `tried` ago. `random` in 0..1 spreads retries.
pub(crate) fn decide(
    outcome: Outcome,
    job: &Job,
    policy: &RetryPolicy,
    tried: Duration,
    random: f64,
) -> (JobUpdate, Fate) {
    let (verdict, error) = match outcome {
        Outcome::Completed(result) => return (JobUpdate::Completed(result), Fate::Ack),
        Outcome::Cancelled => return (JobUpdate::Cancelled, Fate::Ack),
        Outcome::Interrupted => return (JobUpdate::Released, Fate::HandBack),
        Outcome::Failed(verdict, error) => (verdict, error),
        Outcome::TimedOut(limit) => {
            (Verdict::Retry, format!("the attempt took longer than {limit:?} and was stopped"))
        }
        Outcome::Panicked(message) => (Verdict::Retry, format!("the handler panicked: {message}")),
    };
    let error = short(&error, ERROR_CHARS);
    let (delay, counted) = match verdict {
        Verdict::Permanent => return (JobUpdate::Failed(error), Fate::DeadLetter(Reason::Permanent)),
        Verdict::Cancel => return (JobUpdate::Cancelled, Fate::Ack),
        Verdict::Snooze(delay) => (Some(delay), false),
        Verdict::RetryAfter(delay) => (policy.next_delay(job.attempt).map(|_| delay), true),
        Verdict::Retry => (policy.next_delay(job.attempt).map(|delay| policy.spread(delay, random)), true),
    };
    let Some(delay) = delay else {
        return (JobUpdate::Failed(error), Fate::DeadLetter(Reason::AttemptsUsedUp));
    };
    if tried.saturating_add(delay) > policy.give_up_after {
        return (JobUpdate::Failed(error), Fate::DeadLetter(Reason::TooOld));
    }
    (JobUpdate::Retry { error, delay, counted }, Fate::RetryAfter(delay))
}

/// How a job ends by what was decided, and why its message becomes a dead letter; `None` where it goes on.
pub(crate) fn end((update, fate): &(JobUpdate, Fate)) -> Option<(&'static str, Option<Reason>)> {
    let outcome = match update {
        JobUpdate::Completed(_) => "completed",
        JobUpdate::Failed(_) => "failed",
        JobUpdate::Cancelled => "cancelled",
        _ => return None,
    };
    Some((outcome, if let Fate::DeadLetter(reason) = fate { Some(*reason) } else { None }))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::{collection::vec, prelude::*};
    use serde_json::json;

    use super::*;
    use crate::job::JobId;

    const SECOND: Duration = Duration::from_secs(1);

    fn failed(verdict: Verdict) -> Outcome {
        Outcome::Failed(verdict, "why".into())
    }

    #[test]
    fn what_follows_each_outcome() {
        let now = Utc::now();
        let policy = RetryPolicy::exponential(3, SECOND).jitter(0.0);
        let retry = |delay, error: &str, counted| {
            (JobUpdate::Retry { error: error.into(), delay, counted }, Fate::RetryAfter(delay))
        };
        let dead = |reason, error: &str| (JobUpdate::Failed(error.into()), Fate::DeadLetter(reason));
        let table = [
            ("completes", Outcome::Completed(json!(1)), 1, (JobUpdate::Completed(json!(1)), Fate::Ack)),
            (
                "completes on the last attempt",
                Outcome::Completed(json!(1)),
                3,
                (JobUpdate::Completed(json!(1)), Fate::Ack),
            ),
            ("fails first", failed(Verdict::Retry), 1, retry(SECOND, "why", true)),
            ("fails again", failed(Verdict::Retry), 2, retry(2 * SECOND, "why", true)),
            ("fails last", failed(Verdict::Retry), 3, dead(Reason::AttemptsUsedUp, "why")),
            ("fails for good", failed(Verdict::Permanent), 1, dead(Reason::Permanent, "why")),
            ("names its delay", failed(Verdict::RetryAfter(9 * SECOND)), 1, retry(9 * SECOND, "why", true)),
            (
                "names its delay last",
                failed(Verdict::RetryAfter(9 * SECOND)),
                3,
                dead(Reason::AttemptsUsedUp, "why"),
            ),
            ("snoozes", failed(Verdict::Snooze(9 * SECOND)), 1, retry(9 * SECOND, "why", false)),
            ("snoozes last", failed(Verdict::Snooze(9 * SECOND)), 3, retry(9 * SECOND, "why", false)),
            (
                "takes too long",
                Outcome::TimedOut(SECOND),
                1,
                retry(SECOND, "the attempt took longer than 1s and was stopped", true),
            ),
            (
                "takes too long last",
                Outcome::TimedOut(SECOND),
                3,
                dead(Reason::AttemptsUsedUp, "the attempt took longer than 1s and was stopped"),
            ),
            ("panics", Outcome::Panicked("oh".into()), 1, retry(SECOND, "the handler panicked: oh", true)),
            (
                "panics last",
                Outcome::Panicked("oh".into()),
                3,
                dead(Reason::AttemptsUsedUp, "the handler panicked: oh"),
            ),
            ("is cancelled", Outcome::Cancelled, 1, (JobUpdate::Cancelled, Fate::Ack)),
            ("cancels its job", failed(Verdict::Cancel), 1, (JobUpdate::Cancelled, Fate::Ack)),
            ("is interrupted", Outcome::Interrupted, 3, (JobUpdate::Released, Fate::HandBack)),
        ];

        for (name, outcome, attempt, expected) in table {
            let mut job = Job::new(JobId::new(), "t", now);
            job.attempt = attempt;

            assert_eq!(
                decide(outcome, &job, &policy, Duration::ZERO, 0.5),
                expected,
                "an attempt that {name}"
            );
        }
    }

    #[test]
    fn a_job_that_only_meets_rate_limits_is_given_up_some_time_after_its_first_attempt() {
        let job = Job::new(JobId::new(), "t", Utc::now());
        let policy = RetryPolicy::default().give_up_after(10 * SECOND);
        let fate = |tried| decide(failed(Verdict::Snooze(SECOND)), &job, &policy, tried, 0.5).1;

        assert_eq!(fate(9 * SECOND), Fate::RetryAfter(SECOND));
        assert_eq!(fate(9 * SECOND + Duration::from_millis(1)), Fate::DeadLetter(Reason::TooOld));
    }

    #[test]
    fn when_a_job_was_enqueued_does_not_matter() {
        let job = Job::new(JobId::new(), "t", DateTime::UNIX_EPOCH);
        let policy = RetryPolicy::default();

        let (_, fate) = decide(failed(Verdict::Retry), &job, &policy, Duration::ZERO, 0.5);

        assert_eq!(fate, Fate::RetryAfter(Duration::from_secs(5)));
    }

    proptest! {
        #[test]
        fn no_delay_age_or_attempt_is_a_panic(
            attempt in any::<u32>(), max_attempts in any::<u32>(), delays in vec(odd_duration(), 4), factor in any::<f64>(),
            jitter in any::<f64>(), random in any::<f64>(),
        ) {
            let mut job = Job::new(JobId::new(), "t", Utc::now());
            job.attempt = attempt;
            let [first_delay, max_delay, give_up_after, named] = delays[..] else { unreachable!() };
            let policy = RetryPolicy { max_attempts, first_delay, factor, max_delay, jitter, give_up_after };

            for verdict in [Verdict::Retry, Verdict::RetryAfter(named), Verdict::Snooze(named)] {
                let (_, fate) = decide(failed(verdict), &job, &policy, first_delay, random);
                if let Fate::RetryAfter(delay) = fate {
                    prop_assert!(first_delay.saturating_add(delay) <= give_up_after);
                }
            }
        }
    }

    /// 0, 1 ms, years, and anything else.
    fn odd_duration() -> impl Strategy<Value = Duration> {
        prop_oneof![
            Just(Duration::ZERO),
            Just(Duration::from_millis(1)),
            Just(Duration::from_secs(10 * 365 * 24 * 3600)),
            Just(Duration::MAX),
            any::<Duration>(),
        ]
    }
}
