//! The four wire formats: how each is written and read.

mod chat_completions;
pub(super) mod gemini;
pub(super) mod messages;
mod parts;
mod responses;
#[cfg(test)]
mod testing;

use serde_json::Value;

use super::WireFormat;
use crate::{Error, Usage};
pub(super) use parts::{Draft, Piece, Question};

impl WireFormat {
    pub(super) fn body(self, question: &Question<'_>) -> Value {
        match self {
            Self::ChatCompletions => chat_completions::body(question),
            Self::Responses => responses::body(question),
            Self::Gemini => gemini::body(question),
            Self::Messages => messages::body(question),
        }
    }

    /// A whole reply.
    pub(super) fn answer(self, reply: &Value) -> Result<Piece, Error> {
        match self {
            Self::ChatCompletions => chat_completions::answer(reply),
            Self::Responses => responses::answer(reply),
            Self::Gemini => gemini::answer(reply),
            Self::Messages => messages::answer(reply),
        }
    }

    /// One event of a stream. Only chat completions are streamed, the format of the servers that can be slow.
    pub(super) fn event(self, event: &Value) -> Result<Piece, Error> {
        match self {
            Self::ChatCompletions => chat_completions::event(event),
            Self::Responses | Self::Gemini | Self::Messages => self.answer(event),
        }
    }

    /// The tokens that a reply or event counts, even an unusable one.
    pub(super) fn usage(self, reply: &Value) -> Option<Usage> {
        match self {
            Self::ChatCompletions => chat_completions::usage(reply),
            Self::Responses => responses::usage(reply),
            Self::Gemini => gemini::usage(reply),
            Self::Messages => messages::usage(reply),
        }
    }
}
