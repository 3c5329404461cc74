//! Refusals as services send them, and what the caller does next.

use std::time::Duration;

use serde_json::json;

use super::*;

/// As the client reads a reply that is no answer.
fn reply(status: u16, body: &Value) -> Error {
    let (headers, now) = (Headers::default(), SystemTime::now());
    match status {
        200 => hidden(&headers, body, now).unwrap_or_else(|| panic!("no error in {body}")),
        _ => refusal(status, &headers, body.to_string().as_bytes(), now),
    }
}

#[test]
fn what_is_no_error_is_none() {
    for body in [
        json!({ "choices": [] }),
        json!([1, 2]),
        json!({ "error": null, "output": [] }),
        json!({ "error": "", "choices": [] }),
        json!({ "error": {}, "choices": [] }),
        json!({ "error": false, "choices": [] }),
        json!("x"),
    ] {
        assert!(hidden(&Headers::default(), &body, SystemTime::now()).is_none(), "{body}");
    }
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
            403,
            json!({ "error": { "message": "Project `p` does not have access to model `x`", "code": "model_not_found" } }),
            ErrorKind::ModelNotFound,
        ),
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
            ErrorKind::TooLarge,
        ),
        (413, json!({ "error": { "message": "Request too large" } }), ErrorKind::TooLarge),
        (
            400,
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum" } }),
            ErrorKind::TooLarge,
        ),
        (
            400,
            json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)." } }),
            ErrorKind::TooLarge,
        ),
        (
            400,
            json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": "API key expired. Please renew the API key.", "details": [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID" }] } }),
            ErrorKind::Unauthorized,
        ),
        (
            403,
            json!({ "error": { "code": 403, "status": "PERMISSION_DENIED", "message": "Generative Language API has not been used" } }),
            ErrorKind::Unauthorized,
        ),
        (
            403,
            json!({ "error": { "code": 403, "message": "Your input was flagged", "metadata": { "reasons": ["violence"] } } }),
            ErrorKind::Blocked,
        ),
        (
            404,
            json!({ "error": { "code": 404, "status": "NOT_FOUND", "message": "models/gemini-2.0-flash is not found for API version v1beta" } }),
            ErrorKind::ModelNotFound,
        ),
        (
            404,
            json!({ "type": "error", "error": { "type": "not_found_error", "message": "model: claude-2" } }),
            ErrorKind::ModelNotFound,
        ),
        (
            429,
            json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "You exceeded your current quota, please check your plan and billing details." } }),
            ErrorKind::RateLimited,
        ),
        (
            429,
            json!({ "type": "error", "error": { "type": "rate_limit_error", "message": "Limit reached", "details": { "error_code": "enforced_spend_limit_reached" } } }),
            ErrorKind::QuotaSpent,
        ),
        (
            400,
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "Your credit balance is too low to access the API" } }),
            ErrorKind::QuotaSpent,
        ),
        (
            400,
            json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": "Invalid JSON payload: generation_config.response_schema is too deep" } }),
            ErrorKind::SchemaUnsupported,
        ),
        (
            400,
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "output_config.format.schema: recursion is not supported" } }),
            ErrorKind::SchemaUnsupported,
        ),
        (498, json!({ "error": { "message": "Flex tier capacity exceeded" } }), ErrorKind::Overloaded),
        (
            503,
            json!([{ "error": { "code": 503, "status": "UNAVAILABLE", "message": "The model is overloaded" } }]),
            ErrorKind::Overloaded,
        ),
        (
            200,
            json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }),
            ErrorKind::Overloaded,
        ),
        (
            200,
            json!({ "type": "error", "error": { "type": "authentication_error", "message": "invalid x-api-key" } }),
            ErrorKind::Unauthorized,
        ),
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
        (200, json!({ "error": { "message": "Slow down", "code": "429" } }), ErrorKind::RateLimited),
        (200, json!({ "error": { "message": "No", "status": 401 } }), ErrorKind::Unauthorized),
        (
            401,
            json!({ "error": { "message": "You exceeded your quota", "type": "insufficient_quota", "code": 401 } }),
            ErrorKind::QuotaSpent,
        ),
        (
            200,
            json!({ "error": { "message": "Something broke", "code": "server_error" } }),
            ErrorKind::Overloaded,
        ),
    ];
    for (status, body, expected) in table {
        let error = reply(status, &body);

        assert_eq!(error.kind(), expected, "{status} {body}");
        assert!(error.status().is_some());
    }
}

#[test]
fn what_the_service_said_is_the_excerpt() {
    let error = reply(400, &json!({ "error": { "message": "Invalid 'messages':\n too few" } }));

    assert_eq!(error.excerpt(), "Invalid 'messages': too few");
    assert_eq!(error.status(), Some(400));
}

#[test]
fn a_web_page_in_place_of_an_error_is_shown_and_its_status_counts() {
    let gateway = refusal(502, &Headers::default(), b"<html>Bad Gateway</html>", SystemTime::now());

    assert_eq!((gateway.kind(), gateway.excerpt()), (ErrorKind::Overloaded, "<html>Bad Gateway</html>"));
}

#[test]
fn a_redirect_is_a_wrong_setting_and_names_its_target() {
    let headers = Headers::of_pairs(&[("location", "https://new.example/v1")]);

    let error = refusal(308, &headers, b"", SystemTime::now());

    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.excerpt().contains("https://new.example/v1"), "{error}");
}

#[test]
fn the_wait_comes_with_what_passes_and_not_with_what_lasts() {
    let headers = Headers::of_pairs(&[("retry-after", "7")]);
    let with = |status, code: &str| {
        let body = json!({ "error": { "message": "No", "code": code } }).to_string();
        refusal(status, &headers, body.as_bytes(), SystemTime::now()).retry_after()
    };

    assert_eq!(with(429, "rate_limit_exceeded"), Some(Duration::from_secs(7)));
    assert_eq!(with(503, ""), Some(Duration::from_secs(7)));
    assert_eq!(with(429, "insufficient_quota"), None);
    assert_eq!(with(401, ""), None);
}

#[test]
fn a_spent_day_is_told_from_a_spent_minute() {
    let failure = |quota: &str| {
        let violation = json!({ "quotaId": quota });
        let details = json!([
            { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation] },
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "45.8s" },
        ]);
        reply(
            429,
            &json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota", "details": details } }),
        )
    };

    let (minute, day) = (failure("RequestsPerMinute"), failure("RequestsPerDay"));

    assert_eq!(
        (minute.kind(), minute.retry_after()),
        (ErrorKind::RateLimited, Some(Duration::from_millis(45_800)))
    );
    assert_eq!(day.kind(), ErrorKind::RateLimited);
    assert!(day.retry_after() > Some(Duration::from_secs(60)) || day.excerpt().contains("day"));
    assert!(day.excerpt().contains("the quota of the day") && !minute.excerpt().contains("day"), "{day}");
}
