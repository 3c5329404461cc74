//! Addresses, keys and the table; what goes over the wire is tested over the wire.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{headers::Headers, providers::SERVICES};

fn config(base_url: &str) -> ServiceConfig {
    let config = ServiceSpec::compatible().config(None);
    ServiceConfig { name: "local".to_owned(), base_url: base_url.to_owned(), model: "m".to_owned(), ..config }
}

#[test]
fn the_endpoint_is_below_the_base_url_however_it_ends() {
    for base in ["http://h:1/v1", " http://h:1/v1/ ", "http://h:1/v1/chat/completions"] {
        let service = Service::new(config(base)).unwrap();
        assert_eq!(service.endpoint.question_url("m").as_str(), "http://h:1/v1/chat/completions");
    }
}

#[test]
fn geminis_model_is_part_of_the_endpoint_and_cannot_leave_it() {
    let config = ServiceSpec::named("gemini").unwrap().config(ApiKey::new("AIza"));
    let service = Service::new(config).unwrap();
    let base = "https://generativelanguage.googleapis.com/v1beta/models";

    for (model, expected) in [
        ("gemini-3.8-flash", "gemini-3.8-flash:generateContent"),
        ("models/gemini-3.8-flash", "gemini-3.8-flash:generateContent"),
        ("a/../b?c#d", "a%2F..%2Fb%3Fc%23d:generateContent"),
    ] {
        assert_eq!(service.endpoint.question_url(model).as_str(), format!("{base}/{expected}"));
    }
}

#[test]
fn a_base_url_that_cannot_work_is_an_error_that_names_the_provider() {
    for base in
        ["", "localhost", "localhost:11434/v1", "ftp://h/v1", "http://", "http://me:pw@h/v1", "http://h/?a"]
    {
        let error = Service::new(config(base)).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{base}");
        assert_eq!(error.provider(), "local");
        assert!(error.excerpt().contains("the base URL") && !error.excerpt().contains("pw"), "{error}");
    }
}

#[test]
fn a_key_or_model_that_cannot_be_sent_is_an_error_and_the_key_is_not_shown() {
    let with_key = ServiceConfig { api_key: Some(ApiKey::new("sk-\n1")), ..config("http://h/v1") };
    let without_model = ServiceConfig { model: " ".to_owned(), ..config("http://h/v1") };

    let error = Service::new(with_key).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(!format!("{error} {error:?}").contains("sk-"));
    assert!(Service::new(without_model).unwrap_err().excerpt().contains("model"));
}

#[test]
fn the_key_is_not_shown_by_debug() {
    for spec in SERVICES {
        let mut config = spec.config(ApiKey::new("key-hunter2"));
        config.model = "m".to_owned();

        assert!(!format!("{config:?} {:?}", Service::new(config.clone()).unwrap()).contains("hunter2"));
    }
}

#[test]
fn every_row_of_the_table_makes_a_provider_of_its_name() {
    for spec in SERVICES {
        let mut config = spec.config(ApiKey::new("key"));
        if !spec.needs_key {
            assert_eq!((spec.default_model, spec.small_model), ("", ""), "only its owner knows");
            config.model = "own".to_owned();
        }
        let service = Service::new(config.clone()).unwrap();

        assert_eq!((service.name(), service.model()), (spec.name, config.model.as_str()));
        assert_eq!(ServiceSpec::named(spec.name), Some(spec));
    }
}

/// A reply in all formats at once.
fn reply_of_all_formats() -> Value {
    let (content, parts) = (json!([{ "type": "output_text", "text": "a" }]), json!([{ "text": "a" }]));
    let message = json!({ "content": "a", "refusal": null, "model": "m", "usage": {} });
    let usage = json!({
        "prompt_tokens": 1, "completion_tokens": 2, "input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 5,
    });
    json!({
        "error": null, "model": "m", "type": "message_delta", "status": "completed", "stop_reason": "end_turn",
        "incomplete_details": { "reason": "max" }, "promptFeedback": {}, "message": message, "usage": usage,
        "choices": [{ "message": message, "delta": message, "finish_reason": "stop" }],
        "output": [{ "type": "message", "content": content }],
        "candidates": [{ "content": { "parts": parts }, "finishReason": "STOP" }],
        "usageMetadata": { "promptTokenCount": 1, "candidatesTokenCount": 2, "thoughtsTokenCount": 3 },
        "content": [{ "type": "text", "text": "a" }],
        "delta": { "type": "text_delta", "text": "a", "stop_reason": "end_turn" },
        "response": { "status": "completed", "usage": usage },
    })
}

/// Puts something else in the place that `way` leads to.
fn spoil(value: &mut Value, way: &[usize], with: &Value) {
    let Some((turn, rest)) = way.split_first() else {
        *value = with.clone();
        return;
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let turn = turn % fields.len();
            fields.values_mut().nth(turn).into_iter().for_each(|inner| spoil(inner, rest, with));
        }
        Value::Array(elements) if !elements.is_empty() => {
            let turn = turn % elements.len();
            spoil(&mut elements[turn], rest, with);
        }
        other => *other = with.clone(),
    }
}

proptest! {
    #[test]
    fn no_reply_makes_a_format_panic(
        spoilt in prop::collection::vec((prop::collection::vec(0_usize..40, 0..6), 0_usize..9), 0..6),
    ) {
        let odd = json!([null, true, -1, u64::MAX, 1e300, "\u{0}", [], {}, { "code": 7, "message": [] }]);
        let mut reply = reply_of_all_formats();
        spoilt.iter().for_each(|(way, with)| spoil(&mut reply, way, &odd[*with]));

        refusal::hidden(&Headers::default(), &reply, SystemTime::now());
        refusal::refusal(429, &Headers::default(), reply.to_string().as_bytes(), SystemTime::now());
        for spec in SERVICES {
            spec.format.usage(&reply);
            for piece in [spec.format.answer(&reply), spec.format.event(&reply)].into_iter().flatten() {
                let mut draft = Draft::default();
                draft.add(piece);
                let answer = draft.finish("m");
                prop_assert!(answer.is_err() || answer.is_ok_and(|answer| !answer.text.trim().is_empty()));
            }
        }
    }
}
