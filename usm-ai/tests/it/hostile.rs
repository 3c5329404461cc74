//! Odd and hostile answers: what no service should send, and some do.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io::Write,
    time::{Duration, Instant, SystemTime},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use usm_ai::{
    AnswerFormat, Candidate, Cooldowns, ErrorKind, Limits, Provider, Quota, QuotaSettings, RetrySettings,
    Router, Usage,
    testing::{FakeAi, Reply},
};

use crate::support::{FORMATS, KEY, Point, failure, failure_with, question, router, service, service_with};

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn completion(text: &str) -> String {
    json!({ "choices": [{ "message": { "content": text }, "finish_reason": "stop" }] }).to_string()
}

#[tokio::test]
async fn a_compressed_answer_is_read_and_one_that_grows_without_end_is_cut() {
    let small =
        Reply::body(200, gzipped(completion("42").as_bytes())).with_header("content-encoding", "gzip");
    let bomb = gzipped(&vec![b' '; 100 << 20]);
    assert!(bomb.len() < 200_000);
    let bomb = Reply::body(200, bomb).with_header("content-encoding", "gzip");
    let garbage = Reply::body(200, "not gzip").with_header("content-encoding", "gzip");
    let ai = FakeAi::start([small]).await.unwrap();

    let answer = service("groq", &ai).chat(&question(), AnswerFormat::Text).await.unwrap();
    let bombed = failure("groq", bomb).await;
    let garbled = failure("groq", garbage).await;

    assert_eq!(answer.text, "42");
    assert_eq!(
        (bombed.kind(), bombed.excerpt()),
        (ErrorKind::Malformed, "the answer is larger than 8388608 bytes")
    );
    assert_eq!(garbled.kind(), ErrorKind::Network, "{garbled}");
}

#[tokio::test]
async fn heads_of_any_size_do_no_harm() {
    let many = (0..2000).fold(Reply::text("42"), |reply, n| reply.with_header(format!("x-{n}"), n));
    for reply in [many, Reply::text("42").with_header("x-large", "a".repeat(2 << 20))] {
        let error = failure("groq", reply).await;

        assert_eq!(error.kind(), ErrorKind::Network, "{error}");
        assert!(error.excerpt().chars().count() <= 300);
    }
}

#[tokio::test]
async fn a_refusal_whose_body_does_not_come_is_known_by_its_status_and_headers() {
    let limits = Limits { silence: Duration::from_millis(80), answer_bytes: 100_000, ..Limits::default() };
    for (body, pause) in [("x".repeat(200_000), None), ("x".repeat(100), Some(Duration::from_secs(9)))] {
        let reply = Reply::body(429, body).with_header("retry-after", 7);
        let reply = pause.map_or(reply.clone(), |pause| reply.trickling(pause));

        let error = failure_with("groq", reply, limits).await;

        assert_eq!((error.kind(), error.status()), (ErrorKind::RateLimited, Some(429)), "{error}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_a_malformed_answer_or_a_mark_in_the_excerpt() {
    let answer = failure("gemini", Reply::body(200, b"{\"candidates\": \"\xff\xfe\"}".to_vec())).await;
    let refusal = failure("gemini", Reply::body(400, b"\xff\xfe\x00 no".to_vec())).await;

    assert_eq!(answer.kind(), ErrorKind::Malformed);
    assert_eq!((refusal.kind(), refusal.excerpt()), (ErrorKind::Refused, "\u{fffd}\u{fffd} no"));
}

#[tokio::test]
async fn a_wait_that_is_nonsense_or_over_is_no_wait_and_one_without_end_is_cut_to_a_week() {
    let past = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(3600));
    for nonsense in
        ["-5", "soon", "", "NaN", "inf", "0", "0.0", past.as_str(), "Mon, 99 Foo 2026 25:61:00 GMT"]
    {
        let error = failure("groq", Reply::error(429, "No").with_header("retry-after", nonsense)).await;

        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, None), "{nonsense}");
    }
    let endless = failure("groq", Reply::error(429, "No").with_header("retry-after", "99999999999")).await;
    assert_eq!(endless.retry_after(), Some(Duration::from_secs(7 * 24 * 3600)));
}

#[tokio::test]
async fn a_storm_of_refusals_that_name_no_time_is_not_answered_by_a_storm_of_requests() {
    for (status, wait) in [(429, "0"), (503, "0"), (429, "Thu, 01 Jan 1970 00:00:00 GMT")] {
        let stormy =
            FakeAi::always(Reply::error(status, "No").with_header("retry-after", wait)).await.unwrap();
        let healthy = FakeAi::always(Reply::text("42")).await.unwrap();
        let router = router([("gemini", &stormy), ("groq", &healthy)]);

        for _ in 0..20 {
            router.chat(&question()).await.unwrap();
        }

        assert!(stormy.requests().len() <= 6, "{status} {wait}: {}", stormy.requests().len());
    }
}

#[tokio::test]
async fn json_too_deep_to_read_is_a_malformed_answer_outside_and_inside_the_text() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    for text in [deep, objects] {
        let outside = failure("groq", Reply::body(200, text.clone())).await;
        let ai = FakeAi::always(Reply::text(text)).await.unwrap();
        let inside = router([("groq", &ai)]).answer::<Point>(&question()).await.unwrap_err();

        assert_eq!((outside.kind(), inside.kind()), (ErrorKind::Malformed, ErrorKind::Malformed));
    }
}

#[tokio::test]
async fn of_names_that_come_twice_the_last_one_counts_and_what_is_no_number_is_repaired() {
    let twice = FakeAi::always(Reply::text(r#"{"x": 1, "x": 2}"#)).await.unwrap();
    let no_number =
        FakeAi::start([Reply::text(r#"{"x": NaN}"#), Reply::text(r#"{"x": 1e400}"#)]).await.unwrap();

    let answer = router([("gemini", &twice)]).answer::<Point>(&question()).await.unwrap();
    let error = router([("gemini", &no_number)]).answer::<Point>(&question()).await.unwrap_err();

    assert_eq!(answer.value, Point { x: 2 });
    assert_eq!((error.kind(), no_number.requests().len()), (ErrorKind::Malformed, 2));
}

#[tokio::test]
async fn an_answer_of_the_right_form_with_nothing_in_it_is_malformed() {
    for (kind, body) in [
        ("groq", json!({ "choices": [] })),
        ("groq", json!({ "choices": [{}] })),
        ("groq", json!({ "choices": [{ "message": { "content": [] }, "finish_reason": 5 }] })),
        ("groq", json!({ "choices": { "0": "x" } })),
        ("groq", json!(null)),
        ("groq", json!([])),
        ("groq", json!("text")),
        ("perplexity", json!({ "output": [], "status": "completed" })),
        ("perplexity", json!({ "output": [{ "content": "x" }] })),
        ("gemini", json!({ "candidates": [] })),
        ("gemini", json!({ "candidates": [{ "content": { "parts": [{ "thought": true, "text": "x" }] } }] })),
        ("anthropic", json!({ "content": [] })),
        ("anthropic", json!({ "content": [{ "type": "thinking", "thinking": "x" }] })),
    ] {
        let error = failure(kind, Reply::body(200, body.to_string())).await;

        assert_eq!(error.kind(), ErrorKind::Malformed, "{kind} {body}: {error}");
    }
}

#[tokio::test]
async fn every_reason_to_withhold_an_answer_is_blocked() {
    let gemini = |reason: &str| {
        let content = json!({ "parts": [{ "text": "Once" }] });
        ("gemini", json!({ "candidates": [{ "content": content, "finishReason": reason }] }))
    };
    let chat =
        json!({ "choices": [{ "message": { "content": "Once" }, "finish_reason": "content_filter" }] });
    let filtered = json!({ "reason": "content_filter" });
    let responses = json!({ "output": [], "status": "incomplete", "incomplete_details": filtered });
    let messages = json!({ "content": [{ "type": "text", "text": "Once" }], "stop_reason": "refusal" });
    let reasons = ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE"];
    let prompt = json!({ "promptFeedback": { "blockReason": "OTHER" } });
    let rest = [("groq", chat), ("perplexity", responses), ("anthropic", messages), ("gemini", prompt)];
    for (kind, body) in reasons.map(gemini).into_iter().chain(rest) {
        let error = failure(kind, Reply::body(200, body.to_string())).await;

        assert_eq!(error.kind(), ErrorKind::Blocked, "{kind} {body}: {error}");
    }
}

fn stream(end: &str) -> String {
    let piece = |text: &str| json!({ "choices": [{ "delta": { "content": text } }] }).to_string();
    let finish = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] }).to_string();
    let lines = [
        "\u{feff}: a comment",
        "",
        "event: message",
        "id: 7",
        "retry: 1",
        &format!("data: {}", piece("При")),
        "",
        &format!("data:{}", piece("вет")),
        "",
        // One event over several lines, cut where JSON may be cut.
        "data: {\"choices\":",
        "data: [{\"delta\": {\"content\": \"!\"}}]}",
        "",
        ": ping",
        &format!("data: {finish}"),
        "",
        "data: [DONE]",
        "",
        "",
    ];
    lines.join(end)
}

#[tokio::test]
async fn a_stream_with_any_line_ends_comments_and_events_of_many_lines_is_read_wherever_it_is_cut() {
    for end in ["\n", "\r\n", "\r"] {
        let whole = Reply::body(200, stream(end));
        let byte_by_byte = whole.clone().trickling(Duration::from_micros(10));
        for reply in [whole, byte_by_byte] {
            let ai = FakeAi::start([reply]).await.unwrap();

            let answer = service("ollama", &ai).chat(&question(), AnswerFormat::Text).await.unwrap();

            assert_eq!(answer.text, "Привет!");
        }
    }
}

#[tokio::test]
async fn a_stream_that_was_whole_is_an_answer_though_its_connection_does_not_end() {
    let limits = Limits { silence: Duration::from_millis(300), ..Limits::default() };
    // What is announced never comes: the connection breaks off, or stays open in silence.
    let longer = Reply::text("Once upon a time").with_header("content-length", 100_000);
    for reply in [longer.clone(), longer.staying_open()] {
        let ai = FakeAi::start([reply]).await.unwrap();
        let begun = Instant::now();

        let answer = service_with("ollama", &ai, limits).chat(&question(), AnswerFormat::Text).await;

        assert_eq!(answer.unwrap().text, "Once upon a time");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn an_event_that_is_no_json_ends_the_attempt() {
    let piece = json!({ "choices": [{ "delta": { "content": "Once" } }] });
    let broken = Reply::body(200, format!("data: {piece}\n\ndata: {{\"choices\": NaN\n\n"));
    let ai = FakeAi::start([broken, Reply::text("whole")]).await.unwrap();
    let healthy = FakeAi::always(Reply::text("whole")).await.unwrap();

    let response = router([("compatible", &ai), ("ollama", &healthy)]).chat(&question()).await.unwrap();

    assert_eq!((response.text.as_str(), response.attempts[0].error), ("whole", Some(ErrorKind::Malformed)));
}

#[tokio::test]
async fn a_key_is_shown_nowhere_whatever_repeats_it() {
    let echo = |text: &str| format!("{text} {KEY} and Bearer {KEY}\u{1b}[0m\r\n{KEY}");
    for kind in FORMATS.into_iter().chain(["compatible"]) {
        let model = format!("model-{KEY}");
        for reply in [
            Reply::error(400, echo("bad")),
            Reply::error(200, echo("bad")),
            Reply::body(200, echo("<html>")),
            Reply::body(500, format!("{}{KEY}", "x".repeat(290))),
            Reply::body(308, "").with_header("location", format!("https://elsewhere.example/?key={KEY}")),
            Reply::body(200, json!({ "unknown": echo("form"), "model": model }).to_string()),
            Reply::refusal(echo("no")),
        ] {
            let ai = FakeAi::always(reply.clone()).await.unwrap();
            let service = service(kind, &ai);

            let error = service.chat(&question(), AnswerFormat::Text).await.unwrap_err();

            let request = &ai.requests()[0];
            let shown = format!("{error} {error:?} {service:?} {request:?}");
            assert!(!shown.contains("sk-test"), "{kind} {reply:?}: {shown}");
        }
    }
}

#[tokio::test]
async fn settings_without_bounds_do_no_harm() {
    let ever = Duration::MAX;
    let limits =
        Limits { connect: ever, first_byte: ever, silence: ever, total: ever, answer_bytes: usize::MAX };
    let retry = RetrySettings {
        retries: usize::MAX,
        first_delay: ever,
        longest_delay: ever,
        longest_retry_after: ever,
    };
    let cooldowns =
        Cooldowns { failures: u32::MAX, first: ever, longest: ever, lasting: ever, longest_told: ever };
    let quota = Quota::new(QuotaSettings {
        concurrency: Some(usize::MAX),
        requests_per_minute: Some(u32::MAX),
        tokens_per_minute: Some(u32::MAX),
    });
    let ai = FakeAi::start([Reply::overloaded(), Reply::error(429, "No"), Reply::text("42")]).await.unwrap();
    let candidate = Candidate::new(service_with("groq", &ai, limits)).quota(quota);
    let router = Router::of([candidate]).retry(retry).cooldowns(cooldowns);
    let request = question().deadline(ever).max_output_tokens(u32::MAX);

    for expected in [ErrorKind::Overloaded, ErrorKind::RateLimited, ErrorKind::RateLimited] {
        assert_eq!(router.chat(&request).await.unwrap_err().kind(), expected);
    }
    let healthy = FakeAi::start([Reply::text("42")]).await.unwrap();
    let router = Router::of([Candidate::new(service_with("groq", &healthy, limits))]);
    assert_eq!(router.chat(&request).await.unwrap().text, "42");
}

#[tokio::test]
async fn counts_of_tokens_beyond_belief_are_counted_as_many() {
    let most = u64::MAX;
    let text = json!([{ "type": "text", "text": "42" }]);
    let usage = json!({ "input_tokens": most, "cache_read_input_tokens": most, "output_tokens": most });
    let counts = json!({ "promptTokenCount": most, "candidatesTokenCount": most, "thoughtsTokenCount": 1 });
    let candidate = json!({ "content": { "parts": text }, "finishReason": "STOP" });
    for (kind, body) in [
        ("anthropic", json!({ "content": text, "stop_reason": "end_turn", "usage": usage })),
        ("gemini", json!({ "candidates": [candidate], "usageMetadata": counts })),
    ] {
        let ai = FakeAi::always(Reply::body(200, body.to_string())).await.unwrap();
        let quota = Quota::new(QuotaSettings { tokens_per_minute: Some(100), ..QuotaSettings::default() });
        let router = Router::of([Candidate::new(service(kind, &ai)).quota(quota)]);

        let response = router.chat(&question()).await.unwrap();
        let error = router.chat(&question()).await.unwrap_err();

        let expected = Usage { input_tokens: most, output_tokens: most };
        assert_eq!(response.usage, Some(expected), "{kind}");
        assert!(error.is_cooling_down(), "{kind}: {error}");
    }
}
