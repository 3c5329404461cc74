//! One call in progress: its deadline, every attempt of it, and what to report when all have failed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{reading::Reading, retry::RetrySettings};
use crate::{AttemptLog, ChatResponse, Error, ErrorKind, ProviderAnswer, Usage, clock::FAR_AWAY};

/// After this many blocks by different candidates the question is at fault, and its author must be told.
const MOST_BLOCKS: usize = 2;

pub(super) struct Call {
    started: Instant,
    pub(super) deadline: Instant,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    attempts: Vec<AttemptLog>,
    /// The last failure of each candidate, by its place in the order.
    failures: BTreeMap<usize, Error>,
}

impl Log {
    fn is_blocked(&self) -> bool {
        self.failures.values().filter(|failure| failure.kind() == ErrorKind::Blocked).count() >= MOST_BLOCKS
    }
}

impl Call {
    pub(super) fn start(time_limit: Duration) -> Self {
        let started = Instant::now();
        let deadline = started.checked_add(time_limit.min(FAR_AWAY)).unwrap_or(started);
        Self { started, deadline, log: Mutex::default() }
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Half of the time that is left: the other half is for the candidates after this one.
    pub(super) fn half_time(&self) -> Instant {
        let now = Instant::now();
        now + self.deadline.saturating_duration_since(now) / 2
    }

    /// An attempt that begins now.
    pub(super) fn begin<'a>(&'a self, provider: &'a str, model: &'a str) -> Underway<'a> {
        Underway { call: self, provider, model, begun: Instant::now(), ended: false }
    }

    /// Logs that a candidate was not asked, once for each rest.
    pub(super) fn skipped(&self, error: &Error) {
        let mut log = self.log();
        let of_it =
            |attempt: &&AttemptLog| attempt.provider == error.provider() && attempt.model == error.model();
        if log.attempts.iter().rev().find(of_it).is_some_and(|last| last.skipped) {
            return;
        }
        log.attempts.push(AttemptLog {
            provider: error.provider().to_owned(),
            model: error.model().to_owned(),
            duration_ms: 0,
            usage: None,
            error: Some(error.kind()),
            retry_after_ms: error.retry_after().map(milliseconds),
            skipped: true,
        });
    }

    /// An answer that came but could not be used counts as a failed attempt.
    pub(super) fn mark_unusable(&self, kind: ErrorKind) {
        if let Some(last) = self.log().attempts.last_mut() {
            last.error = Some(kind);
        }
    }

    /// Whether the candidate at this place has failed in a way that a short wait does not fix.
    pub(super) fn is_given_up(&self, place: usize) -> bool {
        self.log().failures.get(&place).is_some_and(|failure| !is_worth_waiting(failure))
    }

    pub(super) fn gave_up(&self, place: usize, failure: Error) {
        self.log().failures.insert(place, failure);
    }

    /// Whether an attempt that takes as long as the last one would leave as much time for others.
    pub(super) fn has_time_to_repeat(&self) -> bool {
        let took = self.log().attempts.last().map_or(0, |attempt| attempt.duration_ms);
        Instant::now() + Duration::from_millis(took) <= self.half_time()
    }

    /// Whether enough candidates have blocked the question or the answer that nobody else should be asked.
    pub(super) fn is_blocked(&self) -> bool {
        self.log().is_blocked()
    }

    /// The shortest wait after which a candidate may be asked again within this call; `None` when there is none.
    pub(super) fn shortest_wait(&self) -> Option<Duration> {
        let log = self.log();
        let worth = log.failures.values().filter(|failure| is_worth_waiting(failure));
        worth.filter_map(Error::retry_after).min()
    }

    /// How long to pause before the same candidate is asked again; `None` when it should not be.
    ///
    /// `proposed` is the jittered back-off, `None` when the retries are used up.
    pub(super) fn pause(
        &self,
        settings: &RetrySettings,
        told: Option<Duration>,
        proposed: Option<Duration>,
    ) -> Option<Duration> {
        let proposed = proposed?;
        let pause = match told {
            Some(told) if told > settings.longest_retry_after => return None,
            // Calls that were told the same time must not come back together.
            Some(told) => told.saturating_add(jitter(told, proposed)),
            None => proposed,
        };
        Instant::now().checked_add(pause).filter(|end| *end < self.deadline).map(|_| pause)
    }

    pub(super) fn answered(self, provider: &str, reading: Reading) -> ChatResponse {
        let Reading { answer, value, partial } = reading;
        ChatResponse {
            text: answer.text,
            provider: provider.to_owned(),
            model: answer.model,
            value,
            partial,
            finish_reason: answer.finish_reason,
            usage: answer.usage,
            duration: self.started.elapsed(),
            attempts: self.into_log().attempts,
        }
    }

    /// The one error for a call in which every candidate failed.
    pub(super) fn failed(self) -> Error {
        let log = self.into_log();
        let blocked = log.is_blocked();
        let told =
            log.failures.into_values().filter(|failure| !blocked || failure.kind() == ErrorKind::Blocked);
        most_telling(told).with_attempts(log.attempts)
    }

    /// The error for a call that its caller has cancelled.
    pub(super) fn cancelled(self) -> Error {
        let attempts = self.into_log().attempts;
        let error = Error::new(ErrorKind::Cancelled, "");
        let error = match attempts.last().filter(|last| last.error == Some(ErrorKind::Cancelled)) {
            Some(last) => error.at(&last.provider, &last.model),
            None => error,
        };
        error.with_attempts(attempts)
    }

    fn into_log(self) -> Log {
        self.log.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt in progress. If dropped before its end, it is logged as cancelled.
pub(super) struct Underway<'a> {
    call: &'a Call,
    provider: &'a str,
    model: &'a str,
    begun: Instant,
    ended: bool,
}

impl Underway<'_> {
    /// Logs how it ended.
    pub(super) fn end(mut self, result: &Result<ProviderAnswer, Error>) {
        self.ended = true;
        let usage = result.as_ref().map_or_else(Error::usage, |answer| answer.usage);
        let error = result.as_ref().err();
        self.write(usage, error.map(Error::kind), error.and_then(Error::retry_after));
    }

    fn write(&self, usage: Option<Usage>, error: Option<ErrorKind>, retry_after: Option<Duration>) {
        self.call.log().attempts.push(AttemptLog {
            provider: self.provider.to_owned(),
            model: self.model.to_owned(),
            duration_ms: milliseconds(self.begun.elapsed()),
            usage,
            error,
            retry_after_ms: retry_after.map(milliseconds),
            skipped: false,
        });
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.write(None, Some(ErrorKind::Cancelled), None);
        }
    }
}

/// Between nothing and a fifth of the wait, at least as much as the back-off would differ.
fn jitter(told: Duration, proposed: Duration) -> Duration {
    (told / 5).max(proposed / 2).mul_f64(fastrand::f64())
}

/// Whether the candidate rests only for a while, at its own request or by the router's decision.
fn is_worth_waiting(failure: &Error) -> bool {
    failure.kind() == ErrorKind::RateLimited || (failure.retry_after().is_some() && failure.is_transient())
}

/// The failure that best says what to do next: if waiting helps with any candidate, the one with the shortest wait;
/// otherwise that of the candidate that came closest to an answer.
fn most_telling(failures: impl Iterator<Item = Error>) -> Error {
    let rank = |error: &Error| match error.kind() {
        kind if kind.is_transient() => 0,
        ErrorKind::Malformed | ErrorKind::Truncated => 1,
        ErrorKind::Blocked => 2,
        ErrorKind::Refused | ErrorKind::SchemaUnsupported | ErrorKind::TooLarge => 3,
        ErrorKind::ModelNotFound => 4,
        ErrorKind::QuotaSpent => 5,
        ErrorKind::Unauthorized => 6,
        _ => 7,
    };
    // A rate limit that does not name its end is taken to last longest; other failures pass soon.
    let wait = |error: &Error| match error.kind() {
        ErrorKind::RateLimited => error.retry_after().unwrap_or(Duration::MAX),
        _ => error.retry_after().unwrap_or_default(),
    };
    let most_telling = failures.min_by_key(|error| (rank(error), wait(error)));
    most_telling.unwrap_or_else(|| Error::new(ErrorKind::NoProvider, ""))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
