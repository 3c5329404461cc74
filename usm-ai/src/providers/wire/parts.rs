//! What all wire formats share: the parts of a request, and the pieces an answer is made of.

use serde_json::{Value, json};

use crate::{
    AnswerFormat, ChatRequest, Error, ErrorKind, FinishReason, ProviderAnswer, Usage, providers::ServiceSpec,
};

/// Everything a request body is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) spec: &'a ServiceSpec,
    pub(crate) model: &'a str,
    pub(crate) request: &'a ChatRequest,
    pub(crate) format: AnswerFormat<'a>,
    pub(crate) streamed: bool,
}

/// What one event of a stream, or a whole reply, adds to an answer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) model: Option<String>,
    pub(crate) finish_reason: Option<FinishReason>,
    pub(crate) usage: Option<Usage>,
}

/// An answer that is being put together.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    text: String,
    model: Option<String>,
    finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
}

impl Draft {
    pub(crate) fn add(&mut self, piece: Piece) {
        self.text.push_str(&piece.text);
        self.model = piece.model.or(self.model.take());
        self.finish_reason = piece.finish_reason.or(self.finish_reason);
        self.count(piece.usage);
    }

    /// Adds to the count of tokens. Parts of it come in different events; none of them decreases.
    pub(crate) fn count(&mut self, usage: Option<Usage>) {
        self.usage = match (self.usage, usage) {
            (Some(known), Some(new)) => Some(Usage {
                input_tokens: known.input_tokens.max(new.input_tokens),
                output_tokens: known.output_tokens.max(new.output_tokens),
            }),
            (known, new) => new.or(known),
        };
    }

    /// The tokens counted so far.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Whether the service has said how the answer ends.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// The answer, if there is text in it.
    pub(crate) fn finish(self, model: &str) -> Result<ProviderAnswer, Error> {
        let finish_reason = self.finish_reason.unwrap_or(FinishReason::Other);
        if self.text.trim().is_empty() {
            return Err(match finish_reason {
                FinishReason::Length => {
                    Error::new(ErrorKind::Truncated, "the output limit was spent on reasoning alone")
                }
                _ => Error::new(ErrorKind::Malformed, "the answer has no text"),
            });
        }
        Ok(ProviderAnswer {
            text: self.text,
            model: self.model.unwrap_or_else(|| model.to_owned()),
            finish_reason,
            usage: self.usage,
        })
    }
}

/// The temperature, converted through text because `0.2_f32` as `f64` is 0.20000000298023224.
pub(super) fn temperature(temperature: f32) -> Value {
    json!(temperature.to_string().parse::<f64>().unwrap_or_default())
}

/// A count of tokens from two fields of `usage`.
pub(super) fn usage(usage: &Value, input: &str, output: &str) -> Option<Usage> {
    Some(Usage {
        input_tokens: usage[input].as_u64()?,
        output_tokens: usage[output].as_u64().unwrap_or_default(),
    })
}

pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// An answer in some other format.
pub(super) fn not_of_the_format(what: &str, reply: &Value) -> Error {
    Error::new(ErrorKind::Malformed, format!("the reply has no {what}: {reply}"))
}
