//! Asks one candidate after another until one answers: retry, fallback, cooldown, deadline.

mod ask;
mod attempts;
mod breaker;
mod candidate;
mod reading;
mod retry;
mod rung;
mod structured;
mod wrapped;

use std::{future, sync::Arc, time::Duration};

use backon::Retryable;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use breaker::Cooldowns;
pub use candidate::Candidate;
pub use retry::RetrySettings;
pub use structured::Answer;

use crate::{AnswerFormat, AnswerSchema, ChatRequest, ChatResponse, Error, ErrorKind, Provider};
use ask::Asker;
use attempts::Call;
use reading::Reading;
use wrapped::Check;

/// Several candidates in order of preference, used as one.
///
/// The first candidate that can answer a call does:
///
/// - A transient failure (overload, time-out, network) is retried with the same candidate as [`RetrySettings`] say; after
///   that, and at once after any other failure, the next one is asked. One that refuses the key never stops the others.
/// - What one candidate blocks or declines goes to one more; if that one blocks it too, nobody else is asked.
/// - A rate limit takes the candidate out for all calls, for exactly as long as the service says; meanwhile the others
///   answer. Only when none is left does a call wait, if the wait is short.
/// - A candidate that keeps failing, or fails in a way that a person has to fix, rests as [`Cooldowns`] say. Then one
///   call tries it before the others do.
/// - [`ChatRequest::deadline`] limits the whole call. While another candidate may still be asked, an attempt gets at
///   most half of the time that is left, and is not repeated when that would leave less; so a service that hangs does not
///   use up the time of the others.
///
/// When all have failed, the error is the one that best says what to do next: a transient one if there is any, with the
/// shortest wait. Every answer and every error carries the log of all attempts.
#[derive(Debug)]
pub struct Router {
    asker: Asker,
}

/// What a call asks for.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Text,
    Value(&'a AnswerSchema, Check<'a>),
}

/// Nobody answered; the shortest wait, if waiting may help.
struct NobodyAnswered(Option<Duration>);

impl Router {
    /// A router that asks `providers` in this order. With none, every call fails with
    /// [`ErrorKind::NoProvider`].
    pub fn new(providers: Vec<Box<dyn Provider>>) -> Self {
        Self::of(providers.into_iter().map(|provider| Candidate::shared(Arc::from(provider))))
    }

    /// A router that asks these candidates in this order.
    pub fn of(candidates: impl IntoIterator<Item = Candidate>) -> Self {
        Self {
            asker: Asker {
                candidates: candidates.into_iter().collect(),
                retry: RetrySettings::default(),
                cooldowns: Cooldowns::default(),
            },
        }
    }

    /// Sets how the same candidate is asked again.
    #[must_use]
    pub fn retry(mut self, retry: RetrySettings) -> Self {
        self.asker.retry = retry;
        self
    }

    /// Sets how long a failing candidate is left alone.
    #[must_use]
    pub fn cooldowns(mut self, cooldowns: Cooldowns) -> Self {
        self.asker.cooldowns = cooldowns;
        self
    }

    /// Names of the providers, in the order they are asked.
    pub fn providers(&self) -> Vec<&str> {
        self.asker.candidates.iter().map(Candidate::name).collect()
    }

    pub(crate) fn candidates(&self) -> &[Candidate] {
        &self.asker.candidates
    }

    /// Asks for text, or with a [`ChatRequest::schema`] for a document of that shape, which then is
    /// [`ChatResponse::value`].
    ///
    /// A text cut off at the output limit is an answer too: see [`ChatResponse::finish_reason`].
    ///
    /// # Errors
    ///
    /// When every candidate failed or the deadline passed; with a schema also as [`Router::answer`].
    pub async fn chat(&self, request: &ChatRequest) -> Result<ChatResponse, Error> {
        self.chat_until(request, future::pending()).await
    }

    /// As [`Router::chat`], unless `stop` ends first.
    ///
    /// # Errors
    ///
    /// As [`Router::chat`]; [`Cancelled`](ErrorKind::Cancelled) when `stop` ended first. The error lists what was
    /// tried until then.
    pub async fn chat_until(
        &self,
        request: &ChatRequest,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<ChatResponse, Error> {
        let wanted = match &request.schema {
            Some(schema) => Wanted::Value(schema, &|value| reading::fits_schema(schema, value)),
            None => Wanted::Text,
        };
        self.call(request, wanted, stop).await
    }

    /// Asks for a value of type `T`.
    ///
    /// The schema of `T` is sent to the provider, or put into the prompt if the model takes none; what a model takes
    /// is remembered. The answer is also found in code fences and between prose. Anything that deserialises into `T` is
    /// accepted; any other answer is sent back once with the list of its problems; then the next candidate is asked.
    ///
    /// # Errors
    ///
    /// As [`Router::chat`]; [`Truncated`](ErrorKind::Truncated) when an answer ended at the output limit
    /// and [`Malformed`](ErrorKind::Malformed) when none could be read as a `T`.
    pub async fn answer<T>(&self, request: &ChatRequest) -> Result<Answer<T>, Error>
    where
        T: DeserializeOwned + JsonSchema,
    {
        self.answer_until(request, future::pending()).await
    }

    /// As [`Router::answer`], unless `stop` ends first.
    ///
    /// # Errors
    ///
    /// As [`Router::answer`]; [`Cancelled`](ErrorKind::Cancelled) when `stop` ended first.
    pub async fn answer_until<T>(
        &self,
        request: &ChatRequest,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Answer<T>, Error>
    where
        T: DeserializeOwned + JsonSchema,
    {
        let schema = AnswerSchema::of::<T>();
        let check = |value: &Value| reading::fits_type::<T>(&schema, value);
        let response = self.call(request, Wanted::Value(&schema, &check), stop).await?;
        let value = response.value.clone().unwrap_or_default();
        match serde_json::from_value(value) {
            Ok(value) => Ok(Answer { value, response }),
            Err(cause) => Err(Error::new(ErrorKind::Malformed, cause.to_string())
                .at(response.provider, response.model)
                .with_attempts(response.attempts)),
        }
    }

    async fn call(
        &self,
        request: &ChatRequest,
        wanted: Wanted<'_>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<ChatResponse, Error> {
        let call = Call::start(request.deadline);
        let answered = tokio::select! {
            biased;
            () = stop => return Err(call.cancelled()),
            answered = self.ask_all(request, wanted, &call) => answered,
        };
        match answered {
            Ok((candidate, reading)) => Ok(call.answered(candidate.name(), reading)),
            Err(NobodyAnswered(_)) => Err(call.failed()),
        }
    }

    /// Goes through the candidates, and again after a short wait if that may help.
    async fn ask_all<'a>(
        &'a self,
        request: &ChatRequest,
        wanted: Wanted<'_>,
        call: &Call,
    ) -> Result<(&'a Candidate, Reading), NobodyAnswered> {
        (|| self.ask_each(request, wanted, call))
            .retry(self.asker.retry.backoff())
            .when(|NobodyAnswered(wait)| wait.is_some())
            .adjust(|NobodyAnswered(wait), proposed| call.pause(&self.asker.retry, *wait, proposed))
            .notify(|_, wait| {
                tracing::info!(wait_ms = wait.as_millis(), "every AI provider is busy, waiting");
            })
            .await
    }

    async fn ask_each<'a>(
        &'a self,
        request: &ChatRequest,
        wanted: Wanted<'_>,
        call: &Call,
    ) -> Result<(&'a Candidate, Reading), NobodyAnswered> {
        for (place, candidate) in self.asker.candidates.iter().enumerate() {
            if call.is_given_up(place) {
                continue;
            }
            let read = match wanted {
                Wanted::Value(schema, check) => {
                    structured::ask_for_value(&self.asker, candidate, request, schema, check, call).await
                }
                Wanted::Text => {
                    self.asker.ask(candidate, request, AnswerFormat::Text, call).await.map(Reading::text)
                }
            };
            match read {
                Ok(reading) => return Ok((candidate, reading)),
                Err(failure) => call.gave_up(place, failure),
            }
            if call.is_over() || call.is_blocked() {
                return Err(NobodyAnswered(None));
            }
        }
        Err(NobodyAnswered(call.shortest_wait()))
    }
}

#[cfg(test)]
mod tests;
