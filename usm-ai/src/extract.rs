//! Finds JSON documents in what a model says around them: prose, code fences, remarks.

use serde_json::Value;

/// Something in a text that began like a JSON document.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// A whole document.
    Document(Value),
    /// It looked like a document, and its brackets balance, but it is not JSON; the text says why.
    Broken(String),
    /// The text ended within it. Nothing inside it is offered: an inner element is not the answer.
    CutOff,
}

/// The documents of `text` in order, in one pass over it.
///
/// A document is an object or an array. Brackets of prose (`[MVP]`, `{name}`) are passed over.
pub(crate) fn documents(text: &str) -> impl Iterator<Item = Found> {
    let mut position = 0;
    std::iter::from_fn(move || {
        while let Some(offset) = text.get(position..)?.find(['{', '[']) {
            let start = position + offset;
            let end = match opening(&text.as_bytes()[start..]) {
                Opening::Prose => {
                    position = start + 1;
                    continue;
                }
                Opening::Document => match balanced(text.as_bytes(), start, false) {
                    Scan::Closed(end) => end,
                    Scan::NotJson(_) | Scan::EndOfText => {
                        position = text.len();
                        return Some(Found::CutOff);
                    }
                },
                Opening::Perhaps => match balanced(text.as_bytes(), start, true) {
                    Scan::Closed(end) => end,
                    Scan::NotJson(at) => {
                        position = at;
                        continue;
                    }
                    Scan::EndOfText => {
                        position = text.len();
                        return None;
                    }
                },
            };
            position = end;
            return Some(match serde_json::from_str(&text[start..end]) {
                Ok(value) => Found::Document(value),
                Err(error) => Found::Broken(error.to_string()),
            });
        }
        None
    })
}

enum Opening {
    /// Begins as only JSON does: `{"`, `[{`, `["`.
    Document,
    /// Could be JSON or prose: `[1`.
    Perhaps,
    Prose,
}

fn opening(bytes: &[u8]) -> Opening {
    let mut inner = bytes.iter().skip(1).filter(|byte| !byte.is_ascii_whitespace());
    match (bytes.first(), inner.next()) {
        (Some(b'{'), Some(b'"' | b'}') | None) => Opening::Document,
        (Some(b'['), Some(b'"' | b']') | None) => Opening::Document,
        (Some(b'['), Some(b'{')) if matches!(inner.next(), Some(b'"' | b'}') | None) => Opening::Document,
        (Some(b'['), Some(b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')) => Opening::Perhaps,
        _ => Opening::Prose,
    }
}

enum Scan {
    /// The position after the bracket that closes the first one.
    Closed(usize),
    /// The position of a byte that JSON has only inside strings.
    NotJson(usize),
    EndOfText,
}

/// Looks for the end of the document that begins at `start`; brackets inside strings do not count.
fn balanced(bytes: &[u8], start: usize, strict: bool) -> Scan {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (position, &byte) in bytes.iter().enumerate().skip(start) {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Scan::Closed(position + 1);
                }
            }
            _ if strict && !may_stand_outside_strings(byte) => return Scan::NotJson(position),
            _ => {}
        }
    }
    Scan::EndOfText
}

fn may_stand_outside_strings(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_digit() || b",:+-.eEtrufalsn".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn found(text: &str) -> Vec<Found> {
        documents(text).collect()
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
        assert_eq!(found(r#"{"activities": [{"title": "whole"}, {"title": "cu"#), [Found::CutOff]);
        assert_eq!(found(r#"[{"title": "whole"}, {"title": "#), [Found::CutOff]);
    }

    #[test]
    fn nothing_is_taken_from_inside_a_document_that_is_broken() {
        let items = found(r#"{"items": [{"title": "inner"},]} bye"#);

        assert!(matches!(items.as_slice(), [Found::Broken(_)]), "{items:?}");
    }

    #[test]
    fn text_without_documents_gives_none() {
        for text in ["", "sorry", "[MVP] {name} [", "}{", "]]", "[1, 2"] {
            assert!(!found(text).iter().any(|item| matches!(item, Found::Document(_))), "{text}");
        }
    }

    #[test]
    fn a_hostile_text_takes_linear_time() {
        for pattern in ["[", "{", "[[1 ", "{\"", "[{\"a\":", "{ ", "[1,x", "[\"", "[{ "] {
            let text = pattern.repeat(1_000_000 / pattern.len());
            let begun = std::time::Instant::now();

            let count = documents(&text).count();

            assert!(count <= text.len());
            assert!(begun.elapsed().as_secs() < 5, "{pattern:?} took {:?}", begun.elapsed());
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

            prop_assert_eq!(found(&format!("{before}{value}{after}")), [whole(value)]);
        }

        #[test]
        fn a_document_cut_anywhere_is_never_taken_for_another(
            strings in prop::collection::vec(r"\PC{1,10}", 1..5),
            cut in 1_usize..500,
        ) {
            let text = json!({ "items": strings.iter().map(|s| json!({ "title": s })).collect::<Vec<_>>() }).to_string();
            let cut = (1..text.len()).rev().find(|at| *at <= cut && text.is_char_boundary(*at)).unwrap_or(1);

            prop_assert_eq!(found(&text[..cut]), [Found::CutOff]);
        }
    }
}
