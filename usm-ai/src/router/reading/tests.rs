//! Answers read and salvaged.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Point {
    x: u32,
    y: u32,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct List {
    name: Option<String>,
    items: Vec<Point>,
    #[serde(default)]
    notes: Vec<String>,
}

fn answer(text: &str, finish_reason: FinishReason) -> ProviderAnswer {
    ProviderAnswer { text: text.into(), model: "m".into(), finish_reason, usage: None }
}

fn read_point(text: &str, finish_reason: FinishReason) -> Result<Point, Flaw> {
    let schema = AnswerSchema::of::<Point>();
    let (value, partial) = read(
        &schema,
        &|value: &Value| fits_type::<Point>(&AnswerSchema::of::<Point>(), value),
        &answer(text, finish_reason),
        false,
    )?;
    assert!(!partial);
    Ok(serde_json::from_value(value).unwrap())
}

fn read_list(text: &str, partial: bool) -> Result<(Value, bool), Flaw> {
    let cut_off = answer(text, FinishReason::Length);
    let schema = AnswerSchema::of::<List>();
    read(&schema, &|value: &Value| fits_type::<List>(&schema, value), &cut_off, partial)
}

#[test]
fn the_last_whole_document_that_fits_is_the_answer() {
    let text = r#"First {"x": 1, "y": 2}, no: {"x": 3, "y": 4}. As {"x": 1} lacks y and [1] is a footnote"#;

    assert_eq!(read_point(text, FinishReason::Stop).unwrap(), Point { x: 3, y: 4 });
    assert_eq!(
        read_point(&format!("{text}, {{\"x\": 5"), FinishReason::Length).unwrap(),
        Point { x: 3, y: 4 }
    );
}

#[test]
fn what_a_model_wraps_around_its_answer_is_taken_off() {
    for text in [
        r#"{"result": {"data": {"x": 1, "y": 2}}, "ok": true}"#,
        r#"[{"x": 1, "y": 2}]"#,
        r#"{"response": [{"x": 1, "y": 2}], "usage": {"tokens": 5}}"#,
        r#""{\"x\": 1, \"y\": 2}""#,
        r#"{"output": "```json\n{\"x\": 1, \"y\": 2}\n```"}"#,
    ] {
        assert_eq!(read_point(text, FinishReason::Stop).unwrap(), Point { x: 1, y: 2 }, "{text}");
    }
    for text in [
        r#"[{"x": 1, "y": 2}, {"x": 3, "y": 4}]"#,
        r#"{"input": {"x": 1, "y": 2}, "output": {"x": 3, "y": 4}}"#,
        r#"{"x": {"x": 1, "y": 2}}"#,
    ] {
        assert_eq!(read_point(text, FinishReason::Stop).unwrap_err().kind, ErrorKind::Malformed, "{text}");
    }
}

#[test]
fn a_model_that_declines_is_quoted() {
    for text in [
        "I'm sorry, but I can't help with that request.",
        r#"{"error": "I'm sorry, but I can't help with that request."}"#,
        r#"```json
        {"status": "refused", "code": 7, "message": "I'm sorry, but I can't help with that request."}
        ```"#,
    ] {
        let flaw = read_point(text, FinishReason::Stop).unwrap_err();

        assert_eq!(flaw.kind, ErrorKind::Malformed, "{text}");
        assert_eq!(flaw.problems, ["the model says: I'm sorry, but I can't help with that request."]);
    }
    let long = read_point(&"x: 1\ny: 2\n".repeat(100), FinishReason::Stop).unwrap_err();
    assert!(long.kind == ErrorKind::Malformed && long.problems[0].contains("x: 1"), "{long:?}");
}

#[test]
fn the_schema_is_no_answer() {
    let echo = format!("{{\"wrapped\": {}}}", AnswerSchema::of::<Point>().as_json());
    for text in [AnswerSchema::of::<Point>().as_json().to_string(), echo] {
        assert_eq!(read_point(&text, FinishReason::Stop).unwrap_err().kind, ErrorKind::Malformed, "{text}");
    }
}

#[test]
fn a_document_that_is_not_json_is_told_with_the_place() {
    let flaw = read_point(r#"{"x": "press "Save", "Exit" now", "y": 2}"#, FinishReason::Stop).unwrap_err();

    assert!(flaw.problems[0].contains("press \"Save"), "{flaw:?}");
}

#[test]
fn problems_of_shape_and_of_range_are_listed() {
    let shape = read_point(r#"{"x": "1"}"#, FinishReason::Stop).unwrap_err();
    let range = read_point(r#"{"x": -1, "y": 2}"#, FinishReason::Stop).unwrap_err();

    assert_eq!(shape.problems, ["y: is missing", "x: expected integer, found string"]);
    assert!(range.problems[0].contains("-1"), "{range:?}");
}

#[test]
fn an_answer_cut_off_at_the_output_limit_is_told_from_a_malformed_one() {
    assert_eq!(read_point(r#"{"x": 1, "#, FinishReason::Length).unwrap_err().kind, ErrorKind::Truncated);
    assert_eq!(read_point("Let me think", FinishReason::Length).unwrap_err().kind, ErrorKind::Truncated);
    assert_eq!(read_point(r#"{"x": 1, "#, FinishReason::Stop).unwrap_err().kind, ErrorKind::Malformed);
    assert_eq!(read_point("no idea", FinishReason::Stop).unwrap_err().kind, ErrorKind::Malformed);
}

#[test]
fn the_whole_elements_of_an_answer_that_was_cut_off_will_do_where_the_caller_says_so() {
    let text = r#"```json
{"name": null, "items": [{"x": 1, "y": 2}, {"x": 3, "y": 4}, {"x": 5"#;

    let (value, partial) = read_list(text, true).unwrap();

    assert!(partial);
    assert_eq!(value, json!({ "name": null, "items": [{ "x": 1, "y": 2 }, { "x": 3, "y": 4 }] }));
    assert_eq!(read_list(text, false).unwrap_err().kind, ErrorKind::Truncated);
    assert_eq!(read_list(r#"{"name": "only this", "it"#, true).unwrap_err().kind, ErrorKind::Truncated);
    assert_eq!(
        read_list(r#"{"items": [{"x": "a", "y": 1}, {"#, true).unwrap_err().kind,
        ErrorKind::Truncated
    );
}

/// Takes a text in place of a number.
#[derive(Debug, JsonSchema)]
struct Lenient {
    #[expect(dead_code, reason = "only its schema counts")]
    x: i64,
}

impl<'de> serde::Deserialize<'de> for Lenient {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let x = value["x"].as_i64().or_else(|| value["x"].as_str()?.parse().ok());
        x.map(|x| Self { x }).ok_or_else(|| serde::de::Error::custom("no number"))
    }
}

#[test]
fn a_type_may_read_more_than_its_schema_asks_for_and_the_schema_says_what_is_wrong_with_the_rest() {
    let schema = AnswerSchema::of::<Lenient>();

    assert_eq!(fits_type::<Lenient>(&schema, &json!({ "x": "5" })), Ok(()));
    assert_eq!(fits_schema(&schema, &json!({ "x": "5" })).unwrap_err().len(), 1);
    assert_eq!(
        fits_type::<Lenient>(&schema, &json!({ "x": null })).unwrap_err(),
        ["x: expected integer, found null"]
    );
}

#[test]
fn a_whole_answer_is_not_partial_though_partial_ones_are_accepted() {
    assert!(!read_list(r#"{"name": null, "items": []}"#, true).unwrap().1);
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic_and_no_value_fails_its_schema(
        parts in prop::collection::vec(
            r#"([{}\[\]"\\,:0-9 -]|"x":|"y": ?|"items": ?\[|"name": ?(null|"a")|\{"x": ?[0-9-]{1,3}, ?"y": ?[0-9]|```json|\PC){0,12}"#,
            0..12,
        ),
        length in any::<bool>(),
        partial in any::<bool>(),
    ) {
        let finish = if length { FinishReason::Length } else { FinishReason::Stop };
        let schema = AnswerSchema::of::<List>();

        if let Ok((value, _)) = read(&schema, &|value: &Value| fits_type::<List>(&schema, value), &answer(&parts.concat(), finish), partial) {
            prop_assert_eq!(schema.problems(&value), Vec::<String>::new());
            prop_assert!(serde_json::from_value::<List>(value).is_ok());
        }
    }

    #[test]
    fn an_answer_cut_anywhere_gives_elements_it_had_or_none(points in prop::collection::vec(any::<(u32, u32)>(), 0..8), cut in 0_usize..400) {
        let items: Vec<Value> = points.iter().map(|(x, y)| json!({ "x": x, "y": y })).collect();
        let text = json!({ "name": "n", "items": items, "notes": ["z"] }).to_string();
        let cut = cut.min(text.len() - 1);

        if let Ok((value, partial)) = read_list(&text[..cut], true) {
            let kept = value["items"].as_array().unwrap();
            prop_assert!(partial && kept[..] == items[..kept.len()]);
        }
    }
}
