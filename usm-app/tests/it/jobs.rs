//! Jobs that one process enqueues and another one works, and the commands that look at them.

use serde_json::Value;
use usm_ai::testing::{FakeAi, Reply};
use usm_app::tasks::GenerateMap;

use crate::support::{Place, RUSSIAN, events, soon};

fn task() -> GenerateMap {
    GenerateMap::new(RUSSIAN, true)
}

#[tokio::test]
async fn a_worker_in_its_own_process_works_what_this_one_enqueues() {
    let place = Place::new();
    let app = place.app().await;
    let mut worker = place.start(&["worker", "all"]);
    worker.err_line("working").await;

    let job = app.queue.enqueue_with(task(), app.enqueue_options()).await.unwrap();
    let ready = soon(job.result()).await.unwrap();

    assert_eq!((ready.project_name.as_str(), ready.made_by.as_str()), ("Горячо", "offline"));
    worker.signal("TERM").await;
    let (code, err) = worker.ended().await;
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("stopped"), "{err}");
}

#[tokio::test]
async fn a_worker_of_one_kind_leaves_the_other_work_alone() {
    let place = Place::new();
    let app = place.app().await;
    let map = app.queue.enqueue(task()).await.unwrap();
    let mut worker = place.start(&["worker", "bulk"]);
    worker.err_line("working").await;

    worker.signal("TERM").await;
    worker.ended().await;

    assert_eq!(map.status().await.unwrap().attempt, 0);
}

#[tokio::test]
async fn generate_is_served_by_whichever_process_is_free() {
    let place = Place::new();
    place.write("text.md", RUSSIAN);
    let mut worker = place.start(&["worker", "all"]);
    worker.err_line("working").await;

    let said = place.run(&["generate", "text.md", "--json"]).await;

    assert_eq!(said.code, Some(0), "{}", said.err);
    worker.signal("TERM").await;
    assert_eq!(worker.ended().await.0, Some(0));
}

#[tokio::test]
async fn a_second_signal_stops_a_worker_at_once() {
    let ai = FakeAi::start([Reply::HangAfterHeaders]).await.unwrap();
    let place = Place::new().with_ai(ai.base_url());
    let app = place.app().await;
    let worker = place.start(&["worker", "map"]);
    let job = app.queue.enqueue(GenerateMap { use_enhancement: false, ..task() }).await.unwrap();
    let mut watch = job.watch().await.unwrap();
    while soon(watch.next()).await.unwrap().unwrap().progress.is_none() {}

    worker.signal("TERM").await;
    worker.signal("INT").await;
    let (code, err) = worker.ended().await;

    assert_eq!(code, Some(130), "{err}");
    assert!(err.contains("taken over by other workers"), "{err}");
}

#[tokio::test]
async fn a_queue_is_looked_at_paused_and_resumed() {
    let place = Place::new();
    let app = place.app().await;
    app.queue.enqueue(task()).await.unwrap();

    let said = place.run(&["queue", "list"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let line = said.out.lines().find(|line| line.starts_with("ai.map.generation")).unwrap();
    assert!(line.contains("no worker takes its jobs"), "{}", said.out);
    assert!(said.out.contains("no worker knows task ai_map_generation (1 jobs)"), "{}", said.out);

    let said = place.run(&["queue", "pause", "ai.map.generation", "--by", "ann, maintenance"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let said = place.run(&["queue", "list", "--json"]).await;
    let overview: Value = serde_json::from_str(&said.out).unwrap();
    let queues = overview["queues"].as_array().unwrap();
    let paused = queues.iter().find(|queue| queue["counts"]["queue"] == "ai.map.generation").unwrap();
    assert_eq!(paused["paused"]["by"], "ann, maintenance");
    assert_eq!(paused["counts"]["waiting"], 1);

    let mut worker = place.start(&["worker", "map"]);
    worker.err_line("paused").await;
    assert_eq!(place.run(&["queue", "resume", "ai.map.generation"]).await.code, Some(0));
    let said = place.run(&["queue", "pause", "nowhere"]).await;
    assert_ne!(said.code, Some(0));
    assert!(said.err.contains("there is no queue `nowhere`"), "{}", said.err);
    worker.signal("TERM").await;
    assert_eq!(worker.ended().await.0, Some(0));
}

#[tokio::test]
async fn jobs_are_listed_shown_watched_and_cancelled() {
    let place = Place::new();
    let app = place.app().await;
    let job = app.queue.enqueue(task()).await.unwrap();
    let id = job.id().to_string();

    let list = place.run(&["job", "list", "--status", "pending"]).await;
    assert!(list.out.contains(&id) && list.out.contains("ai_map_generation"), "{}", list.out);

    let cancelled = place.run(&["job", "cancel", &id]).await;
    assert_eq!((cancelled.code, cancelled.out.as_str()), (Some(0), "cancelled\n"));
    let again = place.run(&["job", "cancel", &id]).await;
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("has ended, cancelled"), "{}", again.err);

    let watched = place.run(&["job", "watch", &id]).await;
    assert_eq!(watched.code, Some(1), "a job that did not complete");
    assert!(watched.err.contains("the job was cancelled"), "{}", watched.err);
    let shown = place.run(&["job", "show", &id]).await;
    assert!(shown.out.contains("WHEN") && shown.out.contains("cancelled"), "{}", shown.out);
    let json = place.run(&["job", "show", &id, "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()["status"], "cancelled");
}

#[tokio::test]
async fn a_dead_letter_is_replayed_with_another_payload_and_the_rest_is_purged() {
    let place = Place::new();
    let app = place.app().await;
    let bad = || GenerateMap::new("…", false);
    let worker = place.start(&["worker", "map"]);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let job = app.queue.enqueue(bad()).await.unwrap();
        let failed = soon(job.result()).await.unwrap_err().to_string();
        assert!(failed.contains("no words"), "{failed}");
        ids.push(job.id().to_string());
    }
    let payload = place.write("payload.json", serde_json::to_vec(&task()).unwrap());

    let listed = place.run(&["dead-letter", "list"]).await;
    assert!(ids.iter().all(|id| listed.out.contains(id.as_str())), "{}", listed.out);
    let shown = place.run(&["dead-letter", "show", &ids[0]]).await;
    assert!(
        shown.out.contains("permanent error") && shown.out.contains("requirements_text"),
        "{}",
        shown.out
    );
    let payload = payload.to_str().unwrap();
    let replayed = place.run(&["dead-letter", "replay", &ids[0], "--payload", payload]).await;
    let job = replayed.out.lines().next().unwrap().strip_prefix("job ").unwrap().to_owned();
    let watched = place.run(&["job", "watch", &job, "--json"]).await;
    assert_eq!(events(&watched.out).last().unwrap()["result"]["project_name"], "Горячо");

    let unsure = place.run(&["dead-letter", "purge"]).await;
    assert_eq!(unsure.code, Some(2), "{}", unsure.err);
    assert_eq!(place.run(&["dead-letter", "purge", "--yes"]).await.out, "1 removed\n");
    worker.signal("TERM").await;
    worker.ended().await;
}

#[tokio::test]
async fn a_payload_that_is_no_object_is_refused() {
    let place = Place::new();
    place.write("list.json", "[1]");
    place.write("text.json", "{");

    for (file, part) in
        [("list.json", "JSON object"), ("text.json", "not JSON"), ("none.json", "cannot be read")]
    {
        let said = place.run(&["dead-letter", "replay", "x", "--payload", file]).await;
        assert_eq!(said.code, Some(2));
        assert!(said.err.contains(file) && said.err.contains(part), "{}", said.err);
    }
}
