//! Servers that take less than others: no JSON mode, no system role; and what is remembered of them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use usm_ai::{
    Candidate, ErrorKind, RetrySettings, Router,
    testing::{FakeAi, RecordedRequest, Reply},
};

use crate::support::{Point, question, router, service};

#[derive(Debug, Deserialize, JsonSchema)]
struct Other {
    #[expect(dead_code, reason = "that it is read is enough")]
    x: i64,
}

fn roles(request: &RecordedRequest) -> Vec<String> {
    let messages = request.body["messages"].as_array().unwrap().iter();
    messages.map(|message| message["role"].as_str().unwrap().to_owned()).collect()
}

/// A server that answers with the document to a plain question and refuses every JSON mode in these words.
async fn plain_server(status: u16, words: &'static str) -> FakeAi {
    FakeAi::answering(move |request| match request.body.get("response_format") {
        Some(_) => Reply::error(status, words),
        None => Reply::text("Sure: {\"x\": 1}"),
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_server_that_refuses_every_json_mode_is_asked_in_plain_text_for_every_schema_from_then_on() {
    for (status, words) in [
        (400, "Bad Request"),
        (422, "unexpected field"),
        (501, "not implemented"),
        (500, "failed to parse grammar"),
        (400, "'response_format.type' must be 'text'"),
    ] {
        let ai = plain_server(status, words).await;
        let router = router([("ollama", &ai)]);

        let first = router.answer::<Point>(&question()).await.unwrap();
        router.answer::<Other>(&question()).await.unwrap();

        assert_eq!(first.value, Point { x: 1 });
        assert_eq!(ai.requests().len(), 4, "{words}: schema, JSON mode, plain text, and plain text at once");
    }
}

#[tokio::test]
async fn where_there_is_no_system_role_the_instructions_go_before_the_question() {
    for (status, words) in [
        (400, "System role not supported"),
        (500, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (422, "Only user and assistant roles are supported!"),
    ] {
        let ai = FakeAi::answering(move |request| match roles(request).contains(&"system".to_owned()) {
            true => Reply::error(status, words),
            false => Reply::text("{\"x\": 1}"),
        })
        .await
        .unwrap();
        let router = router([("compatible", &ai)]);

        for _ in 0..2 {
            router.answer::<Point>(&question().system("Be exact")).await.unwrap();
        }

        let requests = ai.requests();
        assert_eq!(requests.iter().filter(|request| roles(request).len() == 1).count(), 2, "{words}");
        assert_eq!(requests.len(), 3, "{words}: it is remembered");
        let asked = requests[2].body["messages"][0]["content"].as_str().unwrap();
        assert!(asked.starts_with("Be exact\n\n") && asked.contains("How much?"), "{asked}");
    }
}

#[tokio::test]
async fn clones_of_a_candidate_rest_together() {
    let ai = FakeAi::start([Reply::bad_key("k"), Reply::text("42")]).await.unwrap();
    let candidate = Candidate::new(service("groq", &ai));
    let [first, second] = [candidate.clone(), candidate].map(|candidate| Router::of([candidate]));

    first.chat(&question()).await.unwrap_err();
    let error = second.chat(&question()).await.unwrap_err();

    assert_eq!((error.kind(), ai.requests().len()), (ErrorKind::Unauthorized, 1), "{error}");
}

#[tokio::test]
async fn that_a_call_has_no_more_time_is_no_failure_of_the_provider() {
    let slow = FakeAi::always(Reply::Hang).await.unwrap();
    let candidate = Candidate::new(service("groq", &slow));
    let retry = RetrySettings { retries: 0, ..RetrySettings::default() };
    let router = Router::of([candidate]).retry(retry);
    let brief = question().deadline(Duration::from_millis(20));

    for _ in 0..8 {
        let error = router.chat(&brief).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(!error.is_cooling_down(), "{error}");
    }
    assert_eq!(slow.requests().len(), 8, "it is asked every time");
}

#[tokio::test]
async fn what_a_model_thinks_aloud_is_no_answer_and_no_document() {
    let draft = "<think>Perhaps {\"x\": 9}?</think>";
    let ai = FakeAi::start([draft, "{\"x\": 7}</think>{\"x\": 1}", draft].map(Reply::text));
    let ai = ai.await.unwrap();
    let router = router([("ollama", &ai)]);

    let answer = router.answer::<Point>(&question()).await.unwrap();
    let text = router.chat(&question()).await.unwrap_err();

    assert_eq!(answer.value, Point { x: 1 });
    assert_eq!(
        (text.kind(), text.excerpt()),
        (ErrorKind::Malformed, "the model thought aloud and gave no answer")
    );
}

#[tokio::test]
async fn a_model_that_declines_is_asked_once_more_and_then_quoted() {
    let ai = FakeAi::always(Reply::text("I'm sorry, but I can't help with that.")).await.unwrap();

    let error = router([("groq", &ai)]).answer::<Point>(&question()).await.unwrap_err();

    assert_eq!((error.kind(), ai.requests().len()), (ErrorKind::Malformed, 2));
    assert!(error.to_string().contains("I'm sorry, but I can't help with that."), "{error}");
}
