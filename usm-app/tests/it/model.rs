//! `usm generate` with a model: a local AI service that answers, refuses, or talks nonsense.

use std::time::Duration;

use serde_json::{Value, json};
use usm_ai::testing::{FakeAi, Reply};

use crate::support::{Place, RUSSIAN, events};

/// Everything in one question; the stages have tests of their own.
const GENERATE: [&str; 5] = ["generate", "text.md", "--json", "--no-enhancement", "--single-call"];

pub(crate) fn story(title: &str, release: &str) -> Value {
    json!({
        "title": title, "description": format!("Клиент хочет: {title}"), "persona": "Клиент", "release": release,
        "acceptance_criteria": [format!("После «{title}» виден результат")],
    })
}

pub(crate) fn map(stories: Vec<Value>) -> Reply {
    let task = json!({ "title": "Оформить заказ", "stories": stories });
    let activity = json!({ "title": "Заказ", "tasks": [task] });
    Reply::json(json!({ "name": "Еда", "personas": ["Клиент"], "activities": [activity], "notes": [] }))
}

pub(crate) fn screen(label: &str) -> Reply {
    let button = json!({ "id": "1", "parent": "", "kind": "button", "text": label, "role": "primary" });
    Reply::json(json!({ "screens": [{ "id": "main", "title": "Экран", "nodes": [button] }] }))
}

fn place(ai: &FakeAi) -> Place {
    let place = Place::new().with_ai(ai.base_url());
    place.write("text.md", RUSSIAN);
    place
}

#[tokio::test]
async fn a_models_map_and_wireframes_are_saved_and_shown() {
    let stories = vec![story("Оплатить картой", "Later"), story("Отменить", "Release 1")];
    let ai = FakeAi::start([map(stories), screen("Отменить заказ")]).await.unwrap();
    let place = place(&ai);

    let said = place.run(&GENERATE).await;

    let last = events(&said.out).pop().unwrap();
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(last["made_by"], "openai/fake-model");
    let first = &last["map"]["activities"][0]["tasks"][0]["stories"][0];
    assert_eq!((&first["title"], &first["release"]), (&"Отменить".into(), &"MVP".into()), "promoted");
    assert!(last["wireframes"][0]["ascii_wireframe"].as_str().unwrap().contains("Отменить заказ"));
    let asked = ai.requests();
    assert_eq!(asked.len(), 2);
    let question = asked[0].body["messages"].to_string();
    assert!(question.contains("Клиент добавляет блюда в корзину") && question.contains("<requirements>"));
    assert_eq!(asked[0].body["temperature"], 0.7);
    let drawn = asked[1].body["messages"].to_string();
    assert!(drawn.contains("Story: Отменить") && drawn.contains("80 columns"), "{drawn}");
}

#[tokio::test]
async fn a_terse_text_is_written_out_first_and_the_reader_is_told() {
    let enhanced = json!({
        "enhanced_text": format!("{RUSSIAN}\nРесторан готовит."), "added_aspects": ["ресторан готовит"],
        "missing_info": ["Кто доставляет?"], "confidence": 0.9,
    });
    // A watcher sees the newest progress; what lasts no time may be merged with what follows.
    let enhanced = Reply::json(enhanced).after(Duration::from_secs(1));
    let ai = FakeAi::start([enhanced, map(vec![story("Оплатить", "MVP")]), screen("Оплатить")]);
    let ai = ai.await.unwrap();
    let place = place(&ai).with("ENHANCEMENT_MODEL", "small-model").with("API_PROVIDER", "openai");
    let place = place.with("OPENAI_API_KEY", "key");

    let said = place.run(&["generate", "text.md", "--json", "--single-call"]).await;

    let events = events(&said.out);
    let last = events.last().unwrap();
    assert_eq!(last["used_enhancement"], true, "{} {}", said.out, said.err);
    assert_eq!(
        last["map"]["notes"],
        json!(["Добавлено к требованиям: ресторан готовит", "Открытый вопрос: Кто доставляет?"])
    );
    let asked = ai.requests();
    assert_eq!(
        (&asked[0].body["model"], &asked[1].body["model"]),
        (&"small-model".into(), &"fake-model".into())
    );
    let question = asked[1].body["messages"].to_string();
    assert!(question.contains("Ресторан готовит.") && question.contains("<written_out>"), "{question}");
    assert!(question.contains("<requirements>"), "the text of the author goes along");
    assert!(events.iter().any(|event| event["message"] == "дополняю требования: openai"));
}

#[tokio::test]
async fn an_enhancement_that_fails_does_not_fail_the_map() {
    let script =
        [Reply::text("Sorry."), Reply::text("No."), map(vec![story("Оплатить", "MVP")]), screen("Да")];
    let ai = FakeAi::start(script).await.unwrap();

    let said = place(&ai).run(&["generate", "text.md", "--json", "--single-call"]).await;

    let last = events(&said.out).pop().unwrap();
    assert_eq!(
        (&last["event"], &last["used_enhancement"]),
        (&"completed".into(), &false.into()),
        "{}",
        said.out
    );
}

#[tokio::test]
async fn a_refused_key_fails_the_job_at_once_and_leaves_a_dead_letter_to_replay() {
    let ai = FakeAi::always(Reply::bad_key("sk-secret-key-12345")).await.unwrap();
    let place = place(&ai).with("OPENAI_API_KEY", "sk-secret-key-12345");

    let said = place.run(&["generate", "text.md", "--no-enhancement", "--single-call"]).await;

    assert_eq!(said.code, Some(1), "{}", said.out);
    for part in
        ["no map was made", "openai", "check the key", "--offline", "usm job show", "usm dead-letter replay"]
    {
        assert!(said.err.contains(part), "{part} in {}", said.err);
    }
    assert!(!said.err.contains("sk-secret"), "{}", said.err);
    assert_eq!(ai.requests().len(), 1, "a refused key is not tried again");

    let list = place.run(&["dead-letter", "list", "--json"]).await;
    let letter = events(&list.out).pop().unwrap();
    assert_eq!(letter["reason"], "permanent error");
    let id = letter["job_id"].as_str().unwrap().to_owned();
    let shown = place.run(&["job", "show", &id]).await;
    assert!(shown.out.contains("failed") && shown.out.contains("check the key"), "{}", shown.out);

    std::fs::write(place.path("other.json"), r#"{"story_ids": [1]}"#).unwrap();
    let refused = place.run(&["dead-letter", "replay", &id, "--payload", "other.json"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    assert!(
        refused.err.contains("missing field") && refused.err.contains("the dead letter stays"),
        "{}",
        refused.err
    );

    let place = place.with("API_PROVIDER", "offline");
    let replayed = place.run(&["dead-letter", "replay", &id]).await;
    assert_eq!(replayed.code, Some(0), "{}", replayed.err);
    let job = replayed.out.lines().next().unwrap().strip_prefix("job ").unwrap().to_owned();
    let worker = place.start(&["worker", "all"]);
    let watched = place.run(&["job", "watch", &job]).await;
    assert_eq!(watched.code, Some(0), "{} {}", watched.out, watched.err);
    worker.signal("TERM").await;
    assert_eq!(worker.ended().await.0, Some(0));
    assert_eq!(place.run(&["dead-letter", "list"]).await.out, "no dead letters\n");
}

#[tokio::test]
async fn nonsense_is_sent_back_once_and_then_told_as_the_reason() {
    let ai =
        FakeAi::start([Reply::text("Sure! Here it comes."), Reply::text("{\"name\": 5}")]).await.unwrap();
    let place = place(&ai).with("WORKER_MAX_RETRIES", "1");

    let said = place.run(&GENERATE).await;

    let last = events(&said.out).pop().unwrap();
    assert_eq!(last["event"], "failed");
    let reason = last["error"].as_str().unwrap();
    assert!(reason.contains("could not be used") && reason.contains("name"), "{reason}");
    assert_eq!(ai.requests().len(), 2, "one question and one repair");
}

#[tokio::test]
async fn a_map_without_stories_is_sent_back_once() {
    let ai =
        FakeAi::start([map(vec![]), map(vec![story("Оплатить", "MVP")]), screen("Оплатить")]).await.unwrap();

    let said = place(&ai).run(&GENERATE).await;

    assert_eq!(said.code, Some(0), "{}", said.err);
    let repair = ai.requests()[1].body["messages"].to_string();
    assert!(repair.contains("a map without stories") && repair.contains("cannot be used"), "{repair}");
}

#[tokio::test]
async fn a_model_that_takes_no_temperature_is_asked_without() {
    let refused = Reply::error(400, "Unsupported value: 'temperature' does not support 0.7 with this model.");
    let script = [refused, map(vec![story("Оплатить", "MVP")]), screen("Оплатить")];
    let ai = FakeAi::start(script).await.unwrap();

    let said = place(&ai).run(&GENERATE).await;

    assert_eq!(said.code, Some(0), "{} {}", said.out, said.err);
    let asked: Vec<_> =
        ai.requests().iter().map(|request| request.body.get("temperature").is_some()).collect();
    assert_eq!(asked, [true, false, false], "the model is asked with one only once");
}

#[tokio::test]
async fn a_long_rate_limit_is_waited_for_in_the_queue_and_an_interrupted_command_loses_nothing() {
    let ai = FakeAi::start([Reply::rate_limited(3000)]).await.unwrap();
    let place = place(&ai);

    let mut running = place.start(&GENERATE);
    let waiting = running.out_line("rate limit").await;
    running.signal("INT").await;
    let (code, err) = running.ended().await;

    let waiting: Value = serde_json::from_str(&waiting).unwrap();
    assert_eq!((&waiting["status"], &waiting["event"]), (&"pending".into(), &"status".into()), "{waiting}");
    assert_eq!(code, Some(130));
    assert!(err.contains("stays queued") && err.contains("usm worker all"), "{err}");
    let id = waiting["job_id"].as_str().unwrap();
    let shown = place.run(&["job", "show", id, "--json"]).await;
    let job: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!((&job["status"], &job["attempt"]), (&"pending".into(), &0.into()), "no attempt is counted");
}

#[tokio::test]
async fn a_job_whose_worker_is_interrupted_is_finished_by_another_process() {
    let ai = FakeAi::start([Reply::HangAfterHeaders]).await.unwrap();
    let place = place(&ai);

    let mut running = place.start(&GENERATE);
    let asking: Value = serde_json::from_str(&running.out_line("составляю карту").await).unwrap();
    running.signal("TERM").await;
    let (code, err) = running.ended().await;
    let id = asking["job_id"].as_str().unwrap().to_owned();
    let place = place.with("API_PROVIDER", "offline");
    let worker = place.start(&["worker", "map"]);
    let watched = place.run(&["job", "watch", &id, "--json"]).await;

    assert_eq!(code, Some(130), "{err}");
    assert_eq!(watched.code, Some(0), "{} {}", watched.out, watched.err);
    let last = events(&watched.out).pop().unwrap();
    assert_eq!((&last["result"]["made_by"], &last["attempt"]), (&"offline".into(), &1.into()));
    worker.signal("INT").await;
    assert_eq!(worker.ended().await.0, Some(0));
}

#[tokio::test]
async fn offline_asks_nobody_though_a_provider_is_set_up() {
    let ai = FakeAi::always(Reply::error(500, "must not be asked")).await.unwrap();

    let said = place(&ai).run(&["generate", "text.md", "--offline", "--json"]).await;

    assert_eq!(events(&said.out).last().unwrap()["made_by"], "offline", "{}", said.err);
    assert_eq!(ai.requests(), []);
}

/// One AI service of this name at the address of a fake.
fn with_service(place: Place, name: &str, ai: &FakeAi) -> Place {
    let variable = |what: &str| format!("{}_{what}", name.to_uppercase());
    place.with(&variable("API_KEY"), "key").with(&variable("BASE_URL"), ai.base_url())
}

#[tokio::test]
async fn every_provider_of_the_guide_makes_a_map_in_its_own_format() {
    for (name, path) in [
        ("gemini", "/models/gemini-3.8-flash:generateContent"),
        ("groq", "/chat/completions"),
        ("perplexity", "/responses"),
        ("anthropic", "/messages"),
    ] {
        let ai = FakeAi::start([map(vec![story("Оплатить", "MVP")]), screen("Да")]).await.unwrap();
        let place = with_service(Place::new(), name, &ai);
        place.write("text.md", RUSSIAN);

        let said = place.run(&GENERATE).await;

        let last = events(&said.out).pop().unwrap();
        assert_eq!(last["made_by"], format!("{name}/fake-model"), "{} {}", said.out, said.err);
        assert!(ai.requests()[0].target.ends_with(path), "{}", ai.requests()[0].target);
    }
}

#[tokio::test]
async fn a_busy_or_refusing_provider_is_passed_over_for_the_next_one_in_the_order() {
    let busy = FakeAi::always(Reply::rate_limited(3600)).await.unwrap();
    let refusing = FakeAi::always(Reply::bad_key("key")).await.unwrap();
    let healthy = FakeAi::start([map(vec![story("Оплатить", "MVP")]), screen("Да")]).await.unwrap();
    let place = Place::new().with("AI_PROVIDER_PRIORITY", "perplexity,gemini,groq");
    let place = with_service(with_service(place, "gemini", &refusing), "groq", &healthy);
    let place = with_service(place, "perplexity", &busy);
    place.write("text.md", RUSSIAN);

    let said = place.run(&GENERATE).await;

    let last = events(&said.out).pop().unwrap();
    assert_eq!(last["made_by"], "groq/fake-model", "{} {}", said.out, said.err);
    assert_eq!((busy.requests().len(), refusing.requests().len(), healthy.requests().len()), (1, 1, 2));
}
