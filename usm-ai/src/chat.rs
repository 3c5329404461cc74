//! What is asked of an AI provider and what comes back, the same for every provider.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AnswerSchema, AttemptLog, Usage};

const DEFAULT_DEADLINE: Duration = Duration::from_secs(300);

/// One question to an AI provider: text for models, and the same data in structured form.
///
/// ```
/// # use usm_ai::ChatRequest;
/// # use std::time::Duration;
/// let request = ChatRequest::new("summary", "Summarise: the cat sat on the mat")
///     .system("Answer in one sentence")
///     .input(serde_json::json!({ "text": "the cat sat on the mat" }))
///     .temperature(0.2)
///     .max_output_tokens(200)
///     .deadline(Duration::from_secs(30));
/// assert_eq!(request.purpose, "summary");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ChatRequest {
    /// What the answer is for, a stable name such as `story_map`; the offline provider answers by it.
    pub purpose: String,
    /// Standing instructions; none by default.
    pub system: Option<String>,
    /// The question itself.
    pub user: String,
    /// The data behind the question; `null` by default. Only the offline provider reads it.
    pub input: Value,
    /// 0 (always the likeliest word) to 2; the provider's own default when absent.
    pub temperature: Option<f32>,
    /// Longest answer, in tokens of the model, its hidden reasoning included; the provider's default when absent.
    pub max_output_tokens: Option<u32>,
    /// Time for the whole call, with all retries, waits and fallbacks; 5 minutes by default.
    pub deadline: Duration,
    /// A model to use in place of each provider's own. Providers that do not know it are skipped.
    pub model: Option<String>,
    /// The shape of the answer; none by default, for text. [`Router::answer`](crate::Router::answer) sets it itself.
    pub schema: Option<AnswerSchema>,
    /// Whether to accept the complete elements of an answer that was cut off; false by default.
    pub partial: bool,
}

impl ChatRequest {
    /// A question `user`, asked for `purpose`.
    pub fn new(purpose: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            purpose: purpose.into(),
            system: None,
            user: user.into(),
            input: Value::Null,
            temperature: None,
            max_output_tokens: None,
            deadline: DEFAULT_DEADLINE,
            model: None,
            schema: None,
            partial: false,
        }
    }

    /// Sets the standing instructions.
    #[must_use]
    pub fn system(mut self, system: impl Into<String>) -> Self {
        self.system = Some(system.into());
        self
    }

    /// Sets the data behind the question, from which the offline provider answers.
    #[must_use]
    pub fn input(mut self, input: Value) -> Self {
        self.input = input;
        self
    }

    /// Sets the temperature, 0 to 2. Some reasoning models refuse any but their default.
    #[must_use]
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Sets the longest answer, in tokens.
    #[must_use]
    pub fn max_output_tokens(mut self, tokens: u32) -> Self {
        self.max_output_tokens = Some(tokens);
        self
    }

    /// Sets the time for the whole call, with all retries, waits and fallbacks.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Asks every provider for this model in place of its own.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Asks for a JSON document of this shape, which is then [`ChatResponse::value`].
    #[must_use]
    pub fn schema(mut self, schema: AnswerSchema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Accepts the complete elements of an answer that was cut off at the output limit. The response then has
    /// [`ChatResponse::partial`] set: ask for the rest.
    #[must_use]
    pub fn accept_partial(mut self) -> Self {
        self.partial = true;
        self
    }
}

/// An answer, and how it was obtained.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ChatResponse {
    /// The text of the answer, never empty.
    pub text: String,
    /// Name of the provider that answered.
    pub provider: String,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// The answer as JSON, of the shape asked for; `None` for a request without a schema.
    pub value: Option<Value>,
    /// Whether [`ChatResponse::value`] holds only the elements that came before the answer was cut off.
    pub partial: bool,
    /// Why the answer ends where it does.
    pub finish_reason: FinishReason,
    /// Tokens of the attempt that answered; those of other attempts are in `attempts`.
    pub usage: Option<Usage>,
    /// Time of the whole call, with all retries, waits and fallbacks.
    pub duration: Duration,
    /// Every attempt, oldest first; the last one is the one that answered.
    pub attempts: Vec<AttemptLog>,
}

/// Why an answer ends where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// The model was finished.
    Stop,
    /// The output limit was reached: the text is cut off.
    Length,
    /// Anything else, or the provider gave no reason.
    Other,
}
