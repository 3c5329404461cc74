//! The shape an answer must have: a JSON schema made from a Rust type, in the subset that providers accept.

mod check;
mod reduce;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

/// Longest name that every provider takes, in characters.
const NAME_CHARS: usize = 64;

/// The JSON schema of an answer.
///
/// Made from a type by [`AnswerSchema::of`] and reduced to what the strict modes of all providers accept:
/// sub-schemas inlined (only recursive types keep references), every property required, no unknown properties,
/// no formats, defaults, lengths or ranges. Doc comments become descriptions, which the model reads.
/// `required` lists the fields in the order of their declaration, those with a default last.
///
/// ```
/// # use usm_ai::AnswerSchema;
/// #[derive(schemars::JsonSchema)]
/// struct Summary {
///     /// At most ten words
///     title: String,
///     score: Option<u8>,
/// }
/// let schema = AnswerSchema::of::<Summary>();
/// assert_eq!(schema.name(), "Summary");
/// assert_eq!(schema.as_json()["required"], serde_json::json!(["title", "score"]));
/// assert_eq!(schema.problems(&serde_json::json!({ "title": 5 })), ["title: expected string, found number"]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerSchema {
    name: String,
    wire: Value,
    /// As `wire`, but only what the type cannot do without is required: what answers are checked against.
    lenient: Value,
    strict: bool,
}

impl AnswerSchema {
    /// The schema of answers that deserialise into `T`.
    pub fn of<T: JsonSchema>() -> Self {
        let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        let generated = settings.into_generator().into_root_schema_for::<T>().to_value();
        let wire = reduce::reduce(&generated, reduce::Required::Everything);
        let strict = reduce::is_strict(&wire);
        Self {
            name: identifier(&T::schema_name()),
            lenient: reduce::reduce(&generated, reduce::Required::AsDeclared),
            wire,
            strict,
        }
    }

    /// Name of the type, of letters, digits, `_` and `-`, at most 64.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema as sent to providers.
    pub fn as_json(&self) -> &Value {
        &self.wire
    }

    /// Whether the strict mode of providers can hold to it: false with maps of any keys and values of any type.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// Whether answers are JSON objects. Providers take no other schemas; for the rest the prompt has to do.
    pub fn is_object(&self) -> bool {
        self.wire.get("type").is_some_and(|kind| kind == "object")
    }

    /// What is wrong with the types, missing properties and enumerations of `answer`, each with its path, at most
    /// 20; empty if nothing is. Properties that have a default in the Rust type may be missing.
    pub fn problems(&self, answer: &Value) -> Vec<String> {
        check::problems(&self.lenient, answer)
    }

    /// The schema in words for a prompt, for models that take no schema.
    pub fn instructions(&self) -> String {
        format!(
            "Answer with one JSON document and nothing else: no prose around it, no code fence. \
             It must fit this JSON Schema:\n{}",
            self.wire
        )
    }
}

fn identifier(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' };
    let name: String = name.chars().map(safe).take(NAME_CHARS).collect();
    if name.is_empty() { "answer".to_owned() } else { name }
}

#[cfg(test)]
mod tests;
