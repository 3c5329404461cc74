//! Requests as they go over the wire, and replies as Perplexity and OpenAI send them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::{
    super::testing::{answer, body, full, plain, schema, wire_schema},
    *,
};
use crate::{AnswerFormat, ProviderAnswer};

fn response(output: Value, status: &str) -> Value {
    json!({
        "id": "resp_1", "object": "response", "model": "perplexity/sonar", "status": status, "error": null,
        "output": output,
        "usage": { "input_tokens": 12, "output_tokens": 3, "total_tokens": 15, "cost": { "total_cost": 0.001 } },
    })
}

fn message(text: &str) -> Value {
    json!([
        { "type": "reasoning", "summary": [] },
        { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }] },
    ])
}

#[test]
fn a_plain_request_holds_model_and_question_only() {
    assert_eq!(
        body("perplexity", &plain(), AnswerFormat::Text, false),
        json!({ "model": "m", "input": "Привет" })
    );
}

#[test]
fn a_full_request_holds_everything_but_purpose_and_input() {
    let schema = schema();

    assert_eq!(
        body("perplexity", &full(), AnswerFormat::Schema(&schema), false),
        json!({
            "model": "m", "input": "Name it", "instructions": "Be brief", "temperature": 0.2,
            "max_output_tokens": 100,
            "response_format": {
                "type": "json_schema",
                "json_schema": { "name": "Title", "strict": true, "schema": wire_schema() },
            },
        })
    );
}

#[test]
fn an_answer_gives_text_model_finish_and_tokens() {
    assert_eq!(
        answer("perplexity", &response(message("Hi"), "completed")).unwrap(),
        ProviderAnswer {
            text: "Hi".to_owned(),
            model: "perplexity/sonar".to_owned(),
            finish_reason: FinishReason::Stop,
            usage: Some(Usage { input_tokens: 12, output_tokens: 3 }),
        }
    );
}

#[test]
fn an_answer_that_ended_early_says_why() {
    let incomplete = |reason: &str| {
        let mut reply = response(message("Once"), "incomplete");
        reply["incomplete_details"] = json!({ "reason": reason });
        answer("perplexity", &reply)
    };
    let mut failed = response(json!([]), "failed");
    failed["error"] = json!({ "code": "server_error", "message": "Something broke" });
    let mut limited = failed.clone();
    limited["error"]["code"] = json!("rate_limit_exceeded");
    let refusal = json!([{ "type": "message", "content": [{ "type": "refusal", "refusal": "I can't" }] }]);

    assert_eq!(incomplete("max_output_tokens").unwrap().finish_reason, FinishReason::Length);
    assert_eq!(incomplete("content_filter").unwrap_err().kind(), ErrorKind::Blocked);
    let failed = answer("perplexity", &failed).unwrap_err();
    assert_eq!((failed.kind(), failed.excerpt()), (ErrorKind::Overloaded, "Something broke"));
    assert_eq!(answer("perplexity", &limited).unwrap_err().kind(), ErrorKind::RateLimited);
    let declined = answer("perplexity", &response(refusal, "completed")).unwrap_err();
    assert_eq!((declined.kind(), declined.excerpt()), (ErrorKind::Blocked, "I can't"));
    assert_eq!(
        answer("perplexity", &response(json!([]), "completed")).unwrap_err().kind(),
        ErrorKind::Malformed
    );
    assert_eq!(
        answer("perplexity", &json!({ "status": "completed" })).unwrap_err().kind(),
        ErrorKind::Malformed
    );
}
