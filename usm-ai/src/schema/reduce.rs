//! Reduces a generated JSON schema to the subset that the strict modes of providers accept.

use serde_json::{Map, Value, json};

/// Which properties of an object an answer must have.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Required {
    /// All: strict modes demand it. What is optional is nullable anyway.
    Everything,
    /// Those the type has no default for.
    AsDeclared,
}

/// The reduced form of `schema`, which is what the generator made: an object, or `true` for anything.
pub(super) fn reduce(schema: &Value, required: Required) -> Value {
    let Some(node) = schema.as_object() else { return json!({}) };
    if let Some(Value::Array(parts)) = node.get("allOf") {
        let base = Value::Object(without(node, "allOf"));
        return reduce(&parts.iter().fold(base, |whole, part| merged(&whole, part)), required);
    }
    if let Some(target) = node.get("$ref") {
        // Beside a reference strict modes allow nothing, except for the definitions at the root.
        let mut reduced = Map::from_iter([("$ref".to_owned(), target.clone())]);
        add_definitions(&mut reduced, node, required);
        return Value::Object(reduced);
    }

    let mut reduced = Map::new();
    add_definitions(&mut reduced, node, required);
    if let Some(description) = node.get("description") {
        reduced.insert("description".to_owned(), description.clone());
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(variants)) = node.get(keyword) {
            let base = without(node, keyword);
            add_variants(&mut reduced, &base, variants, required);
            return Value::Object(reduced);
        }
    }
    if let Some(kind) = node.get("type") {
        reduced.insert("type".to_owned(), kind.clone());
    }
    if let Some(constant) = node.get("const") {
        reduced.insert("enum".to_owned(), json!([constant]));
        reduced.entry("type").or_insert_with(|| json!(kind_of(constant)));
    }
    if let Some(values) = node.get("enum") {
        reduced.insert("enum".to_owned(), values.clone());
    }
    if let Some(items) = items(node) {
        reduced.insert("items".to_owned(), reduce(&items, required));
    }
    if node.contains_key("properties") || allows(node, "object") {
        add_properties(&mut reduced, node, required);
    }
    Value::Object(reduced)
}

/// Whether every value is described and every object closed, so that a strict mode takes the schema.
pub(super) fn is_strict(reduced: &Value) -> bool {
    let Some(node) = reduced.as_object() else { return false };
    let described = ["type", "enum", "anyOf", "$ref"].iter().any(|keyword| node.contains_key(*keyword));
    let closed = node.get("additionalProperties").is_none_or(|more| more == false);
    let items_described = !allows(node, "array") || node.contains_key("items");
    let children = ["properties", "$defs"].iter().filter_map(|keyword| node.get(*keyword)?.as_object());
    described
        && closed
        && items_described
        && node.get("items").is_none_or(is_strict)
        && node.get("anyOf").and_then(Value::as_array).is_none_or(|variants| variants.iter().all(is_strict))
        && children.flat_map(Map::values).all(is_strict)
}

fn add_definitions(reduced: &mut Map<String, Value>, node: &Map<String, Value>, required: Required) {
    if let Some(Value::Object(definitions)) = node.get("$defs") {
        let definitions = definitions.iter().map(|(name, schema)| (name.clone(), reduce(schema, required)));
        reduced.insert("$defs".to_owned(), definitions.collect());
    }
}

/// An enumeration of names becomes one `enum`; other variants become `anyOf`, each with what they share.
fn add_variants(
    reduced: &mut Map<String, Value>,
    base: &Map<String, Value>,
    variants: &[Value],
    required: Required,
) {
    if let Some((names, meanings)) = names(variants) {
        reduced.insert("type".to_owned(), json!("string"));
        reduced.insert("enum".to_owned(), json!(names));
        if !meanings.is_empty() {
            let said = reduced.get("description").and_then(Value::as_str).map(|text| format!("{text}\n"));
            let description = said.unwrap_or_default() + &meanings.join("\n");
            reduced.insert("description".to_owned(), json!(description));
        }
        return;
    }
    let mut shared = base.clone();
    for keyword in ["description", "$defs", "title", "$schema"] {
        shared.remove(keyword);
    }
    let shared = Value::Object(shared);
    let variants = variants.iter().map(|variant| reduce(&merged(&shared, variant), required));
    reduced.insert("anyOf".to_owned(), variants.collect());
}

/// The names of an enumeration whose variants carry no data, and what their doc comments say.
fn names(variants: &[Value]) -> Option<(Vec<&str>, Vec<String>)> {
    let mut names = Vec::new();
    let mut meanings = Vec::new();
    for variant in variants {
        let listed = match variant.get("const") {
            Some(constant) => std::slice::from_ref(constant),
            None => variant.get("enum")?.as_array()?,
        };
        for name in listed {
            let name = name.as_str()?;
            names.push(name);
            if let Some(meaning) = variant.get("description").and_then(Value::as_str) {
                meanings.push(format!("{name}: {meaning}"));
            }
        }
    }
    Some((names, meanings))
}

fn add_properties(reduced: &mut Map<String, Value>, node: &Map<String, Value>, required: Required) {
    let none = Map::new();
    let properties = node.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let more = node.get("additionalProperties").filter(|more| **more != false);
    if properties.is_empty()
        && let Some(values) = more
    {
        reduced.insert("additionalProperties".to_owned(), reduce(values, required));
        return;
    }
    let mut names: Vec<&str> = strings(node.get("required")).collect();
    if required == Required::Everything {
        let declared = names.clone();
        names.extend(properties.keys().map(String::as_str).filter(|name| !declared.contains(name)));
    }
    reduced.insert("required".to_owned(), json!(names));
    let properties = properties.iter().map(|(name, schema)| (name.clone(), reduce(schema, required)));
    reduced.insert("properties".to_owned(), properties.collect());
    reduced.insert("additionalProperties".to_owned(), json!(false));
}

/// The schema of an array's elements; those of a tuple become alternatives, for positions cannot be told.
fn items(node: &Map<String, Value>) -> Option<Value> {
    let Some(Value::Array(positions)) = node.get("prefixItems") else { return node.get("items").cloned() };
    let mut kinds: Vec<&Value> = Vec::new();
    for position in positions {
        if !kinds.contains(&position) {
            kinds.push(position);
        }
    }
    Some(if let [only] = kinds[..] { only.clone() } else { json!({ "anyOf": kinds }) })
}

/// Two schemas that must both hold, as one: properties and required names are united, the rest is `second`'s.
fn merged(first: &Value, second: &Value) -> Value {
    let (Some(first), Some(second)) = (first.as_object(), second.as_object()) else {
        return if first.is_object() { first.clone() } else { second.clone() };
    };
    let mut whole = first.clone();
    for (keyword, value) in second {
        match (keyword.as_str(), whole.get_mut(keyword)) {
            ("properties", Some(Value::Object(properties))) => {
                properties.extend(value.as_object().cloned().unwrap_or_default());
            }
            ("required", Some(Value::Array(names))) => {
                let more = value.as_array().into_iter().flatten().filter(|name| !names.contains(name));
                let more: Vec<Value> = more.cloned().collect();
                names.extend(more);
            }
            _ => {
                whole.insert(keyword.clone(), value.clone());
            }
        }
    }
    Value::Object(whole)
}

fn without(node: &Map<String, Value>, keyword: &str) -> Map<String, Value> {
    let mut rest = node.clone();
    rest.remove(keyword);
    rest
}

fn allows(node: &Map<String, Value>, kind: &str) -> bool {
    match node.get("type") {
        Some(Value::String(only)) => only == kind,
        kinds => strings(kinds).any(|one| one == kind),
    }
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The schema's word for the type of `value`.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
