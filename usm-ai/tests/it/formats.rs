//! Every wire format from the request on the wire to the answer, whole and streamed.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use serde_json::json;
use usm_ai::{
    AnswerFormat, AnswerSchema, ErrorKind, FinishReason, Provider, StreamEvent, Usage,
    testing::{FakeAi, Reply},
};

use crate::support::{FORMATS, KEY, Point, failure, question, router, service, tried};

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
async fn a_stream_hands_over_the_text_piece_by_piece_and_ends_with_the_whole() {
    let text = "Однажды в студёную зимнюю пору я из лесу вышел";
    for kind in FORMATS {
        let slowly = Reply::text(text).trickling(Duration::from_micros(10));
        let ai = FakeAi::start([slowly]).await.unwrap();
        let mut pieces = Vec::new();

        let response = router([(kind, &ai)])
            .stream(&question(), |event| match event {
                StreamEvent::Text(piece) => pieces.push(piece.to_owned()),
                StreamEvent::Restart => panic!("nothing broke off"),
            })
            .await
            .unwrap();

        assert!(pieces.len() > 3, "{kind}: {pieces:?}");
        assert_eq!((pieces.concat().as_str(), response.text.as_str()), (text, text));
        assert_eq!(response.usage, Some(Usage { input_tokens: 10, output_tokens: 5 }), "{kind}");
        assert_eq!(response.finish_reason, FinishReason::Stop);
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_begins_again_with_the_next_candidate_and_says_so() {
    for kind in FORMATS {
        let broken = FakeAi::always(Reply::CloseWithinBody).await.unwrap();
        let whole = FakeAi::start([Reply::text("whole")]).await.unwrap();
        let mut said = String::new();

        let response = router([(kind, &broken), ("ollama", &whole)])
            .stream(&question(), |event| match event {
                StreamEvent::Text(piece) => said.push_str(piece),
                StreamEvent::Restart => said.clear(),
            })
            .await
            .unwrap();

        assert_eq!((said.as_str(), response.text.as_str()), ("whole", "whole"), "{kind}");
        assert_eq!(response.attempts[0].error, Some(ErrorKind::Network), "{kind}");
    }
}

#[tokio::test]
async fn a_stream_may_be_refused_or_answered_whole() {
    for kind in FORMATS {
        let not_streamed = Reply::body(
            200,
            json!({
                "choices": [{ "message": { "content": "whole" }, "finish_reason": "stop" }],
                "output": [{ "type": "message", "content": [{ "type": "output_text", "text": "whole" }] }],
                "status": "completed",
                "candidates": [{ "content": { "parts": [{ "text": "whole" }] }, "finishReason": "STOP" }],
                "content": [{ "type": "text", "text": "whole" }],
            })
            .to_string(),
        );
        let ai = FakeAi::start([Reply::overloaded(), Reply::error_in_success(), not_streamed]).await.unwrap();
        let mut pieces = Vec::new();

        let response = router([(kind, &ai)])
            .stream(&question(), |event| pieces.push(format!("{event:?}")))
            .await
            .unwrap();

        assert_eq!(pieces, [r#"Text("whole")"#], "{kind}");
        let overloaded = Some(ErrorKind::Overloaded);
        assert_eq!(tried(&response.attempts), [(kind, overloaded), (kind, overloaded), (kind, None)]);
    }
}

#[tokio::test]
async fn a_value_is_asked_for_by_schema_in_the_words_of_each_format() {
    for (kind, pointer) in [
        ("groq", "/response_format/json_schema/schema"),
        ("perplexity", "/response_format/json_schema/schema"),
        ("openai-responses", "/text/format/schema"),
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
    let mut pieces = Vec::new();

    let error = service("openrouter", &broken)
        .stream(&question(), &mut |piece| pieces.push(piece.to_owned()))
        .await
        .unwrap_err();

    assert_eq!((error.kind(), error.excerpt()), (ErrorKind::Overloaded, "Provider disconnected"));
    assert_eq!((error.status(), pieces), (Some(502), vec!["Once".to_owned()]));
}
