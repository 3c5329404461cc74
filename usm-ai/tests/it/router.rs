//! What a router keeps between calls: quotas, answers, what models take; and what it says when asked how things are.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use serde_json::json;
use usm_ai::{
    AnswerSchema, Candidate, ErrorKind, Quota, QuotaSettings, Router,
    providers::Offline,
    testing::{FakeAi, Reply},
};

use crate::support::{FORMATS, KEY, Point, question, router, service, tried};

#[tokio::test]
async fn a_provider_over_its_configured_requests_is_not_asked_and_the_next_one_is() {
    let (first, second) =
        (FakeAi::always(Reply::text("1")).await.unwrap(), FakeAi::always(Reply::text("2")).await.unwrap());
    let quota = Quota::new(QuotaSettings { requests_per_minute: Some(2), ..QuotaSettings::default() });
    let router = Router::of([
        Candidate::new(service("gemini", &first)).quota(quota.clone()),
        Candidate::new(service("groq", &second)),
    ]);
    let alone = Router::of([Candidate::new(service("gemini", &first)).quota(quota)]);

    let mut texts = Vec::new();
    for _ in 0..4 {
        texts.push(router.chat(&question()).await.unwrap().text);
    }
    let error = alone.chat(&question()).await.unwrap_err();

    assert_eq!(texts, ["1", "1", "2", "2"]);
    assert!(error.is_cooling_down(), "{error}");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let wait = error.retry_after().unwrap();
    assert!(wait <= Duration::from_secs(60) && wait > Duration::from_secs(20), "{wait:?}");
}

#[tokio::test]
async fn tokens_of_a_minute_are_counted_as_the_service_counts_them() {
    let ai = FakeAi::always(Reply::text("1")).await.unwrap();
    // Each call is estimated at 40 tokens or so, and costs 15.
    let quota = Quota::new(QuotaSettings { tokens_per_minute: Some(60), ..QuotaSettings::default() });
    let router = Router::of([Candidate::new(service("gemini", &ai)).quota(quota)]);
    let request = question().max_output_tokens(36);

    let mut answered = 0;
    while router.chat(&request).await.is_ok() {
        answered += 1;
    }

    assert_eq!(answered, 2, "15 + 15 + 39 are too many");
}

#[tokio::test]
async fn a_document_of_a_schema_made_at_run_time_is_the_responses_value() {
    let ai = FakeAi::start([Reply::text("It is ```json\n{\"x\": 5}\n```")]).await.unwrap();

    let request = question().schema(AnswerSchema::of::<Point>());
    let response = router([("gemini", &ai)]).chat(&request).await.unwrap();

    assert_eq!(response.value, Some(json!({ "x": 5 })));
}

#[tokio::test]
async fn a_model_that_refuses_a_temperature_is_asked_without_from_then_on() {
    for kind in FORMATS {
        let refused = Reply::error(400, "`temperature` may only be set to 1 for this model.");
        let ai = FakeAi::start([refused, Reply::text("1"), Reply::text("2")]).await.unwrap();
        let router = router([(kind, &ai)]);
        let request = question().temperature(0.7);

        let first = router.chat(&request).await.unwrap();
        router.chat(&request).await.unwrap();

        assert_eq!(tried(&first.attempts), [(kind, Some(ErrorKind::Refused)), (kind, None)]);
        let sent: Vec<bool> =
            ai.requests().iter().map(|request| request.body.to_string().contains("temperature")).collect();
        assert_eq!(sent, [true, false, false], "{kind}");
    }
}

#[tokio::test]
async fn a_probe_asks_for_the_model_and_spends_no_tokens_where_it_need_not() {
    for (kind, asked, spends) in [
        ("gemini", "GET /v1/models/model", false),
        ("groq", "GET /v1/models", false),
        ("anthropic", "GET /v1/models/model", false),
        ("ollama", "GET /v1/models", false),
        ("openrouter", "GET /v1/key", false),
        ("perplexity", "POST /v1/responses", true),
    ] {
        let ai = FakeAi::always(Reply::text("ok")).await.unwrap();
        ai.knows_models(["other", "model"]);

        let reports = router([(kind, &ai)]).probe(Duration::from_secs(5)).await;

        let [report] = reports.as_slice() else { panic!("{reports:?}") };
        assert_eq!(report.result.as_ref().unwrap().spends_tokens, spends, "{kind}");
        assert!(report.to_string().starts_with(&format!("{kind} (model): ready")), "{report}");
        assert_eq!(ai.requests()[0].target, asked);
        assert!(ai.requests()[0].headers.iter().any(|(_, value)| value.contains(KEY)), "{kind}");
    }
}

#[tokio::test]
async fn a_probe_tells_a_refused_key_a_missing_model_a_retiring_one_and_silence() {
    let refused = FakeAi::always(Reply::bad_key(KEY)).await.unwrap();
    let without = FakeAi::always(Reply::text("ok")).await.unwrap();
    without.knows_models(["other"]);
    let list = json!({ "data": [{ "id": "model", "shutdown_date": "2026-12-11" }] }).to_string();
    let retiring = FakeAi::always(Reply::body(200, list)).await.unwrap();
    let silent = FakeAi::always(Reply::Hang).await.unwrap();
    let members = [("gemini", &refused), ("groq", &without), ("anthropic", &without), ("openai", &retiring)];

    let reports =
        router(members.into_iter().chain([("ollama", &silent)])).probe(Duration::from_millis(300)).await;

    let kinds: Vec<_> =
        reports.iter().map(|report| report.result.as_ref().err().map(|error| error.kind())).collect();
    let (key, model) = (Some(ErrorKind::Unauthorized), Some(ErrorKind::ModelNotFound));
    assert_eq!(kinds, [key, model, model, None, Some(ErrorKind::Timeout)]);
    assert!(reports[0].to_string().contains("check the key") && !reports[0].to_string().contains("sk-test"));
    assert!(reports[3].to_string().contains("will be shut down on 2026-12-11"), "{}", reports[3]);
}

#[tokio::test]
async fn two_models_of_one_provider_rest_apart() {
    let ai = FakeAi::start([Reply::model_not_found(), Reply::text("1"), Reply::text("2")]).await.unwrap();
    let provider: Arc<dyn usm_ai::Provider> = Arc::new(service("gemini", &ai));
    let candidate = |model: &str| Candidate::shared(Arc::clone(&provider)).model(model);
    let router = Router::of([candidate("gone"), candidate("there")]);

    let first = router.chat(&question()).await.unwrap();
    let second = router.chat(&question()).await.unwrap();

    assert_eq!((first.text.as_str(), second.text.as_str()), ("1", "2"));
    let models: Vec<_> = first.attempts.iter().map(|attempt| attempt.model.as_str()).collect();
    assert_eq!(models, ["gone", "there"]);
    assert!(second.attempts[0].skipped);
    assert_eq!(ai.requests()[2].target, "POST /v1/models/there:generateContent");
}

#[tokio::test]
async fn offline_answers_only_where_it_is_among_the_candidates() {
    let busy = FakeAi::always(Reply::rate_limited(3600)).await.unwrap();
    let offline = Offline::new().answers("test", |(): ()| json!({ "x": 7 }));
    let with = Router::of([Candidate::new(service("gemini", &busy)), Candidate::new(offline)]);
    let without = router([("gemini", &busy)]);

    assert_eq!(with.answer::<Point>(&question()).await.unwrap().value, Point { x: 7 });
    assert_eq!(without.answer::<Point>(&question()).await.unwrap_err().kind(), ErrorKind::RateLimited);
}
