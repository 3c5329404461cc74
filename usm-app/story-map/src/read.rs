//! Reads a model's JSON field by field, whatever it calls the fields and whatever it puts into them.

use serde_json::Value;

/// How deep a list of texts may hide in objects.
const DEPTH: usize = 4;

/// The first of the fields called one of `names` that says something. Names are compared by letters and digits alone:
/// `acceptanceCriteria`, `acceptance_criteria` and `Acceptance criteria` are one name, written `acceptancecriteria`.
pub fn field<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let fields = value.as_object()?;
    names.iter().find_map(|name| {
        fields.iter().find(|(known, value)| !is_empty(value) && is_named(known, name)).map(|(_, value)| value)
    })
}

pub(crate) fn is_named(known: &str, name: &str) -> bool {
    let letters = known.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.eq(name.chars())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The object that has one of these fields: the value itself, or one it holds, as in `{"result": {…}}`.
pub fn holder<'a>(value: &'a Value, names: &[&str]) -> &'a Value {
    if field(value, names).is_some() {
        return value;
    }
    let inner = value.as_object().into_iter().flat_map(|fields| fields.values());
    inner.into_iter().find(|inner| field(inner, names).is_some()).unwrap_or(value)
}

/// The text of a field; empty when there is none. A list is put in one line.
pub fn text(value: &Value, names: &[&str]) -> String {
    field(value, names).map(|value| plain(value, DEPTH).join(" ")).unwrap_or_default()
}

/// The texts of a field: a list of them, a list of objects that are named, or one text of several lines.
pub fn texts(value: &Value, names: &[&str]) -> Vec<String> {
    match field(value, names) {
        None => Vec::new(),
        Some(Value::String(text)) => text.lines().map(unlisted).filter(|line| !line.is_empty()).collect(),
        Some(Value::Array(items)) => items.iter().map(one_text).filter(|text| !text.is_empty()).collect(),
        Some(other) => plain(other, DEPTH),
    }
}

/// The elements of a list; an object in place of a list is a list of one, or of what it holds under such a name.
pub fn list<'a>(value: &'a Value, names: &[&str]) -> &'a [Value] {
    match field(value, names) {
        Some(Value::Array(items)) => items,
        Some(inner @ Value::Object(_)) => match field(inner, names) {
            Some(Value::Array(items)) => items,
            _ => std::slice::from_ref(inner),
        },
        _ => &[],
    }
}

/// A number, also one that is written as a text, with a decimal point or comma.
pub fn number(value: &Value, names: &[&str]) -> Option<f64> {
    match field(value, names)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().replace(',', ".").parse().ok(),
        _ => None,
    }
}

/// A text, or what an object calls itself.
pub fn one_text(value: &Value) -> String {
    const NAMES: [&str; 9] =
        ["title", "tasktitle", "name", "label", "text", "description", "question", "criterion", "role"];
    let named = field(value, &NAMES).filter(|_| value.is_object());
    plain(named.unwrap_or(value), DEPTH).join(" ")
}

fn plain(value: &Value, depth: usize) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(items) if depth > 0 => items.iter().flat_map(|item| plain(item, depth - 1)).collect(),
        Value::Object(fields) if depth > 0 => {
            fields.values().flat_map(|value| plain(value, depth - 1)).collect()
        }
        _ => Vec::new(),
    }
}

/// A line without the sign or number that made it a list item.
pub(super) fn unlisted(line: &str) -> String {
    let line = line.trim().trim_start_matches(['-', '*', '•', '–']).trim_start();
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    match numbered.strip_prefix(['.', ')']).filter(|rest| line != numbered && rest.starts_with(' ')) {
        Some(rest) => rest.trim().to_owned(),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_found_under_any_spelling_and_an_empty_one_is_passed_over() {
        let value = json!({ "title": " ", "Story Title": "Оплатить", "acceptanceCriteria": ["a"] });

        assert_eq!(text(&value, &["title", "storytitle"]), "Оплатить");
        assert_eq!(texts(&value, &["acceptancecriteria"]), ["a"]);
        assert_eq!(field(&json!([1]), &["title"]), None);
    }

    #[test]
    fn a_list_may_be_a_text_of_lines_or_a_list_of_objects() {
        let value = json!({ "a": "1. Чек\n\n- 2 копии\n", "b": [{ "name": "Клиент" }, "Курьер", null, 5] });

        assert_eq!(texts(&value, &["a"]), ["Чек", "2 копии"]);
        assert_eq!(texts(&value, &["b"]), ["Клиент", "Курьер", "5"]);
    }

    #[test]
    fn a_number_may_be_a_text() {
        let value = json!({ "a": 0.9, "b": " 0,95 ", "c": "sure" });

        let numbers = ["a", "b", "c"].map(|name| number(&value, &[name]));
        assert_eq!(numbers, [Some(0.9), Some(0.95), None]);
    }

    #[test]
    fn a_document_in_a_wrapper_and_a_list_in_an_object_are_found() {
        let value = json!({ "result": { "map": { "activities": [1, 2] } } });
        let names = ["activities", "map"];

        assert_eq!(list(holder(&value, &names), &names).len(), 2);
    }
}
