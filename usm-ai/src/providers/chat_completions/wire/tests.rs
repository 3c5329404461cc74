//! Requests as they go over the wire, and replies as services send them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use schemars::JsonSchema;
use serde::Deserialize;

use super::*;

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the type is only described")]
struct Title {
    title: String,
}

fn reply(status: u16, body: Value) -> Result<ProviderAnswer, Error> {
    from_wire("asked", status, &Headers::default(), body.to_string().as_bytes())
}

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
    let request = ChatRequest::new("greeting", "Привет");

    assert_eq!(
        to_wire("m", &request, None, TokenLimit::Plain),
        json!({ "model": "m", "messages": [{ "role": "user", "content": "Привет" }] })
    );
}

#[test]
fn a_full_request_holds_everything_but_purpose_and_input() {
    let request = ChatRequest::new("title", "Name it")
        .system("Be brief")
        .input(json!({ "secret": "data" }))
        .temperature(0.2)
        .max_output_tokens(100);

    let body = to_wire("m", &request, Some(&AnswerSchema::of::<Title>()), TokenLimit::Completion);

    assert_eq!(
        body,
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
                "json_schema": {
                    "name": "Title",
                    "strict": true,
                    "schema": {
                        "type": "object",
                        "properties": { "title": { "type": "string" } },
                        "required": ["title"],
                        "additionalProperties": false,
                    },
                },
            },
        })
    );
}

#[test]
fn the_output_limit_has_the_name_the_service_knows() {
    let request = ChatRequest::new("p", "q").max_output_tokens(7);

    assert_eq!(to_wire("m", &request, None, TokenLimit::of_host("localhost"))["max_tokens"], 7);
    assert_eq!(
        to_wire("m", &request, None, TokenLimit::of_host("api.openai.com"))["max_completion_tokens"],
        7
    );
}

#[test]
fn an_answer_gives_text_model_finish_and_tokens() {
    let answer = reply(200, completion(json!({ "role": "assistant", "content": "Hi" }), "stop")).unwrap();

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
    let body = json!({ "choices": [{ "message": { "content": [{ "type": "text", "text": "Hi" }] } }] });

    let answer = reply(200, body).unwrap();

    assert_eq!((answer.text.as_str(), answer.model.as_str()), ("Hi", "asked"));
    assert_eq!((answer.finish_reason, answer.usage), (FinishReason::Other, None));
}

#[test]
fn a_text_cut_off_at_the_limit_is_an_answer_and_no_text_is_an_error() {
    let cut = reply(200, completion(json!({ "content": "Once upon" }), "length")).unwrap();
    let spent = reply(200, completion(json!({ "content": "" }), "length")).unwrap_err();
    let empty = reply(200, completion(json!({ "content": null }), "stop")).unwrap_err();

    assert_eq!(cut.finish_reason, FinishReason::Length);
    assert_eq!((spent.kind(), empty.kind()), (ErrorKind::Truncated, ErrorKind::Malformed));
}

#[test]
fn a_filtered_or_declined_answer_is_blocked() {
    let filtered = reply(200, completion(json!({ "content": "Once" }), "content_filter")).unwrap_err();
    let declined =
        reply(200, completion(json!({ "content": null, "refusal": "I can't" }), "stop")).unwrap_err();

    assert_eq!((filtered.kind(), declined.kind()), (ErrorKind::Blocked, ErrorKind::Blocked));
    assert_eq!(declined.excerpt(), "I can't");
}

#[test]
fn each_refusal_is_classified_by_what_to_do_next() {
    let table = [
        (
            401,
            json!({ "error": { "message": "Incorrect API key", "code": "invalid_api_key" } }),
            ErrorKind::Unauthorized,
        ),
        (403, json!({ "error": { "message": "Country not supported" } }), ErrorKind::Unauthorized),
        (
            400,
            json!({ "error": { "message": "API key not valid. Please pass a valid API key." } }),
            ErrorKind::Unauthorized,
        ),
        (402, json!({ "error": { "message": "Insufficient credits", "code": 402 } }), ErrorKind::QuotaSpent),
        (
            429,
            json!({ "error": { "message": "You exceeded your quota", "code": "insufficient_quota" } }),
            ErrorKind::QuotaSpent,
        ),
        (
            429,
            json!({ "error": { "message": "Rate limit reached", "code": "rate_limit_exceeded" } }),
            ErrorKind::RateLimited,
        ),
        (
            404,
            json!({ "error": { "message": "The model `x` does not exist", "code": "model_not_found" } }),
            ErrorKind::ModelNotFound,
        ),
        (404, json!({ "error": "model \"x\" not found, try pulling it first" }), ErrorKind::ModelNotFound),
        (
            400,
            json!({ "error": { "message": "The model `x` has been decommissioned", "code": "model_decommissioned" } }),
            ErrorKind::ModelNotFound,
        ),
        (
            400,
            json!({ "error": { "message": "This model does not support response format `json_schema`" } }),
            ErrorKind::SchemaUnsupported,
        ),
        (
            400,
            json!({ "error": { "message": "Invalid schema for response_format 'Title': minItems is not supported" } }),
            ErrorKind::SchemaUnsupported,
        ),
        (
            400,
            json!({ "error": { "message": "Failed to validate JSON", "code": "json_validate_failed" } }),
            ErrorKind::Malformed,
        ),
        (
            400,
            json!({ "error": { "message": "maximum context length is 8192 tokens", "code": "context_length_exceeded" } }),
            ErrorKind::Refused,
        ),
        (413, json!({ "error": { "message": "Request too large" } }), ErrorKind::Refused),
        (
            400,
            json!({ "error": { "message": "The response was filtered", "code": "content_filter" } }),
            ErrorKind::Blocked,
        ),
        (408, json!({}), ErrorKind::Timeout),
        (409, json!({ "error": { "message": "Conflict" } }), ErrorKind::Overloaded),
        (500, json!({ "error": { "message": "The server had an error" } }), ErrorKind::Overloaded),
        (503, json!({ "detail": "loading model" }), ErrorKind::Overloaded),
        (
            529,
            json!({ "error": { "type": "overloaded_error", "message": "Overloaded" } }),
            ErrorKind::Overloaded,
        ),
        (418, json!({ "error": { "message": "I am a teapot" } }), ErrorKind::Refused),
        (
            200,
            json!({ "error": { "message": "Upstream is rate limited", "code": 429 } }),
            ErrorKind::RateLimited,
        ),
        (
            200,
            json!({ "error": { "message": "Something broke", "code": "server_error" } }),
            ErrorKind::Overloaded,
        ),
        (200, json!({ "choices": [] }), ErrorKind::Malformed),
        (200, json!([1, 2]), ErrorKind::Malformed),
    ];
    for (status, body, expected) in table {
        let error = reply(status, body.clone()).unwrap_err();

        assert_eq!(error.kind(), expected, "{status} {body}");
        assert!(error.status().is_some());
    }
}

#[test]
fn what_the_service_said_is_the_excerpt() {
    let error = reply(400, json!({ "error": { "message": "Invalid 'messages':\n too few" } })).unwrap_err();

    assert_eq!(error.excerpt(), "Invalid 'messages': too few");
    assert_eq!(error.status(), Some(400));
}

#[test]
fn a_web_page_or_half_a_reply_is_malformed_and_shown() {
    for body in ["<html><body>Welcome</body></html>", r#"{"choices": [{"message": {"conte"#, ""] {
        let error = from_wire("m", 200, &Headers::default(), body.as_bytes()).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Malformed, "{body}");
        assert!(error.excerpt().contains("not JSON or breaks off"));
    }
    let gateway = from_wire("m", 502, &Headers::default(), b"<html>Bad Gateway</html>").unwrap_err();
    assert_eq!((gateway.kind(), gateway.excerpt()), (ErrorKind::Overloaded, "<html>Bad Gateway</html>"));
}

#[test]
fn a_redirect_is_a_wrong_setting_and_names_its_target() {
    let headers = Headers::with("location", "https://new.example/v1");

    let error = from_wire("m", 308, &headers, b"").unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.excerpt().contains("https://new.example/v1"), "{error}");
}

#[test]
fn the_wait_is_read_in_seconds_with_fractions_and_in_milliseconds() {
    let wait = |name, value| retry_after(&Headers::with(name, value));

    assert_eq!(wait("retry-after", "12"), Some(Duration::from_secs(12)));
    assert_eq!(wait("retry-after", " 0.25 "), Some(Duration::from_millis(250)));
    assert_eq!(wait("retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
    for nonsense in ["", "soon", "-1", "NaN", "inf", "1e300"] {
        assert_eq!(wait("retry-after", nonsense), None, "{nonsense}");
    }
}
