//! Requests as they go over the wire, and replies as Gemini sends them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::{
    super::testing::{answer, body, full, plain, schema, wire_schema},
    *,
};
use crate::ProviderAnswer;

fn reply(parts: Value, finish_reason: &str) -> Value {
    json!({
        "candidates": [{ "content": { "role": "model", "parts": parts }, "finishReason": finish_reason, "index": 0 }],
        "usageMetadata": {
            "promptTokenCount": 12, "candidatesTokenCount": 3, "thoughtsTokenCount": 40, "totalTokenCount": 55,
        },
        "modelVersion": "gemini-3.8-flash",
        "responseId": "r",
    })
}

#[test]
fn a_plain_request_holds_the_question_only_and_the_model_is_in_the_path() {
    let contents = json!([{ "role": "user", "parts": [{ "text": "Привет" }] }]);

    assert_eq!(body("gemini", &plain(), AnswerFormat::Text, false), json!({ "contents": contents }));
    assert_eq!(path("gemini-3.8-flash"), "gemini-3.8-flash:generateContent");
    assert_eq!(path("models/gemini-3.8-flash"), "gemini-3.8-flash:generateContent");
}

#[test]
fn a_full_request_holds_everything_but_purpose_and_input() {
    assert_eq!(
        body("gemini", &full(), AnswerFormat::Schema(&schema()), false),
        json!({
            "contents": [{ "role": "user", "parts": [{ "text": "Name it" }] }],
            "systemInstruction": { "parts": [{ "text": "Be brief" }] },
            "generationConfig": {
                "temperature": 0.2,
                "maxOutputTokens": 100,
                "responseMimeType": "application/json",
                "responseJsonSchema": wire_schema(),
            },
        })
    );
    let json_mode = body("gemini", &plain(), AnswerFormat::Json, false);
    assert_eq!(json_mode["generationConfig"], json!({ "responseMimeType": "application/json" }));
}

#[test]
fn thoughts_are_counted_but_no_part_of_the_answer() {
    let parts = json!([{ "text": "Let me think", "thought": true }, { "text": "При" }, { "text": "вет" }]);

    assert_eq!(
        answer("gemini", &reply(parts, "STOP")).unwrap(),
        ProviderAnswer {
            text: "Привет".to_owned(),
            model: "gemini-3.8-flash".to_owned(),
            finish_reason: FinishReason::Stop,
            usage: Some(Usage { input_tokens: 12, output_tokens: 43 }),
        }
    );
}

#[test]
fn an_answer_that_ended_early_says_why() {
    let text = json!([{ "text": "Once" }]);
    let no_parts =
        json!({ "candidates": [{ "content": { "role": "model" }, "finishReason": "MAX_TOKENS" }] });
    let blocked = json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT" }, "usageMetadata": {} });

    assert_eq!(
        answer("gemini", &reply(text.clone(), "MAX_TOKENS")).unwrap().finish_reason,
        FinishReason::Length
    );
    assert_eq!(answer("gemini", &no_parts).unwrap_err().kind(), ErrorKind::Truncated);
    for reason in ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"] {
        assert_eq!(
            answer("gemini", &reply(text.clone(), reason)).unwrap_err().kind(),
            ErrorKind::Blocked,
            "{reason}"
        );
    }
    assert_eq!(answer("gemini", &reply(text, "OTHER")).unwrap().finish_reason, FinishReason::Other);
    let blocked = answer("gemini", &blocked).unwrap_err();
    assert_eq!(
        (blocked.kind(), blocked.excerpt()),
        (ErrorKind::Blocked, "the question was blocked: PROHIBITED_CONTENT")
    );
    assert_eq!(answer("gemini", &json!({ "candidates": [] })).unwrap_err().kind(), ErrorKind::Malformed);
    assert_eq!(answer("gemini", &json!({})).unwrap_err().kind(), ErrorKind::Malformed);
}
