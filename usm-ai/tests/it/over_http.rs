//! A provider and a router against a server that misbehaves in every way a service does.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use usm_ai::{
    AnswerFormat, ApiKey, ChatRequest, ChatResponse, Error, ErrorKind, FinishReason, Limits, Provider,
    RetrySettings, Router, Usage,
    providers::{Offline, Service, ServiceConfig, ServiceSpec},
    testing::{FakeAi, Reply},
};

const KEY: &str = "sk-test-0123456789abcdef";

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Point {
    x: i32,
}

fn provider_with(name: &str, base_url: String, limits: Limits) -> Service {
    let config = ServiceSpec::named("openai").unwrap().config(ApiKey::new(KEY));
    Service::new(ServiceConfig {
        name: name.to_owned(),
        base_url,
        model: "model".to_owned(),
        limits,
        ..config
    })
    .unwrap()
}

fn provider(ai: &FakeAi) -> Service {
    provider_with("fake", ai.base_url(), Limits::default())
}

/// A router without long pauses over one provider for each server.
fn router<'a>(servers: impl IntoIterator<Item = &'a FakeAi>) -> Router {
    let providers = servers
        .into_iter()
        .enumerate()
        .map(|(n, ai)| provider_with(&format!("fake-{n}"), ai.base_url(), Limits::default()))
        .map(|provider| Box::new(provider) as Box<dyn Provider>);
    let retry = RetrySettings { first_delay: Duration::from_millis(1), ..RetrySettings::default() };
    Router::new(providers.collect()).retry(retry)
}

fn question() -> ChatRequest {
    ChatRequest::new("test", "How much?").deadline(Duration::from_secs(30))
}

/// What one provider makes of one reply.
async fn failure(reply: Reply) -> Error {
    let ai = FakeAi::always(reply).await.unwrap();
    provider(&ai).chat(&question(), AnswerFormat::Text).await.unwrap_err()
}

fn tried(response: &ChatResponse) -> Vec<(&str, Option<ErrorKind>)> {
    response.attempts.iter().map(|attempt| (attempt.provider.as_str(), attempt.error)).collect()
}

#[tokio::test]
async fn a_question_goes_out_with_the_key_and_the_answer_comes_back() {
    let ai = FakeAi::start([Reply::text("42")]).await.unwrap();

    let answer = provider(&ai).chat(&question().model("other"), AnswerFormat::Text).await.unwrap();

    assert_eq!((answer.text.as_str(), answer.model.as_str()), ("42", "fake-model"));
    assert_eq!(answer.finish_reason, FinishReason::Stop);
    assert_eq!(answer.usage, Some(Usage { input_tokens: 10, output_tokens: 5 }));
    let requests = ai.requests();
    assert_eq!(requests[0].target, "POST /v1/chat/completions");
    assert_eq!(requests[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(
        requests[0].body,
        json!({ "model": "other", "messages": [{ "role": "user", "content": "How much?" }] })
    );
}

#[tokio::test]
async fn every_misbehaviour_has_its_kind_and_names_who_failed() {
    let table = [
        (Reply::bad_key(KEY), ErrorKind::Unauthorized, Some(401)),
        (Reply::model_not_found(), ErrorKind::ModelNotFound, Some(404)),
        (Reply::rate_limited(7), ErrorKind::RateLimited, Some(429)),
        (Reply::coded_error(429, "No money", "insufficient_quota"), ErrorKind::QuotaSpent, Some(429)),
        (Reply::schema_unsupported(), ErrorKind::SchemaUnsupported, Some(400)),
        (Reply::error(400, "Bad request"), ErrorKind::Refused, Some(400)),
        (Reply::error(500, "Oops"), ErrorKind::Overloaded, Some(500)),
        (Reply::error(503, "Busy"), ErrorKind::Overloaded, Some(503)),
        (Reply::Close, ErrorKind::Network, None),
        (Reply::CloseWithinBody, ErrorKind::Network, Some(200)),
        (Reply::Reset, ErrorKind::Network, None),
        (Reply::truncated_json(), ErrorKind::Malformed, Some(200)),
        (Reply::html(), ErrorKind::Malformed, Some(200)),
        (Reply::error_in_success(), ErrorKind::Overloaded, Some(500)),
        (Reply::text(""), ErrorKind::Malformed, Some(200)),
    ];
    for (reply, kind, status) in table {
        let error = failure(reply.clone()).await;

        assert_eq!((error.kind(), error.status()), (kind, status), "{reply:?}: {error}");
        assert_eq!((error.provider(), error.model()), ("fake", "model"));
    }
}

#[tokio::test]
async fn the_wait_a_service_asks_for_comes_with_the_error() {
    assert_eq!(failure(Reply::rate_limited("2.5")).await.retry_after(), Some(Duration::from_millis(2500)));
    assert_eq!(failure(Reply::error(429, "slow down")).await.retry_after(), None);
}

#[tokio::test]
async fn a_refused_key_is_never_shown() {
    let whole = failure(Reply::bad_key(KEY)).await;
    let masked = failure(Reply::bad_key("sk-test-********cdef")).await;

    for error in [whole, masked] {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("sk-test") && !shown.contains("cdef"), "{shown}");
        assert!(shown.contains("Incorrect API key provided: ***"), "{shown}");
    }
}

#[tokio::test]
async fn a_service_that_hangs_after_its_headers_is_left_when_silent_too_long() {
    let ai = FakeAi::always(Reply::HangAfterHeaders).await.unwrap();
    let limits = Limits { silence: Duration::from_millis(50), ..Limits::default() };

    let error =
        provider_with("slow", ai.base_url(), limits).chat(&question(), AnswerFormat::Text).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_hanging_service_is_also_bound_by_the_total_limit_and_by_the_deadline() {
    let ai = FakeAi::always(Reply::HangAfterHeaders).await.unwrap();
    let limits = Limits { total: Duration::from_millis(50), ..Limits::default() };
    let begun = Instant::now();

    let total =
        provider_with("slow", ai.base_url(), limits).chat(&question(), AnswerFormat::Text).await.unwrap_err();
    let deadline = router([&ai]).chat(&question().deadline(Duration::from_millis(50))).await.unwrap_err();

    assert_eq!((total.kind(), deadline.kind()), (ErrorKind::Timeout, ErrorKind::Timeout));
    assert_eq!(deadline.attempts().len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn an_answer_beyond_the_size_limit_is_cut_off_while_it_comes() {
    let ai = FakeAi::always(Reply::Huge { bytes: 200 * 1024 * 1024 }).await.unwrap();
    let limits = Limits { answer_bytes: 100_000, ..Limits::default() };

    let error =
        provider_with("loud", ai.base_url(), limits).chat(&question(), AnswerFormat::Text).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert_eq!(error.excerpt(), "the answer is larger than 100000 bytes");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_a_network_error_that_says_why() {
    let free_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base_url = format!("http://{free_port}/v1");

    let error = provider_with("gone", base_url, Limits::default())
        .chat(&question(), AnswerFormat::Text)
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.excerpt().to_lowercase().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_service_that_speaks_no_tls_is_a_passing_failure_and_no_panic() {
    let ai = FakeAi::always(Reply::text("42")).await.unwrap();
    let base_url = ai.base_url().replace("http:", "https:");
    let limits = Limits { total: Duration::from_millis(200), ..Limits::default() };

    let error =
        provider_with("plain", base_url, limits).chat(&question(), AnswerFormat::Text).await.unwrap_err();

    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let ai = FakeAi::always(Reply::body(308, "")).await.unwrap();

    let error = provider(&ai).chat(&question(), AnswerFormat::Text).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert_eq!(ai.requests().len(), 1);
}

#[tokio::test]
async fn a_failing_service_is_asked_again_and_a_refusing_one_passed_over() {
    let refusing = FakeAi::always(Reply::bad_key(KEY)).await.unwrap();
    let failing = FakeAi::start([Reply::error(500, "Oops"), Reply::Close, Reply::text("42")]).await.unwrap();

    let response = router([&refusing, &failing]).chat(&question()).await.unwrap();

    assert_eq!(response.text, "42");
    assert_eq!(
        tried(&response),
        [
            ("fake-0", Some(ErrorKind::Unauthorized)),
            ("fake-1", Some(ErrorKind::Overloaded)),
            ("fake-1", Some(ErrorKind::Network)),
            ("fake-1", None),
        ]
    );
    assert_eq!((refusing.requests().len(), failing.requests().len()), (1, 3));
}

#[tokio::test]
async fn a_rate_limited_service_is_waited_for_shortly_and_left_if_it_asks_for_an_hour() {
    let hour = FakeAi::always(Reply::rate_limited(3600)).await.unwrap();
    let moment = FakeAi::start([Reply::rate_limited("0.01"), Reply::text("42")]).await.unwrap();

    let response = router([&hour, &moment]).chat(&question()).await.unwrap();

    assert_eq!((hour.requests().len(), moment.requests().len()), (1, 2));
    assert_eq!(response.attempts[0].retry_after_ms, Some(3_600_000));
}

#[tokio::test]
async fn when_all_services_are_rate_limited_the_shortest_wait_is_told() {
    let (hour, minute) = (
        FakeAi::always(Reply::rate_limited(3600)).await.unwrap(),
        FakeAi::always(Reply::rate_limited(60)).await.unwrap(),
    );

    let error = router([&hour, &minute]).chat(&question()).await.unwrap_err();

    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(60))));
    assert_eq!(error.attempts().len(), 2);
}

#[tokio::test]
async fn a_value_is_asked_for_by_schema_and_the_wrong_shape_repaired() {
    let ai =
        FakeAi::start([Reply::json(json!({ "x": "one" })), Reply::json(json!({ "x": 1 }))]).await.unwrap();

    let answer = router([&ai]).answer::<Point>(&question()).await.unwrap();

    assert_eq!(answer.value, Point { x: 1 });
    let requests = ai.requests();
    assert_eq!(requests[0].body["response_format"]["json_schema"]["name"], "Point");
    let repair = requests[1].body["messages"][0]["content"].as_str().unwrap();
    assert!(repair.contains("x: expected integer, found string"), "{repair}");
}

#[tokio::test]
async fn a_value_is_asked_for_in_words_where_the_schema_is_refused() {
    let no_json = Reply::error(400, "`response_format` is not supported by this model.");
    let fenced = || Reply::text("Here:\n```json\n{\"x\": 1}\n```");
    let ai = FakeAi::start([Reply::schema_unsupported(), no_json, fenced(), fenced()]).await.unwrap();
    let router = router([&ai]);

    let first = router.answer::<Point>(&question()).await.unwrap();
    let second = router.answer::<Point>(&question()).await.unwrap();

    assert_eq!((first.value, second.value), (Point { x: 1 }, Point { x: 1 }));
    let requests = ai.requests();
    let formats: Vec<_> =
        requests.iter().map(|request| request.body["response_format"]["type"].as_str()).collect();
    assert_eq!(
        formats,
        [Some("json_schema"), Some("json_object"), None, None],
        "and what was found out is remembered"
    );
    for request in &requests[1..] {
        let system = request.body["messages"][0]["content"].as_str().unwrap();
        assert!(system.contains("JSON Schema"), "{system}");
    }
}

#[tokio::test]
async fn half_a_reply_is_asked_for_once_more_and_half_a_value_is_not_guessed_at() {
    let half_a_reply =
        FakeAi::start([Reply::truncated_json(), Reply::json(json!({ "x": 1 }))]).await.unwrap();
    let half_a_value = FakeAi::start([Reply::cut_off(r#"{"x": 1, "y": {"x": 2}, "#)]).await.unwrap();

    let whole = router([&half_a_reply]).answer::<Point>(&question()).await.unwrap();
    let error = router([&half_a_value]).answer::<Point>(&question()).await.unwrap_err();

    assert_eq!(whole.value, Point { x: 1 });
    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert_eq!(half_a_value.requests().len(), 1);
}

#[tokio::test]
async fn the_offline_provider_stands_in_when_no_service_answers() {
    let down = FakeAi::always(Reply::html()).await.unwrap();
    let offline = Offline::new().answers("test", |length: usize| json!({ "x": length }));
    let router = Router::new(vec![Box::new(provider(&down)), Box::new(offline)]);

    let answer = router.answer::<Point>(&question().input(json!(3))).await.unwrap();

    assert_eq!((answer.value, answer.response.provider.as_str()), (Point { x: 3 }, "offline"));
    assert_eq!(down.requests().len(), 2, "one call and one more after a malformed reply");
}

#[tokio::test]
async fn the_script_goes_on_as_told_and_says_when_it_is_used_up() {
    let ai = FakeAi::start([]).await.unwrap();
    ai.then(Reply::text("later"));

    let first = provider(&ai).chat(&question(), AnswerFormat::Text).await.unwrap();
    let second = provider(&ai).chat(&question(), AnswerFormat::Text).await.unwrap_err();

    assert_eq!(first.text, "later");
    assert_eq!(second.excerpt(), "the script of the fake AI is used up");
}
