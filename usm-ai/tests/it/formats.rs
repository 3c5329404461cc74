//! Every wire format from the request on the wire to the answer, and streams of servers of one's own.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use serde_json::json;
use usm_ai::{
    AnswerFormat, AnswerSchema, ErrorKind, FinishReason, Limits, Provider, Usage,
    testing::{FakeAi, RecordedRequest, Reply},
};

use crate::support::{FORMATS, KEY, Point, failure, question, router, service, service_with};

#[tokio::test]
async fn a_question_goes_to_its_path_with_the_key_where_the_service_wants_it() {
    for (kind, path, header, value) in [
        ("groq", "/v1/chat/completions", "authorization", format!("Bearer {KEY}")),
        ("openrouter", "/v1/chat/completions", "authorization", format!("Bearer {KEY}")),
        ("perplexity", "/v1/responses", "authorization", format!("Bearer {KEY}")),
        ("gemini", "/v1/models/model:generateContent", "x-goog-api-key", KEY.to_owned()),
        ("anthropic", "/v1/messages", "x-api-key", KEY.to_owned()),
    ] {
        let ai = FakeAi::start([Reply::text("42")]).await.unwrap();

        let answer = service(kind, &ai).chat(&question(), AnswerFormat::Text).await.unwrap();

        assert_eq!((answer.text.as_str(), answer.model.as_str()), ("42", "fake-model"), "{kind}");
        assert_eq!(answer.finish_reason, FinishReason::Stop);
        assert_eq!(answer.usage, Some(Usage { input_tokens: 10, output_tokens: 5 }));
        let request = &ai.requests()[0];
        assert_eq!(request.target, format!("POST {path}"));
        assert_eq!(request.header(header), Some(value.as_str()));
        let version = request.header("anthropic-version");
        assert_eq!(version.is_some(), kind == "anthropic");
    }
}

#[tokio::test]
async fn a_server_of_ones_own_is_asked_for_a_stream_so_that_a_slow_model_is_not_taken_for_a_dead_one() {
    let text = "Однажды в студёную зимнюю пору я из лесу вышел";
    let limits = Limits { silence: Duration::from_millis(500), ..Limits::default() };
    for kind in ["ollama", "compatible"] {
        // Slower in all than the longest silence, and never silent so long.
        let slowly = Reply::text(text).trickling(Duration::from_micros(300));
        let ai = FakeAi::start([slowly]).await.unwrap();

        let answer = service_with(kind, &ai, limits).chat(&question(), AnswerFormat::Text).await.unwrap();

        assert_eq!((answer.text.as_str(), answer.finish_reason), (text, FinishReason::Stop), "{kind}");
        assert_eq!(answer.usage, Some(Usage { input_tokens: 10, output_tokens: 5 }));
        assert_eq!(ai.requests()[0].body["stream"], true);
    }
    for kind in FORMATS {
        let ai = FakeAi::start([Reply::text("42")]).await.unwrap();

        service(kind, &ai).chat(&question(), AnswerFormat::Text).await.unwrap();

        assert_eq!(ai.requests()[0].body.get("stream"), None, "{kind}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_a_failure_and_the_next_candidate_answers() {
    let broken = FakeAi::always(Reply::CloseWithinBody).await.unwrap();
    let whole = FakeAi::start([Reply::text("whole")]).await.unwrap();

    let response = router([("ollama", &broken), ("groq", &whole)]).chat(&question()).await.unwrap();

    assert_eq!(response.text, "whole");
    assert_eq!(response.attempts[0].error, Some(ErrorKind::Network));
}

#[tokio::test]
async fn a_stream_may_be_refused_or_answered_whole() {
    let refused = Reply::error(400, "`stream` is not supported");
    let whole = json!({ "choices": [{ "message": { "content": "whole" }, "finish_reason": "stop" }] });
    let not_streamed = Reply::body(200, whole.to_string());
    for script in [vec![not_streamed.clone()], vec![refused, not_streamed.clone(), not_streamed]] {
        let requests = script.len();
        let ai = FakeAi::start(script).await.unwrap();
        let service = service("ollama", &ai);

        for _ in 0..requests.div_ceil(2) {
            let answer = service.chat(&question(), AnswerFormat::Text).await.unwrap();
            assert_eq!(answer.text, "whole");
        }

        let streamed = |request: &RecordedRequest| request.body["stream"] == true;
        assert_eq!(ai.requests().iter().filter(|request| streamed(request)).count(), 1, "it is remembered");
    }
}

#[tokio::test]
async fn a_value_is_asked_for_by_schema_in_the_words_of_each_format() {
    for (kind, pointer) in [
        ("groq", "/response_format/json_schema/schema"),
        ("perplexity", "/response_format/json_schema/schema"),
        ("gemini", "/generationConfig/responseJsonSchema"),
        ("anthropic", "/output_config/format/schema"),
    ] {
        let ai = FakeAi::start([Reply::json(json!({ "x": "one" })), Reply::json(json!({ "x": 1 }))]);
        let ai = ai.await.unwrap();

        let answer = router([(kind, &ai)]).answer::<Point>(&question()).await.unwrap();

        assert_eq!(answer.value, Point { x: 1 }, "{kind}");
        let schema = AnswerSchema::of::<Point>();
        assert_eq!(ai.requests()[0].body.pointer(pointer), Some(schema.as_json()), "{kind}");
    }
}

#[tokio::test]
async fn without_a_json_mode_the_ladder_goes_straight_to_the_prompt() {
    for (kind, requests) in [("groq", 3), ("gemini", 3), ("perplexity", 2), ("anthropic", 2)] {
        let refused = Reply::error(400, "json_schema: not supported by this model");
        let script = [refused.clone(), refused, Reply::text("Sure: {\"x\": 1}")];
        let skip = 3 - requests;
        let ai = FakeAi::start(script.into_iter().skip(skip)).await.unwrap();

        let answer = router([(kind, &ai)]).answer::<Point>(&question()).await.unwrap();

        assert_eq!((answer.value, ai.requests().len()), (Point { x: 1 }, requests), "{kind}");
    }
}

#[tokio::test]
async fn every_refusal_has_its_kind_in_every_format() {
    for kind in FORMATS {
        let ai = FakeAi::start([]).await.unwrap();
        let service = service(kind, &ai);
        for (reply, expected) in [
            (Reply::bad_key(KEY), ErrorKind::Unauthorized),
            (Reply::model_not_found(), ErrorKind::ModelNotFound),
            (Reply::rate_limited(7), ErrorKind::RateLimited),
            (Reply::day_spent(), ErrorKind::RateLimited),
            (Reply::overloaded(), ErrorKind::Overloaded),
            (Reply::error(500, "Oops"), ErrorKind::Overloaded),
            (Reply::error(402, "Insufficient credits"), ErrorKind::QuotaSpent),
            (Reply::money_spent(), ErrorKind::QuotaSpent),
            (Reply::error(413, "Too large"), ErrorKind::TooLarge),
            (Reply::error(400, "No"), ErrorKind::Refused),
            (Reply::error_in_success(), ErrorKind::Overloaded),
            (Reply::blocked(), ErrorKind::Blocked),
            (Reply::refusal("I can't"), ErrorKind::Blocked),
            (Reply::cut_off(""), ErrorKind::Truncated),
            (Reply::text(""), ErrorKind::Malformed),
            (Reply::html(), ErrorKind::Malformed),
            (Reply::truncated_json(), ErrorKind::Malformed),
            (Reply::Close, ErrorKind::Network),
            (Reply::Reset, ErrorKind::Network),
        ] {
            ai.then(reply.clone());
            let error = service.chat(&question(), AnswerFormat::Text).await.unwrap_err();

            assert_eq!(error.kind(), expected, "{kind} {reply:?}: {error}");
            assert_eq!((error.provider(), error.model()), (kind, "model"));
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("sk-test"), "{shown}");
        }
    }
}

#[tokio::test]
async fn each_format_names_the_wait_in_its_own_way() {
    for kind in FORMATS {
        let wait = failure(kind, Reply::rate_limited("45.5")).await.retry_after();

        assert_eq!(wait, Some(Duration::from_millis(45_500)), "{kind}");
    }
    let day = failure("groq", Reply::day_spent()).await.retry_after();
    let midnight = failure("gemini", Reply::day_spent()).await;

    assert_eq!(day, Some(Duration::from_millis(7 * 3_600_000 + 20 * 60_000 + 500)));
    assert!(midnight.excerpt().contains("the quota of the day"), "{midnight}");
    assert!(midnight.retry_after().unwrap() <= Duration::from_secs(25 * 3600));
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_a_failure_though_its_status_was_200() {
    let event = |data: serde_json::Value| format!("data: {data}\n\n");
    let piece = event(json!({ "choices": [{ "delta": { "content": "Once" } }] }));
    let error = event(json!({ "error": { "code": 502, "message": "Provider disconnected" }, "choices": [] }));
    let body = format!(": OPENROUTER PROCESSING\n\n{piece}{error}");
    let broken = FakeAi::always(Reply::body(200, body)).await.unwrap();

    let error = service("ollama", &broken).chat(&question(), AnswerFormat::Text).await.unwrap_err();

    assert_eq!((error.kind(), error.excerpt()), (ErrorKind::Overloaded, "Provider disconnected"));
    assert_eq!(error.status(), Some(502));
}
