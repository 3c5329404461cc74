//! Answers from functions of the application: no key, no network, the same answer every time.

use std::{collections::BTreeMap, fmt, panic, sync::Arc};

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{AnswerFormat, ProbeAnswer, Provider, ProviderAnswer};
use crate::{ChatRequest, Error, ErrorKind, FinishReason};

const NAME: &str = "offline";

type AnswerFn = Arc<dyn Fn(Value) -> Result<String, Error> + Send + Sync>;

/// A provider that answers each purpose with a function of [`ChatRequest::input`].
///
/// The text of the answer is the function's result as JSON. The prompt texts are not read, and neither model,
/// temperature nor output limit change anything.
///
/// ```
/// # use usm_ai::{ChatRequest, Router, providers::Offline};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), usm_ai::Error> {
/// let offline = Offline::new().answers("shout", |text: String| text.to_uppercase());
/// let router = Router::new(vec![Box::new(offline)]);
///
/// let request = ChatRequest::new("shout", "Shout: hello").input("hello".into());
///
/// assert_eq!(router.chat(&request).await?.text, r#""HELLO""#);
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Offline {
    functions: BTreeMap<String, AnswerFn>,
}

impl Offline {
    /// A provider that knows no purpose yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers `purpose` with `answer`; a second function for the same purpose replaces the first.
    ///
    /// An input that is not an `I` is [`Refused`](ErrorKind::Refused). The function runs on a blocking thread.
    #[must_use]
    pub fn answers<I, O>(
        self,
        purpose: impl Into<String>,
        answer: impl Fn(I) -> O + Send + Sync + 'static,
    ) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        self.try_answers(purpose, move |input| Ok(answer(input)))
    }

    /// As [`Offline::answers`] for a function that may decline with a reason, which becomes the excerpt of a
    /// [`Refused`](ErrorKind::Refused) error.
    #[must_use]
    pub fn try_answers<I, O>(
        mut self,
        purpose: impl Into<String>,
        answer: impl Fn(I) -> Result<O, String> + Send + Sync + 'static,
    ) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        let purpose = purpose.into();
        let function = {
            let purpose = purpose.clone();
            move |input: Value| {
                let input = serde_json::from_value(input).map_err(|cause| {
                    Error::new(
                        ErrorKind::Refused,
                        format!("the input does not fit the purpose `{purpose}`: {cause}"),
                    )
                    .with_source(cause)
                })?;
                let output = answer(input).map_err(|reason| Error::new(ErrorKind::Refused, reason))?;
                serde_json::to_string(&output).map_err(|cause| {
                    Error::new(
                        ErrorKind::Malformed,
                        format!("the answer to `{purpose}` is not JSON: {cause}"),
                    )
                    .with_source(cause)
                })
            }
        };
        self.functions.insert(purpose, Arc::new(function));
        self
    }

    fn unknown_purpose(&self, purpose: &str) -> Error {
        let known: Vec<_> = self.functions.keys().map(|known| format!("`{known}`")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Error::new(
            ErrorKind::Refused,
            format!("no offline answer is registered for the purpose `{purpose}`, only for: {known}"),
        )
    }
}

#[async_trait]
impl Provider for Offline {
    fn name(&self) -> &str {
        NAME
    }

    fn model(&self) -> &str {
        NAME
    }

    async fn chat(&self, request: &ChatRequest, _format: AnswerFormat<'_>) -> Result<ProviderAnswer, Error> {
        let result = match self.functions.get(&request.purpose) {
            None => Err(self.unknown_purpose(&request.purpose)),
            Some(function) => {
                let function = Arc::clone(function);
                let input = request.input.clone();
                // A long text may take a while, and other tasks on this thread must keep running.
                match tokio::task::spawn_blocking(move || function(input)).await {
                    Ok(result) => result,
                    Err(failure) => match failure.try_into_panic() {
                        Ok(panic) => panic::resume_unwind(panic),
                        Err(_) => Err(Error::new(ErrorKind::Overloaded, "the program is shutting down")),
                    },
                }
            }
        };
        let text = result.map_err(|error| error.at(NAME, NAME))?;
        Ok(ProviderAnswer { text, model: NAME.to_owned(), finish_reason: FinishReason::Stop, usage: None })
    }

    async fn probe(&self, _model: &str) -> Result<ProbeAnswer, Error> {
        Ok(ProbeAnswer::default())
    }
}

impl fmt::Debug for Offline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offline").field("purposes", &self.functions.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    struct Numbers {
        numbers: Vec<i64>,
    }

    fn offline() -> Offline {
        Offline::new().answers("sum", |input: Numbers| input.numbers.iter().sum::<i64>()).try_answers(
            "mean",
            |input: Numbers| match input.numbers.as_slice() {
                [] => Err("there are no numbers to average".to_owned()),
                numbers => Ok(json!({ "mean": numbers.iter().sum::<i64>() / numbers.len() as i64 })),
            },
        )
    }

    async fn ask(purpose: &str, input: Value) -> Result<String, Error> {
        let request = ChatRequest::new(purpose, "").input(input);
        offline().chat(&request, AnswerFormat::Text).await.map(|answer| answer.text)
    }

    #[tokio::test]
    async fn a_purpose_is_answered_by_its_function() {
        assert_eq!(ask("sum", json!({ "numbers": [1, 2] })).await.unwrap(), "3");
        assert_eq!(ask("mean", json!({ "numbers": [1, 3] })).await.unwrap(), r#"{"mean":2}"#);
    }

    #[tokio::test]
    async fn a_function_may_decline_with_a_reason() {
        let error = ask("mean", json!({ "numbers": [] })).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.excerpt(), "there are no numbers to average");
    }

    #[tokio::test]
    async fn an_unknown_purpose_is_told_which_are_known() {
        let error = ask("median", json!(null)).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(
            error.excerpt(),
            "no offline answer is registered for the purpose `median`, only for: `mean`, `sum`"
        );
    }

    #[tokio::test]
    async fn an_input_that_does_not_fit_is_refused_with_the_reason() {
        let error = ask("sum", json!({ "numbers": "one" })).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.excerpt().contains("`sum`") && error.excerpt().contains("\"one\""), "{error}");
    }

    #[tokio::test]
    #[should_panic(expected = "no luck")]
    async fn a_panic_of_a_function_is_the_callers_panic() {
        let offline = Offline::new().answers("luck", |(): ()| -> u32 { panic!("no luck") });

        let _ = offline.chat(&ChatRequest::new("luck", ""), AnswerFormat::Text).await;
    }
}
