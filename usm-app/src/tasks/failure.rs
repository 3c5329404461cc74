//! What a failed question to an AI means for the job that asked it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use usm_ai::{Answer, ChatRequest, ErrorKind, Router};
use usm_queue::{JobContext, TaskError};

use crate::{app::App, prompts};
use story_map::Language;

/// Waited when a service says that it is asked too often and not for how long.
const UNKNOWN_WAIT: Duration = Duration::from_secs(30);

/// The way that always works.
const OFFLINE: &str = "for the offline draft, which asks no AI, use `--offline`, or set API_PROVIDER=offline";

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The job was cancelled, or the worker shuts down.
    Stopped,
    /// Nobody gave one.
    Failed(usm_ai::Error),
}

/// What to do about a missing answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Ask again later; it does not count, the service is busy with others.
    Wait(Duration),
    /// Try again.
    TryAgain,
    /// This question will not be answered, another one may be.
    GiveUp,
    /// No question will be answered before a person has changed something.
    CallPerson,
}

/// Asks, unless the job should stop meanwhile.
pub(super) async fn ask<T: DeserializeOwned + JsonSchema>(
    job: &JobContext<App>,
    router: &Router,
    request: &ChatRequest,
) -> Result<Answer<T>, NoAnswer> {
    match router.answer_until(request, job.cancelled()).await {
        Err(error) if error.kind() == ErrorKind::Cancelled => Err(NoAnswer::Stopped),
        answer => answer.map_err(NoAnswer::Failed),
    }
}

/// As [`ask`], and once more when the answer is in another language or `is_filler` says that it could be the answer to
/// anything; `words` are those of the answer. Tells whether it is in a foreign language still: better such an answer than none.
pub(super) async fn ask_in<T: DeserializeOwned + JsonSchema>(
    language: Language,
    job: &JobContext<App>,
    router: &Router,
    request: &ChatRequest,
    words: impl Fn(&T) -> String,
    is_filler: impl Fn(&T) -> bool,
) -> Result<(Answer<T>, bool), NoAnswer> {
    let answer = ask::<T>(job, router, request).await?;
    let is_strange = is_foreign(language, &words(&answer.value));
    if !is_strange && !is_filler(&answer.value) {
        return Ok((answer, false));
    }
    let mut again = request.clone();
    again.user += if is_strange { prompts::in_language(language) } else { prompts::SAY_SOMETHING };
    match ask::<T>(job, router, &again).await {
        Ok(answer) => {
            let is_foreign = is_foreign(language, &words(&answer.value));
            Ok((answer, is_foreign))
        }
        Err(NoAnswer::Stopped) => Err(NoAnswer::Stopped),
        Err(NoAnswer::Failed(_)) => Ok((answer, is_strange)),
    }
}

/// For answers of which it is not told whether they are filler.
pub(super) fn never<T>(_: &T) -> bool {
    false
}

/// Whether there are enough words to tell that they are not in this language.
fn is_foreign(language: Language, words: &str) -> bool {
    const ENOUGH_LETTERS: usize = 20;
    words.chars().filter(|c| c.is_alphabetic()).nth(ENOUGH_LETTERS).is_some()
        && Language::of(words) != language
}

pub(super) fn remedy(error: &usm_ai::Error) -> Remedy {
    match error.kind() {
        ErrorKind::RateLimited => Remedy::Wait(error.retry_after().unwrap_or(UNKNOWN_WAIT)),
        // Nobody was asked: every provider is left alone for a while, and the worker is better used meanwhile.
        _ if error.is_cooling_down() => Remedy::Wait(error.retry_after().unwrap_or(UNKNOWN_WAIT)),
        // A model that wrote nonsense may well not do so again.
        ErrorKind::Malformed => Remedy::TryAgain,
        kind if kind.is_transient() => Remedy::TryAgain,
        ErrorKind::Truncated | ErrorKind::Refused | ErrorKind::TooLarge | ErrorKind::Blocked => {
            Remedy::GiveUp
        }
        _ => Remedy::CallPerson,
    }
}

/// The sentence for people: what happened, and what to do where somebody can do something.
pub(super) fn reason(error: &usm_ai::Error) -> String {
    // The offline drafts say themselves what is wrong with the text.
    if error.provider() == "offline" && !error.excerpt().is_empty() {
        return error.excerpt().to_owned();
    }
    let do_next = match (remedy(error), error.kind()) {
        (Remedy::CallPerson, _) => "; correct the settings and replay the job",
        (_, ErrorKind::Timeout) => {
            "; give a slow model more time with AI_REQUEST_TIMEOUT and AI_SILENCE_TIMEOUT"
        }
        _ => "",
    };
    format!("{error}{do_next}")
}

impl From<NoAnswer> for TaskError {
    fn from(failure: NoAnswer) -> Self {
        let error = match failure {
            NoAnswer::Stopped => return Self::retry("stopped by request"),
            NoAnswer::Failed(error) => error,
        };
        let reason = match error.provider() {
            "offline" => reason(&error),
            _ => format!("{}; {OFFLINE}", reason(&error)),
        };
        match remedy(&error) {
            Remedy::Wait(delay) => Self::snooze(delay, reason),
            Remedy::TryAgain => match error.retry_after() {
                Some(delay) => Self::retry_after(delay, reason),
                None => Self::retry(reason),
            },
            Remedy::GiveUp | Remedy::CallPerson => Self::permanent(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test may panic")]
    use usm_ai::{Candidate, Error, Quota, QuotaSettings, providers::Offline};
    use usm_queue::Verdict;

    use super::*;

    fn verdict(error: Error) -> Verdict {
        TaskError::from(NoAnswer::Failed(error)).verdict()
    }

    #[test]
    fn every_kind_of_failure_has_its_consequence() {
        let wait = Duration::from_secs(7);
        let limited = Error::new(ErrorKind::RateLimited, "");
        assert_eq!(verdict(Error::new(ErrorKind::RateLimited, "")), Verdict::Snooze(UNKNOWN_WAIT));
        assert_eq!(verdict(limited.with_retry_after(wait)), Verdict::Snooze(wait));
        assert_eq!(
            verdict(Error::new(ErrorKind::Overloaded, "").with_retry_after(wait)),
            Verdict::RetryAfter(wait)
        );
        for kind in [ErrorKind::Overloaded, ErrorKind::Timeout, ErrorKind::Network, ErrorKind::Malformed] {
            assert_eq!(verdict(Error::new(kind, "")), Verdict::Retry, "{kind:?}");
        }
        for kind in [
            ErrorKind::Unauthorized,
            ErrorKind::QuotaSpent,
            ErrorKind::ModelNotFound,
            ErrorKind::Misconfigured,
            ErrorKind::NoProvider,
            ErrorKind::Refused,
            ErrorKind::TooLarge,
            ErrorKind::Blocked,
            ErrorKind::Truncated,
        ] {
            assert_eq!(verdict(Error::new(kind, "")), Verdict::Permanent, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn while_every_provider_cools_down_the_job_waits_in_the_queue_and_no_attempt_counts() {
        let offline = Offline::new().try_answers("ask", |(): ()| Err::<(), _>(String::new()));
        let router = Router::of([Candidate::new(offline)
            .quota(Quota::new(QuotaSettings { requests_per_minute: Some(1), ..QuotaSettings::default() }))]);
        let request = ChatRequest::new("ask", "");
        router.chat(&request).await.expect_err("nothing to say");

        let cooling = router.chat(&request).await.expect_err("one a minute");

        let left = cooling.retry_after().expect("it is known");
        assert!(cooling.is_cooling_down());
        assert_eq!(verdict(cooling), Verdict::Snooze(left));
    }

    #[test]
    fn who_must_change_a_setting_is_told_how_to_go_on_without_ai() {
        let refused =
            Error::new(ErrorKind::Unauthorized, "Incorrect API key").at("groq", "m").with_status(401);

        let error = TaskError::from(NoAnswer::Failed(refused)).to_string();

        assert!(error.contains("check the key") && error.contains("--offline"), "{error}");
    }

    #[test]
    fn an_offline_refusal_is_told_in_its_own_words() {
        let refused = Error::new(ErrorKind::Refused, "the text has no sentence").at("offline", "offline");

        assert_eq!(reason(&refused), "the text has no sentence");
    }
}
