//! How a model is told the shape of the answer, from the best way to the last.

use crate::AnswerSchema;

/// How a model is told the shape of the answer, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rung {
    /// With the strict mode of the service.
    Schema,
    /// In the prompt, with the JSON mode of the service.
    Json,
    /// In the prompt alone.
    Prompt,
}

impl Rung {
    pub(super) fn first(schema: &AnswerSchema) -> Self {
        if schema.is_object() { Self::Schema } else { Self::Prompt }
    }

    /// The next one down, for a provider with or without a JSON mode.
    pub(super) fn lower(self, has_json_mode: bool) -> Option<Self> {
        match self {
            Self::Schema if has_json_mode => Some(Self::Json),
            Self::Schema | Self::Json => Some(Self::Prompt),
            Self::Prompt => None,
        }
    }
}
