//! Takes a document out of what a model wraps around it: `{"result": …}`, a list of one, a string.

use serde_json::Value;

use crate::{
    AnswerSchema,
    extract::{self, Found},
};

/// Says what is wrong with a value, if it is not what the caller wants.
pub(super) type Check<'a> = &'a (dyn Fn(&Value) -> Result<(), Vec<String>> + Sync);

/// Wrappers inside each other.
const DEEPEST: usize = 5;

/// Why a document is no answer.
#[derive(Debug, PartialEq)]
pub(super) enum Unfit {
    /// What is wrong with it.
    Problems(Vec<String>),
    /// It holds nothing but words, and none of what was asked for: `{"error": "I cannot help with that"}`.
    Said(String),
}

/// The document if it fits, or the only one in its wrappers that does.
pub(super) fn fitting(schema: &AnswerSchema, check: Check<'_>, value: Value) -> Result<Value, Unfit> {
    if is_schema(schema, &value) {
        return Err(Unfit::Problems(vec!["this is the schema, not a document that fits it".to_owned()]));
    }
    let is_kind = !schema.is_object() || value.is_object();
    let problems = match check(&value) {
        Ok(()) if is_kind => return Ok(value),
        Ok(()) => vec!["expected an object, found a list".to_owned()],
        Err(problems) => problems,
    };
    let words = words(schema, &value);
    let mut wrapped = vec![value];
    for _ in 0..DEEPEST {
        wrapped = wrapped.iter().flat_map(|value| inner(schema, value)).collect();
        let fits = |value: &Value| {
            (!schema.is_object() || value.is_object()) && !is_schema(schema, value) && check(value).is_ok()
        };
        let mut fitting = wrapped.iter().filter(|value| fits(value));
        match (fitting.next(), fitting.next()) {
            (None, _) => {}
            (Some(only), None) => return Ok(only.clone()),
            // Nobody knows which.
            (Some(_), Some(_)) => break,
        }
    }
    Err(words.map_or(Unfit::Problems(problems), Unfit::Said))
}

/// What the value wraps, if it is a wrapper: it has no property of those asked for.
fn inner(schema: &AnswerSchema, value: &Value) -> Vec<Value> {
    match value {
        Value::Array(elements) if elements.len() == 1 => elements.clone(),
        Value::String(text) => extract::documents(text)
            .into_iter()
            .filter_map(|found| if let Found::Document(value) = found { Some(value) } else { None })
            .collect(),
        Value::Object(members) if !has_property(schema, value) => members.values().cloned().collect(),
        _ => Vec::new(),
    }
}

fn has_property(schema: &AnswerSchema, value: &Value) -> bool {
    let known = schema.as_json()["properties"].as_object();
    known.is_some_and(|known| known.keys().any(|name| value.get(name).is_some()))
}

/// Whether the model repeats the schema it was given.
fn is_schema(schema: &AnswerSchema, value: &Value) -> bool {
    value["properties"].is_object()
        && (value["type"] == "object" || value.get("$schema").is_some())
        && schema.as_json()["properties"].get("properties").is_none()
}

/// The words of an object that holds nothing else.
fn words(schema: &AnswerSchema, value: &Value) -> Option<String> {
    let members = value.as_object().filter(|members| !members.is_empty() && !has_property(schema, value))?;
    let is_said = |text: &&str| text.contains(char::is_whitespace);
    members.values().all(|value| !value.is_object() && !value.is_array()).then_some(())?;
    let words: Vec<&str> = members.values().filter_map(Value::as_str).filter(is_said).collect();
    (!words.is_empty()).then(|| words.join(" "))
}
