//! When a candidate is left alone and when it may be asked again: a pure circuit breaker.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Error, ErrorKind, clock::FAR_AWAY};

/// How long a candidate that fails is left alone, for all calls of the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cooldowns {
    /// Failures in a row (5xx, time-outs, broken connections) after which a candidate rests; 5 by default.
    pub failures: u32,
    /// The first such rest, also used after a rate limit that names no wait; doubled each time, with up to a quarter of
    /// jitter. 5 s by default.
    pub first: Duration,
    /// The longest of these rests, before jitter; 5 minutes by default.
    pub longest: Duration,
    /// Rest after a failure that a person has to fix: a refused key, a spent quota, a model that is gone. 10 minutes
    /// by default.
    pub lasting: Duration,
    /// A service that names a longer wait than this is asked again after this; 24 h by default.
    pub longest_told: Duration,
}

impl Default for Cooldowns {
    fn default() -> Self {
        Self {
            failures: 5,
            first: Duration::from_secs(5),
            longest: Duration::from_secs(300),
            lasting: Duration::from_secs(600),
            longest_told: Duration::from_secs(24 * 3600),
        }
    }
}

/// One candidate's breaker: closed, resting, or half open with one probe under way.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: State,
    /// Failures in a row.
    failures: u32,
    /// Rests since the last success.
    rests: u32,
    /// Counts the changes of state: the outcome of a call that began before the last change is out of date.
    epoch: u64,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    Resting {
        until: Instant,
        /// Whether one call has to try before the others; not after a rate limit, because the service has named its end.
        probe_first: bool,
        because: Because,
    },
    Probing {
        because: Because,
    },
}

/// The failure that began a rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Because {
    pub(super) kind: ErrorKind,
    pub(super) status: Option<u16>,
    pub(super) excerpt: String,
}

/// A call that may go out; its outcome must be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    epoch: u64,
    probe: bool,
}

/// A call that may not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rest {
    pub(super) left: Duration,
    pub(super) because: Because,
}

/// What became of a call.
#[derive(Debug)]
pub(super) enum Outcome<'a> {
    /// It was answered.
    Answered,
    Failed(&'a Error),
    /// The caller went away.
    Abandoned,
}

impl Breaker {
    /// Whether a call may go out now.
    pub(super) fn admit(&mut self, now: Instant, settings: &Cooldowns) -> Result<Ticket, Rest> {
        match &self.state {
            State::Closed => {}
            State::Resting { until, because, .. } if now < *until => {
                return Err(Rest { left: *until - now, because: because.clone() });
            }
            State::Resting { probe_first: false, .. } => self.turn(State::Closed),
            State::Resting { probe_first: true, because, .. } => {
                let because = because.clone();
                self.turn(State::Probing { because });
                return Ok(Ticket { epoch: self.epoch, probe: true });
            }
            State::Probing { because } => {
                return Err(Rest { left: settings.first, because: because.clone() });
            }
        }
        Ok(Ticket { epoch: self.epoch, probe: false })
    }

    /// How long it still rests, and why; as [`Breaker::admit`], but without taking a ticket.
    pub(super) fn rest(&self, now: Instant, settings: &Cooldowns) -> Option<Rest> {
        match &self.state {
            State::Resting { until, because, .. } if now < *until => {
                Some(Rest { left: *until - now, because: because.clone() })
            }
            State::Probing { because } => Some(Rest { left: settings.first, because: because.clone() }),
            _ => None,
        }
    }

    /// Records the outcome of a call. `jitter` is from 0 to 1.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        outcome: Outcome<'_>,
        now: Instant,
        settings: &Cooldowns,
        jitter: f64,
    ) {
        let current = ticket.epoch == self.epoch;
        let Outcome::Failed(error) = outcome else {
            match outcome {
                Outcome::Abandoned if current && ticket.probe => self.give_up_probe(now),
                Outcome::Answered if current => self.recover(),
                _ => {}
            }
            return;
        };
        let told = error.retry_after().map(|told| told.min(settings.longest_told));
        match error.kind() {
            ErrorKind::RateLimited => {
                let rest = told.unwrap_or_else(|| self.next_rest(settings, jitter));
                self.rest_for(rest, now, false, error);
            }
            kind if is_lasting(kind) => self.rest_for(settings.lasting, now, true, error),
            ErrorKind::Overloaded | ErrorKind::Timeout | ErrorKind::Network => {
                if let Some(told) = told {
                    return self.rest_for(told, now, true, error);
                }
                if !current {
                    return;
                }
                self.failures = self.failures.saturating_add(1);
                if ticket.probe || self.failures >= settings.failures {
                    let rest = self.next_rest(settings, jitter);
                    self.rest_for(rest, now, true, error);
                }
            }
            // Whatever is wrong with the question or the answer, the service is up.
            _ if current => self.recover(),
            _ => {}
        }
    }

    fn recover(&mut self) {
        self.failures = 0;
        self.rests = 0;
        if !matches!(self.state, State::Closed) {
            self.turn(State::Closed);
        }
    }

    fn give_up_probe(&mut self, now: Instant) {
        if let State::Probing { because } = &self.state {
            let because = because.clone();
            self.turn(State::Resting { until: now, probe_first: true, because });
        }
    }

    fn rest_for(&mut self, rest: Duration, now: Instant, probe_first: bool, error: &Error) {
        let until = now + rest.min(FAR_AWAY);
        // Several calls may report at once; the longest rest wins.
        if let State::Resting { until: known, .. } = &self.state
            && *known >= until
        {
            return;
        }
        let because =
            Because { kind: error.kind(), status: error.status(), excerpt: error.excerpt().to_owned() };
        self.turn(State::Resting { until, probe_first, because });
    }

    fn next_rest(&mut self, settings: &Cooldowns, jitter: f64) -> Duration {
        // Calls that ran at the same time fail together: that is one reason to rest, not many.
        if !matches!(self.state, State::Resting { .. }) {
            self.rests = self.rests.saturating_add(1);
        }
        let doubled = 2_u32.saturating_pow(self.rests.saturating_sub(1));
        let rest = settings.first.saturating_mul(doubled).min(settings.longest).min(FAR_AWAY);
        rest + rest.mul_f64(jitter.clamp(0.0, 1.0) / 4.0)
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}

/// Failures that only a person can fix.
pub(super) fn is_lasting(kind: ErrorKind) -> bool {
    use ErrorKind::{Misconfigured, ModelNotFound, QuotaSpent, Unauthorized};
    matches!(kind, Unauthorized | QuotaSpent | ModelNotFound | Misconfigured)
}

#[cfg(test)]
mod tests;
