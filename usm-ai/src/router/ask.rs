//! Asks one candidate, with retries, if it may be asked now.

use backon::Retryable;
use tokio::time::timeout_at;

use super::{
    attempts::Call,
    breaker::{self, Cooldowns, Rest},
    candidate::{Candidate, folded},
    retry::RetrySettings,
};
use crate::{AnswerFormat, ChatRequest, Error, ErrorKind, FinishReason, ProviderAnswer, extract, limits};

/// The candidates of a router, and the rules by which they are asked.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) candidates: Vec<Candidate>,
    pub(super) retry: RetrySettings,
    pub(super) cooldowns: Cooldowns,
}

impl Asker {
    /// Asks one candidate, with retries.
    pub(super) async fn ask(
        &self,
        candidate: &Candidate,
        request: &ChatRequest,
        format: AnswerFormat<'_>,
        call: &Call,
    ) -> Result<ProviderAnswer, Error> {
        let result = self.ask_with_retries(candidate, request, format, call).await;
        let result = match result {
            // Some reasoning models take no temperature but their own.
            Err(error) if refuses_temperature(&error) && candidate.fitted(request).temperature.is_some() => {
                candidate.remember_no_temperature(candidate.model_for(request));
                self.ask_with_retries(candidate, request, format, call).await
            }
            Err(error) if refuses_system(&error) && candidate.fitted(request).system.is_some() => {
                let request = folded(request.clone());
                let answered = self.ask_with_retries(candidate, &request, format, call).await;
                if answered.is_ok() {
                    candidate.remember_no_system(candidate.model_for(&request));
                }
                answered
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
    ) -> Result<ProviderAnswer, Error> {
        (|| self.attempt(candidate, request, format, call))
            .retry(self.retry.backoff())
            // A candidate that names a wait is not asked before it is over; meanwhile the others are.
            .when(|error| {
                error.is_transient()
                    && error.was_asked()
                    && error.kind() != ErrorKind::RateLimited
                    && error.retry_after().is_none()
            })
            .adjust(|_, proposed| {
                let repeat = !self.has_fallback(candidate, request, call) || call.has_time_to_repeat();
                call.pause(&self.retry, None, proposed.filter(|_| repeat))
            })
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

    /// Asks once, if the candidate may be asked now and within the deadline, and logs the attempt.
    async fn attempt(
        &self,
        candidate: &Candidate,
        request: &ChatRequest,
        format: AnswerFormat<'_>,
        call: &Call,
    ) -> Result<ProviderAnswer, Error> {
        let request = candidate.fitted(request);
        let model = candidate.model_for(&request);
        let skip = |rest: Rest| {
            let error = resting(rest).at(candidate.name(), model);
            call.skipped(&error);
            error
        };
        // Calls do not queue for a resting candidate.
        if let Some(rest) = candidate.rest(model, &self.cooldowns) {
            return Err(skip(rest));
        }
        let shared = self.has_fallback(candidate, &request, call);
        let share = || if shared { call.half_time() } else { call.deadline };
        let out_of_time = || if shared { out_of_share() } else { past_deadline(&request) };
        let Ok(mut room) = timeout_at(share(), candidate.quota.turn()).await else {
            let error = out_of_time().at(candidate.name(), model).not_asked();
            call.skipped(&error);
            return Err(error);
        };
        // Checked again: it may have begun to rest while this call queued.
        let admission = candidate.admit(model, &self.cooldowns).map_err(skip)?;
        if let Err(wait) = room.take(limits::estimate(&request)) {
            let error = Error::new(ErrorKind::RateLimited, "the configured limit of this minute is reached")
                .with_retry_after(wait)
                .at(candidate.name(), model)
                .not_asked();
            call.skipped(&error);
            return Err(error);
        }

        let answering = candidate.provider.chat(&request, format);
        let underway = call.begin(candidate.name(), model);
        let answered = timeout_at(share(), answering).await;
        let is_cut_short = answered.is_err();
        let result = match answered {
            Ok(result) => result.and_then(spoken),
            Err(_) => Err(out_of_time()),
        }
        .map_err(|error| error.at(candidate.name(), model));

        room.spent(result.as_ref().map_or_else(Error::usage, |answer| answer.usage));
        underway.end(&result);
        match result {
            Ok(answer) => {
                admission.answered();
                Ok(answer)
            }
            // The call had no more time for it: that says nothing about the provider.
            Err(error) if is_cut_short => Err(error),
            Err(error) => {
                admission.failed(&error);
                // A rate limit without a wait gets the rest that the breaker has just set.
                let rest = || candidate.rest(model, &self.cooldowns).map(|rest| rest.left);
                let limited = error.kind() == ErrorKind::RateLimited && error.retry_after().is_none();
                Err(if limited { error.with_retry_after(rest()) } else { error })
            }
        }
    }

    /// Whether a candidate after this one may still be asked by this call.
    fn has_fallback(&self, candidate: &Candidate, request: &ChatRequest, call: &Call) -> bool {
        let later = self.candidates.iter().enumerate().skip_while(|(_, one)| !std::ptr::eq(*one, candidate));
        later.skip(1).any(|(place, one)| {
            !call.is_given_up(place) && one.rest(one.model_for(request), &self.cooldowns).is_none()
        })
    }
}

/// The answer without what the model thought aloud.
fn spoken(mut answer: ProviderAnswer) -> Result<ProviderAnswer, Error> {
    answer.text = extract::without_thoughts(&answer.text);
    if !answer.text.trim().is_empty() {
        return Ok(answer);
    }
    let kind = match answer.finish_reason {
        FinishReason::Length => ErrorKind::Truncated,
        _ => ErrorKind::Malformed,
    };
    Err(Error::new(kind, "the model thought aloud and gave no answer").with_usage(answer.usage))
}

fn resting(rest: Rest) -> Error {
    let Rest { left, because } = rest;
    let error = Error::new(because.kind, format!("not asked because it failed before: {}", because.excerpt));
    let error = match because.status {
        Some(status) => error.with_status(status),
        None => error,
    };
    // Nobody knows how long a person takes to fix it.
    let error = if breaker::is_lasting(because.kind) { error } else { error.with_retry_after(left) };
    error.not_asked()
}

fn past_deadline(request: &ChatRequest) -> Error {
    let deadline = request.deadline.as_secs_f64();
    Error::new(ErrorKind::Timeout, format!("the deadline of {deadline} s for the whole call has passed"))
}

fn out_of_share() -> Error {
    Error::new(
        ErrorKind::Timeout,
        "no answer within half of the time left, the rest is for the next provider",
    )
}

fn refuses_temperature(error: &Error) -> bool {
    error.kind() == ErrorKind::Refused && error.excerpt().to_lowercase().contains("temperature")
}

/// Whether a server says that it knows no system role, in the words of its template for chats.
fn refuses_system(error: &Error) -> bool {
    let said = error.excerpt().to_lowercase();
    let is_refused = matches!(error.kind(), ErrorKind::Refused | ErrorKind::SchemaUnsupported);
    is_refused
        && said.contains("role")
        && ["system", "alternate", "only user"].iter().any(|word| said.contains(word))
}

fn tell(error: &Error, request: &ChatRequest) {
    if !error.was_asked() {
        tracing::debug!(provider = error.provider(), "an AI provider was not asked: {error}");
        return;
    }
    // What the service said may repeat part of the prompt or answer, so it is logged at debug level only.
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
