//! Compares an answer with a reduced schema: types, missing properties, enumerations. Serde does the rest.

use serde_json::Value;

use super::reduce::kind_of;

/// More problems than a repair call can use are not collected.
const MOST_PROBLEMS: usize = 20;

/// Untagged enumerations inside each other multiply the work; past this many values serde alone decides.
const MOST_VALUES: usize = 200_000;

/// What is wrong with `answer`, each problem with its path.
pub(super) fn problems(schema: &Value, answer: &Value) -> Vec<String> {
    let mut check = Check { root: schema, values_left: MOST_VALUES };
    let mut problems = Vec::new();
    check.value(schema, answer, "", &mut problems);
    problems.truncate(MOST_PROBLEMS);
    problems
}

struct Check<'a> {
    root: &'a Value,
    values_left: usize,
}

impl<'a> Check<'a> {
    fn value(&mut self, schema: &'a Value, value: &Value, path: &str, problems: &mut Vec<String>) {
        if self.values_left == 0 || problems.len() >= MOST_PROBLEMS {
            return;
        }
        self.values_left -= 1;

        let schema = self.resolved(schema);
        if let Some(variants) = schema.get("anyOf").and_then(Value::as_array) {
            return self.variants(variants, value, path, problems);
        }
        if let Some(problem) = own_problem(schema, value) {
            problems.push(format!("{}: {problem}", if path.is_empty() { "the answer" } else { path }));
            return;
        }
        match value {
            Value::Object(properties) => {
                for name in missing(schema, value) {
                    problems.push(format!("{}: is missing", inner(path, name)));
                }
                for (name, property) in properties {
                    let known = schema.get("properties").and_then(|known| known.get(name));
                    let more = schema.get("additionalProperties").filter(|more| more.is_object());
                    if let Some(schema) = known.or(more) {
                        self.value(schema, property, &inner(path, name), problems);
                    }
                }
            }
            Value::Array(elements) => {
                let Some(items) = schema.get("items") else { return };
                for (position, element) in elements.iter().enumerate() {
                    self.value(items, element, &format!("{path}[{position}]"), problems);
                }
            }
            _ => {}
        }
    }

    /// No problem if one variant fits; else those of the variant that fits best.
    fn variants(&mut self, variants: &'a [Value], value: &Value, path: &str, problems: &mut Vec<String>) {
        // The tag tells the variant without a look inside, so that nested enumerations stay cheap.
        let likely: Vec<&'a Value> = variants.iter().filter(|variant| self.may_be(variant, value)).collect();
        let candidates = if likely.is_empty() { variants.iter().collect() } else { likely };
        let mut best: Option<Vec<String>> = None;
        for variant in candidates {
            let mut own = Vec::new();
            self.value(variant, value, path, &mut own);
            if own.is_empty() {
                return;
            }
            if best.as_ref().is_none_or(|best| own.len() < best.len()) {
                best = Some(own);
            }
        }
        problems.extend(best.unwrap_or_default());
    }

    fn may_be(&self, variant: &'a Value, value: &Value) -> bool {
        let variant = self.resolved(variant);
        let tag_fits = |(name, property): (&String, &Value)| {
            let tag = property.get("enum").and_then(Value::as_array).filter(|values| values.len() == 1);
            tag.is_none_or(|tag| value.get(name).is_some_and(|actual| tag.contains(actual)))
        };
        let properties = variant.get("properties").and_then(Value::as_object);
        own_problem(variant, value).is_none()
            && missing(variant, value).next().is_none()
            && properties.into_iter().flatten().all(tag_fits)
    }

    /// The definition a reference stands for; recursive types have them.
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return schema };
        reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }
}

/// What is wrong with the value itself, not with what is inside it.
fn own_problem(schema: &Value, value: &Value) -> Option<String> {
    let expected: Vec<&str> = match schema.get("type") {
        Some(Value::String(only)) => vec![only],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !expected.is_empty() && !expected.iter().any(|kind| is_of_kind(value, kind)) {
        return Some(format!("expected {}, found {}", expected.join(" or "), kind_of(value)));
    }
    let allowed = schema.get("enum")?.as_array()?;
    if allowed.contains(value) {
        return None;
    }
    let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
    Some(format!("expected one of {}", allowed.join(", ")))
}

fn is_of_kind(value: &Value, kind: &str) -> bool {
    match kind {
        "integer" => value.is_i64() || value.is_u64(),
        kind => kind_of(value) == kind,
    }
}

fn missing<'a>(schema: &'a Value, value: &'a Value) -> impl Iterator<Item = &'a str> {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    required.filter_map(Value::as_str).filter(|name| value.get(name).is_none())
}

fn inner(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
