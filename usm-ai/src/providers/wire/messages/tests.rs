//! Requests as they go over the wire, and replies as Anthropic sends them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::{
    super::testing::{answer, body, full, plain, schema, wire_schema},
    *,
};
use crate::ProviderAnswer;

fn message(content: Value, stop_reason: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "content": content,
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": { "input_tokens": 10, "cache_read_input_tokens": 2, "output_tokens": 3 },
    })
}

#[test]
fn a_plain_request_holds_model_question_and_the_limit_the_format_wants() {
    assert_eq!(
        body("anthropic", &plain(), AnswerFormat::Text, false),
        json!({ "model": "m", "max_tokens": 16_000, "messages": [{ "role": "user", "content": "Привет" }] })
    );
}

#[test]
fn a_full_request_holds_everything_but_purpose_and_input() {
    assert_eq!(
        body("anthropic", &full(), AnswerFormat::Schema(&schema()), false),
        json!({
            "model": "m",
            "max_tokens": 100,
            "system": "Be brief",
            "messages": [{ "role": "user", "content": "Name it" }],
            "temperature": 0.2,
            "output_config": { "format": { "type": "json_schema", "schema": wire_schema() } },
        })
    );
}

#[test]
fn thinking_is_no_part_of_the_answer() {
    let content = json!([
        { "type": "thinking", "thinking": "Let me see", "signature": "s" },
        { "type": "text", "text": "При" },
        { "type": "text", "text": "вет" },
    ]);

    assert_eq!(
        answer("anthropic", &message(content, "end_turn")).unwrap(),
        ProviderAnswer {
            text: "Привет".to_owned(),
            model: "claude-sonnet-5".to_owned(),
            finish_reason: FinishReason::Stop,
            usage: Some(Usage { input_tokens: 12, output_tokens: 3 }),
        }
    );
}

#[test]
fn an_answer_that_ended_early_says_why() {
    let text = json!([{ "type": "text", "text": "Once" }]);
    let thinking = json!([{ "type": "thinking", "thinking": "Hm" }]);

    for reason in ["max_tokens", "model_context_window_exceeded"] {
        let cut = answer("anthropic", &message(text.clone(), reason)).unwrap();
        assert_eq!(cut.finish_reason, FinishReason::Length);
    }
    assert_eq!(
        answer("anthropic", &message(thinking, "max_tokens")).unwrap_err().kind(),
        ErrorKind::Truncated
    );
    assert_eq!(answer("anthropic", &message(text, "refusal")).unwrap_err().kind(), ErrorKind::Blocked);
    assert_eq!(
        answer("anthropic", &message(json!([]), "end_turn")).unwrap_err().kind(),
        ErrorKind::Malformed
    );
    assert_eq!(answer("anthropic", &json!({ "type": "message" })).unwrap_err().kind(), ErrorKind::Malformed);
}
