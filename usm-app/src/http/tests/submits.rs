//! Requests that start a job.

use poem::http::StatusCode;
use serde_json::{Value, json};
use usm_queue::{Job, Owner};

use super::{TEXT, TestApp};
use crate::{entities::user::LOCAL_USER_ID, http::openapi};

impl TestApp {
    /// The record of the job that this answer accepted.
    async fn accepted(&self, answer: &super::Reply) -> Job {
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json());
        self.app.queue.job(answer.json()["job_id"].as_str().unwrap().parse().unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn a_map_is_accepted_with_the_guides_answer() {
    let app = TestApp::new().await;

    let accepted = app.post("/generate-map-async", json!({ "text": TEXT })).await;

    let job = app.accepted(&accepted).await;
    let id = job.id.to_string();
    let body = json!({ "status": "accepted", "job_id": id, "websocket_url": format!("/ws/jobs/{id}") });
    assert_eq!(accepted.json(), body);
    assert_eq!(accepted.header("location"), format!("/job/{id}"));
    assert_eq!(accepted.header("retry-after"), "2");
    assert_eq!((job.task.as_str(), job.priority), ("ai_map_generation", 7));
    assert_eq!(job.owner, Some(Owner::Id(LOCAL_USER_ID)));
    assert_eq!(job.metadata["requirements_characters"], TEXT.chars().count());
}

#[tokio::test]
async fn the_given_priority_and_the_configured_attempts_are_the_jobs() {
    let app = TestApp::with(|name| (name == "WORKER_MAX_RETRIES").then(|| "5".into())).await;

    let accepted = app.post("/generate-map-async", json!({ "text": TEXT, "priority": 10 })).await;

    let job = app.accepted(&accepted).await;
    assert_eq!((job.priority, job.max_attempts), (10, 5));
}

#[tokio::test]
async fn unusable_values_are_all_told_at_once() {
    let app = TestApp::new().await;

    let refused = app.post("/generate-map-async", json!({ "text": "short", "priority": 11 })).await;

    refused.problem(422);
    let errors = refused.json()["errors"].clone();
    assert_eq!((&errors[0]["pointer"], &errors[1]["pointer"]), (&json!("/text"), &json!("/priority")));
    assert!(errors[0]["detail"].as_str().unwrap().contains("at least 10"), "{errors}");
}

#[tokio::test]
async fn the_limits_of_the_text_are_those_of_the_document() {
    let app = TestApp::new().await;
    let document: Value = serde_json::from_str(&openapi::document(&app.app)).unwrap();
    let limits = &document["components"]["schemas"]["NewMap"]["properties"]["text"];
    let (min, max) = (limits["minLength"].as_u64().unwrap(), limits["maxLength"].as_u64().unwrap());

    for (characters, status) in [(min - 1, 422), (min, 202), (max, 202), (max + 1, 422)] {
        let text = "ы".repeat(usize::try_from(characters).unwrap());
        let answer = app.post("/generate-map-async", json!({ "text": text })).await;
        assert_eq!(answer.status.as_u16(), status, "{characters} characters");
    }
}

#[tokio::test]
async fn a_missing_or_mistyped_field_is_named() {
    let app = TestApp::new().await;

    let missing = app.post("/generate-map-async", json!({})).await;
    let mistyped = app.post("/generate-map-async", json!({ "text": 5 })).await;
    let negative = app.post("/generate-map-async", json!({ "text": TEXT, "priority": -1 })).await;
    let text = app.post("/generate-map-async", json!("text")).await;

    assert!(missing.problem(422).contains("missing field `text`"));
    let detail = mistyped.problem(422);
    assert!(detail.starts_with("/text is not usable") && detail.contains("expected a string"), "{detail}");
    for (reply, pointer) in [(&missing, "/text"), (&mistyped, "/text"), (&negative, "/priority")] {
        assert_eq!(reply.json()["errors"][0]["pointer"], pointer);
    }
    assert!(negative.problem(422).contains("invalid value: integer `-1`"));
    assert_eq!(text.problem(422), "the body must be a JSON object");
}

#[tokio::test]
async fn wireframes_are_accepted_for_stories_of_the_project() {
    let app = TestApp::new().await;
    let saved = app.save_map(LOCAL_USER_ID).await;
    let stories: Vec<i64> = saved.stories().map(|loaded| loaded.story.id).collect();
    let body = json!({
        "project_id": saved.project.id, "story_ids": stories, "style": "high-fidelity", "platform": "mobile"
    });

    let accepted = app.post("/wireframes/generate", body).await;

    let job = app.accepted(&accepted).await;
    assert_eq!((job.task.as_str(), job.priority), ("wireframe_generation", 5));
    assert_eq!((&job.metadata["story_count"], &job.metadata["style"]), (&json!(2), &json!("high-fidelity")));
    assert_eq!(job.metadata["platform"], "mobile");
}

#[tokio::test]
async fn wireframes_of_other_projects_stories_are_refused_by_name() {
    let app = TestApp::new().await;
    let (mine, other) = (app.save_map(LOCAL_USER_ID).await, app.save_map(LOCAL_USER_ID).await);
    let own = mine.stories().next().unwrap().story.id;
    let foreign = other.stories().next().unwrap().story.id;

    let body = json!({ "project_id": mine.project.id, "story_ids": [own, foreign, 9999] });
    let detail = app.post("/wireframes/generate", body).await.problem(422);

    let expected = format!("stories {foreign}, 9999 are not stories of project {}", mine.project.id);
    assert_eq!(detail, expected);
}

#[tokio::test]
async fn a_project_of_somebody_else_is_as_unknown_as_one_that_never_was() {
    let app = TestApp::new().await;
    let foreign = app.save_map(2).await;
    let story = foreign.stories().next().unwrap().story.id;
    let without_id = |detail: String| detail.replace(char::is_numeric, "");

    let theirs = json!({ "project_id": foreign.project.id, "story_ids": [story] });
    let nobodys = json!({ "project_id": 9999, "story_ids": [1] });
    let theirs = app.post("/wireframes/generate", theirs).await.problem(404);
    let nobodys = app.post("/wireframes/generate", nobodys).await.problem(404);

    assert_eq!(without_id(theirs), without_id(nobodys));
}

#[tokio::test]
async fn the_number_of_stories_is_limited_by_the_settings() {
    let app = TestApp::with(|name| (name == "WIREFRAME_MAX_STORIES").then(|| "2".into())).await;
    let saved = app.save_map(LOCAL_USER_ID).await;

    for ids in [json!([]), json!([1, 2, 3])] {
        let body = json!({ "project_id": saved.project.id, "story_ids": ids });
        let detail = app.post("/wireframes/generate", body).await.problem(422);
        assert_eq!(detail, "name 1 to 2 different stories");
    }
}

#[tokio::test]
async fn an_unknown_style_is_answered_with_those_that_exist() {
    let app = TestApp::new().await;

    let body = json!({ "project_id": 1, "story_ids": [1], "style": "oil" });
    let detail = app.post("/wireframes/generate", body).await.problem(422);

    assert!(detail.contains("`low-fidelity`, `high-fidelity`, `component`"), "{detail}");
}

#[tokio::test]
async fn stories_are_improved_whatever_project_of_the_user_they_are_in() {
    let app = TestApp::new().await;
    let (one, two) = (app.save_map(LOCAL_USER_ID).await, app.save_map(LOCAL_USER_ID).await);
    let ids: Vec<i64> = [&one, &two].iter().map(|saved| saved.stories().next().unwrap().story.id).collect();

    let body = json!({ "story_ids": ids, "action": "criteria" });
    let accepted = app.post("/stories/ai-bulk-improve", body).await;

    let job = app.accepted(&accepted).await;
    assert_eq!((job.task.as_str(), job.priority), ("bulk_improve", 3));
    assert_eq!((&job.metadata["story_count"], &job.metadata["action"]), (&json!(2), &json!("criteria")));
}

#[tokio::test]
async fn stories_of_others_are_not_improved() {
    let app = TestApp::new().await;
    let foreign = app.save_map(2).await.stories().next().unwrap().story.id;

    let refused = app.post("/stories/ai-bulk-improve", json!({ "story_ids": [foreign] })).await;

    assert_eq!(refused.problem(422), format!("story {foreign} is not a story of yours"));
}

#[tokio::test]
async fn a_split_is_refused_in_bulk_and_started_for_one_story() {
    let app = TestApp::new().await;
    let id = app.save_map(LOCAL_USER_ID).await.stories().next().unwrap().story.id;

    let bulk = json!({ "story_ids": [id], "action": "split" });
    let refused = app.post("/stories/ai-bulk-improve", bulk).await.problem(422);
    let unknown = app.post("/story/999999/ai-improve", json!({ "action": "split" })).await;
    let accepted = app.post(&format!("/story/{id}/ai-improve"), json!({ "action": "split" })).await;

    assert!(
        refused.contains("one at a time") && refused.contains("/story/{story_id}/ai-improve"),
        "{refused}"
    );
    assert!(unknown.problem(404).contains("story 999999"));
    assert_eq!(app.accepted(&accepted).await.metadata["action"], "split");
}

#[tokio::test]
async fn a_prompt_alone_says_what_to_improve() {
    let app = TestApp::new().await;
    let id = app.save_map(LOCAL_USER_ID).await.stories().next().unwrap().story.id;

    let free = json!({ "story_ids": [id], "prompt": "mention guests" });
    let accepted = app.post("/stories/ai-bulk-improve", free).await;

    assert_eq!(app.accepted(&accepted).await.metadata["action"], "prompt");
}

#[tokio::test]
async fn a_prompt_beyond_its_limit_is_refused() {
    let app = TestApp::new().await;

    let body = json!({ "story_ids": [1], "prompt": "ы".repeat(1001) });
    let detail = app.post("/stories/ai-bulk-improve", body).await.problem(422);

    assert_eq!(detail, "a prompt has at most 1000 characters");
}

#[tokio::test]
async fn a_closed_queue_is_a_503_that_says_when_to_come_back() {
    let app = TestApp::new().await;
    app.app.queue.close().await;

    let refused = app.post("/generate-map-async", json!({ "text": TEXT })).await;

    refused.problem(503);
    assert_eq!(refused.header("retry-after"), "5");
}
