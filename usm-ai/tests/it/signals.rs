//! Every row of the table of signals, which says what each service means and what to do about it, over real sockets. The
//! rows have numbers, so that one can see that none is missing. Tenths of a second stand for minutes.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use usm_ai::{
    AttemptLog, ChatResponse, Error, ErrorKind, Limits, RetrySettings, Router,
    testing::{FakeAi, Reply},
};

use crate::support::{FORMATS, KEY, Point, failure, question, router, service, service_with, tried};

/// A server that says this to everyone, and one that answers.
async fn beside_a_healthy_one(reply: Reply) -> (FakeAi, FakeAi) {
    (FakeAi::always(reply).await.unwrap(), FakeAi::always(Reply::text("42")).await.unwrap())
}

async fn ask(router: &Router) -> ChatResponse {
    router.chat(&question()).await.unwrap()
}

/// The first candidate is asked once in three calls; the second one answers all of them.
async fn rests_and_the_next_one_answers(kind: &str, reply: Reply, expected: ErrorKind) -> AttemptLog {
    let (resting, healthy) = beside_a_healthy_one(reply).await;
    let router = router([(kind, &resting), ("ollama", &healthy)]);

    let first = ask(&router).await;
    for response in [ask(&router).await, ask(&router).await] {
        assert!(response.attempts[0].skipped, "{kind}: {:?}", response.attempts);
    }

    assert_eq!(tried(&first.attempts), [(kind, Some(expected)), ("ollama", None)]);
    assert_eq!((resting.requests().len(), healthy.requests().len()), (1, 3), "{kind}");
    first.attempts[0].clone()
}

/// The candidate alone: what is told when nobody else can be asked, and whether it is asked again.
async fn alone(kind: &str, reply: Reply) -> (Error, Error, usize) {
    let ai = FakeAi::always(reply).await.unwrap();
    let router = router([(kind, &ai)]);
    let first = router.chat(&question()).await.unwrap_err();
    let second = router.chat(&question()).await.unwrap_err();
    (first, second, ai.requests().len())
}

/// A candidate that is limited for `wait` rests exactly so long, and then answers again.
async fn rests_for(kind: &str, limited: Reply, wait: Duration) {
    let ai = FakeAi::start([limited]).await.unwrap();
    let healthy = FakeAi::always(Reply::text("meanwhile")).await.unwrap();
    let router = router([(kind, &ai), ("ollama", &healthy)]);

    let told = ask(&router).await.attempts[0].retry_after_ms;
    let told_at = Instant::now();
    ai.then(Reply::text("back"));
    while ask(&router).await.text == "meanwhile" {
        assert!(told_at.elapsed() < wait + Duration::from_secs(10), "{kind}: it never comes back");
        tokio::time::sleep(wait / 20).await;
    }

    assert_eq!(told, Some(u64::try_from(wait.as_millis()).unwrap()), "{kind}");
    let requests = ai.requests();
    let rest = requests[1].arrived - requests[0].arrived;
    assert!(rest >= wait && rest < wait + Duration::from_secs(2), "{kind}: {rest:?} of {wait:?}");
}

fn groq_limit() -> Reply {
    Reply::coded_error(429, "Rate limit reached for model `m`", "rate_limit_exceeded")
}

#[tokio::test]
async fn row_01_groq_is_left_alone_exactly_as_long_as_retry_after_says() {
    rests_for("groq", groq_limit().with_header("retry-after", 0.3), Duration::from_millis(300)).await;
}

#[tokio::test]
async fn row_01_groq_counts_requests_by_day_and_tokens_by_minute_and_the_counter_at_zero_holds() {
    let counters = |requests: &str, tokens: &str| {
        groq_limit()
            .with_header("x-ratelimit-limit-requests", 14400)
            .with_header("x-ratelimit-limit-tokens", 18000)
            .with_header("x-ratelimit-remaining-requests", requests)
            .with_header("x-ratelimit-remaining-tokens", tokens)
            .with_header("x-ratelimit-reset-requests", "2m59.5s")
            .with_header("x-ratelimit-reset-tokens", "290ms")
    };

    rests_for("groq", counters("14370", "0"), Duration::from_millis(290)).await;
    let day = rests_and_the_next_one_answers("groq", counters("0", "17000"), ErrorKind::RateLimited).await;
    assert_eq!(day.retry_after_ms, Some(179_500));
}

fn gemini_limit(quota: &str, delay: &str) -> Reply {
    let details = json!([
        { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{ "quotaId": quota }] },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay },
    ]);
    let error =
        json!({ "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota", "details": details });
    Reply::body(429, json!({ "error": error }).to_string())
}

#[tokio::test]
async fn row_02_geminis_delay_in_the_body_is_kept_with_its_fractions() {
    let quota = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";

    rests_for("gemini", gemini_limit(quota, "0.345s"), Duration::from_millis(345)).await;
    let (error, _, _) = alone("gemini", gemini_limit(quota, "45.837906927s")).await;
    assert_eq!(error.retry_after(), Some(Duration::from_nanos(45_837_906_927)));
}

#[tokio::test]
async fn row_02_geminis_quota_of_the_day_is_a_long_rest_and_one_of_the_minute_is_not() {
    let day = gemini_limit("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "26s");

    let attempt = rests_and_the_next_one_answers("gemini", day.clone(), ErrorKind::RateLimited).await;
    let error = failure("gemini", day).await;

    assert!(error.excerpt().contains("the quota of the day"), "{error}");
    let rest = Duration::from_millis(attempt.retry_after_ms.unwrap());
    let end = (SystemTime::now() + rest).duration_since(UNIX_EPOCH).unwrap().as_secs_f64() / 3600.0;
    let midnight = [7.0, 8.0].map(|hour| (end % 24.0 - hour).abs() < 0.05);
    assert!(midnight.contains(&true), "midnight in California is at 7 or 8 o'clock UTC, not {}", end % 24.0);
}

#[tokio::test]
async fn row_03_openai_without_money_is_disabled() {
    let reply = Reply::coded_error(429, "You exceeded your current quota", "insufficient_quota");

    rests_and_the_next_one_answers("openai", reply.clone(), ErrorKind::QuotaSpent).await;
    let (first, second, requests) = alone("openai", reply.with_header("retry-after", 1)).await;

    assert_eq!((first.kind(), first.retry_after()), (ErrorKind::QuotaSpent, None));
    assert_eq!((second.kind(), requests), (ErrorKind::QuotaSpent, 1));
}

#[tokio::test]
async fn row_04_anthropic_is_waited_for_when_limited_and_disabled_when_its_spending_limit_is_reached() {
    let limited = Reply::coded_error(429, "Number of request tokens exceeded", "rate_limit_error");
    let details = json!({ "error_code": "enforced_spend_limit_reached" });
    let error = json!({ "type": "rate_limit_error", "message": "Limit reached", "details": details });
    let spent = Reply::body(429, json!({ "type": "error", "error": error }).to_string());

    let wait = Duration::from_millis(250);
    rests_for("anthropic", limited.with_header("retry-after", 0.25), wait).await;
    rests_and_the_next_one_answers("anthropic", spent, ErrorKind::QuotaSpent).await;
}

#[tokio::test]
async fn row_04_anthropic_overloaded_is_asked_again_after_a_pause_and_then_the_next_one() {
    let busy = Reply::coded_error(529, "Overloaded", "overloaded_error");
    let (anthropic, healthy) = beside_a_healthy_one(busy).await;
    let retry = RetrySettings { first_delay: Duration::from_millis(60), ..RetrySettings::default() };
    let router = router([("anthropic", &anthropic), ("ollama", &healthy)]).retry(retry);

    let response = ask(&router).await;

    let overloaded = ("anthropic", Some(ErrorKind::Overloaded));
    assert_eq!(tried(&response.attempts), [overloaded, overloaded, overloaded, ("ollama", None)]);
    let arrivals: Vec<Instant> = anthropic.requests().iter().map(|request| request.arrived).collect();
    assert!(arrivals[1] - arrivals[0] >= retry.first_delay, "backed off");
    assert!(arrivals[2] - arrivals[1] >= retry.first_delay * 2, "and longer");
}

#[tokio::test]
async fn row_05_openrouter_without_credits_is_disabled_and_its_upstreams_trouble_goes_to_the_next_one() {
    let error = |code: u16, message| json!({ "error": { "code": code, "message": message } }).to_string();
    let no_credits = Reply::body(402, error(402, "Insufficient credits"));
    rests_and_the_next_one_answers("openrouter", no_credits, ErrorKind::QuotaSpent).await;

    for status in [502, 503] {
        let (broken, healthy) =
            beside_a_healthy_one(Reply::body(status, error(status, "Provider returned error"))).await;

        let response = ask(&router([("openrouter", &broken), ("ollama", &healthy)])).await;

        let overloaded = ("openrouter", Some(ErrorKind::Overloaded));
        assert_eq!(tried(&response.attempts), [overloaded, overloaded, overloaded, ("ollama", None)]);
    }
}

#[tokio::test]
async fn row_05_an_error_in_the_stream_of_a_200_is_a_failure() {
    let piece = json!({ "choices": [{ "delta": { "content": "Once" } }] });
    let error = json!({ "error": { "code": 502, "message": "Provider disconnected" }, "choices": [] });
    let stream = format!(": OPENROUTER PROCESSING\n\ndata: {piece}\n\ndata: {error}\n\n");
    let (broken, healthy) = beside_a_healthy_one(Reply::body(200, stream)).await;
    let router = router([("compatible", &broken), ("ollama", &healthy)]);

    let response = router.chat(&question()).await.unwrap();

    assert_eq!((response.text.as_str(), response.provider.as_str()), ("42", "ollama"));
    assert_eq!(response.attempts[0].error, Some(ErrorKind::Overloaded));
}

/// How each request asked for JSON.
fn formats(ai: &FakeAi) -> Vec<Option<String>> {
    let kind = |request: usm_ai::testing::RecordedRequest| {
        request.body["response_format"]["type"].as_str().map(str::to_owned)
    };
    ai.requests().into_iter().map(kind).collect()
}

#[tokio::test]
async fn row_06_a_schema_that_is_not_taken_goes_down_the_ladder_and_that_is_remembered() {
    for (kind, status, complaint) in [
        ("groq", 400, "`minItems` is not supported"),
        ("groq", 400, "json_schema is not supported by this model"),
        ("openrouter", 404, "No endpoints found that can handle the requested parameters."),
    ] {
        let refused = || Reply::coded_error(status, complaint, "invalid_request_error");
        let point = || Reply::text("Here: {\"x\": 1}");
        let ai = FakeAi::start([refused(), point(), point()]).await.unwrap();
        let router = router([(kind, &ai)]);

        for _ in 0..2 {
            assert_eq!(router.answer::<Point>(&question()).await.unwrap().value, Point { x: 1 });
        }

        let [schema, json] = ["json_schema", "json_object"].map(|name| Some(name.to_owned()));
        assert_eq!(formats(&ai), [schema, json.clone(), json], "{complaint}");
    }
}

#[tokio::test]
async fn row_06_a_schema_that_the_model_cannot_keep_goes_down_the_ladder_and_that_is_remembered() {
    let failed = Reply::coded_error(400, "Failed to generate JSON", "json_validate_failed");
    let point = || Reply::json(json!({ "x": 1 }));
    let ai = FakeAi::start([failed, point(), point()]).await.unwrap();
    let router = router([("groq", &ai)]);

    for _ in 0..2 {
        assert_eq!(router.answer::<Point>(&question()).await.unwrap().value, Point { x: 1 });
    }

    let [schema, json] = ["json_schema", "json_object"].map(|name| Some(name.to_owned()));
    assert_eq!(formats(&ai), [schema, json.clone(), json]);
}

#[tokio::test]
async fn row_07_what_is_too_large_for_one_model_is_not_retried_but_given_to_the_next() {
    for (kind, reply) in [
        ("groq", Reply::coded_error(400, "maximum context length is 8192 tokens", "context_length_exceeded")),
        ("anthropic", Reply::coded_error(413, "Request exceeds the maximum size", "request_too_large")),
        ("gemini", Reply::error(400, "The input token count (2000000) exceeds the maximum number of tokens")),
        ("openai", Reply::error(413, "Request Entity Too Large")),
        (
            "openai",
            Reply::coded_error(
                429,
                "Request too large for gpt in organization o on tokens per min (TPM): Limit 30000, Requested 40000",
                "rate_limit_exceeded",
            ),
        ),
    ] {
        let (small, large) = beside_a_healthy_one(reply.clone()).await;

        let response = ask(&router([(kind, &small), ("ollama", &large)])).await;
        let (error, _, requests) = alone(kind, reply).await;

        assert_eq!(tried(&response.attempts), [(kind, Some(ErrorKind::TooLarge)), ("ollama", None)]);
        assert_eq!((error.kind(), error.is_transient(), requests), (ErrorKind::TooLarge, false, 2), "{kind}");
    }
}

#[tokio::test]
async fn row_08_a_refused_key_disables_its_provider_and_the_next_one_answers() {
    for kind in FORMATS {
        for reply in [Reply::bad_key(KEY), Reply::error(401, "No"), Reply::error(403, "Not from here")] {
            rests_and_the_next_one_answers(kind, reply, ErrorKind::Unauthorized).await;
        }
    }
}

#[tokio::test]
async fn row_09_a_model_that_is_gone_is_dead_and_the_next_one_answers() {
    for kind in FORMATS {
        rests_and_the_next_one_answers(kind, Reply::model_not_found(), ErrorKind::ModelNotFound).await;
    }
    let decommissioned = Reply::coded_error(400, "The model has been decommissioned", "model_decommissioned");
    rests_and_the_next_one_answers("groq", decommissioned, ErrorKind::ModelNotFound).await;
}

#[tokio::test]
async fn row_10_what_passes_is_retried_twice_and_then_the_next_one_answers() {
    for kind in FORMATS {
        for (reply, expected) in [
            (Reply::error(408, "Too slow"), ErrorKind::Timeout),
            (Reply::error(409, "Conflict"), ErrorKind::Overloaded),
            (Reply::error(500, "Oops"), ErrorKind::Overloaded),
            (Reply::error(504, "Gateway"), ErrorKind::Overloaded),
            (Reply::Reset, ErrorKind::Network),
            (Reply::Close, ErrorKind::Network),
        ] {
            let (failing, healthy) = beside_a_healthy_one(reply.clone()).await;

            let response = ask(&router([(kind, &failing), ("ollama", &healthy)])).await;

            let failed = (kind, Some(expected));
            assert_eq!(tried(&response.attempts), [failed, failed, failed, ("ollama", None)], "{reply:?}");
        }
    }
}

#[tokio::test]
async fn row_10_nobody_at_the_address_and_silence_are_retried_too() {
    let limits = Limits { first_byte: Duration::from_millis(80), ..Limits::default() };
    for kind in FORMATS {
        let healthy = FakeAi::always(Reply::text("42")).await.unwrap();
        let silent = FakeAi::always(Reply::Hang).await.unwrap();
        let gone = FakeAi::start([]).await.unwrap();
        let [silent, gone] = [silent, gone].map(|ai| (service_with(kind, &ai, limits), ai));
        drop(gone.1);

        for (failing, expected) in [(silent.0, ErrorKind::Timeout), (gone.0, ErrorKind::Network)] {
            let healthy = service("ollama", &healthy);
            let retry = RetrySettings { first_delay: Duration::from_millis(1), ..RetrySettings::default() };
            let router = Router::new(vec![Box::new(failing), Box::new(healthy)]).retry(retry);

            let response = ask(&router).await;

            let failed = (kind, Some(expected));
            assert_eq!(tried(&response.attempts), [failed, failed, failed, ("ollama", None)]);
        }
    }
}

#[tokio::test]
async fn row_10_a_service_that_hangs_leaves_time_for_the_next_one() {
    for hang in [Reply::Hang, Reply::HangAfterHeaders] {
        let (hanging, healthy) = beside_a_healthy_one(hang).await;
        let router = router([("gemini", &hanging), ("groq", &healthy)]);

        let response = router.chat(&question().deadline(Duration::from_secs(2))).await.unwrap();

        assert_eq!(tried(&response.attempts), [("gemini", Some(ErrorKind::Timeout)), ("groq", None)]);
    }
}

#[tokio::test]
async fn row_11_an_answer_cut_off_is_salvaged_and_the_call_goes_on() {
    #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
    struct Points {
        points: Vec<Point>,
    }
    for kind in FORMATS {
        let ai = FakeAi::always(Reply::cut_off(r#"{"points": [{"x": 1}, {"x": 2}, {"x"#)).await.unwrap();

        let answer = router([(kind, &ai)]).answer::<Points>(&question().accept_partial()).await.unwrap();

        assert_eq!(answer.value.points, [Point { x: 1 }, Point { x: 2 }], "{kind}");
        assert!(answer.response.partial);
        assert_eq!(ai.requests().len(), 1, "{kind}: more of the same is no remedy");
    }
}

#[tokio::test]
async fn row_11_an_answer_without_text_goes_to_the_next_one() {
    for kind in FORMATS {
        for (reply, expected) in
            [(Reply::text(" \n"), ErrorKind::Malformed), (Reply::cut_off(""), ErrorKind::Truncated)]
        {
            let (empty, healthy) = beside_a_healthy_one(reply).await;

            let response = ask(&router([(kind, &empty), ("ollama", &healthy)])).await;

            assert_eq!(tried(&response.attempts), [(kind, Some(expected)), ("ollama", None)]);
        }
    }
}

#[tokio::test]
async fn row_11_what_is_blocked_or_declined_is_put_to_one_more_provider_and_then_told() {
    for kind in FORMATS {
        for reply in [Reply::blocked(), Reply::refusal("I can't help with that")] {
            let (strict, healthy) = beside_a_healthy_one(reply).await;

            let answered = ask(&router([(kind, &strict), ("ollama", &healthy)])).await;
            let router = router([(kind, &strict), ("groq", &strict), ("ollama", &healthy)]);
            let error = router.chat(&question()).await.unwrap_err();

            let blocked = Some(ErrorKind::Blocked);
            assert_eq!(tried(&answered.attempts), [(kind, blocked), ("ollama", None)]);
            assert_eq!(tried(error.attempts()), [(kind, blocked), ("groq", blocked)]);
            assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Blocked, false));
        }
    }
}

#[tokio::test]
async fn row_11_what_an_unusable_answer_cost_is_counted() {
    for kind in FORMATS {
        for reply in [Reply::blocked(), Reply::refusal("No"), Reply::cut_off(""), Reply::text("")] {
            let error = failure(kind, reply.clone()).await;
            let router_error = alone(kind, reply.clone()).await.0;

            let tokens = |usage: Option<usm_ai::Usage>| usage.map(|usage| usage.input_tokens);
            assert_eq!(tokens(error.usage()), Some(10), "{kind} {reply:?}");
            assert_eq!(tokens(router_error.attempts()[0].usage), Some(10), "{kind} {reply:?}");
        }
    }
}
