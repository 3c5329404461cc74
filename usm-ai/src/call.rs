//! One call in progress: its deadline, and the log of everything that was tried.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use crate::{
    AnswerSchema, AttemptLog, ChatRequest, ChatResponse, Error, ErrorKind, Provider, ProviderAnswer,
    RetrySettings,
};

/// Stands for "no deadline" where a duration is too long to be added to the clock.
const FAR_AWAY: Duration = Duration::from_secs(365 * 24 * 3600);

pub(crate) struct Call {
    started: Instant,
    deadline: Instant,
    attempts: Mutex<Vec<AttemptLog>>,
}

impl Call {
    pub(crate) fn start(time_limit: Duration) -> Self {
        let started = Instant::now();
        let deadline = started.checked_add(time_limit.min(FAR_AWAY)).unwrap_or(started);
        Self { started, deadline, attempts: Mutex::default() }
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Asks once, not beyond the deadline, and logs it.
    pub(crate) async fn attempt(
        &self,
        provider: &dyn Provider,
        request: &ChatRequest,
        schema: Option<&AnswerSchema>,
    ) -> Result<ProviderAnswer, Error> {
        let model = request.model.as_deref().unwrap_or(provider.model());
        let begun = Instant::now();

        let result = match timeout_at(self.deadline, provider.chat(request, schema)).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format!("the deadline of {} s for the whole call has passed", request.deadline.as_secs_f64()),
            )),
        }
        .map_err(|error| error.at(provider.name(), model));

        let error = result.as_ref().err();
        self.log().push(AttemptLog {
            provider: provider.name().to_owned(),
            model: model.to_owned(),
            duration_ms: milliseconds(begun.elapsed()),
            usage: result.as_ref().ok().and_then(|answer| answer.usage),
            error: error.map(Error::kind),
            retry_after_ms: error.and_then(Error::retry_after).map(milliseconds),
        });
        result
    }

    /// How long to wait before the same provider is asked again; `None` when it should not be.
    ///
    /// `proposed` is the jittered back-off, `None` when the retries are used up.
    pub(crate) fn wait(
        &self,
        settings: &RetrySettings,
        error: &Error,
        proposed: Option<Duration>,
    ) -> Option<Duration> {
        let proposed = proposed?;
        let wait = match error.retry_after() {
            Some(asked) if asked > settings.longest_retry_after => return None,
            // The jitter spreads those who were told the same time.
            Some(asked) => asked.saturating_add(proposed / 4),
            None => proposed,
        };
        Instant::now().checked_add(wait).filter(|end| *end < self.deadline).map(|_| wait)
    }

    /// An answer that came but could not be used counts as a failed attempt.
    pub(crate) fn mark_unusable(&self, kind: ErrorKind) {
        if let Some(last) = self.log().last_mut() {
            last.error = Some(kind);
        }
    }

    pub(crate) fn answered(self, provider: &dyn Provider, answer: ProviderAnswer) -> ChatResponse {
        ChatResponse {
            text: answer.text,
            provider: provider.name().to_owned(),
            model: answer.model,
            finish_reason: answer.finish_reason,
            usage: answer.usage,
            duration: self.started.elapsed(),
            attempts: self.attempts.into_inner().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The one error for a call in which every candidate failed, `failures` in their order.
    pub(crate) fn failed(self, failures: Vec<Error>) -> Error {
        let attempts = self.attempts.into_inner().unwrap_or_else(PoisonError::into_inner);
        most_telling(failures).with_attempts(attempts)
    }

    fn log(&self) -> MutexGuard<'_, Vec<AttemptLog>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The failure that says best what to do next: if waiting helps with any candidate, the one with the shortest
/// wait; else the one of the candidate that came nearest to an answer.
fn most_telling(failures: Vec<Error>) -> Error {
    let rank = |error: &Error| match error.kind() {
        kind if kind.is_transient() => 0,
        ErrorKind::Malformed | ErrorKind::Truncated => 1,
        ErrorKind::Blocked => 2,
        ErrorKind::Refused | ErrorKind::SchemaUnsupported => 3,
        ErrorKind::ModelNotFound => 4,
        ErrorKind::QuotaSpent => 5,
        ErrorKind::Unauthorized => 6,
        _ => 7,
    };
    // A rate limit without a word about its end lasts longer than one that names it; other troubles pass soon.
    let wait = |error: &Error| match error.kind() {
        ErrorKind::RateLimited => error.retry_after().unwrap_or(Duration::MAX),
        _ => error.retry_after().unwrap_or_default(),
    };
    let most_telling = failures.into_iter().min_by_key(|error| (rank(error), wait(error)));
    most_telling.unwrap_or_else(|| Error::new(ErrorKind::NoProvider, ""))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
