//! Documents found in what models say, whole and cut off.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn found(text: &str) -> Vec<Found> {
    documents(text)
}

fn whole(value: Value) -> Found {
    Found::Document(value)
}

#[test]
fn a_document_is_found_bare_fenced_and_in_prose() {
    for text in [
        r#"{"a": 1}"#,
        "```json\n{\"a\": 1}\n```",
        "Here is the [final] answer for {name}, as you asked:\n{\"a\": 1}\nHope it helps :-]",
        "the range [0, 5) holds; {\"a\": 1}",
    ] {
        assert_eq!(found(text), [whole(json!({"a": 1}))], "{text}");
    }
}

#[test]
fn brackets_and_quotes_inside_strings_do_not_count() {
    let value = json!({"a": "}]{[ \" \\", "b": ["тест {"]});

    assert_eq!(found(&format!("ответ: {value}!")), [whole(value)]);
}

#[test]
fn several_documents_come_in_order() {
    assert_eq!(
        found("see [1] and {} then [[2]]"),
        [whole(json!([1])), whole(json!({})), whole(json!([[2]]))]
    );
}

#[test]
fn nothing_is_taken_from_inside_a_document_that_was_cut_off() {
    for text in [r#"{"activities": [{"title": "whole"}, {"title": "cu"#, r#"[{"title": "whole"}, {"title": "#]
    {
        assert_eq!(found(&format!("Here: {text}")), [Found::CutOff(text.to_owned())]);
    }
}

#[test]
fn nothing_is_taken_from_inside_a_document_that_is_broken() {
    let items = found(r#"{"items": [{"title": "inner"} - ]} bye"#);

    assert!(matches!(items.as_slice(), [Found::Broken(_)]), "{items:?}");
}

#[test]
fn a_document_written_into_a_string_is_found() {
    let value = json!({ "a": ["x \"y\" \n"], "b": 1 });
    let once = serde_json::Value::from(value.to_string()).to_string();
    let pretty = serde_json::Value::from(format!("{value:#}")).to_string();

    for text in [once.clone(), format!("Here: {pretty} as asked"), serde_json::Value::from(once).to_string()]
    {
        assert_eq!(found(&text), [whole(value.clone())], "{text}");
    }
}

#[test]
fn a_careless_document_is_found_as_a_whole() {
    for text in ["{'a': 'it\u{2019}s }'}", "{a: \"it's }\", /* } */ }", "{ // {\n \"a\": \"it's }\",\n}"] {
        let found = found(&format!("Use {{name: string}} or {{more}}: {text} [MVP]"));

        assert!(matches!(found.as_slice(), [Found::Document(_)]), "{text}: {found:?}");
    }
}

#[test]
fn text_without_documents_gives_none() {
    for text in ["", "sorry", "[MVP] {name} [", "}{", "]]", "[1, 2"] {
        assert!(!found(text).iter().any(|item| matches!(item, Found::Document(_))), "{text}");
    }
}

#[test]
fn a_hostile_text_takes_linear_time() {
    for pattern in [
        "[",
        "{",
        "[[1 ",
        "{\"",
        "[{\"a\":",
        "{ ",
        "[1,x",
        "[\"",
        "[{ ",
        "{'a",
        "{\"a\\",
        "{\\\"",
        "{a: \"",
        "{ // \n",
        "\" ",
        "{\"a\": \"b\" ",
    ] {
        let text = pattern.repeat(1_000_000 / pattern.len());
        let begun = std::time::Instant::now();

        let count = documents(&text).len();

        assert!(count <= text.len());
        assert!(begun.elapsed().as_secs() < 5, "{pattern:?} took {:?}", begun.elapsed());
    }
}

#[test]
fn of_a_document_that_was_cut_off_the_whole_elements_are_salvaged() {
    for (text, expected) in [
        (
            r#"{"name": "Shop", "items": [{"t": "a"}, {"t": "b"#,
            Some(json!({ "name": "Shop", "items": [{ "t": "a" }] })),
        ),
        (r#"{"items": [{"t": "]}"}, {"t": "b"},"#, Some(json!({ "items": [{ "t": "]}" }, { "t": "b" }] }))),
        (r#"{"items": [{"t": [1, 2"#, None),
        (r#"{"a": 12, "b": 34"#, Some(json!({ "a": 12 }))),
        (r#"{"a": true, "b": "cut"#, Some(json!({ "a": true }))),
        (r#"{"a": {"x": 1}, "b": {"x": 2"#, Some(json!({ "a": { "x": 1 } }))),
        (r#"{"a": 1, "nam"#, Some(json!({ "a": 1 }))),
        (r#"["one", "two", "th"#, Some(json!(["one", "two"]))),
        (r#"{"a" 1, "b": [2,"#, None),
        ("{", None),
        ("[", None),
        ("", None),
    ] {
        assert_eq!(salvage(text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_scanner_panic(text in r#"([{}\[\]"\\,:a1 é]|true|\{"a":|\PC){0,200}"#) {
        for item in documents(&text) {
            if let Found::Document(value) = item {
                prop_assert!(value.is_object() || value.is_array());
                prop_assert_eq!(serde_json::from_str::<Value>(&value.to_string()).ok(), Some(value));
            }
        }
    }

    #[test]
    fn a_document_survives_any_prose_without_brackets_around_it(
        before in r"[^{}\[\]]{0,60}",
        strings in prop::collection::vec(r"\PC{0,20}", 0..6),
        after in r"[^{}\[\]]{0,60}",
    ) {
        let value = json!({ "strings": strings, "nested": { "list": [strings, 1, null] } });

        let text = format!("{before}{value}{after}");
        prop_assert_eq!(found(&text), [whole(value)]);
    }

    #[test]
    fn a_document_cut_anywhere_is_never_taken_for_another(
        strings in prop::collection::vec(r"\PC{1,10}", 1..5),
        cut in 1_usize..500,
    ) {
        let text = json!({ "items": strings.iter().map(|s| json!({ "title": s })).collect::<Vec<_>>() }).to_string();
        let cut = (1..text.len()).rev().find(|at| *at <= cut && text.is_char_boundary(*at)).unwrap_or(1);

        prop_assert_eq!(found(&text[..cut]), [Found::CutOff(text[..cut].to_owned())]);
    }

    #[test]
    fn what_is_salvaged_was_said_element_by_element(
        titles in prop::collection::vec(r"\PC{0,10}", 1..8),
        cut in 1_usize..600,
    ) {
        let items: Vec<Value> = titles.iter().map(|title| json!({ "title": title, "n": [1, { "x": title }] })).collect();
        let text = json!({ "a": 7, "items": items, "z": 1 }).to_string();
        let cut = (1..text.len()).rev().find(|at| *at <= cut && text.is_char_boundary(*at)).unwrap_or(1);

        let salvaged = salvage(&text[..cut]).unwrap_or_default();

        let kept = salvaged["items"].as_array().cloned().unwrap_or_default();
        prop_assert_eq!(&kept[..], &items[..kept.len()], "the first ones, each as it was");
        prop_assert!(salvaged.get("a").is_none_or(|a| *a == 7));
    }

    #[test]
    fn no_text_makes_salvaging_panic(text in r#"([{}\[\]"\\,:a1 é]|true|\{"a":|\PC){0,100}"#) {
        salvage(&text);
    }
}
