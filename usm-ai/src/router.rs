//! Asks one provider after another until one answers: retry, fallback, deadline.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{
    Answer, AnswerSchema, ChatRequest, ChatResponse, Error, Provider, ProviderAnswer, answer::ask_for_value,
    call::Call,
};

/// How often and after what pauses one provider is asked again after a transient failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// Times to ask the same provider again; 2 by default, 0 turns retries off.
    pub retries: usize,
    /// Pause before the first retry, doubled for each further one; 500 ms by default. Jitter adds up to as much.
    pub first_delay: Duration,
    /// Longest of these pauses, before jitter; 8 s by default.
    pub longest_delay: Duration,
    /// A provider that asks for a longer wait than this is not waited for: the next one is asked. 10 s by default.
    pub longest_retry_after: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            retries: 2,
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(8),
            longest_retry_after: Duration::from_secs(10),
        }
    }
}

impl RetrySettings {
    fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(self.first_delay)
            .with_max_delay(self.longest_delay)
            .with_max_times(self.retries)
            .with_jitter()
    }
}

/// Several providers in order of preference, used as one.
///
/// A transient failure (rate limit, overload, time-out, network) is retried with the same provider as
/// [`RetrySettings`] say; after that, and at once after any other failure, the next provider is asked. One that
/// refuses the key therefore never stops the others. [`ChatRequest::deadline`] bounds everything together; a
/// provider that hangs may use it up, so keep its [`Limits`](crate::Limits) below the deadline where others wait.
///
/// When all have failed, the error is the one that says best what to do next: a transient one if any was, with
/// the shortest wait of the rate limits. Every answer and every error carries the log of all attempts.
#[derive(Debug)]
pub struct Router {
    candidates: Vec<Candidate>,
    retry: RetrySettings,
}

#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) provider: Box<dyn Provider>,
    /// Of its own model. Remembered, so that only the first answer pays for finding out.
    schema_refused: AtomicBool,
}

impl Candidate {
    pub(crate) fn takes_schema(&self) -> bool {
        !self.schema_refused.load(Ordering::Relaxed)
    }

    pub(crate) fn remember_schema_refused(&self) {
        self.schema_refused.store(true, Ordering::Relaxed);
    }
}

impl Router {
    /// A router that asks `providers` in this order. With none, every call fails with
    /// [`ErrorKind::NoProvider`](crate::ErrorKind::NoProvider).
    pub fn new(providers: Vec<Box<dyn Provider>>) -> Self {
        let candidate = |provider| Candidate { provider, schema_refused: AtomicBool::new(false) };
        Self { candidates: providers.into_iter().map(candidate).collect(), retry: RetrySettings::default() }
    }

    /// Sets how the same provider is asked again.
    #[must_use]
    pub fn retry(mut self, retry: RetrySettings) -> Self {
        self.retry = retry;
        self
    }

    /// Names of the providers, in the order they are asked.
    pub fn providers(&self) -> Vec<&str> {
        self.candidates.iter().map(|candidate| candidate.provider.name()).collect()
    }

    /// Asks for text. A text cut off at the output limit is an answer too: see [`ChatResponse::finish_reason`].
    ///
    /// # Errors
    ///
    /// When every provider failed or the deadline passed.
    pub async fn chat(&self, request: &ChatRequest) -> Result<ChatResponse, Error> {
        let call = Call::start(request.deadline);
        let mut failures = Vec::new();
        for candidate in &self.candidates {
            match self.ask(candidate, request, None, &call).await {
                Ok(answer) => return Ok(call.answered(&*candidate.provider, answer)),
                Err(failure) => failures.push(failure),
            }
            if call.is_over() {
                break;
            }
        }
        Err(call.failed(failures))
    }

    /// Asks for a value of type `T`.
    ///
    /// The schema of `T` is sent to the provider, or put into the prompt where the provider takes none. The answer
    /// is found also in code fences and amid prose, and checked. One that cannot be used is sent back once with
    /// the list of problems; then the next provider is asked.
    ///
    /// # Errors
    ///
    /// As [`Router::chat`]; [`Truncated`](crate::ErrorKind::Truncated) when an answer ended at the output limit
    /// and [`Malformed`](crate::ErrorKind::Malformed) when none could be read as a `T`.
    pub async fn answer<T>(&self, request: &ChatRequest) -> Result<Answer<T>, Error>
    where
        T: DeserializeOwned + JsonSchema,
    {
        let schema = AnswerSchema::of::<T>();
        let call = Call::start(request.deadline);
        let mut failures = Vec::new();
        for candidate in &self.candidates {
            match ask_for_value(self, candidate, request, &schema, &call).await {
                Ok((value, answer)) => {
                    return Ok(Answer { value, response: call.answered(&*candidate.provider, answer) });
                }
                Err(failure) => failures.push(failure),
            }
            if call.is_over() {
                break;
            }
        }
        Err(call.failed(failures))
    }

    /// Asks one candidate, with retries. The only retry loop of this crate.
    pub(crate) async fn ask(
        &self,
        candidate: &Candidate,
        request: &ChatRequest,
        schema: Option<&AnswerSchema>,
        call: &Call,
    ) -> Result<ProviderAnswer, Error> {
        (|| call.attempt(&*candidate.provider, request, schema))
            .retry(self.retry.backoff())
            .when(Error::is_transient)
            .adjust(|error, proposed| call.wait(&self.retry, error, proposed))
            .notify(|error, wait| {
                let (provider, kind, wait_ms) = (error.provider(), error.kind().as_str(), wait.as_millis());
                tracing::info!(
                    provider,
                    error.kind = kind,
                    wait_ms,
                    "asking an AI provider again after a pause"
                );
            })
            .await
            .inspect_err(|error| {
                // What the service said may repeat a part of the prompt or answer: not for everyday logs.
                tracing::debug!(provider = error.provider(), "the AI provider said: {}", error.excerpt());
                tracing::warn!(
                    provider = error.provider(),
                    model = error.model(),
                    purpose = request.purpose,
                    error.kind = error.kind().as_str(),
                    status = error.status(),
                    "an AI provider gave no answer: {}",
                    error.kind()
                );
            })
    }
}

#[cfg(test)]
mod tests;
