//! Asks one candidate after another until one answers: retry, fallback, cooldown, deadline.

mod attempts;
mod breaker;
mod candidate;

use std::{future, sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

pub(crate) use attempts::Call;
pub use breaker::Cooldowns;
pub use candidate::Candidate;

use crate::{
    Answer, AnswerCache, AnswerFormat, AnswerSchema, ChatRequest, ChatResponse, Error, ErrorKind, Provider,
    ProviderAnswer, StreamEvent,
    cache::Key,
    ladder::{self, Check, Reading},
    limits,
};
use breaker::Rest;

/// How often and after what pauses one candidate is asked again after a transient failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// Times to ask the same candidate again; 2 by default, 0 turns retries off.
    pub retries: usize,
    /// Pause before the first retry, doubled for each further one; 500 ms by default. Jitter adds up to as much.
    pub first_delay: Duration,
    /// Longest of these pauses, before jitter; 8 s by default.
    pub longest_delay: Duration,
    /// A longer wait than this is not waited within a call: the error carries it. 10 s by default.
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

/// Several candidates in order of preference, used as one.
///
/// Of each call, the first candidate that can answer does:
///
/// - A transient failure (overload, time-out, network) is retried with the same candidate as [`RetrySettings`] say; after
///   that, and at once after any other failure, the next one is asked. One that refuses the key never stops the others.
/// - A rate limit takes the candidate out for all calls, for exactly as long as the service says; meanwhile the others
///   answer. Only when none is left does a call wait, if the wait is short.
/// - A candidate that keeps failing, or fails in a way that a person has to mend, rests as [`Cooldowns`] say. Then one
///   call tries it before the others do.
/// - [`ChatRequest::deadline`] bounds everything together; a service that hangs may use it up, so keep its
///   [`Limits`](crate::Limits) below the deadline where others wait.
///
/// When all have failed, the error is the one that says best what to do next: a transient one if any was, with the
/// shortest wait. Every answer and every error carries the log of all attempts.
#[derive(Debug)]
pub struct Router {
    candidates: Vec<Candidate>,
    retry: RetrySettings,
    cooldowns: Cooldowns,
    cache: Option<Arc<AnswerCache>>,
}

/// Where a streamed text goes.
struct Sink<'a> {
    hand_over: &'a mut (dyn FnMut(StreamEvent<'_>) + Send),
    /// Something of an attempt that failed has been handed over.
    stale: bool,
}

/// What a call is after.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Text,
    Streamed(&'a Mutex<Sink<'a>>),
    Value(&'a AnswerSchema, Check<'a>),
}

/// Nobody answered; the shortest wait, where waiting may help.
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
            candidates: candidates.into_iter().collect(),
            retry: RetrySettings::default(),
            cooldowns: Cooldowns::default(),
            cache: None,
        }
    }

    /// Sets how the same candidate is asked again.
    #[must_use]
    pub fn retry(mut self, retry: RetrySettings) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how long a failing candidate is left alone.
    #[must_use]
    pub fn cooldowns(mut self, cooldowns: Cooldowns) -> Self {
        self.cooldowns = cooldowns;
        self
    }

    /// Keeps answers to requests that have a [`ChatRequest::prompt_version`], and gives them again. Routers may share
    /// a cache.
    #[must_use]
    pub fn cache(mut self, cache: Arc<AnswerCache>) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Names of the providers, in the order they are asked.
    pub fn providers(&self) -> Vec<&str> {
        self.candidates.iter().map(Candidate::name).collect()
    }

    pub(crate) fn candidates(&self) -> &[Candidate] {
        &self.candidates
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
    /// As [`Router::chat`]; [`Cancelled`](ErrorKind::Cancelled) when `stop` ended first. The error tells what was
    /// tried until then.
    pub async fn chat_until(
        &self,
        request: &ChatRequest,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<ChatResponse, Error> {
        let wanted = match &request.schema {
            Some(schema) => Wanted::Value(schema, &|_| Ok(())),
            None => Wanted::Text,
        };
        self.call(request, wanted, stop).await
    }

    /// Asks for text and hands over every piece of it as it comes, from providers that stream; else all at once.
    ///
    /// When an attempt breaks off and another one follows, [`StreamEvent::Restart`] tells that what came so far is void.
    /// A [`ChatRequest::schema`] is not looked at: half a document is of no use.
    ///
    /// # Errors
    ///
    /// As [`Router::chat`]; pieces may have come before.
    pub async fn stream(
        &self,
        request: &ChatRequest,
        mut hand_over: impl FnMut(StreamEvent<'_>) + Send,
    ) -> Result<ChatResponse, Error> {
        let sink = Mutex::new(Sink { hand_over: &mut hand_over, stale: false });
        self.call(request, Wanted::Streamed(&sink), future::pending()).await
    }

    /// Asks for a value of type `T`.
    ///
    /// The schema of `T` is sent to the provider, or put into the prompt where the model takes none; what a model takes
    /// is remembered. The answer is found also in code fences and amid prose, and checked. One that cannot be used is
    /// sent back once with the list of problems; then the next candidate is asked.
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
        let check = |value: &Value| T::deserialize(value).map(drop).map_err(|error| error.to_string());
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
        if let Some(response) = self.remembered(request, wanted) {
            return Ok(response);
        }
        let answered = tokio::select! {
            biased;
            () = stop => return Err(call.cancelled()),
            answered = self.ask_all(request, wanted, &call) => answered,
        };
        match answered {
            Ok((candidate, reading)) => {
                let response = call.answered(candidate.name(), reading);
                self.remember(candidate, request, wanted, &response);
                Ok(response)
            }
            Err(NobodyAnswered(_)) => Err(call.failed()),
        }
    }

    /// Goes through the candidates, again after a short wait if that may help.
    async fn ask_all<'a>(
        &'a self,
        request: &ChatRequest,
        wanted: Wanted<'_>,
        call: &Call,
    ) -> Result<(&'a Candidate, Reading), NobodyAnswered> {
        (|| self.ask_each(request, wanted, call))
            .retry(self.retry.backoff())
            .when(|NobodyAnswered(wait)| wait.is_some())
            .adjust(|NobodyAnswered(wait), proposed| call.pause(&self.retry, *wait, proposed))
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
        for (place, candidate) in self.candidates.iter().enumerate() {
            if call.is_given_up(place) {
                continue;
            }
            let read = match wanted {
                Wanted::Value(schema, check) => {
                    ladder::ask_for_value(self, candidate, request, schema, check, call).await
                }
                Wanted::Text => {
                    self.ask(candidate, request, AnswerFormat::Text, call, None).await.map(Reading::text)
                }
                Wanted::Streamed(sink) => self
                    .ask(candidate, request, AnswerFormat::Text, call, Some(sink))
                    .await
                    .map(Reading::text),
            };
            match read {
                Ok(reading) => return Ok((candidate, reading)),
                Err(failure) => call.gave_up(place, failure),
            }
            if call.is_over() {
                return Err(NobodyAnswered(None));
            }
        }
        Err(NobodyAnswered(call.shortest_wait()))
    }

    /// For the ladder: asks one candidate without streaming.
    pub(crate) async fn ask_once_more(
        &self,
        candidate: &Candidate,
        request: &ChatRequest,
        format: AnswerFormat<'_>,
        call: &Call,
    ) -> Result<ProviderAnswer, Error> {
        self.ask(candidate, request, format, call, None).await
    }

    /// Asks one candidate, with retries.
    async fn ask(
        &self,
        candidate: &Candidate,
        request: &ChatRequest,
        format: AnswerFormat<'_>,
        call: &Call,
        sink: Option<&Mutex<Sink<'_>>>,
    ) -> Result<ProviderAnswer, Error> {
        let result = self.ask_with_retries(candidate, request, format, call, sink).await;
        let result = match result {
            // Some reasoning models take no temperature but their own.
            Err(error) if refuses_temperature(&error) && candidate.fitted(request).temperature.is_some() => {
                candidate.remember_no_temperature(candidate.model_for(request));
                self.ask_with_retries(candidate, request, format, call, sink).await
            }
            result => result,
        };
        result.inspect_err(|error| tell(error, request))
    }

    async fn ask_with_retries(
        &self,
        candidate: &Candidate,
        request: &ChatRequest,
        format: AnswerFormat<'_>,
        call: &Call,
        sink: Option<&Mutex<Sink<'_>>>,
    ) -> Result<ProviderAnswer, Error> {
        (|| self.attempt(candidate, request, format, call, sink))
            .retry(self.retry.backoff())
            .when(|error| error.is_transient() && error.was_asked() && error.kind() != ErrorKind::RateLimited)
            .adjust(|error, proposed| call.pause(&self.retry, error.retry_after(), proposed))
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
    }

    /// Asks once, if the candidate may be asked now, not beyond the deadline, and writes it down.
    async fn attempt(
        &self,
        candidate: &Candidate,
        request: &ChatRequest,
        format: AnswerFormat<'_>,
        call: &Call,
        sink: Option<&Mutex<Sink<'_>>>,
    ) -> Result<ProviderAnswer, Error> {
        let request = candidate.fitted(request);
        let model = candidate.model_for(&request);
        let skip = |rest: Rest| {
            let error = resting(rest).at(candidate.name(), model);
            call.skipped(&error);
            error
        };
        // Nobody queues for a candidate that is not to be asked.
        if let Some(rest) = candidate.rest(model, &self.cooldowns) {
            return Err(skip(rest));
        }
        let begun = Instant::now();
        let Ok(mut room) = timeout_at(call.deadline, candidate.quota.turn()).await else {
            let error = past_deadline(&request).at(candidate.name(), model).not_asked();
            call.skipped(&error);
            return Err(error);
        };
        // Asked again: it may have begun to rest while this call queued.
        let admission = candidate.admit(model, &self.cooldowns).map_err(skip)?;
        if let Err(wait) = room.take(limits::estimate(&request)) {
            let error = Error::new(ErrorKind::RateLimited, "the configured limit of this minute is reached")
                .with_retry_after(wait)
                .at(candidate.name(), model)
                .not_asked();
            call.skipped(&error);
            return Err(error);
        }

        let answering = async {
            match sink {
                None => candidate.provider.chat(&request, format).await,
                Some(sink) => streamed(candidate, &request, &mut *sink.lock().await).await,
            }
        };
        let result = match timeout_at(call.deadline, answering).await {
            Ok(result) => result,
            Err(_) => Err(past_deadline(&request)),
        }
        .map_err(|error| error.at(candidate.name(), model));

        room.spent(result.as_ref().ok().and_then(|answer| answer.usage));
        call.attempted(candidate.name(), model, begun, &result);
        match result {
            Ok(answer) => {
                admission.answered();
                Ok(answer)
            }
            Err(error) => {
                admission.failed(&error);
                // A rate limit that names no wait has the one that the breaker now keeps.
                let rest = || candidate.rest(model, &self.cooldowns).map(|rest| rest.left);
                let limited = error.kind() == ErrorKind::RateLimited && error.retry_after().is_none();
                Err(if limited { error.with_retry_after(rest()) } else { error })
            }
        }
    }

    /// The kept answer of the first candidate that has one.
    fn remembered(&self, request: &ChatRequest, wanted: Wanted<'_>) -> Option<ChatResponse> {
        let cache = self.cache.as_ref()?;
        let answers = self.candidates.iter();
        answers.filter_map(|candidate| cache.get(&key(candidate, request, wanted)?)).find(|kept| match wanted
        {
            Wanted::Value(schema, check) => kept
                .value
                .as_ref()
                .is_some_and(|value| schema.problems(value).is_empty() && check(value).is_ok()),
            _ => true,
        })
    }

    fn remember(
        &self,
        candidate: &Candidate,
        request: &ChatRequest,
        wanted: Wanted<'_>,
        response: &ChatResponse,
    ) {
        let whole = !response.partial && response.finish_reason != crate::FinishReason::Length;
        if let (Some(cache), Some(key), true) = (&self.cache, key(candidate, request, wanted), whole) {
            cache.put(key, response);
        }
    }
}

/// Under what an answer is kept; `None` for a request whose answers are not, and for streams.
fn key(candidate: &Candidate, request: &ChatRequest, wanted: Wanted<'_>) -> Option<Key> {
    let schema = match wanted {
        Wanted::Text => None,
        Wanted::Streamed(_) => return None,
        Wanted::Value(schema, _) => Some(schema),
    };
    Key::of(candidate.name(), candidate.model_for(request), request, schema)
}

async fn streamed(
    candidate: &Candidate,
    request: &ChatRequest,
    sink: &mut Sink<'_>,
) -> Result<ProviderAnswer, Error> {
    let mut begun = false;
    let Sink { hand_over, stale } = sink;
    let mut piece = |text: &str| {
        if !begun && std::mem::take(stale) {
            hand_over(StreamEvent::Restart);
        }
        begun = true;
        hand_over(StreamEvent::Text(text));
    };
    let result = candidate.provider.stream(request, &mut piece).await;
    sink.stale |= begun && result.is_err();
    result
}

fn resting(rest: Rest) -> Error {
    let Rest { left, because } = rest;
    let error = Error::new(because.kind, format!("not asked, for it failed before: {}", because.excerpt));
    let error = match because.status {
        Some(status) => error.with_status(status),
        None => error,
    };
    // How long a person takes to mend something, nobody knows.
    let error = if breaker::is_lasting(because.kind) { error } else { error.with_retry_after(left) };
    error.not_asked()
}

fn past_deadline(request: &ChatRequest) -> Error {
    let deadline = request.deadline.as_secs_f64();
    Error::new(ErrorKind::Timeout, format!("the deadline of {deadline} s for the whole call has passed"))
}

fn refuses_temperature(error: &Error) -> bool {
    error.kind() == ErrorKind::Refused && error.excerpt().to_lowercase().contains("temperature")
}

fn tell(error: &Error, request: &ChatRequest) {
    if !error.was_asked() {
        tracing::debug!(provider = error.provider(), "an AI provider was not asked: {error}");
        return;
    }
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
}

#[cfg(test)]
mod tests;
