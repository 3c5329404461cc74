//! Schemas of the Rust types that answers are made of, and answers checked against them.
#![expect(dead_code, reason = "the types are only described")]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

#[derive(Deserialize, JsonSchema)]
struct Map {
    name: String,
    #[serde(default)]
    personas: Vec<String>,
    activities: Vec<Activity>,
    note: Option<String>,
    best: Option<Activity>,
}

#[derive(Deserialize, JsonSchema)]
struct Activity {
    /// What the user does
    title: String,
    #[schemars(range(min = 1, max = 5), extend("examples" = [1]))]
    size: u8,
    release: Release,
    before: Option<Release>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Release {
    /// Needed on the first day
    Mvp,
    #[serde(rename = "Release 1")]
    Release1,
    Later,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Node {
    Text { text: String },
    Row { children: Vec<Node> },
    Column { children: Vec<Node> },
}

#[derive(Deserialize, JsonSchema)]
struct Screen {
    root: Node,
}

fn valid() -> Value {
    let activity = json!({ "title": "order", "size": 1, "release": "mvp", "before": null });
    json!({ "name": "shop", "personas": [], "activities": [activity], "note": null, "best": null })
}

fn keywords(schema: &Value, found: &mut Vec<String>) {
    let Some(node) = schema.as_object() else { return };
    found.extend(node.keys().cloned());
    for (keyword, inner) in node {
        match (keyword.as_str(), inner) {
            ("properties" | "$defs", Value::Object(children)) => {
                children.values().for_each(|child| keywords(child, found));
            }
            ("anyOf", Value::Array(variants)) => variants.iter().for_each(|variant| keywords(variant, found)),
            ("items", _) => keywords(inner, found),
            _ => {}
        }
    }
}

#[test]
fn only_keywords_that_strict_modes_accept_are_left() {
    let mut found = Vec::new();
    keywords(AnswerSchema::of::<Map>().as_json(), &mut found);
    keywords(AnswerSchema::of::<Screen>().as_json(), &mut found);

    let accepted =
        ["type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "description"];
    let rest: Vec<_> = found.iter().filter(|keyword| !accepted.contains(&keyword.as_str())).collect();
    assert!(rest.iter().all(|keyword| *keyword == "$ref" || *keyword == "$defs"), "{rest:?}");
}

#[test]
fn every_property_is_required_and_objects_are_closed() {
    let schema = AnswerSchema::of::<Map>();

    assert!(schema.is_strict());
    assert!(schema.is_object());
    let json = schema.as_json();
    assert_eq!(json["additionalProperties"], false);
    let names: Vec<_> = json["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(names[..2], ["name", "activities"], "in the order of declaration");
    assert_eq!(names.len(), 5);
    assert_eq!(json["properties"]["activities"]["items"]["required"].as_array().map(Vec::len), Some(4));
}

#[test]
fn names_with_doc_comments_become_one_enum() {
    let schema = AnswerSchema::of::<Map>();

    let release = &schema.as_json()["properties"]["activities"]["items"]["properties"]["release"];

    assert_eq!(release["type"], "string");
    let mut names: Vec<_> =
        release["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["Release 1", "later", "mvp"]);
    assert!(
        release["description"].as_str().is_some_and(|text| text.contains("mvp: Needed on the first day"))
    );
}

#[test]
fn a_valid_answer_has_no_problems() {
    assert_eq!(AnswerSchema::of::<Map>().problems(&valid()), [""; 0]);
}

#[test]
fn what_has_a_default_may_be_missing_and_what_is_optional_may_be_null_or_given() {
    let schema = AnswerSchema::of::<Map>();
    let mut answer = valid();
    answer["best"] = answer["activities"][0].clone();
    answer["best"]["before"] = json!("later");
    if let Some(properties) = answer.as_object_mut() {
        properties.remove("personas");
        properties.remove("note");
    }

    assert_eq!(schema.problems(&answer), [""; 0]);
}

#[test]
fn each_problem_names_its_place() {
    let schema = AnswerSchema::of::<Map>();
    let answer = json!({
        "name": 5,
        "personas": ["cook", 1],
        "activities": [{ "size": 1.5, "release": "soon", "before": "mvp" }],
        "best": { "title": "x", "size": 1, "release": "mvp", "before": "never" },
    });

    let mut problems = schema.problems(&answer);

    problems.sort();
    assert_eq!(
        problems,
        [
            r#"activities[0].release: expected one of "Release 1", "later", "mvp""#,
            "activities[0].size: expected integer, found number",
            "activities[0].title: is missing",
            r#"best.before: expected one of "Release 1", "later", "mvp""#,
            "name: expected string, found number",
            "personas[1]: expected string, found number",
        ]
    );
    assert_eq!(schema.problems(&json!([])), ["the answer: expected object, found array"]);
}

#[test]
fn a_recursive_type_keeps_its_references_and_is_checked_to_the_bottom() {
    let schema = AnswerSchema::of::<Screen>();
    let good = json!({ "root": { "kind": "row", "children": [{ "kind": "text", "text": "hi" }] } });
    let bad = json!({ "root": { "kind": "row", "children": [{ "kind": "text", "text": 1 }] } });

    assert!(schema.is_strict());
    assert_eq!(schema.problems(&good), [""; 0]);
    assert_eq!(schema.problems(&bad), ["root.children[0].text: expected string, found number"]);
}

#[test]
fn a_deep_tree_of_look_alike_variants_is_checked_quickly() {
    let schema = AnswerSchema::of::<Screen>();
    let mut node = json!({ "kind": "text", "text": 1 });
    for _ in 0..60 {
        node = json!({ "kind": "row", "children": [node] });
    }

    assert_eq!(schema.problems(&json!({ "root": node })).len(), 1);
}

#[test]
fn maps_and_values_of_any_type_are_described_but_not_strict() {
    #[derive(Deserialize, JsonSchema)]
    struct Loose {
        counts: BTreeMap<String, u32>,
        anything: Value,
    }
    let schema = AnswerSchema::of::<Loose>();

    assert!(!schema.is_strict());
    assert_eq!(schema.problems(&json!({ "counts": { "a": 1 }, "anything": [1, "x"] })), [""; 0]);
    assert_eq!(
        schema.problems(&json!({ "counts": { "a": "1" }, "anything": null })),
        ["counts.a: expected integer, found string"]
    );
}

#[test]
fn tuples_variants_with_data_and_flattened_parts_are_taken() {
    #[derive(Deserialize, JsonSchema)]
    struct Mixed {
        pair: (String, u32),
        shape: Shape,
        #[serde(flatten)]
        extra: Extra,
    }
    #[derive(Deserialize, JsonSchema)]
    enum Shape {
        Empty,
        Circle(f64),
        Box { width: f64 },
    }
    #[derive(Deserialize, JsonSchema)]
    struct Extra {
        color: String,
    }
    let schema = AnswerSchema::of::<Mixed>();

    for shape in [json!("Empty"), json!({ "Circle": 1.0 }), json!({ "Box": { "width": 2 } })] {
        let answer = json!({ "pair": ["a", 1], "shape": shape, "color": "red" });
        assert_eq!(schema.problems(&answer), [""; 0]);
        assert!(serde_json::from_value::<Mixed>(answer).is_ok());
    }
    let wrong = json!({ "pair": [true, 1], "shape": "Full", "color": "red" });
    assert_eq!(schema.problems(&wrong).len(), 2, "{:?}", schema.problems(&wrong));
}

#[test]
fn the_name_is_one_that_providers_take() {
    assert_eq!(AnswerSchema::of::<Vec<Activity>>().name(), "Array_of_Activity");
    assert!(!AnswerSchema::of::<Vec<Activity>>().is_object());
    assert_eq!(identifier("Карта<T>"), "______T_");
    assert_eq!(identifier(&"x".repeat(100)).len(), 64);
}
