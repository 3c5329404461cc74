//! Requests as they go over the wire, and replies as services send them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::{
    super::testing::{answer, body, full, plain, schema, streamed, wire_schema},
    *,
};
use crate::ProviderAnswer;

fn completion(message: Value, finish_reason: &str) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "answered",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish_reason }],
        "usage": { "prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15 },
    })
}

#[test]
fn a_plain_request_holds_model_and_question_only() {
    assert_eq!(
        body("groq", &plain(), AnswerFormat::Text, false),
        json!({ "model": "m", "messages": [{ "role": "user", "content": "Привет" }] })
    );
}

#[test]
fn a_full_request_holds_everything_but_purpose_and_input() {
    assert_eq!(
        body("openai", &full(), AnswerFormat::Schema(&schema()), false),
        json!({
            "model": "m",
            "messages": [
                { "role": "system", "content": "Be brief" },
                { "role": "user", "content": "Name it" },
            ],
            "temperature": 0.2,
            "max_completion_tokens": 100,
            "response_format": {
                "type": "json_schema",
                "json_schema": { "name": "Title", "strict": true, "schema": wire_schema() },
            },
        })
    );
}

#[test]
fn the_output_limit_has_the_name_the_service_knows() {
    for (service, name) in [
        ("openai", "max_completion_tokens"),
        ("groq", "max_completion_tokens"),
        ("ollama", "max_tokens"),
        ("openrouter", "max_tokens"),
    ] {
        assert_eq!(body(service, &full(), AnswerFormat::Text, false)[name], 100, "{service}");
    }
}

#[test]
fn json_mode_and_streams_are_asked_for_in_their_words() {
    let body = body("ollama", &plain(), AnswerFormat::Json, true);

    assert_eq!(body["response_format"], json!({ "type": "json_object" }));
    assert_eq!((&body["stream"], &body["stream_options"]), (&json!(true), &json!({ "include_usage": true })));
}

#[test]
fn a_gateway_is_told_to_pass_a_schema_only_to_who_keeps_it() {
    let with = body("openrouter", &plain(), AnswerFormat::Schema(&schema()), false);
    let without = body("openrouter", &plain(), AnswerFormat::Text, false);

    assert_eq!(with["provider"], json!({ "require_parameters": true }));
    assert_eq!(without.get("provider"), None);
}

#[test]
fn an_answer_gives_text_model_finish_and_tokens() {
    let answer =
        answer("groq", &completion(json!({ "role": "assistant", "content": "Hi" }), "stop")).unwrap();

    assert_eq!(
        answer,
        ProviderAnswer {
            text: "Hi".to_owned(),
            model: "answered".to_owned(),
            finish_reason: FinishReason::Stop,
            usage: Some(Usage { input_tokens: 12, output_tokens: 3 }),
        }
    );
}

#[test]
fn a_sparse_answer_in_parts_is_read_too() {
    let reply = json!({ "choices": [{ "message": { "content": [{ "type": "text", "text": "Hi" }] } }] });

    let answer = answer("compatible", &reply).unwrap();

    assert_eq!((answer.text.as_str(), answer.model.as_str()), ("Hi", "asked"));
    assert_eq!((answer.finish_reason, answer.usage), (FinishReason::Other, None));
}

#[test]
fn a_text_cut_off_at_the_limit_is_an_answer_and_no_text_is_an_error() {
    let cut = answer("groq", &completion(json!({ "content": "Once upon" }), "length")).unwrap();
    let spent = answer("groq", &completion(json!({ "content": "" }), "length")).unwrap_err();
    let empty = answer("groq", &completion(json!({ "content": null }), "stop")).unwrap_err();
    let none = answer("groq", &json!({ "choices": [] })).unwrap_err();

    assert_eq!(cut.finish_reason, FinishReason::Length);
    assert_eq!((spent.kind(), empty.kind()), (ErrorKind::Truncated, ErrorKind::Malformed));
    assert_eq!(none.kind(), ErrorKind::Malformed);
}

#[test]
fn a_filtered_declined_or_broken_answer_is_an_error() {
    let filtered = answer("openai", &completion(json!({ "content": "Once" }), "content_filter")).unwrap_err();
    let refusal = json!({ "content": null, "refusal": "I can't" });
    let declined = answer("openai", &completion(refusal, "stop")).unwrap_err();
    let broken = answer("openrouter", &completion(json!({ "content": "On" }), "error")).unwrap_err();

    assert_eq!((filtered.kind(), declined.kind()), (ErrorKind::Blocked, ErrorKind::Blocked));
    assert_eq!(declined.excerpt(), "I can't");
    assert_eq!(broken.kind(), ErrorKind::Overloaded);
}

#[test]
fn a_stream_is_put_together_with_its_count_of_tokens() {
    let delta = |delta: Value, finish: Value| json!({ "model": "answered", "choices": [{ "delta": delta, "finish_reason": finish }] });
    let events = [
        delta(json!({ "role": "assistant", "content": "" }), Value::Null),
        delta(json!({ "content": "При" }), Value::Null),
        delta(json!({ "content": "вет" }), Value::Null),
        delta(json!({}), json!("stop")),
        json!({ "model": "answered", "choices": [], "usage": { "prompt_tokens": 2, "completion_tokens": 1 } }),
    ];

    let (answer, finished) = streamed("openai", &events).unwrap();
    let (_, unfinished) = streamed("openai", &events[..3]).unwrap();

    assert_eq!((answer.text.as_str(), answer.model.as_str()), ("Привет", "answered"));
    assert_eq!(answer.usage, Some(Usage { input_tokens: 2, output_tokens: 1 }));
    assert!(finished && !unfinished);
}
