//! Retry, fallback and deadline over scripted providers, with the clock paused.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::VecDeque, sync::Arc, sync::Mutex};

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::{self, Instant};

use super::*;
use crate::{AttemptLog, ErrorKind, FinishReason, ProviderAnswer, Usage, providers::Offline};

type Step = Result<&'static str, Error>;

/// Plays its script, then answers `done`; takes one second for each answer.
#[derive(Debug)]
struct Scripted {
    name: &'static str,
    script: Mutex<VecDeque<Step>>,
    asked: Mutex<Vec<(ChatRequest, bool)>>,
}

impl Scripted {
    fn new(name: &'static str, script: impl IntoIterator<Item = Step>) -> Arc<Self> {
        Arc::new(Self { name, script: Mutex::new(script.into_iter().collect()), asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<(ChatRequest, bool)> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Provider for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn model(&self) -> &str {
        "model"
    }

    async fn chat(&self, request: &ChatRequest, format: AnswerFormat<'_>) -> Result<ProviderAnswer, Error> {
        let schema = matches!(format, AnswerFormat::Schema(_));
        self.asked.lock().unwrap().push((request.clone(), schema));
        time::sleep(Duration::from_secs(1)).await;
        let text = self.script.lock().unwrap().pop_front().unwrap_or(Ok("done"))?.to_owned();
        let finish_reason = if text.ends_with('~') { FinishReason::Length } else { FinishReason::Stop };
        let usage = Some(Usage { input_tokens: 2, output_tokens: 1 });
        Ok(ProviderAnswer { text, model: "model-1".to_owned(), finish_reason, usage })
    }
}

fn fails(kind: ErrorKind) -> Step {
    Err(Error::new(kind, "scripted"))
}

fn limited(seconds: u64) -> Step {
    Err(Error::new(ErrorKind::RateLimited, "scripted").with_retry_after(Duration::from_secs(seconds)))
}

fn router(providers: impl IntoIterator<Item = Arc<Scripted>>) -> Router {
    Router::new(providers.into_iter().map(|provider| Box::new(provider) as Box<dyn Provider>).collect())
}

fn request() -> ChatRequest {
    ChatRequest::new("test", "question")
}

fn outcomes(attempts: &[AttemptLog]) -> Vec<(&str, Option<ErrorKind>)> {
    attempts.iter().map(|attempt| (attempt.provider.as_str(), attempt.error)).collect()
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Point {
    x: i32,
}

const POINT: &str = r#"{"x": 1}"#;

#[tokio::test(start_paused = true)]
async fn the_first_provider_that_answers_is_the_only_one_asked() {
    let (first, second) = (Scripted::new("first", []), Scripted::new("second", []));
    let router = router([first, second.clone()]);

    let response = router.chat(&request()).await.unwrap();

    assert_eq!((response.text.as_str(), response.provider.as_str()), ("done", "first"));
    assert_eq!((response.model.as_str(), response.duration), ("model-1", Duration::from_secs(1)));
    assert_eq!(outcomes(&response.attempts), [("first", None)]);
    assert_eq!(response.attempts[0].duration_ms, 1000);
    assert_eq!(response.attempts[0].usage, response.usage);
    assert!(second.asked().is_empty());
    assert_eq!(router.providers(), ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn time_in_the_queue_is_the_calls_and_not_the_attempts() {
    let quota = crate::Quota::new(crate::QuotaSettings { concurrency: Some(1), ..Default::default() });
    let router = Router::of([Candidate::shared(Scripted::new("only", [])).quota(quota)]);
    let request = request();

    let (first, second) = tokio::join!(router.chat(&request), router.chat(&request));

    for (response, seconds) in [(first.unwrap(), 1), (second.unwrap(), 2)] {
        assert_eq!(response.duration, Duration::from_secs(seconds));
        assert_eq!(response.attempts[0].duration_ms, 1000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_is_retried_with_the_same_provider_after_a_growing_pause() {
    let provider = Scripted::new("only", [fails(ErrorKind::Overloaded), fails(ErrorKind::Network)]);
    let begun = Instant::now();

    let response = router([provider]).chat(&request()).await.unwrap();

    let pauses = begun.elapsed() - Duration::from_secs(3);
    assert_eq!(response.attempts.len(), 3);
    assert!(pauses >= Duration::from_millis(1500) && pauses <= Duration::from_millis(3010), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn after_its_retries_the_next_provider_is_asked() {
    let busy = Scripted::new("busy", [(); 9].map(|()| fails(ErrorKind::Overloaded)));
    let retry = RetrySettings { retries: 1, ..RetrySettings::default() };

    let response = router([busy, Scripted::new("free", [])]).retry(retry).chat(&request()).await.unwrap();

    let overloaded = Some(ErrorKind::Overloaded);
    assert_eq!(outcomes(&response.attempts), [("busy", overloaded), ("busy", overloaded), ("free", None)]);
}

#[tokio::test(start_paused = true)]
async fn retries_can_be_turned_off() {
    let provider = Scripted::new("only", [fails(ErrorKind::Overloaded)]);
    let retry = RetrySettings { retries: 0, ..RetrySettings::default() };

    let error = router([provider]).retry(retry).chat(&request()).await.unwrap_err();

    assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::Overloaded, 1));
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_end_is_not_begun_even_where_allowed() {
    let provider = Scripted::new("only", [limited(u64::MAX)]);
    let retry = RetrySettings { longest_retry_after: Duration::MAX, ..RetrySettings::default() };

    let error = router([provider]).retry(retry).chat(&request().deadline(Duration::MAX)).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::RateLimited);
}

#[tokio::test(start_paused = true)]
async fn callers_told_the_same_wait_come_back_at_different_times() {
    let mut durations = Vec::new();
    for _ in 0..20 {
        let response = router([Scripted::new("only", [limited(5)])]).chat(&request()).await.unwrap();
        durations.push(response.duration);
    }

    durations.sort();
    durations.dedup();
    assert!(durations.len() > 10, "{durations:?}");
}

#[tokio::test(start_paused = true)]
async fn what_waiting_cannot_fix_goes_to_the_next_provider_at_once() {
    for kind in [
        ErrorKind::Unauthorized,
        ErrorKind::QuotaSpent,
        ErrorKind::ModelNotFound,
        ErrorKind::Refused,
        ErrorKind::Blocked,
        ErrorKind::Malformed,
    ] {
        let router = router([Scripted::new("bad", [fails(kind)]), Scripted::new("good", [])]);

        let response = router.chat(&request()).await.unwrap();

        assert_eq!(outcomes(&response.attempts), [("bad", Some(kind)), ("good", None)]);
        assert_eq!(response.duration, Duration::from_secs(2), "no pause");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_wait_that_a_provider_asks_for_is_kept() {
    let provider = Scripted::new("only", [limited(7)]);

    let response = router([provider]).chat(&request()).await.unwrap();

    let pause = response.duration - Duration::from_secs(2);
    assert!(pause >= Duration::from_secs(7) && pause < Duration::from_millis(8410), "{pause:?}");
    assert_eq!(response.attempts[0].retry_after_ms, Some(7000));
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_is_not_kept_but_the_next_provider_asked() {
    let router = router([Scripted::new("limited", [limited(11)]), Scripted::new("free", [])]);

    let response = router.chat(&request()).await.unwrap();

    assert_eq!((response.provider.as_str(), response.duration), ("free", Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn an_overload_that_names_a_wait_is_not_waited_for_while_another_is_free_and_waited_for_when_none_is() {
    let busy = || Err(Error::new(ErrorKind::Overloaded, "").with_retry_after(Duration::from_secs(5)));
    let with_fallback = router([Scripted::new("busy", [busy()]), Scripted::new("free", [])]);
    let alone = router([Scripted::new("busy", [busy()])]);

    let fallen_over = with_fallback.chat(&request()).await.unwrap();
    let waited = alone.chat(&request()).await.unwrap();

    assert_eq!((fallen_over.provider.as_str(), fallen_over.duration), ("free", Duration::from_secs(2)));
    assert!(waited.duration >= Duration::from_secs(7), "{:?}", waited.duration);
}

#[tokio::test(start_paused = true)]
async fn when_all_are_rate_limited_the_error_has_the_shortest_wait() {
    let router = router([
        Scripted::new("a", [limited(3600)]),
        Scripted::new("b", [limited(26)]),
        Scripted::new("c", [fails(ErrorKind::Unauthorized)]),
        Scripted::new("d", [limited(90)]),
    ]);

    let error = router.chat(&request()).await.unwrap_err();

    assert_eq!((error.kind(), error.provider()), (ErrorKind::RateLimited, "b"));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(26)));
    assert_eq!(error.attempts().len(), 4);
    assert!(error.to_string().contains("c unauthorized after 1000 ms"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn of_several_lasting_failures_the_one_nearest_to_an_answer_is_told() {
    let router = router([
        Scripted::new("a", [fails(ErrorKind::Unauthorized)]),
        Scripted::new("b", [fails(ErrorKind::Blocked)]),
        Scripted::new("c", [fails(ErrorKind::ModelNotFound)]),
    ]);

    assert_eq!(router.chat(&request()).await.unwrap_err().provider(), "b");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_bounds_attempts_waits_and_fallbacks_together() {
    let never = [(); 99].map(|()| fails(ErrorKind::Overloaded));
    let router = router([Scripted::new("a", never), Scripted::new("b", [])])
        .retry(RetrySettings { retries: 50, ..RetrySettings::default() });
    let begun = Instant::now();

    let error = router.chat(&request().deadline(Duration::from_millis(300))).await.unwrap_err();

    assert_eq!(begun.elapsed(), Duration::from_millis(300));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        outcomes(error.attempts()),
        [("a", Some(ErrorKind::Timeout)), ("b", Some(ErrorKind::Timeout))]
    );
}

#[tokio::test(start_paused = true)]
async fn while_others_may_be_asked_an_attempt_gets_half_of_the_time_that_is_left() {
    let router = router(["a", "b", "c"].map(|name| Scripted::new(name, [])));

    let error = router.chat(&request().deadline(Duration::from_millis(1600))).await.unwrap_err();

    let durations: Vec<u64> = error.attempts().iter().map(|attempt| attempt.duration_ms).collect();
    assert_eq!(durations, [800, 400, 400], "and the last one all of it");
}

#[tokio::test(start_paused = true)]
async fn a_slow_failure_is_not_repeated_at_the_cost_of_the_next_candidate() {
    let slow = || Scripted::new("slow", [fails(ErrorKind::Overloaded)]);
    let retry = RetrySettings { first_delay: Duration::from_millis(1), ..RetrySettings::default() };
    let request = request().deadline(Duration::from_millis(2500));

    let with_fallback =
        router([slow(), Scripted::new("free", [])]).retry(retry).chat(&request).await.unwrap();
    let alone = router([slow()]).retry(retry).chat(&request).await.unwrap();

    let overloaded = ("slow", Some(ErrorKind::Overloaded));
    assert_eq!(outcomes(&with_fallback.attempts), [overloaded, ("free", None)]);
    assert_eq!(outcomes(&alone.attempts), [overloaded, ("slow", None)]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_rests_takes_no_time_from_the_one_before_it() {
    let refused = Scripted::new("refused", [fails(ErrorKind::Unauthorized)]);
    let router = router([Scripted::new("slow", [fails(ErrorKind::Refused)]), refused]);
    router.chat(&request()).await.unwrap_err();

    let response = router.chat(&request().deadline(Duration::from_millis(1100))).await.unwrap();

    assert_eq!(response.provider, "slow");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_pass_the_deadline_is_not_begun() {
    let router = router([Scripted::new("limited", [limited(9)]), Scripted::new("free", [])]);

    let response = router.chat(&request().deadline(Duration::from_secs(5))).await.unwrap();

    assert_eq!(response.provider, "free");
}

#[tokio::test]
async fn a_router_without_providers_says_so() {
    let error = Router::new(Vec::new()).chat(&request().deadline(Duration::MAX)).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::NoProvider);
    assert_eq!(error.to_string(), "there is no AI provider to ask, configure one");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_asked_for_with_its_schema_and_read() {
    let provider = Scripted::new("p", [Ok(POINT)]);

    let answer = router([provider.clone()]).answer::<Point>(&request()).await.unwrap();

    assert_eq!(answer.value, Point { x: 1 });
    assert_eq!(answer.response.text, POINT);
    assert_eq!(provider.asked(), [(request().model("model"), true)]);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_takes_no_schema_is_asked_in_words_from_then_on() {
    let provider =
        Scripted::new("p", [fails(ErrorKind::SchemaUnsupported), Ok("Sure: ```{\"x\": 1}```"), Ok(POINT)]);
    let router = router([provider.clone()]);

    let first = router.answer::<Point>(&request()).await.unwrap();
    let second = router.answer::<Point>(&request().system("Be exact")).await.unwrap();

    let schema_unsupported = Some(ErrorKind::SchemaUnsupported);
    assert_eq!(outcomes(&first.response.attempts), [("p", schema_unsupported), ("p", None)]);
    assert_eq!(outcomes(&second.response.attempts), [("p", None)]);
    let asked = provider.asked();
    assert_eq!(asked.iter().map(|(_, schema)| *schema).collect::<Vec<_>>(), [true, false, false]);
    let system = asked[2].0.system.clone().unwrap();
    assert!(system.starts_with("Be exact\n\n") && system.contains(r#""x":{"#), "{system}");
}

#[tokio::test(start_paused = true)]
async fn that_one_model_takes_no_schema_is_not_held_against_another() {
    let provider = Scripted::new("p", [fails(ErrorKind::SchemaUnsupported), Ok(POINT), Ok(POINT)]);
    let router = router([provider.clone()]);

    router.answer::<Point>(&request().model("small")).await.unwrap();
    router.answer::<Point>(&request()).await.unwrap();

    assert_eq!(provider.asked().iter().map(|(_, schema)| *schema).collect::<Vec<_>>(), [true, false, true]);
}

#[tokio::test(start_paused = true)]
async fn an_unusable_answer_is_repaired_once_with_its_problems_listed() {
    let provider = Scripted::new("p", [Ok(r#"{"x": "one"}"#), Ok(POINT)]);

    let answer = router([provider.clone()]).answer::<Point>(&request()).await.unwrap();

    assert_eq!(outcomes(&answer.response.attempts), [("p", Some(ErrorKind::Malformed)), ("p", None)]);
    let repair = &provider.asked()[1].0.user;
    assert!(
        repair.starts_with("question") && repair.contains("x: expected integer, found string"),
        "{repair}"
    );
}

#[tokio::test(start_paused = true)]
async fn after_one_repair_the_next_provider_is_asked() {
    let poor = Scripted::new("poor", [Ok("I cannot"), Ok("{}"), Ok(POINT)]);
    let good = Scripted::new("good", [Ok(POINT)]);

    let answer = router([poor.clone(), good]).answer::<Point>(&request()).await.unwrap();

    assert_eq!(answer.response.provider, "good");
    assert_eq!(poor.asked().len(), 2);
    let malformed = Some(ErrorKind::Malformed);
    assert_eq!(
        outcomes(&answer.response.attempts),
        [("poor", malformed), ("poor", malformed), ("good", None)]
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_no_repair_helps_is_malformed_and_says_what_is_wrong() {
    let error =
        router([Scripted::new("p", [Ok("{}"), Ok("{}")])]).answer::<Point>(&request()).await.unwrap_err();

    assert_eq!((error.kind(), error.excerpt()), (ErrorKind::Malformed, "x: is missing"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_off_at_the_output_limit_is_not_repaired() {
    let provider = Scripted::new("p", [Ok(r#"{"x": 1, "note": "~"#)]);

    let error = router([provider.clone()]).answer::<Point>(&request()).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert_eq!(provider.asked().len(), 1);
}

#[tokio::test]
async fn the_offline_provider_answers_last_when_all_others_fail() {
    let offline = Offline::new().answers("test", |(): ()| serde_json::json!({ "x": 7 }));
    let refused = Scripted::new("online", [fails(ErrorKind::Unauthorized)]);
    let router = Router::new(vec![Box::new(refused), Box::new(offline)]);

    let answer = router.answer::<Point>(&request()).await.unwrap();

    assert_eq!((answer.value, answer.response.provider.as_str()), (Point { x: 7 }, "offline"));
}

#[test]
fn calls_can_move_between_threads() {
    fn assert_send<T: Send>(_: T) {}
    let (router, request) = (Router::new(Vec::new()), request());

    assert_send(router.chat(&request));
    assert_send(router.answer::<Point>(&request));
}
