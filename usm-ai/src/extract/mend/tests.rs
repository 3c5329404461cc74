//! Documents as models write them, and what must never come of them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn a_document_that_is_nearly_json_is_read() {
    for (text, expected) in [
        (r#"{"a": [1, 2,], "b": "x",}"#, json!({"a": [1, 2], "b": "x"})),
        ("{\"a\": \"x\ny\tz\u{1}\"}", json!({"a": "x\ny\tz\u{1}"})),
        (
            r#"{'a': 'it\'s', 'b': ['say "hi"', 'don't stop']}"#,
            json!({"a": "it's", "b": ["say \"hi\"", "don't stop"]}),
        ),
        ("{ // it's here\n \"a\": 1, # and \"there\n /* } */ \"b\": 2}", json!({"a": 1, "b": 2})),
        (
            r#"{"a": "Choose "quickly" now", "b": ["say "hi"", ""c" d"]}"#,
            json!({"a": "Choose \"quickly\" now", "b": ["say \"hi\"", "\"c\" d"]}),
        ),
        (
            r#"{"a": "He said "yes", and left", "b": "one "x": two"}"#,
            json!({"a": "He said \"yes\", and left", "b": "one \"x\": two"}),
        ),
        ("{\u{a0}\"a\":\u{a0}1\u{a0}}", json!({"a": 1})),
        (
            r#"{'a': True, 'b': None, 'c': False, "d": "None"}"#,
            json!({"a": true, "b": null, "c": false, "d": "None"}),
        ),
        (
            r#"{"a": "x \ud83d y", "b": "\ud83d\ude00", "c": "\udc00"}"#,
            json!({"a": "x \u{fffd} y", "b": "😀", "c": "\u{fffd}"}),
        ),
        (r#"{"a": "C:\path \d+ \u12", "b": "\\"}"#, json!({"a": "C:\\path \\d+ \\u12", "b": "\\"})),
        (r#"{a: "x", b_c: [true]}"#, json!({"a": "x", "b_c": [true]})),
        ("{\"a\": 1\n \"b\": [\"x\"\n \"y\"]}", json!({"a": 1, "b": ["x", "y"]})),
    ] {
        assert_eq!(read(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_not_read_and_the_place_is_told() {
    for (text, place) in [
        (r#"{"t": "press "Save", "Exit" now", "d": 1}"#, "press"),
        (r#"["press "a", "b" now"]"#, "press"),
        (r#"{"size": "15" screen"}"#, "15"),
        (r#"{"a": 1 - 2, "b": "x"}"#, "1"),
        (r#"{"n": 0x1F}"#, "0"),
        (r#"{"n": NaN}"#, "NaN"),
        (r#"{"items": [1, 2, ...]}"#, "..."),
    ] {
        let problem = read(text).unwrap_err();

        assert!(problem.contains(place) && problem.contains("after `"), "{text}: {problem}");
    }
    assert!(read(&"[".repeat(50_000)).is_err());
    assert!(read(&format!("{}{}", "[".repeat(5000), "]".repeat(5000))).unwrap_err().contains("deep"));
}

/// Every text in a value, names included.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => vec!["n".to_owned()],
        Value::Bool(_) => Vec::new(),
        Value::Number(number) => vec![number.to_string()],
        Value::String(text) => vec![text.clone()],
        Value::Array(elements) => elements.iter().flat_map(texts).collect(),
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| [vec![name.clone()], texts(value)].concat()).collect()
        }
    }
}

const CARELESS: &str = r#"([{}\[\]",:' \n]|"a": ?|'b': ?|"[a-z ]{0,6}"|'[a-z ]{0,6}',|[0-9]{1,3}|True|None|null|//|/\*|\*/|#|\PC){0,40}"#;

proptest! {
    #[test]
    fn nothing_is_invented(inner in CARELESS, is_list in any::<bool>()) {
        let inner = inner.replace('\\', "");
        let text = if is_list { format!("[{inner}]") } else { format!("{{{inner}}}") };

        if let Ok(value) = read(&text) {
            for said in texts(&value) {
                prop_assert!(text.to_lowercase().contains(&said.to_lowercase()), "{said:?} is not in {text}");
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in r#"([{}\[\]"'\\,:/*#u ]|\\u[d0-9a-f]{0,4}|\PC){0,60}"#) {
        let _ = read(&text);
        let _ = read(&format!("{{\"a\": \"{text}\"}}"));
    }

    #[test]
    fn what_is_json_is_read_as_json(strings in prop::collection::vec(r"\PC{0,20}", 0..6)) {
        let value = json!({ "strings": strings, "nested": { "list": [strings, 1.5, null, true] } });

        prop_assert_eq!(straightened(&value.to_string()).map(|json| serde_json::from_str::<Value>(&json).ok()), Ok(Some(value)));
    }
}
