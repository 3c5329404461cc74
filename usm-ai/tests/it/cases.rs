//! Cases 24 and 25 of the fault table: a service that says too much, nothing, or nonsense; storms, long waits, resets,
//! a revoked key. Seconds stand for minutes here.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use serde_json::json;
use usm_ai::{
    Cooldowns, ErrorKind, Limits, RetrySettings,
    testing::{FakeAi, Reply},
};

use crate::support::{FORMATS, KEY, Point, failure_with, question, router, tried};

const SIZE: Limits = Limits { answer_bytes: 100_000, ..LIMITS };
const FIRST_BYTE: Limits = Limits { first_byte: Duration::from_millis(150), ..LIMITS };
const SILENCE: Limits = Limits { silence: Duration::from_millis(100), ..LIMITS };
const TOTAL: Limits = Limits { total: Duration::from_millis(700), ..LIMITS };

/// Wide, so that of each case one limit alone can be what ends it.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(60),
    first_byte: Duration::from_secs(60),
    silence: Duration::from_secs(60),
    total: Duration::from_secs(60),
    answer_bytes: usize::MAX,
};

#[tokio::test]
async fn case_24_what_a_service_says_is_bounded_in_size_and_time() {
    for kind in FORMATS {
        for (limits, reply, expected, part) in [
            (SIZE, Reply::Huge { bytes: 200 << 20 }, ErrorKind::Malformed, "larger than 100000 bytes"),
            (FIRST_BYTE, Reply::Hang, ErrorKind::Timeout, "the first byte did not come within 0.15 s"),
            (
                FIRST_BYTE,
                Reply::text("late").after(Duration::from_secs(60)),
                ErrorKind::Timeout,
                "the first byte did not come within 0.15 s",
            ),
            (SILENCE, Reply::HangAfterHeaders, ErrorKind::Timeout, "the next byte did not come within 0.1 s"),
            (
                TOTAL,
                Reply::text("slow").trickling(Duration::from_millis(30)),
                ErrorKind::Timeout,
                "the end of the answer did not come within 0.7 s",
            ),
        ] {
            let error = failure_with(kind, reply.clone(), limits).await;

            assert_eq!(error.kind(), expected, "{kind} {reply:?}: {error}");
            assert!(error.excerpt().contains(part), "{kind} {reply:?}: {error}");
        }
    }
}

#[tokio::test]
async fn case_24_an_endless_stream_is_cut_at_its_size_and_one_of_a_word_a_minute_at_its_time() {
    let words = Reply::text("one word a minute").trickling(Duration::from_millis(30));
    for (limits, reply, expected) in
        [(SIZE, Reply::Endless, ErrorKind::Malformed), (TOTAL, words, ErrorKind::Timeout)]
    {
        let error = failure_with("ollama", reply, limits).await;

        assert_eq!(error.kind(), expected, "{error}");
    }
}

#[tokio::test]
async fn case_24_a_wrong_shape_is_repaired_once_and_then_told_with_what_it_cost() {
    let ai = FakeAi::always(Reply::json(json!({ "y": 1 }))).await.unwrap();

    let error = router([("gemini", &ai)]).answer::<Point>(&question()).await.unwrap_err();

    assert_eq!((error.kind(), error.excerpt()), (ErrorKind::Malformed, "x: is missing"));
    assert_eq!(ai.requests().len(), 2);
    assert!(error.attempts().iter().all(|attempt| attempt.usage.is_some()), "{error:?}");
}

#[tokio::test]
async fn case_24_pages_errors_in_successes_and_refusals_go_to_the_next_candidate() {
    for (nonsense, asked) in [
        (Reply::html(), 1),
        (Reply::truncated_json(), 1),
        (Reply::refusal("No"), 1),
        (Reply::blocked(), 1),
        // The service fails, which may pass.
        (Reply::error_in_success(), 3),
    ] {
        let (bad, good) =
            (FakeAi::always(nonsense).await.unwrap(), FakeAi::always(Reply::text("42")).await.unwrap());

        let response = router([("gemini", &bad), ("groq", &good)]).chat(&question()).await.unwrap();

        assert_eq!(response.provider, "groq");
        assert_eq!(bad.requests().len(), asked);
    }
}

#[tokio::test]
async fn case_24_a_half_answer_is_no_answer_unless_asked_for_and_then_says_what_it_is() {
    let half = r#"{"points": [{"x": 1}, {"x": 2}, {"x": 3"#;
    #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
    struct Points {
        points: Vec<Point>,
    }
    for kind in FORMATS {
        let ai = FakeAi::always(Reply::cut_off(half)).await.unwrap();
        let router = router([(kind, &ai)]);

        let error = router.answer::<Points>(&question()).await.unwrap_err();
        let salvaged = router.answer::<Points>(&question().accept_partial()).await.unwrap();

        assert_eq!(error.kind(), ErrorKind::Truncated, "{kind}");
        assert_eq!(salvaged.value.points, [Point { x: 1 }, Point { x: 2 }], "{kind}");
        assert!(salvaged.response.partial);
    }
}

#[tokio::test]
async fn case_25_a_storm_of_429_goes_to_the_fallback_and_a_wait_of_an_hour_is_kept_for_everyone() {
    for kind in FORMATS {
        let limited = FakeAi::always(Reply::rate_limited(3600)).await.unwrap();
        let healthy = FakeAi::always(Reply::text("42")).await.unwrap();
        let router = router([(kind, &limited), ("ollama", &healthy)]);

        for _ in 0..20 {
            assert_eq!(router.chat(&question()).await.unwrap().provider, "ollama");
        }
        let last = router.chat(&question()).await.unwrap();

        assert_eq!(limited.requests().len(), 1, "{kind}: asked once in that hour");
        assert!(last.attempts[0].skipped);
        assert_eq!(last.attempts[0].error, Some(ErrorKind::RateLimited));
        assert!(last.attempts[0].to_string().contains("skipped"), "{}", last.attempts[0]);
    }
}

#[tokio::test]
async fn case_25_when_all_cool_down_the_call_ends_at_once_with_the_shortest_wait_and_holds_nobody() {
    let (hour, minute) = (
        FakeAi::always(Reply::rate_limited(3600)).await.unwrap(),
        FakeAi::always(Reply::rate_limited(90)).await.unwrap(),
    );
    let router = router([("gemini", &hour), ("groq", &minute)]);

    let first = router.chat(&question()).await.unwrap_err();
    let second = router.chat(&question()).await.unwrap_err();

    assert!(!first.is_cooling_down() && second.is_cooling_down());
    for error in [&first, &second] {
        assert_eq!((error.kind(), error.provider()), (ErrorKind::RateLimited, "groq"));
        let wait = error.retry_after().unwrap();
        assert!(wait > Duration::from_secs(60) && wait <= Duration::from_secs(90), "{wait:?}");
    }
    assert_eq!((hour.requests().len(), minute.requests().len()), (1, 1));
}

#[tokio::test]
async fn case_25_a_wait_in_the_form_of_a_date_is_kept() {
    let body = json!({ "error": { "message": "Slow down", "code": "rate_limit_exceeded" } }).to_string();
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
    let reply = Reply::body(429, body).with_header("retry-after", date);

    let error = failure_with("openai", reply, Limits::default()).await;

    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let wait = error.retry_after().unwrap();
    assert!(wait > Duration::from_secs(30) && wait <= Duration::from_secs(90), "{wait:?}");
}

#[tokio::test]
async fn case_25_failures_in_a_row_open_the_breaker_and_one_probe_closes_it() {
    let failing = FakeAi::start((0..4).map(|_| Reply::overloaded())).await.unwrap();
    failing.then(Reply::text("back").after(Duration::from_millis(50)));
    failing.then(Reply::text("back"));
    let healthy = FakeAi::always(Reply::text("42")).await.unwrap();
    let rest = Duration::from_millis(600);
    let cooldowns = Cooldowns { failures: 4, first: rest, ..Cooldowns::default() };
    let retry =
        RetrySettings { retries: 1, first_delay: Duration::from_millis(1), ..RetrySettings::default() };
    let router = router([("gemini", &failing), ("groq", &healthy)]).cooldowns(cooldowns).retry(retry);

    for _ in 0..5 {
        assert_eq!(router.chat(&question()).await.unwrap().provider, "groq");
    }
    assert_eq!(failing.requests().len(), 4, "two calls with one retry each, then none");
    tokio::time::sleep(rest * 2).await;
    let request = question();
    let crowd = join_all((0..50).map(|_| router.chat(&request))).await;
    let probes = crowd.into_iter().filter(|answer| answer.as_ref().unwrap().provider == "gemini").count();
    assert_eq!((probes, failing.requests().len()), (1, 5), "one tries, the others go elsewhere");
    let after = router.chat(&question()).await.unwrap();

    assert_eq!((after.provider.as_str(), failing.requests().len()), ("gemini", 6));
}

#[tokio::test]
async fn case_25_resets_are_retried_and_a_revoked_key_is_one_clear_message() {
    let flaky = FakeAi::start([Reply::Reset, Reply::Close, Reply::text("42")]).await.unwrap();
    let revoked = FakeAi::always(Reply::bad_key(KEY)).await.unwrap();

    let response = router([("anthropic", &flaky)]).chat(&question()).await.unwrap();
    let network = Some(ErrorKind::Network);
    assert_eq!(
        tried(&response.attempts),
        [("anthropic", network), ("anthropic", network), ("anthropic", None)]
    );

    let router = router([("groq", &revoked)]);
    let first = router.chat(&question()).await.unwrap_err();
    let second = router.chat(&question()).await.unwrap_err();
    for error in [first, second] {
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unauthorized, None));
        assert!(
            error.to_string().contains("check the key") && !error.to_string().contains("sk-test"),
            "{error}"
        );
    }
    assert_eq!(revoked.requests().len(), 1, "a refused key is not tried by every call");
}

#[tokio::test]
async fn a_call_that_is_given_up_says_so_and_leaves_no_probe_behind() {
    let hanging = FakeAi::always(Reply::Hang).await.unwrap();
    let router = router([("gemini", &hanging)]);
    let asked = async {
        while hanging.requests().is_empty() {
            tokio::task::yield_now().await;
        }
    };

    let error = router.chat_until(&question(), asked).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(!error.is_transient());
    assert_eq!((error.provider(), error.model()), ("gemini", "model"), "who was being asked");
    assert_eq!(tried(error.attempts()), [("gemini", Some(ErrorKind::Cancelled))]);
}

#[tokio::test]
async fn a_stream_is_bound_by_the_deadline_too() {
    let ai = FakeAi::always(Reply::text("one two three").trickling(Duration::from_millis(50))).await.unwrap();
    let begun = Instant::now();

    let request = question().deadline(Duration::from_millis(200));
    let error = router([("ollama", &ai)]).chat(&request).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(10), "not the whole stream");
}
